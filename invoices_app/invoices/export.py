"""Invoices as rows of a file: one a line item, with the invoice's own fields in each of them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from invoices_app.db.tenancy import in_business
from invoices_app.extensions import db
from invoices_app.invoices.models import Invoice, LineItem
from invoices_app.invoices.queries import InvoiceFilters, invoice_batches

WALKED_AT_ONCE = 2500
"""Each time that the walk goes on, a search is done again."""

INVOICES_AT_ONCE = 250
LINES_AT_ONCE = 2000

_OF_INVOICE = (
    "id", "number", "status", "type_code", "client_id", "client_name", "reference", "purchase_order", "issue_date",
    "due_date", "delivery_date", "currency", "discount_percent", "subtotal", "discount_amount", "net_total",
    "tax_total", "total", "paid_total", "amount_due", "paid_on", "notes", "internal_notes",
)  # fmt: skip
_OF_LINE = (
    "position", "description", "item_number", "quantity", "unit", "unit_price", "discount_percent", "tax_category",
    "tax_rate", "exemption_reason", "line_net",
)  # fmt: skip
_MONEY = frozenset(
    ["subtotal", "discount_amount", "net_total", "tax_total", "total", "paid_total", "amount_due", "line_net"]
)
HEADER = (
    *("invoice_id" if name == "id" else name for name in _OF_INVOICE),
    "archived",
    *(f"line_{name.removeprefix('line_')}" for name in _OF_LINE),
)

Row = list[Any]


def export_batches(filters: InvoiceFilters, today: date) -> Iterator[Sequence[Row]]:
    """All that the filters show, in their order; an invoice without lines is one row.

    A batch is as many invoices as have some thousand lines together, read in one short transaction of its own: few
    statements, little memory however long the invoices are, and nothing held while a slow browser takes its time.
    """
    for walked in invoice_batches(filters, today, WALKED_AT_ONCE):
        for start in range(0, len(walked), INVOICES_AT_ONCE):
            for ids in _portions([row.id for row in walked[start : start + INVOICES_AT_ONCE]]):
                yield _read(ids)


def _portions(ids: Sequence[uuid.UUID]) -> Sequence[Sequence[uuid.UUID]]:
    """These invoices in their order, cut where `LINES_AT_ONCE` would be exceeded."""
    count = select(LineItem.invoice_id, func.count()).where(in_business(LineItem), LineItem.invoice_id.in_(ids))
    counts = {row[0]: row[1] for row in db.session.execute(count.group_by(LineItem.invoice_id))}
    db.session.rollback()
    portions: list[list[uuid.UUID]] = [[]]
    lines = 0
    for key in ids:
        lines += counts.get(key, 0)
        if lines > LINES_AT_ONCE and portions[-1]:
            portions.append([])
            lines = counts.get(key, 0)
        portions[-1].append(key)
    return portions


def _read(ids: Sequence[uuid.UUID]) -> Sequence[Row]:
    """The rows of these invoices, their totals and lines as they were at the same moment."""
    db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    invoices = {row.id: row for row in db.session.execute(_select_invoices(ids))}
    lines = defaultdict(list)
    for line in db.session.execute(_select_lines(ids)):
        lines[line.invoice_id].append(line)
    db.session.rollback()
    return [row for key in ids if key in invoices for row in _rows(invoices[key], lines[key])]


def _rows(invoice: Any, lines: Sequence[Any]) -> Iterator[Row]:
    digits = invoice.minor_units
    of_invoice = [*_values(invoice, _OF_INVOICE, digits), invoice.archived_at is not None]
    if not lines:
        yield [*of_invoice, *[None] * len(_OF_LINE)]
    for line in lines:
        yield of_invoice + _values(line, _OF_LINE, digits)


def _values(row: Any, names: Sequence[str], digits: int) -> Row:
    """The first columns of a row: amounts with the decimals of their currency, other numbers without idle zeros."""
    return [
        value if type(value) is not Decimal else round(value, digits) if name in _MONEY else _plain(value)
        for name, value in zip(names, row, strict=False)
    ]


def _plain(value: Decimal) -> Decimal:
    return Decimal(f"{value.normalize():f}")


def _select_invoices(ids: Sequence[uuid.UUID]) -> Any:
    columns = [getattr(Invoice, name) for name in (*_OF_INVOICE, "minor_units", "archived_at")]
    return select(*columns).where(in_business(Invoice), Invoice.id.in_(ids))


def _select_lines(ids: Sequence[uuid.UUID]) -> Any:
    columns = [getattr(LineItem, name) for name in (*_OF_LINE, "invoice_id")]
    statement = select(*columns).where(in_business(LineItem), LineItem.invoice_id.in_(ids))
    return statement.order_by(LineItem.invoice_id, LineItem.position)
