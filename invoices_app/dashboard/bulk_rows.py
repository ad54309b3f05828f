"""The rows of invoices by the thousand, each as a line in the text form of PostgreSQL's COPY.

Amounts are counted in cents, by one tax rate an invoice, so that they come out as the calculator's do. Everything
follows from an invoice's place among those of its business: the same seeding makes the same invoices.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from invoices_app.db.base import new_id
from invoices_app.invoices import rules

TIME_ZONE = "Europe/Berlin"
DAYS = 1100
"""Three years, the last of them not over."""

TERMS = 30
DRAFTS = 50
"""One of so many of the newest invoices is a draft."""

CLIENT_SHARE = 50
"""As many invoices has each client, more or less."""

TRADES = ("Bakery", "Dental Practice", "Architects", "Joinery", "Print Works", "Logistics", "Bicycles", "Gardens")
TOWNS = ("Aachen", "Bregenz", "Chemnitz", "Dresden", "Erfurt", "Freiburg", "Görlitz", "Halle", "Ingolstadt", "Jena")
WORK = (
    ("Planning and drawings", "h", "HUR", 8800), ("Site visit", "h", "HUR", 7450), ("Delivery", "", "C62", 3900),
    ("Oak board, planed", "m", "MTR", 1995), ("Website care", "month", "MON", 16000),
    ("Proofreading", "h", "HUR", 5425),
    ("Printed guide, 48 pages", "", "C62", 675), ("Photography, half a day", "", "C62", 28000),
    ("Steel bracket", "kg", "KGM", 1240), ("Workshop", "day", "DAY", 92000),
)  # fmt: skip
TAX_RATE = 19
EMPTY = "\\N"

CLIENT_COLUMNS = ("business_id", "id", "name", "email", "city", "postal_code", "country", "currency")
INVOICE_COLUMNS = (
    "business_id", "id", "client_id", "client_name", "status", "series", "period", "seq", "number", "currency",
    "minor_units", "issue_date", "due_date", "reference", "subtotal", "net_total", "tax_total", "total", "paid_total",
    "paid_on", "seller", "buyer", "issued_at", "archived_at", "version",
)  # fmt: skip
LINE_COLUMNS = (
    "business_id", "id", "invoice_id", "position", "description", "quantity", "unit", "unit_code", "unit_price",
    "tax_category", "tax_rate", "line_net",
)  # fmt: skip
TAX_COLUMNS = ("business_id", "invoice_id", "category", "rate", "taxable", "tax")
PAYMENT_COLUMNS = ("business_id", "id", "invoice_id", "amount", "paid_on", "method")
SERIES_COLUMNS = ("business_id", "code", "pattern", "yearly", "is_default")
COUNTER_COLUMNS = ("business_id", "series", "period", "next_seq", "last_issue_date")

_PARTY = (
    "name", "legal_name", "contact_name", "email", "phone", "address_line1", "address_line2", "city", "region",
    "postal_code", "country", "tax_id", "tax_number", "registration_number", "electronic_address",
    "electronic_address_scheme",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class BulkClient:
    """A client: its id, its name, its row, and what its invoices keep of it, as JSON."""

    id: str
    name: str
    row: str
    buyer: str


@dataclass(frozen=True, slots=True)
class BulkInvoice:
    """An invoice: its id, its row and those that belong to it. `payment` is empty when none was made."""

    id: str
    row: str
    lines: Sequence[str]
    tax: str
    payment: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of the invoice at `place` of `total`, when today is `today`: the last ones are the newest."""

    place: int
    total: int
    today: date

    @property
    def day(self) -> date:
        return self.today - timedelta(days=DAYS - 1 - self.place * DAYS // self.total)

    @property
    def is_draft(self) -> bool:
        return self.place % DRAFTS == DRAFTS - 1 and self.age < 2 * TERMS

    @property
    def is_paid(self) -> bool:
        return not self.is_draft and self.age > TERMS // 2 + self.place % TERMS and self.place % 97 != 5

    @property
    def is_archived(self) -> bool:
        return self.is_paid and self.age > DAYS - 60

    @property
    def age(self) -> int:
        return (self.today - self.day).days


@dataclass(slots=True)
class Counters:
    """The numbers that were given, by year."""

    given: dict[int, int] = field(default_factory=dict)
    last: dict[int, date] = field(default_factory=dict)

    def take(self, day: date) -> int:
        """The next place in the year of that day; days come in their order."""
        self.given[day.year] = self.given.get(day.year, 0) + 1
        self.last[day.year] = day
        return self.given[day.year]

    def rows(self, business_id: str) -> Iterator[str]:
        for year, given in self.given.items():
            yield _line(business_id, rules.DEFAULT_SERIES, year, given + 1, self.last[year])


def clients(business_id: str, invoices: int) -> list[BulkClient]:
    """The clients of a business with so many invoices."""
    return [_client(business_id, place) for place in range(max(1, invoices // CLIENT_SHARE))]


def series(business_id: str) -> str:
    """The usual number series."""
    return _line(business_id, rules.DEFAULT_SERIES, rules.DEFAULT_PATTERN, "t", "t")


def invoice(
    business_id: str, seller: str, clients: Sequence[BulkClient], plan: Plan, counters: Counters
) -> BulkInvoice:
    """One invoice of three to five lines with one tax rate, as `plan` says; it takes its number of `counters`."""
    invoice_id, day = str(new_id()), plan.day
    client = clients[plan.place * 7919 % len(clients)]
    lines, subtotal = _lines(business_id, invoice_id, plan.place)
    tax = (subtotal * TAX_RATE + 50) // 100
    total = subtotal + tax
    paid_on: date | str = EMPTY
    if plan.is_paid:
        paid_on = day + timedelta(days=TERMS // 2 + plan.place % TERMS)
    status = "draft" if plan.is_draft else "paid" if plan.is_paid else "sent"
    issue = ("", "", EMPTY, EMPTY) if plan.is_draft else _number(counters, day)
    frozen = (EMPTY, EMPTY, EMPTY) if plan.is_draft else (seller, client.buyer, f"{day} 12:00Z")
    row = _line(
        business_id, invoice_id, client.id, client.name, status, *issue, "EUR", 2, day, day + timedelta(days=TERMS),
        f"PO {plan.place + 4711}" if plan.place % 3 == 0 else "", _money(subtotal), _money(subtotal), _money(tax),
        _money(total), _money(total if plan.is_paid else 0), paid_on, *frozen,
        f"{plan.today} 00:00Z" if plan.is_archived else EMPTY, 1,
    )  # fmt: skip
    taxes = _line(business_id, invoice_id, "S", TAX_RATE, _money(subtotal), _money(tax))
    paid = _line(business_id, new_id(), invoice_id, _money(total), paid_on, "bank_transfer") if plan.is_paid else ""
    return BulkInvoice(invoice_id, row, lines, taxes, paid)


def _client(business_id: str, place: int) -> BulkClient:
    town = TOWNS[place % len(TOWNS)]
    name = f"{town} {TRADES[place // len(TOWNS) % len(TRADES)]} {place + 1}"
    values = {
        "name": name,
        "email": f"books-{place + 1}@client.example",
        "city": town,
        "postal_code": f"{10000 + place}",
    }
    client_id = str(new_id())
    row = _line(business_id, client_id, *values.values(), "DE", "EUR")
    buyer = dict.fromkeys(_PARTY, "") | values | {"country": "DE"}
    return BulkClient(client_id, name, row, json.dumps(buyer, ensure_ascii=False))


def _lines(business_id: str, invoice_id: str, place: int) -> tuple[list[str], int]:
    """Three to five lines, and their sum in cents."""
    rows, subtotal = [], 0
    for position in range(1, 4 + place % 3):
        description, unit, code, price = WORK[(place * 3 + position) % len(WORK)]
        quantity = 1 + (place + position * 5) % 9
        net = quantity * price
        subtotal += net
        rows.append(
            _line(
                business_id, new_id(), invoice_id, position, f"{description}, part {place % 40 + 1}", quantity, unit,
                code, _money(price), "S", TAX_RATE, _money(net),
            )
        )  # fmt: skip
    return rows, subtotal


def _number(counters: Counters, day: date) -> tuple[str, int, int, str]:
    seq = counters.take(day)
    return rules.DEFAULT_SERIES, day.year, seq, rules.format_number(rules.DEFAULT_PATTERN, seq, day)


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _line(*values: object) -> str:
    """A row as COPY reads it; none of the texts here holds a backslash, a tab or the end of a line."""
    return "\t".join(map(str, values)) + "\n"
