"""A real Chromium, and the businesses that it looks at."""

from __future__ import annotations

import itertools
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

from tests.journeys.pages import Visitor
from tests.journeys.retail import INVOICES

if TYPE_CHECKING:
    from tests.support.live import LiveServer

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first is the same browser without windows of its own, and opens its pages in a third of the time."""

FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATIENCE_MS = 10_000
# What the browser itself says about an answer that a test asked for on purpose.
EXPECTED = "Failed to load resource: the server responded with a status of 4"


@pytest.fixture(scope="session")
def base_url(live_server: LiveServer) -> str:
    return live_server.base_url


@pytest.fixture(scope="package")
def chromium(base_url: str) -> Iterator[Browser]:
    """Open for these tests only: Playwright keeps an event loop running, in which Flask refuses to clean up.

    For the same reason the server is asked for first: making its database uses the app.
    """
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, f"No Chromium: none of {', '.join(NAMES)} is installed (make test does it)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@dataclass
class Window:
    """A browser window that watches what its pages do: nothing may ever go wrong in it."""

    context: BrowserContext
    origin: str
    complaints: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.on("console", self._hear)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("request", self._see)
        self.context.on("response", self._check)
        self.page: Page = self.context.new_page()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED):
            self.complaints.append(f"{message.type}: {message.text}")

    def _see(self, request: Request) -> None:
        self.requests.append(request)
        if not request.url.startswith((f"{self.origin}/", "data:")):
            self.complaints.append(f"request to {request.url}")

    def _check(self, response: Response) -> None:
        if response.status >= 500:
            self.complaints.append(f"{response.status} from {response.url}")


Open = Callable[..., Page]


@pytest.fixture
def window(chromium: Browser, base_url: str) -> Iterator[Callable[..., Window]]:
    """Open a window, signed in as a visitor; whatever goes wrong in any of its pages fails the test."""
    windows: list[Window] = []

    def open_window(visitor: Visitor | None = None, width: int = 1280, **options: Any) -> Window:
        options = {"base_url": base_url, "viewport": {"width": width, "height": 900}} | options
        context = chromium.new_context(**options)
        if visitor:
            context.add_cookies(
                [
                    {"name": cookie.name, "value": str(cookie.value), "url": base_url}
                    for cookie in visitor.client.cookies.jar
                ]
            )
        opened = Window(context, options["base_url"])
        windows.append(opened)
        return opened

    yield open_window
    complaints = [complaint for opened in windows for complaint in opened.complaints]
    for opened in windows:
        opened.context.close()
    assert not complaints


@pytest.fixture
def browse(window: Callable[..., Window]) -> Open:
    """Open a page: `browse("/invoices", visitor, width=375)`."""

    def open_page(path: str, visitor: Visitor | None = None, **options: Any) -> Page:
        page = window(visitor, **options).page
        page.goto(path)
        return page

    return open_page


# ---- Businesses ----


@pytest.fixture(scope="session")
def newcomer(base_url: str) -> Iterator[Visitor]:
    """Someone whose business is still empty."""
    with Visitor(base_url) as visitor:
        visitor.register("New & Empty Ltd")
        yield visitor


@dataclass
class Shop:
    """A business with a client and an invoice in every state."""

    visitor: Visitor
    places: dict[str, str]

    def at(self, path: str) -> str:
        return path.format(**self.places)


def retail_lines(count: int) -> list[dict[str, object]]:
    """That many lines of real invoices."""
    every = itertools.chain.from_iterable(invoice.lines for invoice in INVOICES)
    return list(itertools.islice(every, count))


def write_at_once(visitor: Visitor, client_id: str, lines: list[dict[str, object]], **header: object) -> str:
    """The path of a new draft, its lines sent with the form."""
    form = visitor.open("/invoices/new").form("/invoices")
    cells = {f"lines-{at}-{name}": str(value) for at, line in enumerate(lines) for name, value in line.items()}
    values = form.filled({"client_id": client_id, **header}) | cells
    return visitor.post(form.action, values).path


def credited(visitor: Visitor, path: str) -> dict[str, str]:
    """Issue a draft, have it paid, and take it back: the ids of the invoice and of its credit note."""
    for step in ("/issue", "/pay"):
        visitor.send(visitor.open(path).form(step))
    form = visitor.open(path).form("/correct")
    note = visitor.post(form.action, form.filled({"reason": "Sent to the wrong company"}) | {"without_draft": "y"})
    return {"credited": path.rpartition("/")[2], "credit_note": note.path.rpartition("/")[2]}


@pytest.fixture(scope="session")
def shop(base_url: str) -> Iterator[Shop]:
    with Visitor(base_url) as visitor:
        visitor.register("Harbour Street Ceramics")
        settings = visitor.open("/settings/business").form("/settings/business")
        visitor.send(
            settings,
            address_line1="12 Harbour Street",
            city="Whitby",
            postal_code="YO21 1AA",
            country="GB",
            tax_id="GB 980 7806 84",
            iban="GB33BUKB20201555555555",
            account_name="Harbour Street Ceramics",
        )
        series = visitor.open("/settings/numbers").form("/settings/numbers")
        visitor.send(series, code="EXPORT", pattern="EXP-{year}-{seq:03}")
        client = visitor.add_client(
            name="Maison Dubois & Filles, Arts de la Table et Décoration",
            email="comptabilite@maison-dubois-arts-de-la-table.example.com",
            address_line1="14 rue du Faubourg Saint-Honoré",
            city="Paris",
            postal_code="75008",
            country="FR",
            currency="EUR",
        ).id
        long_word = {"description": "Unbreakable" * 12, "unit_price": "12345.6789", "quantity": "-1000.25"}
        lines = [*retail_lines(4), long_word]
        issue_dates = {"overdue": "2025-01-10"}
        places = {"client": client}
        for state in ("overdue", "draft", "sent", "paid", "archived"):
            header = {"issue_date": issue_dates[state]} if state in issue_dates else {}
            lines_of_it = lines if state not in {"overdue", "paid"} else retail_lines(3)
            path = write_at_once(visitor, client, lines_of_it, reference=f"Order {state}", **header)
            places[state] = path.rpartition("/")[2]
            for step in {"draft": (), "overdue": ("/issue",), "sent": ("/issue",), "paid": ("/issue", "/pay")}.get(
                state, ("/issue", "/archive")
            ):
                visitor.send(visitor.open(path).form(step))
        places |= credited(visitor, write_at_once(visitor, client, retail_lines(3), reference="Order credited"))
        yield Shop(visitor, places)


@pytest.fixture
def draft(shop: Shop) -> str:
    """The path of a new draft with three lines: 40.00, 20.00 and 5.00 at 20 %."""
    lines: list[dict[str, object]] = [
        {"description": "Plates", "quantity": "4", "unit_price": "10", "tax_rate": "20"},
        {"description": "Bowls", "quantity": "2", "unit_price": "10", "tax_rate": "20"},
        {"description": "Delivery", "quantity": "1", "unit_price": "5", "tax_rate": "20"},
    ]
    return write_at_once(shop.visitor, shop.places["client"], lines, reference=uuid.uuid4().hex[:8])
