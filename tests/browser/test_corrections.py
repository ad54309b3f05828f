"""A wrong invoice, put right: by mouse, with JavaScript and without, down to the refund."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Shop
from tests.browser.test_main_job import amount, issue, status

pytestmark = pytest.mark.browser


def pay_in_part(page: Page) -> None:
    page.locator("#pay > summary").click()
    page.get_by_label("Amount", exact=True).fill("30")
    page.get_by_role("button", name="Record payment").click()
    expect(page.get_by_role("status").filter(has_text="Part payment recorded.")).to_be_visible()


def correct(page: Page, number: str) -> None:
    page.locator("#correct > summary").click()
    page.get_by_label("Reason").fill("Wrong address")
    page.get_by_role("button", name="Issue credit note").click()
    expect(page.get_by_role("status").filter(has_text=f"{number} was credited by")).to_be_visible()
    status(page, "draft")
    amount(page, "total", "78.00")
    expect(page.locator("#invoice-related")).to_contain_text(f"Replaces {number}")


def look_at_original(page: Page, number: str) -> None:
    page.locator("#invoice-related").get_by_role("link", name=number).click()
    expect(page.locator("#invoice-status")).to_have_text("Credited")
    expect(page.locator("#correct")).to_have_count(0)
    expect(page.locator("#pay")).to_have_count(0)
    amount(page, "due", "0.00")
    page.emulate_media(media="print")
    expect(page.locator("#invoice-related")).to_be_hidden()
    expect(page.locator("#invoice-due")).to_be_hidden()
    expect(page.locator("#invoice-totals .on-paper")).to_contain_text("€48.00")
    page.emulate_media(media="screen")


def refund(page: Page) -> None:
    page.locator("#invoice-related").get_by_text("Credited by").get_by_role("link").click()
    expect(page.get_by_role("heading", name="Credit note")).to_be_visible()
    expect(page.locator("#sheet")).to_contain_text("Wrong address")
    amount(page, "total", "78.00")
    amount(page, "due", "30.00")
    page.locator("#pay > summary").click()
    expect(page.get_by_label("Amount", exact=True)).to_have_value("30.00")
    page.get_by_role("button", name="Record refund").click()
    expect(page.locator("#invoice-status")).to_have_text("Settled")
    amount(page, "due", "0.00")


@pytest.mark.parametrize("scripted", [True, False], ids=["javascript", "no javascript"])
@pytest.mark.parametrize("width", [1280, 375])
def test_put_right(browse: Open, shop: Shop, draft: str, width: int, *, scripted: bool) -> None:
    page = browse(draft, shop.visitor, java_script_enabled=scripted, width=width)
    number = issue(page)
    pay_in_part(page)
    correct(page, number)
    look_at_original(page, number)
    refund(page)
    page.goto("/invoices?type=credit")
    row = page.get_by_role("row").filter(has_text="Credit note").first
    expect(row).to_contain_text(re.compile("−€78.00"))
