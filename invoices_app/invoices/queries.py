"""The invoice list, and small questions about invoices. The document itself is in `document`."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache, partial
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import aliased

from invoices_app.db.keyset import (
    Cautious,
    KeysetPage,
    Order,
    Place,
    Sieve,
    Statement,
    Walk,
    batch,
    fetch_page,
    goes_on,
    walk,
)
from invoices_app.db.search import LOOKED_AT, MOST, SearchKind, is_found, matches, too_many, unless_too_many
from invoices_app.db.tenancy import given_business, in_business, in_given_business
from invoices_app.extensions import db
from invoices_app.invoices import rules
from invoices_app.invoices.figures import Figures, no_counts
from invoices_app.invoices.models import CREDIT_NOTE, Invoice, Shelf

SORTS = {
    "date": Invoice.issue_date,
    "number": Invoice.number_sort,
    "client": Invoice.client_sort,
    "amount": Invoice.amount_sort,
    "due": Invoice.due_date,
}
NEWEST_FIRST = "-date"
DRAFTS_LOOKED_AT = 200

_SHELVES = {
    None: (Shelf.DRAFT, Shelf.SENT, Shelf.PAID),
    "draft": (Shelf.DRAFT,),
    "sent": (Shelf.SENT,),
    "overdue": (Shelf.SENT,),
    "paid": (Shelf.PAID,),
}
_TO_ARCHIVED = Shelf.ARCHIVED_DRAFT - Shelf.DRAFT
_TODAY = bindparam("today", type_=Date)


def _is_credit_note(invoice: Any) -> ColumnElement[bool]:
    """A literal, so that a prepared statement knows the index that holds credit notes alone."""
    return cast("ColumnElement[bool]", invoice.type_code == literal_column(str(CREDIT_NOTE)))


_NOTE = aliased(Invoice)
_IS_CREDITED = exists().where(
    _NOTE.business_id == Invoice.business_id,
    _NOTE.preceding_invoice_id == Invoice.id,
    _is_credit_note(_NOTE),
)
_COLUMNS = (
    "id", "number", "status", "client_id", "client_name", "reference", "issue_date", "due_date", "paid_on", "currency",
    "total", "amount_due", "type_code",
)  # fmt: skip


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
    type_code: int
    archived: bool
    is_credited: bool

    @property
    def is_credit_note(self) -> bool:
        return self.type_code == CREDIT_NOTE

    @property
    def status_word(self) -> str:
        return rules.status_word(self.shown_status, self.type_code, self.amount_due, is_credited=self.is_credited)


@dataclass(frozen=True, slots=True)
class InvoiceFilters:
    """What the list shows: `status` is one of `STATUSES` or None for all; `sort` one of `SORTS`, "-" before it for
    the other direction; `credit_notes` for nothing else."""

    status: str | None = None
    client: uuid.UUID | None = None
    q: str = ""
    archived: bool = False
    sort: str = NEWEST_FIRST
    credit_notes: bool = False


def invoice_page(
    filters: InvoiceFilters, place: Place, today: date, *, many_found: bool | None = None
) -> KeysetPage[InvoiceRow]:
    """The page of invoices at `place`. `many_found`: whether a search finds too many to sort, where that is known."""
    statement = _statement(filters, today, many_found=many_found)
    return fetch_page(statement, _order(filters.sort), place, lambda row: _row(row, today))


def invoice_batches(filters: InvoiceFilters, today: date, size: int) -> Iterator[list[InvoiceRow]]:
    """All that the filters show, in their order, `size` at a time, each batch in a short transaction of its own."""
    order, after = _order(filters.sort), None
    statement = _statement(filters, today, whole=True)
    while rows := batch(statement, order, after, size):
        after = order.keys(rows[-1])
        db.session.rollback()
        yield [_row(row, today) for row in rows]
        if len(rows) < size:
            return


def search_counts(filters: InvoiceFilters, today: date) -> Figures | None:
    """How many of the invoices that a search finds are where; None when they are too many to count while one types."""
    overdue = and_(Invoice.due_date < today, Invoice.amount_due > 0)
    wanted = Invoice.client_id == filters.client if filters.client else true()
    by_place = (
        select(Invoice.shelf, overdue.label("late"), func.count().filter(wanted).label("wanted"))
        .where(in_business(Invoice))
        .group_by(Invoice.shelf, overdue)
    )
    rows = unless_too_many(SearchKind.INVOICE, filters.q, lambda found: by_place.join(found, found.c.id == Invoice.id))
    if rows is None:
        return None
    live, archived = no_counts(), no_counts()
    for shelf, late, count_wanted in rows:
        counts = archived if shelf >= _TO_ARCHIVED else live
        name = Shelf(shelf % _TO_ARCHIVED).name.lower()
        counts["overdue" if late and name == "sent" else name] += count_wanted
        counts["all"] += count_wanted
    return Figures(live, archived, ())


def find(typed: str, today: date, limit: int) -> Sequence[InvoiceRow]:
    """The newest invoices that a search finds, archived ones too."""
    filters = InvoiceFilters(q=typed, archived=True)
    found = batch(_statement(filters, today), _order(filters.sort), None, limit)
    return [_row(row, today) for row in found]


def invoice_rows(statement: Select[Any], values: Mapping[str, Any], today: date) -> Sequence[InvoiceRow]:
    """The rows that a statement of this module selects."""
    return [_row(row, today) for row in db.session.execute(statement, values)]


@cache
def to_do_statement(limit: int) -> Select[Any]:
    """What waits for someone, at most `limit` rows: overdue, to refund, due until `soon`, drafts from before `unsent`.

    Each of the four is read from an index, in the order in which it is shown.
    """
    soon, unsent = (bindparam(name, type_=Date) for name in ("soon", "unsent"))
    sent = _rows(Invoice.due_date.label("sort_key")).where(Invoice.shelf == Shelf.SENT, Invoice.amount_due > 0)
    drafts = _rows(Invoice.issue_date.label("sort_key")).where(Invoice.shelf == Shelf.DRAFT)
    # Drafts of long ago that were made just now, as an import does, are passed over: so many of them, and no more.
    oldest = (
        drafts.add_columns(Invoice.created_at)
        .where(Invoice.issue_date <= unsent)
        .order_by(Invoice.issue_date, Invoice.id)
        .limit(DRAFTS_LOOKED_AT)
        .subquery()
    )
    waiting = select(*[column for column in oldest.c if column.key != "created_at"])
    owed = _rows(Invoice.issue_date.label("sort_key")).where(Invoice.shelf == Shelf.SENT, _is_credit_note(Invoice))
    groups = (
        sent.where(Invoice.due_date < _TODAY).order_by(Invoice.due_date, Invoice.id),
        owed.where(Invoice.amount_due < 0).order_by(Invoice.issue_date, Invoice.id),
        sent.where(Invoice.due_date >= _TODAY, Invoice.due_date <= soon).order_by(Invoice.due_date, Invoice.id),
        waiting.where(func.date(oldest.c.created_at) <= unsent).order_by(oldest.c.sort_key, oldest.c.id),
    )
    parts = [
        group.add_columns(literal_column(str(place)).label("place")).limit(limit) for place, group in enumerate(groups)
    ]
    found = union_all(*parts).subquery()
    return select(found).order_by(found.c.place, found.c.sort_key, found.c.id).limit(limit)


def invoice_row(invoice_id: uuid.UUID, today: date) -> InvoiceRow | None:
    """The row of one invoice, or None when this business has no such invoice."""
    statement = _rows(_order(NEWEST_FIRST).select_key()).where(Invoice.id == invoice_id)
    row = db.session.execute(statement, given_business()).one_or_none()
    return _row(row, today) if row else None


def _order(sort: str) -> Order:
    return Order(SORTS[sort.removeprefix("-")], Invoice.id, descending=sort.startswith("-"))


def _statement(
    filters: InvoiceFilters, today: date, *, many_found: bool | None = None, whole: bool = False
) -> Statement | Cautious:
    """What walks the list of `filters`; `whole` when all of it will be walked, however long that takes."""
    if filters.q and many_found is None:
        many_found = too_many(SearchKind.INVOICE, filters.q)
    values = {**given_business(), "today": today, "client": filters.client, "typed": filters.q, "looked_at": LOOKED_AT}
    shape = _Shape(
        filters.status, filters.client is not None, None, filters.archived, filters.sort, filters.credit_notes
    )

    def statement(search: _Search | None) -> Statement:
        return lambda way: (_walk(shape._replace(search=search), way), values)

    if not filters.q or not many_found:
        return statement(_Search.FEW if filters.q else None)
    if whole:
        return statement(_Search.MANY)
    return Cautious(
        statement(_Search.AMONG_THE_FIRST), lambda way: (_goes_on(shape, way), values), statement(_Search.ALL)
    )


class _Search(enum.Enum):
    FEW = "few are found: sort them"
    AMONG_THE_FIRST = "many are found: walk the list, and soon there is a page of them"
    MANY = "many are found, and all are wanted: walk the list"
    ALL = "many are found, far away: sort them nevertheless"


class _Shape(NamedTuple):
    """What of the filters makes a different statement."""

    status: str | None
    of_client: bool
    search: _Search | None
    archived: bool
    sort: str
    credit_notes: bool


@cache
def _walk(shape: _Shape, way: Walk) -> Select[Any]:
    """The statement of a shape, built once: building takes longer than running it."""
    return walk(_branches(shape), _order(shape.sort), way, _SIEVES.get(shape.search))


@cache
def _goes_on(shape: _Shape, way: Walk) -> Select[Any]:
    """Whether a list of this shape, without its search, has more rows than are looked at."""
    return goes_on(_branches(shape), _order(shape.sort), way, _LOOKED_AT)


_LOOKED_AT = bindparam("looked_at", type_=Integer)
_FOUND = partial(is_found, SearchKind.INVOICE)
_SIEVES: Mapping[_Search | None, Sieve] = {
    _Search.AMONG_THE_FIRST: Sieve(_FOUND, _LOOKED_AT),
    _Search.MANY: Sieve(_FOUND),
}


def _branches(shape: _Shape) -> Sequence[Select[Any]]:
    """One statement a shelf, since each shelf lies in an index in every order: together they are the list."""
    shelves = _SHELVES[shape.status]
    if shape.archived:
        shelves += tuple(Shelf(shelf + _TO_ARCHIVED) for shelf in shelves)
    statement = _rows(_order(shape.sort).select_key())
    if shape.of_client:
        statement = statement.where(Invoice.client_id == bindparam("client", type_=Invoice.client_id.type))
    if shape.credit_notes:
        statement = statement.where(_is_credit_note(Invoice))
    if shape.status == "sent":
        statement = statement.where(or_(Invoice.due_date >= _TODAY, Invoice.amount_due <= 0))
    elif shape.status == "overdue":
        statement = statement.where(Invoice.due_date < _TODAY, Invoice.amount_due > 0)
    if shape.search in {_Search.FEW, _Search.ALL}:
        found = matches(SearchKind.INVOICE, most=MOST if shape.search is _Search.FEW else None)
        return [statement.where(Invoice.id.in_(found), Invoice.shelf.in_(shelves))]
    return [statement.where(Invoice.shelf == shelf) for shelf in shelves]


def _rows(sort_key: Any) -> Select[Any]:
    """The columns of a row. An issued invoice shows the client's name as it was issued."""
    columns: list[Any] = [getattr(Invoice, name) for name in _COLUMNS]
    columns += [Invoice.archived_at.is_not(None).label("archived"), _IS_CREDITED.label("is_credited")]
    return select(*columns, sort_key).where(in_given_business(Invoice))


_NOT_SHOWN = frozenset(["status", "sort_key", "place"])


def _row(row: Any, today: date) -> InvoiceRow:
    columns = row._mapping  # noqa: SLF001  (SQLAlchemy's public name)
    shown = rules.shown_status(row.status, row.due_date, row.amount_due, today)
    return InvoiceRow(shown_status=shown, **{name: columns[name] for name in columns if name not in _NOT_SHOWN})
