"""Two-factor sign-in as a person meets it: set up, sign out, sign in with the code; with and without JavaScript."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import look_over
from tests.browser.conftest import Open, Window
from tests.journeys.pages import Visitor
from tests.support.second_factor import PAGE, Authenticator
from tests.support.web_client import PASSWORD

pytestmark = pytest.mark.browser


@pytest.fixture
def person(base_url: str) -> Iterator[tuple[Visitor, str]]:
    """Someone new, and their email."""
    with Visitor(base_url) as visitor:
        email = f"{uuid.uuid4().hex}@example.com"
        form = visitor.open("/register").form("/register")
        names = {"name": "Cara Careful", "business_name": "Careful & Co"}
        visitor.send(form, email=email, password=PASSWORD, **names)
        yield visitor, email


def set_up(page: Page) -> Authenticator:
    page.goto(PAGE)
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("img", name="QR code for your authenticator app")).to_be_visible()
    app = Authenticator(page.locator("#secret-key").inner_text().replace(" ", ""))
    page.get_by_label("Code from the app").fill(app.code())
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("heading", name="Your recovery codes")).to_be_visible()
    app.codes = page.locator("#recovery-codes li").all_inner_texts()
    assert len(app.codes) == 10
    return app


def sign_out(page: Page) -> None:
    page.locator("details.menu > summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def sign_in(page: Page, email: str, code: str) -> None:
    page.goto("/login?next=/clients")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    expect(page.get_by_label("Code")).to_be_focused()
    page.keyboard.type(code)
    page.keyboard.press("Enter")


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without"])
def test_from_setting_it_up_to_signing_in(browse: Open, person: tuple[Visitor, str], *, scripts: bool) -> None:
    visitor, email = person
    page = browse(PAGE, visitor, java_script_enabled=scripts)
    app = set_up(page)
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_text("10 of 10 left")).to_be_visible()
    sign_out(page)
    sign_in(page, email, app.wrong())
    expect(page.get_by_text("This code is wrong or was used before.")).to_be_visible()
    expect(page.get_by_label("Code")).to_have_value("")
    page.get_by_label("Code").fill(app.next())
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/clients")
    sign_out(page)
    sign_in(page, email, app.codes[0])
    page.wait_for_url("**/clients")


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without"])
def test_the_codes_as_a_file(browse: Open, person: tuple[Visitor, str], *, scripts: bool) -> None:
    page = browse(PAGE, person[0], java_script_enabled=scripts)
    app = set_up(page)
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download").click()
    assert downloading.value.suggested_filename == "invoices-recovery-codes.txt"
    with open(downloading.value.path(), encoding="utf-8") as file:
        assert set(app.codes) <= set(file.read().splitlines())


def test_copying_and_printing(window: Callable[..., Window], person: tuple[Visitor, str]) -> None:
    opened = window(person[0], permissions=["clipboard-read", "clipboard-write"])
    page = opened.page
    app = set_up(page)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert re.findall(r"\d{4} \d{4} \d{4} \d{4}", page.evaluate("navigator.clipboard.readText()")) == app.codes
    page.evaluate("window.print = () => { document.title = 'printed' }")
    page.get_by_role("button", name="Print").click()
    expect(page).to_have_title("printed")
    page.emulate_media(media="print")
    assert not page.get_by_role("banner").is_visible()
    assert not page.get_by_role("button", name="Download").is_visible()
    expect(page.get_by_text(app.codes[9])).to_be_visible()


def test_without_the_clipboard_the_codes_are_selected(browse: Open, person: tuple[Visitor, str]) -> None:
    """As on an address without TLS, where browsers offer none."""
    page = browse(PAGE, person[0])
    app = set_up(page)
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Copy").click()
    assert app.codes[9] in page.evaluate("getSelection().toString()")


def test_every_step_is_accessible_and_fits_a_phone(browse: Open, person: tuple[Visitor, str]) -> None:
    visitor, email = person
    page = browse(PAGE, visitor)

    def look() -> None:
        page.set_viewport_size({"width": 1280, "height": 900})
        look_over(page)

    page.get_by_label("Your password").fill("not the password")
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_text("This is not your password.")).to_be_visible()
    look()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    app = Authenticator(page.locator("#secret-key").inner_text().replace(" ", ""))
    look()
    page.get_by_label("Code from the app").fill(app.code())
    page.get_by_role("button", name="Switch on").click()
    look()
    page.get_by_role("link", name="I have kept them").click()
    look()
    sign_out(page)
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Enter your code")).to_be_visible()
    look()
