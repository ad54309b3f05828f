"""Copies of invoices as new drafts, inside a running transaction."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.db.tenancy import in_business
from invoices_app.invoices import drafts, rules
from invoices_app.invoices.models import CREDIT_NOTE, Invoice, LineItem
from invoices_app.invoices.steps import Reason

NO_COPY = Reason(
    "A credit note cannot be duplicated: duplicate the invoice that it credits.", "Credit notes cannot be duplicated"
)

_COPIED = (
    "business_id", "client_id", "currency", "minor_units", "reference", "notes", "discount_percent", "due_by_hand",
    "wanted_series",
)  # fmt: skip
_COPIED_OF_LINE = ("description", "quantity", "unit", "unit_price", "tax_rate", "discount_percent", "item_number")


def why_not_duplicate(invoice: Invoice) -> Reason | None:
    """What stands against a copy of this invoice."""
    return NO_COPY if invoice.type_code == CREDIT_NOTE else None


def duplicate(session: Session, sources: Mapping[uuid.UUID, Invoice], today: date) -> Sequence[Invoice]:
    """Make new drafts, dated today, with the same client, header and lines; `sources` by the ids of their copies."""
    lines = defaultdict(list)
    of_sources = LineItem.invoice_id.in_({source.id for source in sources.values()})
    for line in session.execute(select(LineItem).where(in_business(LineItem), of_sources)).scalars():
        lines[line.invoice_id].append(line)
    copies = [_copy(copy_id, source, today) for copy_id, source in sources.items()]
    drafts.add_with_lines(
        session, [(copy, [_twin(copy, line) for line in lines[sources[copy.id].id]]) for copy in copies]
    )
    for copy in copies:
        audit.record(session, "invoice.duplicated", "invoice", copy.id, {"from": sources[copy.id].id})
    return copies


def _copy(copy_id: uuid.UUID, source: Invoice, today: date) -> Invoice:
    copy = Invoice(id=copy_id, issue_date=today, **{name: getattr(source, name) for name in _COPIED})
    copy.due_date = rules.due_date(today, (source.due_date - source.issue_date).days)
    return copy


def _twin(copy: Invoice, line: LineItem) -> LineItem:
    values = {name: getattr(line, name) for name in _COPIED_OF_LINE}
    return drafts.new_line(copy, line.position, values, line.tax_rate)
