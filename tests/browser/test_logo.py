"""The logo in a browser with JavaScript: chosen, refused and removed, while what is typed beside it stays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import found_by_axe
from tests.browser.conftest import Open
from tests.journeys.pages import Visitor
from tests.support.factories import picture

pytestmark = pytest.mark.browser


@pytest.fixture
def owner(base_url: str) -> Iterator[Visitor]:
    with Visitor(base_url) as visitor:
        visitor.register("Logo & Co")
        yield visitor


def choose(page: Page, data: bytes, button: str) -> None:
    page.get_by_label("A picture").set_input_files([{"name": "logo.png", "mimeType": "image/png", "buffer": data}])
    page.get_by_role("button", name=button).focus()
    page.keyboard.press("Enter")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_there_at_once_and_nothing_else_changes(browse: Open, owner: Visitor, scheme: str) -> None:
    page = browse("/settings/business", owner, color_scheme=scheme)
    page.get_by_label("City").fill("Half typ")
    logo = page.get_by_role("img", name="Your logo")

    choose(page, b"<svg/>", "Use as logo")
    expect(page.locator("#business-logo .error")).to_contain_text("SVG drawings cannot be used.")
    expect(page.get_by_role("button", name="Use as logo")).to_be_focused()
    assert not found_by_axe(page)

    choose(page, picture("JPEG", (900, 200)), "Use as logo")
    expect(logo).to_be_visible()
    expect(page.locator("#flash")).to_contain_text("The logo is on your invoices now.")
    assert logo.evaluate("image => image.complete ? [image.naturalWidth, image.width] : null") in (None, [600, 200])
    expect(page.get_by_role("button", name="Change the logo")).to_be_focused()
    assert not found_by_axe(page)

    page.get_by_role("button", name="Remove the logo").click()
    expect(logo).to_have_count(0)
    expect(page.get_by_label("City")).to_have_value("Half typ")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_label("City")).to_have_value("Half typ")
    expect(page.locator("#flash")).to_contain_text("Settings saved.")
