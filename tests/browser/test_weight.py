"""What a list costs on the wire, and that nothing in it moves once it is shown: measured in a real browser."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from playwright.sync_api import Response, expect

from tests.browser.conftest import Shop, Window
from tests.browser.sheet import cell
from tests.journeys.pages import Visitor
from tests.support.slow_line import slow_line

pytestmark = pytest.mark.browser

KB = 1024
MOST_REQUESTS = 5
COLD = 30 * KB
LIST = 4 * KB
ROWS = 3 * KB
EDIT = 1.5 * KB
FIRST_DAY = date(2026, 1, 2)
# As they stand in a customer file: most are short, some go on and on.
NAMES = (
    "Bakery Lindqvist", "Tidewater Trust", "Söhne & Partner", "Brindle Bakery", "Marlow Dental Practice",
    "Alder & Finch Architects", "Quarry Lane Joinery", "Print Works Erfurt", "Northbound Logistics", "Halle Bicycles",
    "Maison Dubois & Filles, Arts de la Table et Décoration", "Kowalska Studio", "Green Gables Gardens",
)  # fmt: skip
SHIFTS = """() => {
    window.shifts = [];
    new PerformanceObserver((list) => window.shifts.push(
            ...list.getEntries().map(({ value, sources }) => [value, ...sources.map(({ node }) => node?.outerHTML)]),
        ))
        .observe({ type: "layout-shift", buffered: true });
}"""


@dataclass
class Wire:
    """What came over it: bytes by address, headers left out, and the text of each answer."""

    received: dict[str, int] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def see(self, response: Response) -> None:
        sizes = response.request.sizes()
        self.received[response.url] = sizes["responseBodySize"]
        if "text/html" in response.headers.get("content-type", ""):
            self.texts[response.url] = response.text()

    def zipped(self, url: str) -> int:
        """How much an answer weighs under gzip, whatever the browser has agreed on."""
        return len(gzip.compress(self.texts[url].encode(), 9, mtime=0))


@pytest.fixture(scope="module")
def busy(base_url: str) -> Iterator[Visitor]:
    """Someone with 52 invoices in every state, no two alike."""
    with Visitor(base_url) as visitor:
        visitor.register("Harbour Street Ceramics")
        clients = [visitor.add_client(name=name).id for name in NAMES]
        for place in range(52):
            price = f"{137 * (place + 3) % 4999}.{place:02}"
            cost: dict[str, object] = {"description": "Glaze tests", "unit_price": price}
            reference = f"PO {16_000 + 37 * place}" if place % 2 else ""
            header = {"reference": reference, "issue_date": FIRST_DAY + timedelta(days=6 * place)}
            path = visitor.write_invoice(clients[place % len(clients)], [cost], **header).path
            for step in ((), ("/issue",), ("/issue", "/pay"), ("/issue",))[place % 4]:
                visitor.send(visitor.open(path).form(step))
        yield visitor


def arrive(opened: Window, path: str) -> Wire:
    """Open a page with nothing in the cache, and wait until all that it asks for is there."""
    responses: list[Response] = []
    opened.page.on("response", lambda response: responses.append(response))  # noqa: PLW0108
    opened.page.goto(path, wait_until="networkidle")
    wire = Wire()
    for response in responses:
        wire.see(response)
    return wire


def test_the_first_list(window: Callable[..., Window], busy: Visitor) -> None:
    opened = window(busy)
    opened.page.add_init_script(f"({SHIFTS})()")
    wire = arrive(opened, "/invoices")
    first = {url: size for url, size in wire.received.items() if "cursor=" not in url}
    assert len(first) <= MOST_REQUESTS, first
    assert sum(first.values()) <= COLD, first
    (page,) = [url for url in first if url.endswith("/invoices")]
    assert wire.received[page] <= LIST
    assert wire.zipped(page) <= LIST
    assert opened.page.evaluate("window.shifts") == []


def test_nothing_moves_while_a_page_arrives(window: Callable[..., Window], busy: Visitor, base_url: str) -> None:
    with slow_line(base_url, after=b'<a class="button', pieces=2) as line:
        opened = window(busy, base_url=line)
        opened.page.add_init_script(f"({SHIFTS})()")
        opened.page.goto("/invoices", wait_until="networkidle")
        assert opened.page.evaluate("window.shifts") == []


def test_more_rows(window: Callable[..., Window], busy: Visitor) -> None:
    opened = window(busy)
    opened.page.goto("/invoices")
    with opened.page.expect_response(lambda response: "cursor=" in response.url) as more:
        opened.page.locator("tr[id^=invoice-]").nth(24).scroll_into_view_if_needed()
    expect(opened.page.locator("tr[id^=invoice-]")).to_have_count(50)
    wire = Wire()
    wire.see(more.value)
    assert wire.texts[more.value.url].count("<tr id=") == 25
    assert wire.received[more.value.url] <= ROWS
    assert wire.zipped(more.value.url) <= ROWS


@pytest.mark.parametrize("width", [1280, 375])
def test_nothing_moves_when_more_rows_come(window: Callable[..., Window], busy: Visitor, width: int) -> None:
    opened = window(busy, width=width)
    opened.page.add_init_script(f"({SHIFTS})()")
    opened.page.goto("/invoices")
    for count in (50, 52):
        opened.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        expect(opened.page.locator("tr[id^=invoice-]")).to_have_count(count)
    opened.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    opened.page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert opened.page.evaluate("window.shifts") == []


def test_a_cell_edit(window: Callable[..., Window], shop: Shop, draft: str) -> None:
    opened = window(shop.visitor)
    opened.page.goto(draft)
    quantity = cell(opened.page, "quantity", 1)
    quantity.fill("7")
    with opened.page.expect_response(lambda response: response.request.method == "POST") as saved:
        quantity.press("Tab")
    wire = Wire()
    wire.see(saved.value)
    assert "invoice-total" in wire.texts[saved.value.url]
    assert wire.received[saved.value.url] <= EDIT
    assert wire.zipped(saved.value.url) <= EDIT
