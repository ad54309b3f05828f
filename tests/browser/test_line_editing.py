"""Editing a draft in place: rows and totals follow without a page load, and nothing typed is lost."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Open, Shop
from tests.browser.sheet import draft_page, rows, total

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browse: Open, shop: Shop, draft: str) -> Page:
    return draft_page(browse, shop, draft)


def assert_not_reloaded(page: Page) -> None:
    assert page.evaluate("window.stillTheSamePage === true")


def test_changed_cell_updates_row_and_totals(page: Page) -> None:
    cell = page.get_by_label("Quantity, line 1")
    cell.fill("5")
    cell.press("Tab")
    expect(page.locator("#invoice-lines tr").first.locator("td.sum data")).to_have_attribute("value", "50.00")
    expect(page.locator("#invoice-subtotal data")).to_have_attribute("value", "75.00")
    total(page, "90.00")
    expect(page.get_by_label("Unit, line 1")).to_be_focused()
    assert_not_reloaded(page)


def test_what_is_typed_while_a_row_is_saved_stays(page: Page) -> None:
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/lines/*", hold_the_first)
    quantity, price = page.get_by_label("Quantity, line 1"), page.get_by_label("Price, line 1")
    with page.expect_request("**/lines/*"):
        quantity.fill("5")
        quantity.press("Tab")
    price.click()
    price.press("Control+a")
    price.press_sequentially("12.3")
    with page.expect_response("**/lines/*"):
        held[0].continue_()
    total(page, "90.00")
    expect(price).to_be_focused()
    expect(price).to_have_value("12.3")
    price.press_sequentially("4")
    price.press("Tab")
    total(page, "104.04")
    assert_not_reloaded(page)


def test_two_rows_changed_quickly_are_both_saved(page: Page, draft: str) -> None:
    for at, value in ((1, "7"), (2, "8"), (3, "9")):
        page.get_by_label(f"Quantity, line {at}").fill(value)
    page.locator("h1").click()
    total(page, "234.00")
    page.reload()
    assert [page.get_by_label(f"Quantity, line {at}").input_value() for at in (1, 2, 3)] == ["7", "8", "9"]


def test_enter_adds_a_line_and_goes_on_with_the_next(page: Page) -> None:
    page.get_by_label("Description, new line").fill("Teapot")
    page.get_by_label("Price, new line").fill("40")
    page.get_by_label("in per cent, new line").fill("20")
    page.get_by_label("in per cent, new line").press("Enter")
    rows(page, 4)
    total(page, "126.00")
    expect(page.get_by_label("Description, new line")).to_be_focused()
    expect(page.get_by_label("Description, new line")).to_be_empty()
    assert_not_reloaded(page)


def test_delete_takes_the_row_away(page: Page) -> None:
    line_menu(page, 1, "Delete")
    rows(page, 2)
    total(page, "30.00")
    assert page.evaluate("document.activeElement !== document.body")
    assert_not_reloaded(page)


def line_menu(page: Page, at: int, word: str) -> None:
    page.locator("#invoice-lines tr").nth(at - 1).hover()
    page.get_by_label(f"More for line {at}").click()
    page.get_by_role("button", name=word).click()


def descriptions(page: Page, expected: list[str]) -> None:
    rows(page, len(expected))
    for at, words in enumerate(expected, start=1):
        expect(page.get_by_label(f"Description, line {at}")).to_have_value(words)


def test_duplicate_and_move(page: Page) -> None:
    line_menu(page, 1, "Duplicate")
    descriptions(page, ["Plates", "Plates", "Bowls", "Delivery"])
    total(page, "126.00")
    line_menu(page, 2, "Move down")
    descriptions(page, ["Plates", "Bowls", "Plates", "Delivery"])
    line_menu(page, 4, "Move up")
    descriptions(page, ["Plates", "Bowls", "Delivery", "Plates"])
    assert_not_reloaded(page)


def test_wrong_input_shows_its_sentence_and_stays(page: Page) -> None:
    cell = page.get_by_label("Quantity, line 2")
    cell.fill("a dozen")
    cell.press("Tab")
    row = page.locator("#invoice-lines tr").nth(1)
    expect(row.get_by_text("Enter a number, such as 12.50.")).to_be_visible()
    expect(cell).to_have_value("a dozen")
    expect(cell).to_have_attribute("aria-invalid", "true")
    described = cell.get_attribute("aria-describedby")
    assert described
    expect(page.locator(f"#{described}")).to_contain_text("Enter a number")
    total(page, "78.00")
    cell.fill("12")
    cell.press("Tab")
    total(page, "198.00")
    expect(row.locator(".error")).to_have_count(0)
    assert_not_reloaded(page)


def test_wrong_new_line_shows_its_sentence_and_stays(page: Page) -> None:
    page.get_by_label("Description, new line").fill("Teapot")
    page.get_by_label("Price, new line").fill("-1")
    page.get_by_label("Price, new line").press("Enter")
    row = page.locator("#invoice-lines tr.unsaved")
    expect(row.locator(".error")).to_contain_text("Enter zero or more.")
    expect(row.get_by_label("Description, new line")).to_have_value("Teapot")
    price = row.get_by_label("Price, new line")
    expect(price).to_have_value("-1")
    price.fill("1")
    price.press("Enter")
    rows(page, 4)
    assert_not_reloaded(page)


def test_someone_elses_change_is_not_overwritten(page: Page, browse: Open, shop: Shop, draft: str) -> None:
    other = browse(draft, shop.visitor)
    other.get_by_label("Quantity, line 1").fill("6")
    other.locator("h1").click()
    total(other, "102.00")
    page.get_by_label("Quantity, line 1").fill("9")
    page.locator("h1").click()
    clash = page.locator("#invoice-lines tr.clash")
    expect(clash).to_contain_text("changed this line while you worked on it")
    expect(clash.locator("li b")).to_have_text(["9", "6"])
    expect(page.get_by_label("Quantity, line 1")).to_have_value("6")
    total(page, "102.00")
    clash.get_by_role("button", name="Keep mine").press("Enter")
    total(page, "138.00")
    expect(clash).to_have_count(0)
    other.reload()
    expect(other.get_by_label("Quantity, line 1")).to_have_value("9")


def test_heading_saves_itself(page: Page) -> None:
    page.locator("#discount_percent").fill("10")
    page.locator("h1").click()
    total(page, "70.20")
    page.get_by_label("Reference").fill("PO 4711")
    with page.expect_response(lambda response: response.request.method == "POST"):
        page.get_by_label("Reference").press("Tab")
    assert_not_reloaded(page)
    page.reload()
    expect(page.get_by_label("Reference")).to_have_value("PO 4711")


def test_wrong_date_shows_its_sentence(page: Page) -> None:
    page.get_by_label("Due", exact=True).fill("2001-01-01")
    page.locator("h1").click()
    expect(page.locator("#invoice-header .error")).to_contain_text("due date")
    expect(page.get_by_label("Due", exact=True)).to_have_value("2001-01-01")
    assert_not_reloaded(page)


def test_what_was_refused_stays_when_other_cells_are_saved(page: Page) -> None:
    """The answer to another cell brings the totals, where the refused one stands, and whose saved value it has."""
    discount = page.locator("#discount_percent")
    discount.fill("a tenth")
    discount.press("Tab")
    sentence = page.locator("#invoice-totals .error")
    expect(sentence).to_contain_text("Enter a number")
    page.get_by_label("Quantity, line 1").fill("5")
    page.get_by_label("Quantity, line 1").press("Tab")
    total(page, "90.00")
    expect(discount).to_have_value("a tenth")
    expect(discount).to_have_attribute("aria-invalid", "true")
    expect(sentence).to_contain_text("Enter a number")
    discount.fill("10")
    discount.press("Tab")
    total(page, "81.00")
    expect(sentence).to_have_count(0)
    assert_not_reloaded(page)


CUT = "cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth).map(cell => cell.value)"


def test_no_figure_is_cut_on_a_phone(browse: Open, shop: Shop, draft: str) -> None:
    """Columns stand below each other in all lines; what is too wide for them goes to a row of its own."""
    page = browse(draft, shop.visitor, width=375)
    for name, text in (("Quantity", "1234.56"), ("Unit", "hours"), ("Price", "12345.6789")):
        page.get_by_label(f"{name}, line 1").fill(text)
        page.get_by_label(f"{name}, line 1").press("Tab")
    expect(page.locator("#invoice-lines tr").first.locator("td.sum data")).to_have_attribute("value", "15241481.34")
    page.get_by_label("Reference").focus()
    assert page.locator("#invoice-lines td.num .cell").evaluate_all(CUT) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    second, third = (page.get_by_label(f"Price, line {line}").bounding_box() for line in (2, 3))
    assert second is not None
    assert third is not None
    assert second["x"] == third["x"]
