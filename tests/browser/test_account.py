"""The account in a browser, with JavaScript and without; and a session that ends while somebody types."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect

from invoices_app.accounts import rules
from tests.browser.axe import found_by_axe
from tests.browser.conftest import Open, retail_lines, write_at_once
from tests.journeys.pages import PASSWORD, Visitor
from tests.support.live import LiveServer

pytestmark = pytest.mark.browser

NEW = "another sentence to sign in"
with_and_without = pytest.mark.parametrize("java_script", [True, False], ids=["JavaScript", "plain"])


def register(base_url: str) -> tuple[Visitor, str]:
    """A new person who is signed in, and their email."""
    visitor = Visitor(base_url)
    email = f"{uuid.uuid4().hex}@example.com"
    visitor.register("Account & Co", email)
    return visitor, email


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.goto("/login")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def look_at(page: Page, name: str) -> None:
    """Keep a picture of the page in the folder ACCOUNT_PICTURES, where there is one."""
    if folder := os.environ.get("ACCOUNT_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@with_and_without
@pytest.mark.parametrize("width", [1280, 375])
def test_name_password_and_browsers(browse: Open, base_url: str, width: int, *, java_script: bool) -> None:
    visitor, email = register(base_url)
    with visitor:
        page = browse("/settings/account", visitor, width=width, java_script_enabled=java_script)
        other = browse("/login", java_script_enabled=java_script)
        sign_in(other, email)

        page.get_by_label("Your name").fill("Ada von Owner")
        page.get_by_role("button", name="Save name").click()
        expect(page.locator("#flash")).to_contain_text("Your name is saved.")
        expect(page.get_by_label("Your name")).to_have_value("Ada von Owner")
        expect(page.locator(".team b").filter(has_text="on Linux")).to_have_count(1)
        expect(page.get_by_text("This browser")).to_have_count(1)
        look_at(page, f"account-{width}-{java_script}")

        page.get_by_label("Current password").fill("not the password")
        page.get_by_label("New password").fill(NEW)
        page.get_by_role("button", name="Change password").click()
        field = page.get_by_label("Current password")
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(page.locator(f"#{field.get_attribute('id')}-error")).to_have_text("This is not your password.")
        if java_script:
            assert not found_by_axe(page)
        look_at(page, f"refused-{width}-{java_script}")

        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_label("New password").fill(NEW)
        page.get_by_role("button", name="Change password").click()
        expect(page.locator("#flash")).to_contain_text("Every other browser is signed out.")
        other.goto("/clients")
        expect(other.locator("#flash")).to_contain_text("Your session has ended.")
        look_at(other, f"ended-{java_script}")

        sign_in(other, email, NEW)
        expect(other.get_by_role("heading", level=1)).to_be_visible()
        page.reload()
        page.get_by_role("button", name="Sign out all others").click()
        expect(page.locator("#flash")).to_contain_text("1 other browser is signed out.")
        other.goto("/clients")
        expect(other.get_by_role("heading", name="Sign in")).to_be_visible()


@with_and_without
def test_a_new_email_waits_for_its_link(
    browse: Open, base_url: str, live_server: LiveServer, *, java_script: bool
) -> None:
    visitor, _email = register(base_url)
    new = f"{uuid.uuid4().hex}@example.com"
    with visitor:
        page = browse("/settings/account", visitor, java_script_enabled=java_script)
        page.get_by_label("New email").fill(new)
        page.locator("#password-for-email").fill(PASSWORD)
        page.get_by_role("button", name="Change email").click()
        expect(page.locator("#flash")).to_contain_text(f"A mail to {new} is on its way.")
        expect(page.locator(".waiting")).to_contain_text(new)
        look_at(page, f"waiting-{java_script}")
        if java_script:
            assert not found_by_axe(page)
        page.get_by_role("button", name="Withdraw").click()
        expect(page.locator(".waiting")).to_have_count(0)
        gone = "SELECT count(*) FROM account_tokens WHERE new_email = %s"
        assert live_server.database.value(gone, new) == 0


@with_and_without
def test_a_link_is_confirmed_by_a_button(
    browse: Open, base_url: str, live_server: LiveServer, *, java_script: bool
) -> None:
    """The mail with the token went out; the test gives the link a token that it knows."""
    visitor, _email = register(base_url)
    new, token = f"{uuid.uuid4().hex}@example.com", uuid.uuid4().hex
    with visitor:
        form = visitor.open("/settings/account").form("/settings/account/email")
        visitor.send(form, email=new, current_password=PASSWORD)
        with live_server.database.as_superuser() as connection:
            known = "UPDATE account_tokens SET token_hash = %s WHERE new_email = %s"
            assert connection.execute(known, [rules.token_hash(token), new]).rowcount == 1
        page = browse(f"/email/confirm/{token}", visitor, width=375, java_script_enabled=java_script)
        expect(page.locator("main")).to_contain_text(f"From now on you sign in with {new}.")
        look_at(page, f"confirm-{java_script}")
        assert page.evaluate("document.documentElement.scrollWidth") == 375
        if java_script:
            assert not found_by_axe(page)
        page.get_by_role("button", name="Use this address").click()
        expect(page.locator("#flash")).to_contain_text("Your email address is changed.")
        expect(page.locator(".now")).to_contain_text(new)
        page.goto(f"/email/confirm/{token}")
        expect(page.get_by_role("heading", name="This link has ended")).to_be_visible()
        look_at(page, f"confirmed-{java_script}")


def test_what_is_typed_outlives_the_session(browse: Open, base_url: str, live_server: LiveServer) -> None:
    """The line that could not be saved is there again, and saved, when the person has signed in."""
    visitor, email = register(base_url)
    with visitor:
        client = visitor.add_client(name="A Client").id
        draft = write_at_once(visitor, client, retail_lines(2))
        page = browse(draft, visitor)
        with live_server.database.as_superuser() as connection:
            connection.execute(
                "DELETE FROM user_sessions s USING users u WHERE u.id = s.user_id AND u.email = %s", [email]
            )
        cell = page.get_by_label("Description, line 1")
        cell.fill("Typed after the end")
        cell.press("Tab")
        expect(page.locator("#flash")).to_contain_text("Your session has ended.")
        assert unquote(page.url).endswith(f"/login?next={draft}")
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"**{draft}")
        expect(page.get_by_label("Description, line 1")).to_have_value("Typed after the end")


def test_sign_out_keeps_what_is_typed_in_the_tab(browse: Open, base_url: str) -> None:
    """Clear-Site-Data names the cache alone."""
    visitor, _email = register(base_url)
    with visitor:
        page = browse("/settings/account", visitor)
        page.evaluate("sessionStorage.setItem('unsaved', 'a line'); localStorage.setItem('kept', 'too')")
        with page.expect_response("**/logout") as answer:
            page.locator("summary", has_text="Account & Co").click()
            page.get_by_role("button", name="Sign out Ada Owner").click()
        assert answer.value.all_headers()["clear-site-data"] == '"cache"'
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert page.evaluate("[sessionStorage.getItem('unsaved'), localStorage.getItem('kept')]") == ["a line", "too"]


def test_a_double_click_on_a_new_password_signs_nobody_out(browse: Open, base_url: str) -> None:
    visitor, _email = register(base_url)
    with visitor:
        page = browse("/settings/account", visitor)
        page.get_by_label("Current password").fill(PASSWORD)
        page.get_by_label("New password").fill(NEW)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
        page.get_by_role("button", name="Change password").dblclick()
        expect(page.locator("#flash")).to_contain_text("Your password is changed.")
        assert len(asked) == 1
