"""Lists in a real browser: endless scroll and the way back, by mouse, by keyboard, and without JavaScript."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Window
from tests.journeys.pages import Visitor
from tests.support.live import LiveServer

pytestmark = pytest.mark.browser

MANY = 1000
# All at once, whatever else the machine does: no pause of the typing is one of the search.
TYPE = """(field, word) => {
    for (const end of word.split("").keys()) {
        field.value = word.slice(0, end + 1);
        field.dispatchEvent(new Event("input", { bubbles: true }));
    }
}"""
ROW = "#invoice-rows tr[id^=invoice-]"
Open = Callable[..., Window]


@dataclass
class Crowd:
    """Someone with a thousand invoices, `ids` in the order of the list."""

    visitor: Visitor
    ids: list[str]


@pytest.fixture(scope="module")
def crowd(base_url: str, live_server: LiveServer) -> Iterator[Crowd]:
    with Visitor(base_url) as visitor:
        email = f"{uuid.uuid4().hex}@example.com"
        visitor.register("A Thousand & One", email)
        client = visitor.add_client(name="Söhne & Partner").id
        database = live_server.database
        business = database.value(
            "SELECT m.business_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = %s", email
        )
        with database.as_app(business) as connection:
            connection.execute(
                "INSERT INTO invoices"
                " (business_id, id, client_id, currency, minor_units, issue_date, due_date, reference)"
                " SELECT %s, gen_random_uuid(), %s, 'EUR', 2, day, day + 30, 'Job ' || n"
                " FROM generate_series(1, %s) n CROSS JOIN LATERAL (SELECT DATE '2024-01-01' + n / 3 AS day) days",
                [business, client, MANY],
            )
        order = "SELECT id::text FROM invoices WHERE business_id = %s ORDER BY issue_date DESC, id DESC"
        yield Crowd(visitor, [invoice_id for (invoice_id,) in database.ask(order, business)])


@pytest.fixture
def people(base_url: str) -> Iterator[Visitor]:
    """Someone with three clients and four drafts, new for every test that changes them."""
    with Visitor(base_url) as visitor:
        visitor.register("Harbour Studio")
        for name in ("Brindle Bakery", "Söhne & Partner", "Tidewater Trust"):
            client = visitor.add_client(name=name).id
            visitor.write_invoice(client, [{"description": f"Survey for {name}", "unit_price": "100"}])
        visitor.write_invoice(client, [{"description": "Glaze tests", "unit_price": "640"}], reference="Phase 2")
        yield visitor


def shown(page: Page) -> list[str]:
    """The ids of the rows on the page, in their order."""
    ids: list[str] = page.locator(ROW).evaluate_all("rows => rows.map(row => row.id.slice(8))")
    return ids


def focused_row(page: Page) -> str | None:
    found: str | None = page.evaluate("document.activeElement.closest('tr')?.id.slice(8)")
    return found


def names(page: Page) -> Locator:
    return page.locator(f"{ROW} .name")


def scroll_through(page: Page, rows: int) -> None:
    """Scroll as a wheel does until that many rows have come."""
    deadline = time.monotonic() + 60
    while page.locator(ROW).count() < rows:
        page.mouse.wheel(0, 1500)
        page.wait_for_timeout(15)
        assert time.monotonic() < deadline, f"only {page.locator(ROW).count()} rows came"


def test_scroll_through_a_thousand_open_one_and_stand_on_it_again(window: Open, crowd: Crowd) -> None:
    page = window(crowd.visitor).page
    page.goto("/invoices")
    page.mouse.move(600, 600)
    scroll_through(page, MANY)
    assert shown(page) == crowd.ids
    chosen = crowd.ids[700]
    link = page.locator(f"#invoice-{chosen} td:not(.pick) a")
    link.scroll_into_view_if_needed()
    top = page.evaluate(f"document.getElementById('invoice-{chosen}').getBoundingClientRect().top")
    link.click()
    expect(page).to_have_url(re.compile(f"/invoices/{chosen}$"))
    page.go_back()
    expect(page.locator(f"#invoice-{chosen} td:not(.pick) a")).to_be_focused()
    assert shown(page) == crowd.ids
    expect(page.locator(f"#invoice-{chosen}")).to_be_in_viewport()
    back = page.evaluate(f"document.getElementById('invoice-{chosen}').getBoundingClientRect().top")
    assert abs(back - top) < 40


def test_rows_that_come_while_the_page_is_left_do_not_lose_the_place(window: Open, crowd: Crowd) -> None:
    page = window(crowd.visitor).page
    page.goto("/invoices")
    rows: list[Route] = []
    leaving: list[Route] = []
    page.route("**/invoices?*cursor=*", lambda route: rows.append(route))  # noqa: PLW0108
    page.route(f"**/invoices/{crowd.ids[20]}", lambda route: leaving.append(route))  # noqa: PLW0108
    link = page.locator(f"#invoice-{crowd.ids[20]} td:not(.pick) a")
    link.scroll_into_view_if_needed()
    page.keyboard.press("End")
    link.focus()
    link.press("Enter", no_wait_after=True)
    for _ in range(200):
        if not (rows and leaving):
            page.wait_for_timeout(20)
    with page.expect_response("**/invoices?*cursor=*"):
        rows[0].continue_()
    page.wait_for_timeout(300)  # a page that is being left answers no question about its rows
    leaving[0].continue_()
    expect(page).to_have_url(re.compile(f"/invoices/{crowd.ids[20]}$"))
    page.go_back()
    expect(link).to_be_focused()
    expect(page.locator(ROW)).to_have_count(50)


def test_rows_come_before_the_end_is_in_sight(window: Open, crowd: Crowd) -> None:
    page = window(crowd.visitor).page
    page.goto("/invoices")
    page.locator(ROW).nth(19).scroll_into_view_if_needed()
    expect(page.locator(ROW)).to_have_count(50)
    expect(page.locator("#more-invoices")).not_to_be_in_viewport()


def test_all_of_it_by_keyboard(window: Open, crowd: Crowd) -> None:
    page = window(crowd.visitor).page
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page).to_have_url(re.compile(r"/invoices$"))
    for wanted in crowd.ids[:60]:
        page.keyboard.press("j")
        expect(page.locator(f"#invoice-{wanted}:focus-within")).to_be_attached()
    page.keyboard.press("k")
    page.keyboard.press("ArrowUp")
    assert focused_row(page) == crowd.ids[57]
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/invoices/{crowd.ids[57]}$"))
    page.go_back()  # Alt+Left belongs to the browser's window, which a headless one does not have
    expect(page).to_have_url(re.compile(r"/invoices\?upto="))
    expect(page.locator(f"#invoice-{crowd.ids[57]}:focus-within")).to_be_attached()
    page.keyboard.press("/")
    page.keyboard.type("job 777")
    expect(page.locator(ROW)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator("#q")).to_have_value("")
    expect(page.locator(ROW)).to_have_count(25)


def test_without_javascript(window: Open, crowd: Crowd) -> None:
    page = window(crowd.visitor, java_script_enabled=False).page
    page.goto("/invoices")
    seen = shown(page)
    for _ in range(3):
        page.get_by_role("link", name="Older").click()
        seen += shown(page)
    assert seen == crowd.ids[:100]
    page.locator(f"#invoice-{crowd.ids[80]} td:not(.pick) a").click()
    page.go_back()
    assert shown(page) == crowd.ids[75:100]
    page.get_by_role("link", name="Start of the list").click()
    page.get_by_role("link", name="Issued").click()
    assert shown(page) == sorted(crowd.ids[-25:], key=crowd.ids.index, reverse=True)
    page.get_by_label("Search invoices").fill("JOB 77")
    page.get_by_role("button", name="Search", exact=True).click()
    assert page.locator(ROW).count() == 11
    assert parse_qs(urlsplit(page.url).query)["sort"] == ["date"]


def test_filters_replace_the_address_and_back_leads_away(window: Open, people: Visitor) -> None:
    page = window(people).page
    page.goto("/clients")
    page.goto("/invoices")
    page.locator("#tab-draft").click()
    expect(page).to_have_url(re.compile(r"/invoices\?status=draft$"))
    expect(page.locator("#tab-draft")).to_be_focused()
    page.locator("#sort-client").click()
    expect(page).to_have_url(re.compile(r"/invoices\?status=draft&sort=client$"))
    expect(names(page)).to_have_text(["Brindle Bakery", "Söhne & Partner", "Tidewater Trust", "Tidewater Trust"])
    page.locator("#sort-client").click()
    expect(names(page).first).to_have_text("Tidewater Trust")
    expect(page.locator("th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    page.locator(ROW).last.click(position={"x": 30, "y": 12})
    expect(page).to_have_url(re.compile(r"/invoices/[0-9a-f-]{36}$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/invoices\?status=draft&sort=-client$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/clients$"))


def test_search_waits_for_a_pause_and_drops_stale_answers(window: Open, people: Visitor) -> None:
    opened = window(people)
    page = opened.page
    page.goto("/invoices")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route(re.compile(r"/invoices\?.*q="), hold_the_first)
    page.locator("#q").evaluate(TYPE, "brindle")
    page.wait_for_timeout(400)
    assert len(held) == 1
    assert "q=brindle" in held[0].request.url
    page.locator("#q").fill("SOHNE")
    expect(names(page)).to_have_text(["Söhne & Partner"])
    held[0].continue_()
    page.wait_for_timeout(300)
    expect(names(page)).to_have_text(["Söhne & Partner"])
    expect(page).to_have_url(re.compile(r"/invoices\?q=SOHNE$"))
    expect(page.locator("#q")).to_be_focused()
    page.locator("#q").fill("glaze phase")
    expect(page.locator(ROW)).to_have_count(1)
    page.locator("#q").fill("nobody at all")
    expect(page.get_by_role("heading", name="Nothing found for")).to_be_visible()
    assert [word for word in opened.complaints if "abort" not in word.lower()] == opened.complaints


def test_archive_and_undo_by_keyboard(window: Open, people: Visitor) -> None:
    opened = window(people)
    page = opened.page
    page.goto("/invoices")
    before = shown(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    sent = len(opened.requests)
    page.keyboard.press("e")
    expect(page.locator(ROW)).to_have_count(3)
    assert [request.method for request in opened.requests[sent:] if "/static/" not in request.url] == ["POST"]
    expect(page.get_by_role("status")).to_contain_text("archived")
    expect(page.locator("#list-foot")).to_contain_text("1 archived hidden, show")
    expect(page.locator("#tab-all sup")).to_have_text("3")
    assert focused_row(page) == before[2]
    page.keyboard.press("z")
    expect(page.locator(ROW)).to_have_count(4)
    assert shown(page) == before
    expect(page.locator("#list-foot")).not_to_contain_text("archived hidden")
    assert focused_row(page) == before[1]
    page.locator(f"#invoice-{before[0]}").hover()
    page.locator(f"#invoice-{before[0]}").get_by_role("button", name="Archive").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(ROW)).to_have_count(4)
    page.keyboard.press("j")
    page.keyboard.press("e")
    page.locator("#archived-toggle").click()
    expect(page.locator("tr.archived")).to_have_count(1)
    expect(page.locator("tr.archived .tag")).to_have_text("Archived")


def test_several_at_once(window: Open, people: Visitor) -> None:
    page = window(people).page
    page.goto("/invoices")
    for key in "jxjx":
        page.keyboard.press(key)
    expect(page.locator("[data-picked]")).to_have_text("2")
    page.locator(".selection").get_by_role("button", name="Mark sent").click()
    expect(page.get_by_role("status")).to_contain_text("2")
    expect(page.locator("#tab-sent sup")).to_have_text("2")
    expect(page.locator(".selection")).to_be_hidden()
    page.locator("[data-pick-all]").check(force=True)
    expect(page.locator("[data-picked]")).to_have_text("4")
    page.locator(".selection").get_by_role("button", name="Mark paid").click()
    expect(page.locator("#alerts")).to_contain_text("draft")
    expect(page.locator("#tab-paid sup")).to_have_text("0")
    page.locator(".selection").get_by_role("button", name="Archive").click()
    expect(page.locator(ROW)).to_have_count(0)
    page.keyboard.press("z")
    expect(page.locator(ROW)).to_have_count(4)
    page.locator("[data-pick-all]").check(force=True)
    page.locator(".selection").get_by_role("button", name="Print").click()
    expect(page.locator("article")).to_have_count(4)


def test_several_at_once_without_javascript(window: Open, people: Visitor) -> None:
    page = window(people, java_script_enabled=False).page
    page.goto("/invoices")
    for row in page.locator(ROW).filter(has_text="Draft").all()[:3]:
        row.get_by_label("Select").check()
    page.locator(".selection").get_by_role("button", name="Archive").click()
    expect(page.locator(ROW)).to_have_count(1)
    expect(page.locator("#list-foot")).to_contain_text("3 archived hidden, show")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(ROW)).to_have_count(4)


def test_the_palette_finds_and_opens(window: Open, people: Visitor) -> None:
    opened = window(people)
    page = opened.page
    page.goto("/clients")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("option", name="New invoice")).to_be_visible()
    page.keyboard.type("sohne")
    expect(page.get_by_role("option").first).to_contain_text("Söhne & Partner")
    expect(page.get_by_role("combobox")).to_have_attribute("aria-activedescendant", re.compile("^option-"))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Draft")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Söhne & Partner")
    page.get_by_role("link", name="Search or jump to").click()
    page.keyboard.type("overdue")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    expect(page.get_by_role("link", name="Search or jump to")).to_be_focused()


def test_keys_stay_out_of_the_way(window: Open, people: Visitor) -> None:
    """Not in fields, not with the browser's own combinations, not while an input method composes, not when off."""
    page = window(people).page
    page.goto("/clients/new")
    page.get_by_label("Name").press_sequentially("cjxe/?gi")
    expect(page.get_by_label("Name")).to_have_value("cjxe/?gi")
    page.goto("/invoices")
    for combination in ("Control+c", "Alt+c", "Control+Alt+k", "Control+Shift+k"):
        page.keyboard.press(combination)
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'c', isComposing: true, bubbles: true}))"
    )
    expect(page).to_have_url(re.compile(r"/invoices$"))
    expect(page.locator("dialog[open]")).to_have_count(0)
    page.keyboard.press("?")
    page.get_by_role("button", name="Turn single keys off").click()
    expect(page.get_by_role("status")).to_contain_text("off")
    page.goto("/invoices")
    page.keyboard.press("c")
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(r"/invoices$"))
    assert focused_row(page) is None
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_visible()


def test_every_key_has_a_visible_twin(window: Open, people: Visitor) -> None:
    page = window(people).page
    page.goto("/invoices")
    for name in ("New invoice", "Search or jump to", "all keys"):
        expect(page.get_by_role("link", name=name)).to_be_visible()
    expect(page.get_by_role("searchbox")).to_be_visible()
    page.get_by_role("link", name="all keys").click()
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    for words in ("Search or jump to", "New invoice", "Next row", "Open", "Select", "Archive", "Undo", "Dashboard"):
        expect(dialog.get_by_text(words).first).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
