"""The sheet as an editor on a slow or broken network, and between two people: nothing typed is lost, on either side."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, Shop, Window, write_at_once
from tests.browser.sheet import (
    CHOICES,
    GOING,
    GRID,
    all_saved,
    cell,
    count_requests,
    draft_page,
    held_up,
    is_described,
    let_go,
    numbers,
    rows,
    total,
)
from tests.browser.waiting import until

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browse: Open, shop: Shop, draft: str) -> Page:
    return draft_page(browse, shop, draft)


# ---- A slow and a broken network ----


@pytest.fixture
def slow(page: Page) -> Iterator[list[Any]]:
    """Writes wait here until the test lets them go on."""
    held: list[Any] = []
    page.route("**/lines**", lambda route: held.append(route) if GOING not in held else route.continue_())
    yield held
    page.unroute_all(behavior="ignoreErrors")


def test_lines_are_typed_on_while_nothing_comes_back(page: Page, slow: list[Any]) -> None:
    names = [f"{name} {uuid.uuid4().hex[:6]}" for name in ("Cup", "Pot", "Jug")]  # which nothing is suggested for
    page.get_by_label("Description, new line").focus()
    for name in names:
        page.keyboard.type(name)
        page.keyboard.press("Enter")
    cell(page, "Quantity", 1).fill("5")
    cell(page, "Quantity", 1).press("Tab")
    page.keyboard.type("set")
    page.get_by_label("Description, new line").last.fill("half of a wor")
    held_up(page, slow, 1)  # the first line; all others wait for their turn
    expect(page.locator("tr.pending")).to_have_count(3)
    let_go(slow)
    is_described(page, "Plates", "Bowls", "Delivery", *names)
    expect(page.locator("#new-description")).to_have_value("half of a wor")
    expect(page.locator("#new-description")).to_be_focused()
    total(page, "90.00")
    page.locator("#new-description").fill("")
    page.reload()
    is_described(page, "Plates", "Bowls", "Delivery", *names)
    expect(cell(page, "Unit", 1)).to_have_value("set")


def test_edits_reach_the_server_one_by_one_in_their_order(page: Page, slow: list[Any]) -> None:
    """So that no answer is older than what the sheet shows already."""
    sent = count_requests(page)
    for line, value in ((1, "7"), (2, "8"), (1, "9")):
        cell(page, "Quantity", line).fill(value)
    page.get_by_label("Reference").fill("Order 7")
    page.locator("h1").click()
    held_up(page, slow, 1)
    page.wait_for_timeout(300)
    assert len(sent) == 1
    let_go(slow)
    total(page, "210.00")
    all_saved(page)
    first, second = page.locator(GRID).evaluate_all("rows => rows.slice(0, 2).map(row => row.id.slice(-4))")
    assert [url.rpartition("/")[2][-4:] for url in sent] == [first, second, first, page.url[-4:]]
    page.reload()
    expect(page.get_by_label("Reference")).to_have_value("Order 7")
    total(page, "210.00")


def test_what_could_not_be_sent_is_marked_kept_and_sent_again(shop: Shop, draft: str, tolerant: Page) -> None:
    page = tolerant
    page.route("**/lines**", lambda route: route.abort())
    cell(page, "Quantity", 1).fill("6")
    cell(page, "Quantity", 1).press("Tab")
    page.get_by_label("Description, new line").fill("Cup")
    page.get_by_label("Description, new line").press("Enter")
    expect(page.locator(".retry")).to_have_count(2)
    expect(page.locator("#save-state")).to_have_text("Not saved")
    page.unroute("**/lines**")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    expect(cell(page, "Quantity", 1)).to_have_value("6")
    expect(page.locator(".retry")).to_have_count(2)
    for _ in range(2):
        page.locator(".retry").first.click()
        page.wait_for_timeout(200)
    is_described(page, "Plates", "Bowls", "Delivery", "Cup")
    total(page, "102.00")
    expect(page.locator(".retry")).to_have_count(0)
    page.reload()
    total(page, "102.00")


def test_what_was_typed_survives_a_lost_session(tolerant: Page) -> None:
    page = tolerant
    cookies = page.context.cookies()
    cell(page, "Quantity", 1).fill("6")
    page.context.clear_cookies()
    cell(page, "Quantity", 1).press("Tab")
    page.wait_for_url("**/login**")
    page.context.add_cookies([{key: cookie[key] for key in ("name", "value", "domain", "path")} for cookie in cookies])
    page.go_back()
    expect(cell(page, "Quantity", 1)).to_have_value("6")
    page.locator(".retry").click()
    total(page, "102.00")


@pytest.fixture
def tolerant(chromium: object, base_url: str, shop: Shop, draft: str, window: Callable[..., Window]) -> Page:
    """The draft in a window whose console may say that requests failed."""
    opened = window(shop.visitor)
    opened.context.remove_listener("console", opened._hear)  # noqa: SLF001
    opened.page.goto(draft)
    return opened.page


# ---- Two people ----


def test_the_others_edits_come_with_the_next_answer(page: Page, browse: Open, shop: Shop, draft: str) -> None:
    other = draft_page(browse, shop, draft)
    cell(other, "Quantity", 2).fill("5")
    cell(other, "Quantity", 2).press("Tab")
    all_saved(other)
    cell(other, "Price", 3).focus()
    other.keyboard.press("Alt+ArrowUp")
    is_described(other, "Plates", "Delivery", "Bowls")
    cell(page, "Quantity", 1).fill("5")
    cell(page, "Quantity", 1).press("Tab")
    is_described(page, "Plates", "Delivery", "Bowls")
    expect(cell(page, "Quantity", 3)).to_have_value("5")
    total(page, "126.00")


def test_a_deleted_row_is_told_and_put_back(page: Page, browse: Open, shop: Shop, draft: str) -> None:
    other = draft_page(browse, shop, draft)
    cell(page, "Quantity", 2).fill("9")
    cell(other, "Quantity", 2).focus()
    other.keyboard.press("Control+Backspace")
    rows(other, 2)
    cell(page, "Quantity", 2).press("Tab")
    clash = page.locator("tr.clash")
    expect(clash).to_contain_text("deleted this line while you worked on it")
    clash.get_by_role("button", name="Put it back").press("Enter")
    is_described(page, "Plates", "Bowls", "Delivery")
    expect(cell(page, "Quantity", 2)).to_have_value("9")
    expect(clash).to_have_count(0)


def test_theirs_can_be_kept_by_key(page: Page, browse: Open, shop: Shop, draft: str) -> None:
    other = draft_page(browse, shop, draft)
    page.get_by_label("Reference").fill("Mine")
    other.get_by_label("Reference").fill("Theirs")
    other.get_by_label("Reference").press("Tab")
    all_saved(other)
    page.get_by_label("Reference").press("Tab")
    clash = page.locator("#clash-header")
    expect(clash).to_contain_text("Theirs")
    clash.get_by_role("link", name="Keep theirs").press("Enter")
    expect(clash).to_have_count(0)
    expect(page.get_by_label("Reference")).to_have_value("Theirs")


def test_a_field_in_focus_shows_what_another_wrote_in_it(page: Page, browse: Open, shop: Shop, draft: str) -> None:
    """A swap spares the field in focus; where nothing was typed, the other person's text must show all the same."""
    cell(page, "Price", 1).fill("11")
    cell(page, "Price", 1).press("Tab")
    total(page, "82.80")
    other = draft_page(browse, shop, draft)
    cell(other, "Price", 1).fill("12")
    cell(other, "Price", 1).press("Tab")
    all_saved(other)
    cell(page, "Unit", 1).fill("box")
    cell(page, "Unit", 1).press("Tab")
    expect(cell(page, "Price", 1)).to_be_focused()
    expect(cell(page, "Price", 1)).to_have_value("12.00")
    assert page.evaluate("[document.activeElement.selectionStart, document.activeElement.selectionEnd]") == [0, 5]
    page.locator(".clash").get_by_role("button", name="Keep mine").click()
    total(page, "87.60")


