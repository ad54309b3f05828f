"""The edit that people make all day, that of one line of a draft, in as few round trips as it can be.

The draft's lock travels ahead of the one statement that reads it, with the line and all that the answer shows. What
is written goes by one: the line, the tax groups that changed, the figures, what undoes the edit, and its audit event.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from typing import Any
from typing import cast as cast_type

from sqlalchemy import (
    ARRAY,
    CTE,
    BindParameter,
    Column,
    ColumnElement,
    Select,
    Table,
    TableValuedAlias,
    Text,
    Update,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session, load_only

from invoices_app.accounts import audit
from invoices_app.accounts.models import AuditEvent
from invoices_app.db.connections import send_ahead
from invoices_app.db.tenancy import given_business, in_given_business
from invoices_app.invoices import document_rows, drafts, edits
from invoices_app.invoices.document import Sheet, of_row
from invoices_app.invoices.document_rows import DocumentLine, DocumentRow
from invoices_app.invoices.edits import Edit, Origin
from invoices_app.invoices.models import DraftEdit, Invoice, InvoiceTax, LineItem
from invoices_app.money import ZERO

_LOCK = "SELECT FROM invoices WHERE business_id = %(business_id)s AND id = %(invoice)s FOR UPDATE"
FIELDS = (
    "description", "quantity", "unit", "unit_code", "unit_price", "discount_percent", "tax_category", "tax_rate",
    "line_net",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A line, and its draft as it is stored, without lines: `others` are the nets of the other ones.

    Those are by tax category and rate. `revision` is the draft's before the edit.
    """

    line: LineItem
    row: DocumentRow
    others: Mapping[drafts.Group, Decimal]
    revision: int


def read(session: Session, invoice_id: uuid.UUID, line_id: uuid.UUID) -> tuple[Invoice | None, Surroundings | None]:
    """The invoice, locked until the end of the transaction, with what an edit needs of it; and its line.

    None for each that there is not. The line is no part of the session any more.
    """
    ids = {**given_business(), "invoice": invoice_id, "ids": [invoice_id], "line": line_id}
    send_ahead(session, _LOCK, ids)
    found = session.execute(_reading(), ids).one_or_none()
    if found is None:
        return None, None
    *of_document, line, others = found
    row = document_rows.row_of(of_document)
    if line is None:
        return row.invoice, None
    session.expunge(line)
    nets = {(category, Decimal(rate)): Decimal(net) for category, rate, net in others or ()}
    return row.invoice, Surroundings(line, row, nets, row.invoice.revision)


def write(session: Session, origin: Origin, around: Surroundings, edit: Edit) -> Surroundings:
    """Write the line as it is by now, and all that follows; answers both as they are then. Raises AmountTooLargeError.

    The invoice leaves the session, so that what is read next is read anew.
    """
    line, invoice = around.line, around.row.invoice
    group = (line.tax_category, line.tax_rate)
    nets = {**around.others, group: around.others.get(group, ZERO) + line.line_net}
    session.expunge(invoice)
    totals = drafts.figures(invoice, nets)
    invoice.amount_due = totals.total - invoice.paid_total
    stored, wanted = drafts.by_group(around.row.taxes), drafts.by_group(totals.taxes)
    changed = [(*key, *amounts) for key, amounts in wanted.items() if stored.get(key) != amounts]
    gone = list(stored.keys() - wanted.keys())
    invoice.revision += 1
    event = audit.entry(session, edit.action, "invoice", invoice.id, edit.changes)
    values = {
        "business": invoice.business_id,
        "invoice": invoice.id,
        "line": line.id,
        **_named("line", {name: getattr(line, name) for name in FIELDS}),
        **_named("invoice", {name: getattr(totals, name) for name in drafts.FIGURES}),
        **_named("changed", _columns(_GROUP, changed)),
        **_named("gone", _columns(_GROUP[:2], gone)),
        **_named("edit", edits.entry(session, invoice, origin, edit)),
        **_named("event", event),
    }
    session.execute(_writing(taxes=bool(changed), gone=bool(gone)), values)
    line.version += 1
    return replace(around, row=replace(around.row, taxes=totals.taxes))


def follow(session: Session, origin: Origin, around: Surroundings) -> Sheet:
    """What a page needs to show the draft as it is now; only when others have edited it since, it is read again."""
    line, row = around.line, around.row
    if origin.seen is not None and origin.seen < around.revision:
        return edits.follow(session, row.invoice, origin, [line.id])
    shown = DocumentLine(*(getattr(line, name) for name in DocumentLine.__dataclass_fields__))
    return Sheet(of_row(replace(row, lines=[shown]), origin.today), {}, (), whole=False, header=False)


