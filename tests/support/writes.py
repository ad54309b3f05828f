"""The write routes of clients and invoices: where their form stands, what is right for them, and what is not."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.factories import archive, line, make_client, make_invoice, make_issued, pay, read
from tests.support.people import Person


@dataclass(frozen=True)
class Place:
    """URLs of the thing that is written, and of the page that its form is on."""

    url: str
    page: str
    more: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Write:
    """A write route. `bad` maps a field to a value that it refuses, and the sentence that says so."""

    name: str
    place: Callable[[Person], Place]
    good: dict[str, str] = field(default_factory=dict)
    bad: dict[str, tuple[str, str]] = field(default_factory=dict)
    versioned: bool = False
    foreign: bool = True
    """Whether the URL holds an id that can be another business's."""
    fragment: bool = False
    """Whether htmx gets a fragment; it is sent on to a page otherwise."""


def new_client(_person: Person) -> Place:
    return Place("/clients", "/clients/new")


def quick_client(_person: Person) -> Place:
    return Place("/clients/quick", f"/clients/search?q={uuid.uuid4()}")


def a_client(person: Person) -> Place:
    client_id = make_client(person)
    return Place(f"/clients/{client_id}", f"/clients/{client_id}/edit")


def client_step(step: str, *, archived: bool = False) -> Callable[[Person], Place]:
    def place(person: Person) -> Place:
        client_id = make_client(person)
        if archived:
            person.browser.post(f"/clients/{client_id}/archive")
        return Place(f"/clients/{client_id}/{step}", f"/clients/{client_id}")

    return place


def new_invoice(person: Person) -> Place:
    return Place("/invoices", "/invoices/new", {"client_id": str(make_client(person))})


def step(name: str, make: Callable[[Person], uuid.UUID]) -> Callable[[Person], Place]:
    def place(person: Person) -> Place:
        invoice_id = make(person)
        return Place(f"/invoices/{invoice_id}{name}", f"/invoices/{invoice_id}")

    return place


def selection_step(name: str, make: Callable[[Person], uuid.UUID]) -> Callable[[Person], Place]:
    """One row of the list is ticked, and another is not."""

    def place(person: Person) -> Place:
        make_invoice(person)
        return Place(f"/invoices/selection/{name}", "/invoices?archived=1", {"ids": str(make(person))})

    return place


def line_step(name: str) -> Callable[[Person], Place]:
    def place(person: Person) -> Place:
        invoice_id = make_invoice(person, [line("First"), line("Second")])
        line_id = read(person, invoice_id).lines[0].id
        return Place(f"/invoices/{invoice_id}/lines/{line_id}{name}", f"/invoices/{invoice_id}")

    return place


def paid(person: Person) -> uuid.UUID:
    invoice_id = make_issued(person)
    pay(person, invoice_id)
    return invoice_id


def archived(person: Person) -> uuid.UUID:
    invoice_id = make_invoice(person)
    archive(person, invoice_id)
    return invoice_id


def second_invoice(person: Person) -> uuid.UUID:
    client_id = make_client(person)
    make_invoice(person, client_id=client_id)
    return make_invoice(person, client_id=client_id)


NUMBER = "Enter a number, such as 12.50."
DATE = "Enter a date that exists, such as 2026-11-22."
LINE = {
    "description": ("d" * 501, "Use at most 500 characters."),
    "quantity": ("a dozen", NUMBER),
    "unit": ("u" * 21, "Use at most 20 characters."),
    "unit_price": ("-0.01", "Enter zero or more."),
    "tax_rate": ("100.01", "Enter 100 or less."),
}
HEADER = {
    "client_id": (str(uuid.uuid4()), "Choose one of your clients."),
    "issue_date": ("2026-02-30", DATE),
    "due_date": ("1990-01-01", "The due date cannot be before the issue date."),
    "currency": ("XXX", "Choose a currency from the list."),
    "reference": ("r" * 101, "Use at most 100 characters."),
    "notes": ("n" * 2001, "Use at most 2000 characters."),
    "discount_percent": ("101", "Enter 100 or less."),
}
CLIENT = {
    "name": ("", "Enter the client's name."),
    "email": ("nobody", "Enter an email address, such as name@example.com."),
    "phone": ("0" * 41, "Use at most 40 characters."),
    "country": ("XX", "Choose a country from the list."),
    "currency": ("XXX", "Choose a currency from the list."),
    "payment_terms_days": ("-1", "Enter a whole number from 0 to 365."),
    "notes": ("n" * 2001, "Use at most 2000 characters."),
}

WRITES = [
    Write("create client", new_client, {"name": "New", "city": "Bath"}, CLIENT, foreign=False),
    Write("create client quickly", quick_client, foreign=False, fragment=True),
    Write("edit client", a_client, {"name": "Renamed"}, CLIENT, versioned=True),
    Write("archive client", client_step("archive")),
    Write("restore client", client_step("restore", archived=True)),
    Write(
        "create invoice",
        new_invoice,
        {"lines-0-description": "Work", "lines-0-unit_price": "1.5", "reference": "PO 1"},
        HEADER | {"lines-0-quantity": ("NaN", NUMBER)},
        foreign=False,
    ),
    Write("edit header", step("", make_invoice), {"reference": "PO 2"}, HEADER, versioned=True, fragment=True),
    Write("issue", step("/issue", make_invoice)),
    Write(
        "pay",
        step("/pay", make_issued),
        {"amount": "20"},
        {
            "amount": ("120.01", "Only 120.00 is due on this invoice."),
            "paid_on": ("0000-00-00", DATE),
            "method": ("barter", "Choose how it was paid."),
        },
    ),
    Write(
        "correct",
        step("/correct", make_issued),
        {"reason": "Wrong address"},
        {"reason": ("r" * 201, "Use at most 200 characters.")},
    ),
    Write("reopen", step("/reopen", paid)),
    Write("archive invoice", step("/archive", make_invoice)),
    Write("restore invoice", step("/restore", archived)),
    Write("duplicate invoice", step("/duplicate", make_invoice)),
    Write("archive several", selection_step("archive", make_invoice)),
    Write("restore several", selection_step("restore", archived)),
    Write("issue several", selection_step("issue", make_invoice)),
    Write("pay several", selection_step("pay", make_issued)),
    Write("duplicate several", selection_step("duplicate", make_invoice)),
    Write("add line", step("/lines", make_invoice), {"description": "More"}, LINE, fragment=True),
    Write(
        "paste lines",
        step("/lines/paste", make_invoice),
        {"rows": "More\t2\t10"},
        {"rows": ("More\ta dozen\t10", f"Row 1, quantity: {NUMBER}")},
        fragment=True,
    ),
    Write("repeat lines", step("/lines/repeat", second_invoice), fragment=True),
    Write("change line", line_step(""), {"quantity": "3"}, LINE, versioned=True, fragment=True),
    Write("delete line", line_step("/delete"), fragment=True),
    Write("move line", line_step("/move"), {"position": "2"}, fragment=True),
    Write("duplicate line", line_step("/duplicate"), fragment=True),
]
