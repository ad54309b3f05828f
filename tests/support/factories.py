"""Clients and invoices, made through the real actions."""

from __future__ import annotations

import io
import uuid
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from PIL import Image

from invoices_app import clock
from invoices_app.accounts import logo_actions, team_actions
from invoices_app.accounts.models import Role
from invoices_app.clients import actions as client_actions
from invoices_app.invoices import actions as invoice_actions
from invoices_app.invoices import status_actions
from invoices_app.invoices.document import Document, document
from invoices_app.invoices.edits import Origin
from invoices_app.results import ActionResult, Ok
from tests.support.people import Person

Value = TypeVar("Value")


def value_of(result: ActionResult[Value]) -> Value:
    """The value of an action that went well."""
    assert isinstance(result, Ok), result
    return result.value


def today() -> date:
    """The date where every business of the tests is."""
    return clock.today("Europe/London")


ORIGIN = Origin(today())
"""Where an edit comes from that no page has sent."""


def line(
    description: str = "Work", quantity: Any = 1, unit_price: Any = 100, tax_rate: Any = 20, **more: Any
) -> dict[str, Any]:
    """The values of a line, numbers given in any form."""
    values: dict[str, Any] = {"description": description, "unit": "", "discount_percent": 0, **more}
    values |= {"quantity": quantity, "unit_price": unit_price, "tax_rate": tax_rate}
    numbers = ("quantity", "unit_price", "tax_rate", "discount_percent")
    return {name: Decimal(str(value)) if name in numbers else value for name, value in values.items()}


def make_client(person: Person, name: str = "A Client", **values: Any) -> uuid.UUID:
    with person.acting():
        return value_of(client_actions.create_client({"name": name, **values}))


def make_invoice(
    person: Person, lines: Sequence[dict[str, Any]] | None = None, client_id: uuid.UUID | None = None, **header: Any
) -> uuid.UUID:
    """A draft with one line of 100.00 at 20 % unless told otherwise."""
    client_id = client_id or make_client(person)
    lines = [line()] if lines is None else list(lines)
    with person.acting():
        return value_of(invoice_actions.create_invoice({"client_id": client_id, **header}, lines, today()))


def make_issued(person: Person, lines: Sequence[dict[str, Any]] | None = None, **header: Any) -> uuid.UUID:
    invoice_id = make_invoice(person, lines, **header)
    issue(person, invoice_id)
    return invoice_id


def issue(person: Person, invoice_id: uuid.UUID) -> str:
    """Issue it; answers its number."""
    with person.acting():
        return value_of(status_actions.issue_invoice(invoice_id, today()))


def pay(person: Person, invoice_id: uuid.UUID, amount: Any = None) -> None:
    with person.acting():
        whole = None if amount is None else Decimal(str(amount))
        value_of(status_actions.pay_invoice(invoice_id, today(), whole, "cash"))


def archive(person: Person, invoice_id: uuid.UUID) -> None:
    with person.acting():
        value_of(invoice_actions.archive_invoice(invoice_id))


def read(person: Person, invoice_id: uuid.UUID) -> Document:
    """The document as this person sees it."""
    with person.acting():
        found = document(invoice_id, today())
        assert found is not None
        return found


def picture(kind: str = "PNG", size: tuple[int, int] = (300, 90), colour: Any = "teal", **options: Any) -> bytes:
    """A file with a picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind, **options)
    return buffer.getvalue()


def make_logo(person: Person, colour: Any = "teal") -> uuid.UUID:
    """Give the person's business a logo; answers its id."""
    with person.acting():
        return value_of(logo_actions.change_logo(picture(colour=colour)))


def make_invitation(person: Person, email: str, role: Role = Role.MEMBER) -> str:
    """Invite `email` into the person's business; answers the token that the mail leads to."""
    tokens: list[str] = []

    def link_of(token: str) -> str:
        tokens.append(token)
        return f"https://example.com/invitations/{token}"

    with person.acting():
        assert isinstance(team_actions.invite(email, role, link_of), Ok)
    return tokens[0]