def _named(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of one part of the statement."""
    return {f"{prefix}_{name}": value for name, value in values.items()}


def _columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Rows as an array for each of their columns; nothing when there are none."""
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)} if rows else {}


@cache
def _reading() -> Select[Any]:
    """Built once, since building takes longer than running."""
    line_id, invoice_id = bindparam("line", type_=LineItem.id.type), bindparam("invoice", type_=LineItem.id.type)
    sums = (
        select(LineItem.tax_category, LineItem.tax_rate, func.sum(LineItem.line_net).label("net"))
        .where(in_given_business(LineItem), LineItem.invoice_id == invoice_id, LineItem.id != line_id)
        .group_by(LineItem.tax_category, LineItem.tax_rate)
        .subquery()
    )
    others = func.json_agg(
        func.json_build_array(sums.c.tax_category, cast(sums.c.tax_rate, Text), cast(sums.c.net, Text))
    )
    its_line = and_(in_given_business(LineItem), LineItem.invoice_id == invoice_id, LineItem.id == line_id)
    document = document_rows.statement("no")
    wanted = load_only(LineItem.position, LineItem.version, *(getattr(LineItem, name) for name in FIELDS))
    return (
        document.add_columns(LineItem, select(others).scalar_subquery()).outerjoin(LineItem, its_line).options(wanted)
    )


_GROUP = ("category", "rate", "taxable", "tax")
_LINES, _EDITS, _EVENTS, _INVOICES, _TAXES = (
    cast_type("Table", model.__table__) for model in (LineItem, DraftEdit, AuditEvent, Invoice, InvoiceTax)
)


@cache
def _writing(*, taxes: bool, gone: bool) -> Update:
    """One statement for all of it; tax groups stand in it only when some have changed, or are no longer there."""
    line = update(_LINES).where(*_own(_LINES, "id", "line"), _LINES.c.invoice_id == _given("invoice", _LINES.c.id))
    parts = [
        line.values({**_columns_given(_LINES, "line", FIELDS), "version": _LINES.c.version + 1}).cte("line"),
        insert(_EDITS).values(_columns_given(_EDITS, "edit", edits.COLUMNS)).cte("edit"),
        insert(_EVENTS).values(_columns_given(_EVENTS, "event", audit.COLUMNS)).cte("event"),
        *([_changed_taxes()] if taxes else []),
        *([_gone_taxes()] if gone else []),
    ]
    counted = {"revision": _given("edit_revision", _INVOICES.c.revision), "updated_at": func.now()}
    invoice = update(_INVOICES).where(*_own(_INVOICES, "id", "invoice"))
    return invoice.values({**_columns_given(_INVOICES, "invoice", drafts.FIGURES), **counted}).add_cte(*parts)


def _changed_taxes() -> CTE:
    key = ["business_id", "invoice_id", *_GROUP[:2]]
    ids = [_given("business", _TAXES.c.business_id), _given("invoice", _TAXES.c.invoice_id)]
    rows = select(*ids, _rows_given("changed", _GROUP))
    statement = postgresql.insert(_TAXES).from_select([*key[:2], *_GROUP], rows)
    new = {name: statement.excluded[name] for name in _GROUP[2:]}
    return statement.on_conflict_do_update(index_elements=key, set_=new).cte("taxes")


def _gone_taxes() -> CTE:
    group = tuple_(_TAXES.c.category, _TAXES.c.rate)
    gone = group.in_(select(_rows_given("gone", _GROUP[:2])))
    return delete(_TAXES).where(*_own(_TAXES, "invoice_id", "invoice"), gone).cte("gone")


def _own(table: Table, key: str, given: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The rows of the current business whose `key` is the id that is given by that name."""
    business_id = table.c.business_id
    return business_id == _given("business", business_id), table.c[key] == _given(given, table.c[key])


def _given(name: str, column: Column[Any]) -> BindParameter[Any]:
    return bindparam(name, type_=column.type)


def _columns_given(table: Table, prefix: str, names: Sequence[str]) -> dict[str, BindParameter[Any]]:
    return {name: _given(f"{prefix}_{name}", table.c[name]) for name in names}


def _rows_given(prefix: str, names: Sequence[str]) -> TableValuedAlias:
    """Rows of tax groups, given as an array for each column."""
    arrays = (bindparam(f"{prefix}_{name}", type_=ARRAY(_TAXES.c[name].type)) for name in names)
    return func.unnest(*arrays).table_valued(*names).render_derived()
