"""The sheet as an editor: keys, paste, undo, slow and broken networks, two people, and what it costs."""

from __future__ import annotations

import contextlib
import random
import re
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Error, Locator, Page, expect

from tests.browser.conftest import Open, Shop, Window, write_at_once
from tests.browser.test_line_editing import draft_page, rows, total

pytestmark = pytest.mark.browser

GRID = "#invoice-lines > tr[data-version]"
CHOICES = "#choices:not([hidden])"
CONTROL_KEYS = 15
REQUESTS = 14
GOING = "nothing is held up any more"
PASTE = """text => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", text);
  const paste = new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true });
  document.activeElement.dispatchEvent(paste);
}"""


@pytest.fixture
def page(browse: Open, shop: Shop, draft: str) -> Page:
    return draft_page(browse, shop, draft)


def described(page: Page) -> list[str]:
    return page.locator(f"{GRID} [name=description]").evaluate_all("cells => cells.map(cell => cell.value)")


def numbers(page: Page) -> list[str]:
    return page.locator(f"{GRID} .grip").all_inner_texts()


def is_described(page: Page, *words: str) -> None:
    expect(page.locator(f"{GRID} [name=description]")).to_have_count(len(words))
    for place, word in enumerate(words):
        expect(page.locator(f"{GRID} [name=description]").nth(place)).to_have_value(word)
    assert numbers(page) == [str(place + 1) for place in range(len(words))]


def cell(page: Page, name: str, line: int) -> Locator:
    return page.get_by_label(f"{name}, line {line}")


def all_saved(page: Page) -> None:
    expect(page.locator("#save-state")).to_have_text(re.compile("Saved just now|Every change is saved"))
    expect(page.locator("tr.pending, tr.unsaved, .retry")).to_have_count(0)


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


# ---- A slow and a broken network ----


@pytest.fixture
def slow(page: Page) -> Iterator[list[Any]]:
    """Writes wait here until the test lets them go on."""
    held: list[Any] = []
    page.route("**/lines**", lambda route: held.append(route) if GOING not in held else route.continue_())
    yield held
    page.unroute_all(behavior="ignoreErrors")


def let_go(held: list[Any]) -> None:
    """Let what is held go on, and all that follows."""
    routes = list(held)
    held.append(GOING)
    for route in routes:
        route.continue_()


def held_up(page: Page, held: list[Any], count: int) -> None:
    for _ in range(100):
        if len(held) == count:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{len(held)} requests are held up instead of {count}")


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
    assert (
        [url.rpartition("/")[2][-4:] for url in sent]
        == [
            page.locator(GRID).nth(0).get_attribute("id")[-4:],  # type: ignore[index]
            page.locator(GRID).nth(1).get_attribute("id")[-4:],  # type: ignore[index]
            page.locator(GRID).nth(0).get_attribute("id")[-4:],  # type: ignore[index]
            page.url[-4:],
        ]
    )
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
    page.context.add_cookies([{key: cookie[key] for key in ("name", "value", "domain", "path")} for cookie in cookies])  # type: ignore[typeddict-item,literal-required,misc]
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


STEPS = 300
NOTHING_KEPT = """() => Object.values(sessionStorage).every(
  text => JSON.parse(text).cells.every(([id]) => id.startsWith("new-"))
)"""


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
        page.wait_for_function(NOTHING_KEPT)
    for page in pages:
        settle(page)
        page.reload()
    first, second = (sheet(page) for page in pages)
    assert first == second
    net = sum((Decimal(amount) for amount in first[1]), Decimal(0))
    assert first[2] == str(net)
    assert [*map(str, range(1, len(first[0]) + 1))] == numbers(pages[0])


def settle(page: Page) -> None:
    expect(page.locator("tr.pending")).to_have_count(0)
    expect(page.locator("#save-state")).not_to_have_text("Saving…")


def sheet(page: Page) -> tuple[list[list[str]], list[str], str]:
    cells = page.locator(GRID).evaluate_all(
        "rows => rows.map(row => [...row.querySelectorAll('.cell')].map(cell => cell.value))"
    )
    amounts = page.locator(f"{GRID} .sum data").evaluate_all("all => all.map(data => data.value)")
    return cells, amounts, page.locator("#invoice-subtotal data").get_attribute("value") or ""


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


def count_requests(page: Page) -> list[str]:
    """The addresses of what the page asks for from here on, without files that the browser keeps."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/static/" not in request.url else None)
    return sent
