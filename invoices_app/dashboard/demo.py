"""A demo business that looks lived in: a design studio, its clients, and fourteen months of invoices.

Everything goes through the same actions as a person's clicks, so the demo holds to every rule of the house.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from flask import current_app
from sqlalchemy import exists, select

from invoices_app import clock
from invoices_app.accounts import actions as account_actions
from invoices_app.accounts import logo_actions
from invoices_app.accounts import queries as account_queries
from invoices_app.accounts.actions import Browser, Registration
from invoices_app.clients import actions as client_actions
from invoices_app.dashboard import demo_logo
from invoices_app.db.tenancy import in_business
from invoices_app.extensions import db
from invoices_app.invoices import actions as invoice_actions
from invoices_app.invoices import status_actions
from invoices_app.invoices.models import Invoice
from invoices_app.results import ActionResult, Invalid, Ok

DEMO_EMAIL = "demo@example.com"
MONTHS = 14
DRAFTS = 4
ARCHIVED = 3

STUDIO: dict[str, Any] = {
    "legal_name": "Harbour Studio Ltd",
    "address_line1": "14 Wharf Street",
    "city": "Bristol",
    "postal_code": "BS1 6XN",
    "country": "GB",
    "email": "accounts@harbourstudio.example",
    "phone": "+44 117 496 0182",
    "tax_id": "GB 123 4567 82",
    "currency": "GBP",
    "default_tax_rate": Decimal(20),
    "account_name": "Harbour Studio Ltd",
    "iban": "GB33BUKB20201555555555",
    "bic": "BUKBGB22",
    "payment_details": "Sort code 20-20-15, account 55555555",
    "invoice_notes": "Thank you for building with us.",
}

# name, address, city, postal code, country, currency, terms in days
CLIENTS = (
    ("Alder & Finch Architects", "2 Orchard Row", "Bath", "BA1 2QH", "GB", "GBP", 30),
    ("Maison Valois", "8 rue des Tanneurs", "Lyon", "69001", "FR", "EUR", 30),
    ("Tidewater Trust", "Custom House, Quay Lane", "Falmouth", "TR11 3JT", "GB", "GBP", 14),
    ("Brindle Bakery", "41 High Street", "Frome", "BA11 1BQ", "GB", "GBP", 14),
    ("Kestrel Outdoor Ltd", "Unit 6, Mill Road", "Kendal", "LA9 6NU", "GB", "GBP", 30),
    ("Quarry Lane Dental", "3 Quarry Lane", "Cheddar", "BS27 3QA", "GB", "GBP", 30),
    ("Söhne & Partner", "Lindenstraße 12", "Köln", "50674", "DE", "EUR", 21),
    ("Northwind Ceramics", "The Old Kiln", "Stoke-on-Trent", "ST1 4LS", "GB", "GBP", 30),
)

# description, unit, unit price, quantities that come up, tax rate
WORK = (
    ("Measured survey", "day", "420.00", ("1.5", "2", "2.5"), "20"),
    ("Planning drawings", "h", "68.00", ("14", "9.5", "22"), "20"),
    ("Printing, A1 sheets", "", "4.20", ("24", "60", "12"), "20"),
    ("Site visit with contractor", "h", "75.00", ("3", "4.5", "2"), "20"),
    ("Identity and signage design", "day", "460.00", ("3", "5", "1"), "20"),
    ("Illustrated guide, printed", "", "6.75", ("150", "80", "200"), "0"),
    ("Website care", "month", "160.00", ("1", "3", "1"), "20"),
    ("Photography, half day", "", "280.00", ("1", "2", "1"), "20"),
)
REFERENCES = (
    "Phase 1",
    "",
    "PO 88213",
    "Phase 2 drawings",
    "",
    "Autumn menu",
    "Website care",
    "",
    "Glaze tests",
)

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Job:
    """One invoice of the demo: the n-th, for which client, on which day."""

    index: int
    client: int
    day: date

    @property
    def is_export(self) -> bool:
        return CLIENTS[self.client][5] != "GBP"

    def lines(self) -> list[dict[str, Any]]:
        lines = []
        for step in range(1 + self.index % 4):
            description, unit, price, quantities, rate = WORK[(self.index * 3 + step * 2) % len(WORK)]
            lines.append(
                {
                    "description": description,
                    "unit": unit,
                    "quantity": Decimal(quantities[(self.index + step) % len(quantities)]),
                    "unit_price": Decimal(price),
                    "tax_rate": Decimal(0 if self.is_export else rate),
                    "discount_percent": Decimal(10 if (self.index + step) % 11 == 5 else 0),
                }
            )
        return lines


def fill(today: date) -> ActionResult[int]:
    """Fill the current business with the demo, when it has no invoices yet; the value is how many were made.

    The business's details are filled in where they are still empty, and its name stays.
    """
    if db.session.execute(select(exists().where(in_business(Invoice)))).scalar_one():
        return Invalid.because("This business has invoices already, so the demo stays out of it.")
    business = account_queries.business()
    details = {name: value for name, value in STUDIO.items() if not getattr(business, name) or name == "currency"}
    bears_logo = business.logo_id is not None
    _value(account_actions.update_business(details, business.version))
    if not bears_logo:
        _value(logo_actions.change_logo(demo_logo.draw()))
    clients = [_add_client(index) for index in range(len(CLIENTS))]
    jobs = list(_jobs(today))
    for job in jobs:
        _make_invoice(job, clients[job.client], today)
    return Ok(len(jobs))


def make_demo_business() -> str:
    """Register the demo's person with a filled business; answers how to sign in, also when it is all there already."""
    password = demo_password()
    registration = Registration("Robin Harbour", DEMO_EMAIL, password, "Harbour Studio", "GBP")
    sign_in = f"Sign in as {DEMO_EMAIL} with the password {password}"
    match account_actions.register(registration, Browser("flask seed", "")):
        case Ok(token):
            account_queries.enter_session(token)
            count = _value(fill(clock.today("Europe/London")))
            return f"The demo business has {count} invoices. {sign_in}"
        case _:
            return f"The demo business is there already. {sign_in}"