def test_what_is_typed_over_another_edit_is_told(
    page: Page, slow: list[Any], browse: Open, shop: Shop, draft: str
) -> None:
    """The answer to one cell brings another person's text under the next, in which something is being typed."""
    other = draft_page(browse, shop, draft)
    cell(page, "Unit", 1).fill("box")
    cell(page, "Unit", 1).press("Tab")
    held_up(page, slow, 1)
    cell(page, "Price", 1).fill("15")
    cell(other, "Price", 1).fill("12")
    cell(other, "Price", 1).press("Tab")
    all_saved(other)
    let_go(slow)
    clash = page.locator(".clash")
    expect(clash).to_contain_text("box")
    expect(cell(page, "Price", 1)).to_have_value("15")
    clash.get_by_role("button", name="Keep mine").press("Enter")
    expect(clash).to_contain_text("yours 15")
    expect(clash).to_contain_text("theirs 12")
    total(page, "87.60")
    clash.get_by_role("button", name="Keep mine").press("Enter")
    expect(clash).to_have_count(0)
    total(page, "102.00")


def test_what_was_refused_stays_under_anothers_edit(page: Page, browse: Open, shop: Shop, draft: str) -> None:
    """What another wrote into the same heading arrives around it, and what is put right then does not go over it."""
    other = draft_page(browse, shop, draft)
    due, reference = page.get_by_label("Due", exact=True), page.get_by_label("Reference")
    due.fill("soon enough")
    due.press("Tab")
    expect(page.locator("#due_date-error")).to_be_visible()
    other.get_by_label("Reference").fill("Theirs")
    other.get_by_label("Reference").press("Tab")
    all_saved(other)
    cell(page, "Quantity", 1).fill("5")
    cell(page, "Quantity", 1).press("Tab")
    total(page, "90.00")
    expect(reference).to_have_value("Theirs")
    expect(due).to_have_value("soon enough")
    expect(page.locator("#due_date-error")).to_be_visible()
    due.fill("+14")
    due.press("Tab")
    clash = page.locator("#clash-header")
    expect(clash).to_contain_text("Due")
    clash.get_by_role("button", name="Keep mine").press("Enter")
    expect(clash).to_have_count(0)
    all_saved(page)
    expect(reference).to_have_value("Theirs")


