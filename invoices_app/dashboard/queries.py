"""The figures of the dashboard, per currency and never added across."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import and_, func, select

from invoices_app.db.tenancy import in_business
from invoices_app.extensions import db
from invoices_app.invoices.models import Invoice
from invoices_app.money import ZERO


@dataclass(frozen=True, slots=True)
class Figures:
    """What stands in one currency: what is owed, how much of it late, what came in this month, what is in drafts."""

    currency: str
    outstanding: Decimal
    overdue: Decimal
    paid_this_month: Decimal
    draft_count: int
    drafts_total: Decimal


def figures(today: date) -> Sequence[Figures]:
    """One row a currency in use, the currency with the most open money first."""
    sent, draft, paid = (Invoice.status == status for status in ("sent", "draft", "paid"))
    late = and_(sent, Invoice.due_date < today, Invoice.amount_due > 0)
    outstanding = func.coalesce(func.sum(Invoice.amount_due).filter(sent), ZERO).label("outstanding")
    statement = (
        select(
            Invoice.currency,
            outstanding,
            func.coalesce(func.sum(Invoice.amount_due).filter(late), ZERO),
            func.coalesce(func.sum(Invoice.total).filter(paid, Invoice.paid_on >= today.replace(day=1)), ZERO),
            func.count().filter(draft),
            func.coalesce(func.sum(Invoice.total).filter(draft), ZERO),
        )
        .where(in_business(Invoice), Invoice.archived_at.is_(None))
        .group_by(Invoice.currency)
        .order_by(outstanding.desc(), Invoice.currency)
    )
    return [Figures(*row) for row in db.session.execute(statement)]