def demo_password() -> str:
    """The demo person's password: different in every installation, the same every time it is asked for."""
    digest = hmac.new(str(current_app.secret_key).encode(), b"demo password", hashlib.sha256).hexdigest()
    return f"{digest[:4]}-{digest[4:8]}-{digest[8:12]}-{digest[12:16]}"


def _jobs(today: date) -> Iterator[Job]:
    """Three or four invoices a month, in the order of their dates, the last of them today."""
    index = 0
    first = today - timedelta(days=MONTHS * 30)
    day = first
    while day <= today:
        yield Job(index, (index * 5 + index // 8) % len(CLIENTS), day)
        day += timedelta(days=(7, 11, 5, 9)[index % 4])
        index += 1
    for extra in range(DRAFTS):
        yield Job(index + extra, (index + extra * 3) % len(CLIENTS), today)


def _add_client(index: int) -> uuid.UUID:
    name, address, city, postal_code, country, currency, terms = CLIENTS[index]
    email = f"accounts@{name.split()[0].lower().replace('ö', 'oe')}.example"
    values: dict[str, Any] = {
        "name": name,
        "email": email,
        "address_line1": address,
        "city": city,
        "postal_code": postal_code,
    }
    values |= {"country": country, "currency": currency, "payment_terms_days": terms}
    return _value(client_actions.create_client(values))


def _make_invoice(job: Job, client_id: uuid.UUID, today: date) -> None:
    header = {
        "client_id": client_id,
        "issue_date": job.day,
        "reference": REFERENCES[job.index % len(REFERENCES)],
    }
    invoice_id = _value(invoice_actions.create_invoice(header, job.lines(), today))
    if job.day == today:
        return
    _value(status_actions.issue_invoice(invoice_id, today))
    age = (today - job.day).days
    paid_after = 9 + job.index * 7 % 24
    if paid_after < age and (job.index % 13 != 4 or age > 120):
        paid_on = job.day + timedelta(days=paid_after)
        part = Decimal(100) if job.index % 9 == 2 else None
        _value(status_actions.pay_invoice(invoice_id, paid_on, part, "bank_transfer"))
        if part is not None and age > 60:
            _value(status_actions.pay_invoice(invoice_id, paid_on + timedelta(days=6), None, "card"))
    if job.index < ARCHIVED:
        _value(invoice_actions.archive_invoice(invoice_id))


def _value(result: ActionResult[Value]) -> Value:
    """The value of an action that cannot fail here; RuntimeError when it did, since the demo is at fault then."""
    if not isinstance(result, Ok):
        raise RuntimeError(f"the demo broke a rule of the house: {result}")
    return result.value
