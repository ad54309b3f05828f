"""From registering to bringing an archived invoice back, by mouse, with JavaScript and without."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open

pytestmark = pytest.mark.browser


def amount(page: Page, name: str, value: str) -> None:
    expect(page.locator(f"#invoice-{name} data")).to_have_attribute("value", value)


def status(page: Page, value: str) -> None:
    expect(page.locator("#invoice-status")).to_have_attribute("data-status", value)


def register(page: Page) -> None:
    page.get_by_label("Business name").fill("Harbour Street Ceramics")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Email").fill(f"{uuid.uuid4().hex}@example.com")
    page.get_by_label("Password").fill("a sentence to sign in")
    page.get_by_role("button", name="Create account").click()


def add_client(page: Page) -> None:
    page.get_by_role("link", name="New client").click()
    page.get_by_label("Name").fill("Cafe Nero")
    page.get_by_role("button", name="Add client").click()
    expect(page.get_by_role("heading", name="Cafe Nero", exact=True)).to_be_visible()


def write_invoice(page: Page) -> None:
    page.get_by_role("link", name="New invoice").click()
    expect(page.locator("#client_id option:checked")).to_have_text("Cafe Nero")
    for at, (words, quantity, price) in enumerate([("Mugs", "24", "7.50"), ("Saucers", "24", "3.25")], start=1):
        page.get_by_label(f"Description, line {at}").fill(words)
        page.get_by_label(f"Quantity, line {at}").fill(quantity)
        page.get_by_label(f"Price, line {at}").fill(price)
        page.get_by_label(f"Tax in per cent, line {at}").fill("20")
    page.get_by_role("button", name="Save draft").click()
    status(page, "draft")
    amount(page, "total", "309.60")
    expect(page.locator("#invoice-number")).to_be_empty()


def change_lines(page: Page, *, scripted: bool) -> None:
    page.get_by_label("Description, new line").fill("Teapot")
    page.get_by_label("Price, new line").fill("40")
    page.get_by_label("in per cent, new line").fill("20")
    page.get_by_role("button", name="Add line").click()
    amount(page, "total", "357.60")
    row = page.locator("#invoice-lines tr").first
    row.get_by_label("Quantity, line 1").fill("30")
    if scripted:
        page.locator("h1").click()
    else:
        row.get_by_role("button", name="Save").click()
    amount(page, "subtotal", "343.00")
    amount(page, "tax", "68.60")
    amount(page, "total", "411.60")


def issue(page: Page) -> str:
    page.get_by_role("button", name="Issue invoice").click()
    status(page, "sent")
    number = page.locator("#invoice-number data").get_attribute("value")
    assert number
    assert number.startswith("INV-")
    return number


def look_at_print(page: Page, number: str) -> None:
    page.get_by_role("link", name="Print").click()
    amount(page, "total", "411.60")
    expect(page.locator("#invoice-number")).to_have_text(number)
    expect(page.locator("nav")).to_have_count(0)
    page.go_back()


def pay(page: Page) -> None:
    page.locator("#pay > summary").click()
    page.get_by_role("button", name="Record payment").click()
    status(page, "paid")
    amount(page, "due", "0.00")


def archive_and_restore(page: Page, number: str) -> None:
    page.locator("#invoice-actions summary", has_text="More").click()
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_role("status").filter(has_text="archived.")).to_be_visible()
    page.get_by_role("navigation", name="Main").first.get_by_role("link", name="Invoices").click()
    expect(page.get_by_role("link", name=number)).to_have_count(0)
    page.locator("#archived-toggle").click()
    row = page.locator("tr", has_text=number)
    row.hover()
    row.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("status").filter(has_text=re.compile("restored|is back"))).to_be_visible()
    page.goto("/invoices")
    expect(page.get_by_role("link", name=number)).to_be_visible()


def sign_out(page: Page) -> None:
    page.locator("header summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("scripted", [True, False], ids=["javascript", "no javascript"])
def test_main_job_by_mouse(browse: Open, *, scripted: bool) -> None:
    page = browse("/register", java_script_enabled=scripted)
    register(page)
    add_client(page)
    write_invoice(page)
    change_lines(page, scripted=scripted)
    number = issue(page)
    look_at_print(page, number)
    pay(page)
    archive_and_restore(page, number)
    sign_out(page)