STEPS = 300
SETTLED = (
    """!document.querySelector("tr.pending") && !/Saving…/.test(document.getElementById("save-state").textContent)"""
)
KEPT = """Object.values(sessionStorage).flatMap(
  text => JSON.parse(text).cells.map(([id]) => id)
).filter(id => !id.startsWith("new-"))"""


def test_two_windows_at_random_end_up_the_same(browse: Open, shop: Shop) -> None:
    """Edits interleaved at random: no lost update, the same sheet in both, totals as the calculator has them."""
    lines: list[dict[str, object]] = [
        {"description": f"Line {n}", "quantity": n, "unit_price": "3.33"} for n in range(1, 6)
    ]
    path = write_at_once(shop.visitor, shop.places["client"], lines)
    pages = [draft_page(browse, shop, path) for _ in range(2)]
    dice = random.Random(4)
    for step in range(STEPS):
        page = dice.choice(pages)
        grid = page.locator(GRID)
        count = grid.count()
        row = grid.nth(dice.randrange(count)) if count else page.locator("#new-line")
        match dice.randrange(10) if count else 0:
            case 0:
                page.locator("#new-description").fill(f"New {step}")
                page.locator("#new-description").press("Escape" if page.locator(CHOICES).count() else "Enter")
            case 1 if count > 3:
                row.locator("[name=quantity]").press("Control+Backspace")
            case 2:
                row.locator("[name=quantity]").press(dice.choice(["Alt+ArrowUp", "Alt+ArrowDown"]))
            case 3:
                page.locator("#undo").get_by_role("button").click()
            case _:
                name = dice.choice(["quantity", "unit_price", "unit"])
                field = row.locator(f"[name={name}]")
                if not field.is_visible():
                    continue
                field.fill(str(dice.randrange(1, 99)))
                field.press("Tab")
        settle(page)
        while clashes := page.locator(".clash").count():
            page.locator(".clash").first.get_by_role("button").or_(page.locator("[data-keep-theirs]")).first.click()
            expect(page.locator(".clash")).to_have_count(clashes - 1)
            settle(page)
        until(page, KEPT, [])
    for page in pages:
        settle(page)
        page.reload()
    first, second = (sheet(page) for page in pages)
    assert first == second
    net = sum((Decimal(amount) for amount in first[1]), Decimal(0))
    assert first[2] == str(net)
    assert [*map(str, range(1, len(first[0]) + 1))] == numbers(pages[0])


def settle(page: Page) -> None:
    """Asked more often than Playwright's own wait does: three hundred steps wait here."""
    until(page, SETTLED, expected=True)


def sheet(page: Page) -> tuple[list[list[str]], list[str], str]:
    cells = page.locator(GRID).evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('.cell')].map(cell => cell.value))"
    )
    amounts = page.locator(f"{GRID} .sum data").evaluate_all("all => all.map(data => data.value)")
    return cells, amounts, page.locator("#invoice-subtotal data").get_attribute("value") or ""
