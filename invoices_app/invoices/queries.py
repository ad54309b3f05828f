"""The invoice list, and small questions about invoices. The document itself is in `document`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, tuple_
from sqlalchemy.orm import aliased

from invoices_app.clients.models import Client
from invoices_app.db.keyset import KeysetPage, fetch_page
from invoices_app.db.tenancy import in_business
from invoices_app.extensions import db
from invoices_app.invoices import rules
from invoices_app.invoices.models import Invoice, InvoiceStatus, NumberCounter, NumberSeries

STATUSES = ("draft", "sent", "overdue", "paid")


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """An invoice in a list; amounts in `currency`."""

    id: uuid.UUID
    number: str | None
    shown_status: str
    client_id: uuid.UUID
    client_name: str
    reference: str
    issue_date: date
    due_date: date
    paid_on: date | None
    currency: str
    total: Decimal
    amount_due: Decimal
    archived: bool


@dataclass(frozen=True, slots=True)
class InvoiceFilters:
    """What the list shows; `status` is one of `STATUSES` or None for all of them."""

    status: str | None = None
    client: uuid.UUID | None = None
    q: str = ""
    archived: bool = False


def invoice_page(filters: InvoiceFilters, after: tuple[str, ...] | None, today: date) -> KeysetPage[InvoiceRow]:
    """A page of invoices, newest first, behind the sort keys `after` (issue date, id)."""
    statement = _filtered(_rows(), filters, today).order_by(Invoice.issue_date.desc(), Invoice.id.desc())
    if after is not None:
        keys = (date.fromisoformat(after[0]), uuid.UUID(after[1]))
        statement = statement.where(tuple_(Invoice.issue_date, Invoice.id) < keys)
    return fetch_page(statement, lambda row: _row(row, today), lambda row: (row.issue_date.isoformat(), str(row.id)))


def due_now(today: date, limit: int) -> Sequence[InvoiceRow]:
    """The open invoices that are due soonest, overdue ones first."""
    statement = _rows().where(Invoice.status == InvoiceStatus.SENT, Invoice.archived_at.is_(None))
    found = db.session.execute(statement.order_by(Invoice.due_date, Invoice.id).limit(limit))
    return [_row(row, today) for row in found]


def recent(today: date, limit: int) -> Sequence[InvoiceRow]:
    """The newest invoices."""
    statement = _filtered(_rows(), InvoiceFilters(), today)
    found = db.session.execute(statement.order_by(Invoice.issue_date.desc(), Invoice.id.desc()).limit(limit))
    return [_row(row, today) for row in found]


def next_number(issue_date: date) -> str:
    """The number that a draft of this date would get if it were issued now: a hint, never a promise."""
    series = aliased(NumberSeries)
    row = db.session.execute(
        select(series.pattern, series.yearly).where(in_business(series), series.code == rules.DEFAULT_SERIES)
    ).one_or_none()
    pattern, yearly = row or (rules.DEFAULT_PATTERN, True)
    next_seq = db.session.execute(
        select(NumberCounter.next_seq).where(
            in_business(NumberCounter),
            NumberCounter.series == rules.DEFAULT_SERIES,
            NumberCounter.period == rules.number_period(issue_date, yearly=yearly),
        )
    ).scalar_one_or_none()
    return rules.format_number(pattern, next_seq or 1, issue_date)


def _rows() -> Select[Any]:
    """The columns of a row. An issued invoice shows the client's name as it was issued."""
    return (
        select(
            Invoice.id,
            Invoice.number,
            Invoice.status,
            Invoice.client_id,
            func.coalesce(Invoice.buyer["name"].astext, Client.name).label("client_name"),
            Invoice.reference,
            Invoice.issue_date,
            Invoice.due_date,
            Invoice.paid_on,
            Invoice.currency,
            Invoice.total,
            Invoice.amount_due,
            Invoice.archived_at.is_not(None).label("archived"),
        )
        .join(Client, and_(Client.business_id == Invoice.business_id, Client.id == Invoice.client_id))
        .where(in_business(Invoice))
    )


def _filtered(statement: Select[Any], filters: InvoiceFilters, today: date) -> Select[Any]:
    if not filters.archived:
        statement = statement.where(Invoice.archived_at.is_(None))
    if filters.client is not None:
        statement = statement.where(Invoice.client_id == filters.client)
    match filters.status:
        case "draft" | "paid":
            statement = statement.where(Invoice.status == filters.status)
        case "sent":
            statement = statement.where(
                Invoice.status == "sent", or_(Invoice.due_date >= today, Invoice.amount_due <= 0)
            )
        case "overdue":
            statement = statement.where(Invoice.status == "sent", Invoice.due_date < today, Invoice.amount_due > 0)
    if filters.q:
        searched = (Invoice.number, Invoice.reference, Client.name)
        wanted = filters.q.lower()
        statement = statement.where(or_(*(func.lower(column).contains(wanted, autoescape=True) for column in searched)))
    return statement


def _row(row: Any, today: date) -> InvoiceRow:
    columns = row._mapping  # noqa: SLF001  (SQLAlchemy's public name)
    shown = rules.shown_status(row.status, row.due_date, row.amount_due, today)
    return InvoiceRow(shown_status=shown, **{name: columns[name] for name in columns if name != "status"})
