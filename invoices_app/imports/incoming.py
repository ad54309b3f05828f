"""Invoices come in: as drafts first, with lines, tax groups and payments, then all of a portion as what they are.

Nothing is written into an issued invoice, so its parts come before it is one. As long as it is `incoming` the database
leaves it out of search and figures; at the end it counts it, makes its words and recomputes its sums, once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Table, text, update
from sqlalchemy.orm import Session

from invoices_app.db.many import Columns, given, insert_many, packed
from invoices_app.db.tenancy import current_scope, in_business
from invoices_app.invoices.models import Invoice, InvoiceTax, LineItem, Payment

ARRIVED = (
    "id", "status", "series", "period", "seq", "number", "seller", "buyer", "issued_at", "paid_total", "paid_on",
)  # fmt: skip
"""What an invoice gets when its parts are there; the first is its key."""

_COUNT = "SELECT count_what_grew()"
_CHECKED_NOW = (
    _COUNT,
    "SET CONSTRAINTS totals_add_up IMMEDIATE",
    "SET CONSTRAINTS totals_add_up DEFERRED",
)


def prepare(session: Session) -> None:
    """Let the rest of the transaction write many rows.

    Plans that this connection made while tables were small are forgotten, and none goes through a whole table.
    """
    session.execute(text("SET LOCAL enable_seqscan = off"))
    session.execute(text("DISCARD PLANS"))


def insert(session: Session, drafts: Columns, lines: Columns, taxes: Columns, payments: Columns) -> None:
    """Write a portion of invoices, all as drafts, with their parts.

    Autovacuum may have told the planner since the last portion that tables are empty, as far as it could see.
    """
    session.execute(text(_COUNT))
    business = {"business_id": current_scope(session).business_id}
    insert_many(session, Invoice, drafts, {**business, "incoming": True})
    insert_many(session, LineItem, lines, business)
    insert_many(session, InvoiceTax, taxes, business)
    insert_many(session, Payment, payments, business)


def arrive(session: Session, arrived: Mapping[str, list[Any]]) -> None:
    """Let a portion be what it is; `arrived` has the columns of ARRIVED, the parties as mappings or JSON."""
    columns = {**arrived, "seller": _as_json(arrived["seller"]), "buyer": _as_json(arrived["buyer"])}
    rows = given(Invoice, ARRIVED)
    values = {name: rows.c[name] for name in ARRIVED[1:]}
    table = cast("Table", Invoice.__table__)
    statement = update(table).values(**values, incoming=False).where(in_business(Invoice), table.c.id == rows.c.id)
    session.execute(statement, packed(columns))


def check(session: Session) -> None:
    """Let the database recompute what was written so far, and not all of it at commit, when others wait for it.

    What has grown is counted before, for the planner, which knows nothing of a transaction that is still under way.
    """
    for statement in _CHECKED_NOW:
        session.execute(text(statement))


def _as_json(parties: list[Any]) -> list[str | None]:
    return [json.dumps(one, ensure_ascii=False) if isinstance(one, Mapping) else one for one in parties]
