"""The sheet as an editor: keys, paste, undo, suggestions, and what it costs."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Error, Page, expect

from tests.browser.conftest import Open, Shop, Window, write_at_once
from tests.browser.sheet import (
    CHOICES,
    GRID,
    all_saved,
    cell,
    count_requests,
    described,
    draft_page,
    held_up,
    is_described,
    rows,
    total,
)

pytestmark = pytest.mark.browser

CONTROL_KEYS = 15
REQUESTS = 14
PASTE = """text => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  const paste = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(paste);
}"""


@pytest.fixture
def page(browse: Open, shop: Shop, draft: str) -> Page:
    return draft_page(browse, shop, draft)


# ---- Keys ----


def test_enter_and_arrows_go_through_a_column(page: Page) -> None:
    quantity = cell(page, "Quantity", 1)
    quantity.fill("6")
    quantity.press("Enter")
    expect(cell(page, "Quantity", 2)).to_be_focused()
    total(page, "102.00")
    page.keyboard.press("ArrowDown")
    expect(cell(page, "Quantity", 3)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(cell(page, "Quantity", 1)).to_be_focused()
    cell(page, "Price", 3).press("Enter")
    expect(page.get_by_label("Description, new line")).to_be_focused()


def test_escape_gives_the_old_value_back(page: Page) -> None:
    price = cell(page, "Price", 1)
    price.fill("99")
    price.press("Escape")
    expect(price).to_have_value("10.00")
    price.press("Tab")
    all_saved(page)
    total(page, "78.00")


def test_lines_move_double_and_go_by_key_and_come_back(page: Page) -> None:
    cell(page, "Price", 3).focus()
    page.keyboard.press("Alt+ArrowUp")
    is_described(page, "Plates", "Delivery", "Bowls")
    expect(cell(page, "Price", 2)).to_be_focused()
    page.keyboard.press("Control+d")
    is_described(page, "Plates", "Delivery", "Delivery", "Bowls")
    cell(page, "Price", 1).focus()
    page.keyboard.press("Control+Backspace")
    is_described(page, "Delivery", "Delivery", "Bowls")
    expect(page.locator("#flash")).to_contain_text("Line deleted.")
    expect(page.get_by_label(re.compile("Price, line 1"))).to_be_focused()
    page.keyboard.press("Tab")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+z")
    is_described(page, "Plates", "Delivery", "Delivery", "Bowls")
    page.keyboard.press("Control+z")
    is_described(page, "Plates", "Delivery", "Bowls")
    page.locator("#undo").get_by_role("button").click()
    is_described(page, "Plates", "Bowls", "Delivery")
    total(page, "78.00")


def test_undo_in_a_field_stays_the_fields_own(page: Page) -> None:
    cell(page, "Price", 3).focus()
    page.keyboard.press("Control+Backspace")
    rows(page, 2)
    quantity = cell(page, "Quantity", 1)
    quantity.focus()
    page.keyboard.press("End")
    page.keyboard.type("1")
    page.keyboard.press("Control+z")
    expect(quantity).to_have_value("4")
    rows(page, 2)


def test_keys_do_nothing_while_an_input_method_is_composing(page: Page) -> None:
    cell(page, "Description", 1).focus()
    page.evaluate(
        """() => document.activeElement.dispatchEvent(
            new KeyboardEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }))"""
    )
    expect(cell(page, "Description", 1)).to_be_focused()


def test_dragging_a_number_moves_its_line(page: Page) -> None:
    boxes = [page.locator(f"{GRID} .grip").nth(place).bounding_box() for place in (0, 2)]
    assert boxes[0]
    assert boxes[1]
    page.mouse.move(boxes[0]["x"] + 4, boxes[0]["y"] + 4)
    page.mouse.down()
    page.mouse.move(boxes[1]["x"] + 4, boxes[1]["y"] + 8, steps=6)
    page.mouse.up()
    is_described(page, "Bowls", "Delivery", "Plates")
    all_saved(page)
    page.reload()
    is_described(page, "Bowls", "Delivery", "Plates")


# ---- Values ----


def test_sums_and_days_are_read_and_shown_as_what_they_mean(page: Page) -> None:
    quantity = cell(page, "Quantity", 1)
    quantity.fill("2*3,5")
    quantity.press("Tab")
    expect(quantity).to_have_value("7")
    issued, due = page.get_by_label("Issued", exact=True), page.get_by_label("Due", exact=True)
    issued.fill("2026-03-01")
    issued.press("Tab")
    expect(due).to_have_value("2026-03-31")
    due.fill("+10")
    due.press("Tab")
    expect(due).to_have_value("2026-03-11")
    due.fill("32nd of May")
    due.press("Tab")
    expect(page.locator("#due_date-error")).to_be_visible()
    expect(due).to_have_value("32nd of May")


def test_a_day_from_the_calendar(page: Page) -> None:
    calendar = page.get_by_label("Due, from the calendar")
    calendar.fill("2099-05-04")
    expect(page.get_by_label("Due", exact=True)).to_have_value("2099-05-04")
    all_saved(page)
    page.reload()
    expect(page.get_by_label("Due", exact=True)).to_have_value("2099-05-04")


# ---- Paste ----


def test_five_pasted_rows_are_one_request(page: Page, window: Callable[..., Window]) -> None:
    sent = count_requests(page)
    page.get_by_label("Description, new line").focus()
    page.evaluate(PASTE, "Item\tQty\tPrice\n" + "".join(f"Cup {n}\t{n}\t€1,0{n}0.50\n" for n in range(5)))
    rows(page, 8)
    assert len(sent) == 1
    expect(page.locator("#flash")).to_contain_text("5 lines pasted.")
    page.locator("#flash").get_by_role("button", name="Undo").click()
    rows(page, 3)


def test_rows_are_pasted_behind_the_line_that_has_the_focus(page: Page) -> None:
    cell(page, "Quantity", 1).focus()
    page.evaluate(PASTE, "Cups\t2\tpair\t3.50\t20%\nSaucers\t2\tpair\t2\t20%")
    is_described(page, "Plates", "Cups", "Saucers", "Bowls", "Delivery")


def test_a_wrong_row_says_which_and_nothing_is_lost(page: Page) -> None:
    page.get_by_label("Description, new line").focus()
    page.evaluate(PASTE, "Cups\t2\t3.50\nSaucers\ttwo\t2")
    panel = page.locator("#paste")
    expect(panel.locator(".error")).to_contain_text("Row 2, quantity: Enter a number")
    field = page.get_by_label("Rows from a spreadsheet")
    expect(field).to_have_value("Cups\t2\t3.50\nSaucers\ttwo\t2")
    field.fill("Cups\t2\t3.50\nSaucers\t2\t2")
    panel.get_by_role("button").click()
    rows(page, 5)


def test_a_single_cell_is_pasted_as_text(page: Page) -> None:
    cell(page, "Description", 1).focus()
    sent = count_requests(page)
    page.evaluate(PASTE, "Just words")
    assert sent == []


# ---- Act = save ----


def test_issue_saves_the_cell_first(page: Page) -> None:
    cell(page, "Quantity", 1).fill("6")
    page.get_by_role("button", name="Issue invoice").click()
    expect(page.locator("#invoice-status")).to_have_attribute("data-status", "sent")
    total(page, "102.00")


def test_issue_adds_the_line_that_was_begun(page: Page) -> None:
    page.get_by_label("Description, new line").fill("Cup")
    page.get_by_label("Price, new line").fill("5")
    page.get_by_role("button", name="Issue invoice").click()
    expect(page.locator("#invoice-status")).to_have_attribute("data-status", "sent")
    expect(page.locator("#invoice-lines > tr")).to_have_count(4)


def test_issue_waits_for_what_is_wrong(page: Page) -> None:
    quantity = cell(page, "Quantity", 1)
    quantity.fill("a dozen")
    page.get_by_role("button", name="Issue invoice").click()
    expect(page.locator("#alerts")).to_contain_text("not saved")
    expect(quantity).to_be_focused()
    expect(quantity).to_have_value("a dozen")
    expect(page.locator("#invoice-status")).to_have_attribute("data-status", "draft")
    quantity.fill("12")
    page.get_by_role("button", name="Issue invoice").click()
    expect(page.locator("#invoice-status")).to_have_attribute("data-status", "sent")
    total(page, "174.00")


@pytest.mark.parametrize("link", ["Print", "Clients"])
def test_a_link_saves_the_cell_first(page: Page, draft: str, link: str) -> None:
    page.evaluate("window.print = () => {}")
    cell(page, "Quantity", 1).fill("6")
    page.get_by_role("link", name=link, exact=True).first.click()
    page.wait_for_url(re.compile("print|clients"))
    page.goto(draft)
    total(page, "102.00")


# ---- Suggestions and clients ----


def test_five_known_lines_for_a_known_client(window: Callable[..., Window], shop: Shop) -> None:
    """The bar: 15 control keys, 14 requests, no mouse."""
    visitor = shop.visitor
    name = f"Known {uuid.uuid4().hex[:6]}"
    client = visitor.add_client(name=name, currency="EUR")
    path = write_at_once(
        visitor, client.id, [{"description": f"Glaze number {n}", "unit_price": str(n)} for n in range(1, 6)]
    )
    visitor.send(visitor.open(path).form("/issue"))
    opened = window(visitor)
    page = opened.page
    page.goto("/invoices")
    sent = count_requests(page)
    keys = 0

    def press(key: str) -> None:
        nonlocal keys
        keys += 1
        page.keyboard.press(key)

    press("c")
    page.wait_for_url("**/invoices/new")
    expect(page.get_by_label("Bill to")).to_be_focused()
    page.keyboard.type(name[:9])
    page.wait_for_selector(f"{CHOICES} [role=option][aria-selected=true]")
    press("Enter")
    page.wait_for_url(re.compile(r"/invoices/[0-9a-f-]{36}"))
    for number in range(1, 6):
        expect(page.locator("#new-description")).to_be_focused()
        page.keyboard.type(f"glaze number {number}")
        chosen = page.locator(f"{CHOICES} [role=option][aria-selected=true]")
        expect(chosen).to_contain_text(f"Glaze number {number}")
        press("Tab")
        expect(page.locator("#new-quantity")).to_be_focused()
        page.keyboard.type("2")
        press("Enter")
    rows(page, 5)
    expect(page.locator("#invoice-subtotal data")).to_have_attribute("value", "30.00")
    assert keys <= CONTROL_KEYS
    # A machine that types slowly asks in the middle of a word, too.
    finished = (quote(name[:9]), *(f"glaze%20number%20{number}" for number in range(1, 6)))
    needed = [url for url in sent if "?q=" not in url or url.endswith(finished)]
    assert len(needed) <= REQUESTS, sent


def test_choices_by_arrows_and_escape(page: Page) -> None:
    field = page.get_by_label("Description, new line")
    field.press_sequentially("del")
    options = page.locator(f"{CHOICES} [role=option]")
    expect(options.first).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", "suggestion-1")
    field.press("Escape")
    expect(page.locator(CHOICES)).to_have_count(0)
    expect(field).to_have_value("del")
    field.press("Enter")
    is_described(page, "Plates", "Bowls", "Delivery", "del")


def test_a_stale_list_never_wins_over_newer_typing(page: Page) -> None:
    held: list[Any] = []
    page.route("**/suggestions?q=pla", lambda route: held.append(route))  # noqa: PLW0108  (Playwright asks what it is)
    field = page.get_by_label("Description, new line")
    field.press_sequentially("pla")
    held_up(page, held, 1)
    field.fill("")
    field.press_sequentially("bow")
    expect(page.locator(f"{CHOICES} [role=option]").first).to_contain_text("Bowls")
    with contextlib.suppress(Error):  # the page may have given the request up by now
        held[0].continue_()
    page.wait_for_timeout(300)
    expect(page.locator(f"{CHOICES} [role=option]").first).to_contain_text("Bowls")


def test_a_client_is_made_without_leaving_the_page(page: Page) -> None:
    name = f"Brand New {uuid.uuid4().hex[:6]}"
    client = page.get_by_label("Bill to")
    client.fill(name)
    create = page.locator(f"{CHOICES} [role=option]", has_text="Create")
    create.click()
    expect(page.locator("#client_id option:checked")).to_have_text(name)
    all_saved(page)
    page.reload()
    expect(page.get_by_label("Bill to")).to_have_value(name)


def test_a_series_is_chosen_on_the_sheet(page: Page) -> None:
    series = page.get_by_label("Number series")
    series.select_option("EXPORT")
    all_saved(page)
    page.reload()
    expect(series).to_have_value("EXPORT")
    page.get_by_role("button", name="Undo").click()
    expect(series).to_have_value("")


def test_last_lines_of_the_client_by_one_key(page: Page, shop: Shop) -> None:
    before = len(described(page))
    page.get_by_label("Reference").focus()
    page.keyboard.press("Alt+l")
    expect(page.locator("#flash")).to_contain_text("The lines of the last invoice were added.")
    assert len(described(page)) > before


# ---- What a screen reader hears ----


def test_the_new_total_is_said(page: Page) -> None:
    cell(page, "Quantity", 1).fill("6")
    cell(page, "Quantity", 1).press("Tab")
    expect(page.get_by_role("status").filter(has_text="Total €102.00")).to_have_count(1)


def test_names_of_cells_follow_their_line(page: Page) -> None:
    cell(page, "Quantity", 1).press("Control+Backspace")
    rows(page, 2)
    first = page.locator(GRID).first
    for name in ("Description", "Quantity", "Unit", "Price", "VAT in per cent"):
        expect(first.get_by_role("textbox", name=f"{name}, line 1", exact=True)).to_have_count(1)
