"""The last thing that issuing does: numbers, what is frozen with them, and the audit events, by one statement.

The counter is locked by then, and everyone who issues in that series waits for it. So nothing goes to and fro between
the counter and the commit but this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, cast

from sqlalchemy import ARRAY, CTE, Table, Update, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from invoices_app.accounts import audit
from invoices_app.accounts.models import AuditEvent
from invoices_app.invoices.models import DraftEdit, Invoice, InvoiceStatus

FROZEN = ("series", "period", "seq", "number", "buyer", "status", "paid_on")
"""What is written of each invoice; the seller and the time are the same for all."""

_INVOICES, _EVENTS, _EDITS = (cast("Table", model.__table__) for model in (Invoice, AuditEvent, DraftEdit))
_OF_EVENT = tuple(name for name in audit.COLUMNS if name not in {"business_id", "entity_id"})


@dataclass(frozen=True, slots=True)
class Numbered:
    """What a draft becomes: its number and place in its series, its buyer as it is now, and its status."""

    invoice: Invoice
    series: str
    period: str
    seq: int
    number: str
    buyer: dict[str, Any]
    status: InvoiceStatus
    paid_on: date | None


def write(session: Session, numbered: Sequence[Numbered], seller: dict[str, Any]) -> None:
    """Issue these drafts of the current business, with their audit events; nothing that undoes an edit is left."""
    events = [
        audit.entry(session, "invoice.issued", "invoice", one.invoice.id, told)
        for one in numbered
        for told in ({"number": one.number, "total": one.invoice.total},)
    ]
    values = {
        "business": numbered[0].invoice.business_id,
        "frozen_seller": seller,
        "given_id": [one.invoice.id for one in numbered],
        **{f"given_{name}": [getattr(one, name) for one in numbered] for name in FROZEN},
        **{f"given_event_{name}": [event[name] for event in events] for name in _OF_EVENT},
    }
    session.execute(_statement(), values)
    for one in numbered:
        for name in FROZEN:
            set_committed_value(one.invoice, name, getattr(one, name))
        set_committed_value(one.invoice, "seller", seller)
        set_committed_value(one.invoice, "version", one.invoice.version + 1)


@cache
def _statement() -> Update:
    """Built once. Each row comes as one place of every array."""
    business, given = bindparam("business", type_=_INVOICES.c.business_id.type), _given()
    of_event = [given.c[f"event_{name}"] for name in _OF_EVENT]
    events = insert(_EVENTS).from_select(
        ["business_id", "entity_id", *_OF_EVENT], select(business, given.c.id, *of_event), include_defaults=False
    )
    gone = delete(_EDITS).where(_EDITS.c.business_id == business, _EDITS.c.invoice_id.in_(select(given.c.id)))
    issued = {
        **{name: given.c[name] for name in FROZEN},
        "seller": bindparam("frozen_seller", type_=_INVOICES.c.seller.type),
        "version": _INVOICES.c.version + 1,
        "issued_at": func.now(),
        "updated_at": func.now(),
    }
    own = (_INVOICES.c.business_id == business, _INVOICES.c.id == given.c.id)
    return update(_INVOICES).where(*own).values(issued).add_cte(events.cte("events"), gone.cte("gone"))


def _given() -> CTE:
    """The rows, each made of the places of all arrays: an invoice with its audit event."""
    columns = {
        "id": _INVOICES.c.id,
        **{name: _INVOICES.c[name] for name in FROZEN},
        **{f"event_{name}": _EVENTS.c[name] for name in _OF_EVENT},
    }
    arrays = (bindparam(f"given_{name}", type_=ARRAY(column.type)) for name, column in columns.items())
    return select(func.unnest(*arrays).table_valued(*columns).render_derived()).cte("given")
