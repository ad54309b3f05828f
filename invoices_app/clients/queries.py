"""What pages ask about clients: one round trip each, only the columns that they show."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    Text,
    Uuid,
    any_,
    bindparam,
    cast,
    column,
    false,
    func,
    literal,
    select,
    table,
    union,
    union_all,
)

from invoices_app.clients.models import NAME_SORT_LENGTH, Client
from invoices_app.db.figures import BusinessFigure, Figure
from invoices_app.db.keyset import KeysetPage, Order, Place, Sieve, Statement, Walk, batch, fetch_page, walk
from invoices_app.db.search import TYPED, SearchKind, is_found, matches, too_many, unless_too_many
from invoices_app.db.tenancy import given_business, in_business, in_given_business
from invoices_app.extensions import db

OPTIONS_LIMIT = 10_000
CHOICES = 8
LATELY = 100
"""So many clients count as used lately: those of the last invoices, then those added last."""

_LAST_BILLED, _LAST_ADDED = 200, LATELY
_LAST_CHARACTER = chr(0x10FFFF)
# The feature of invoices lies above this one, so that its table is named here and not imported.
_INVOICES = table("invoices", column("business_id", Uuid()), column("id", Uuid()), column("client_id", Uuid()))


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client in a list."""

    id: uuid.UUID
    name: str
    email: str
    city: str
    country: str
    currency: str
    archived: bool


@dataclass(frozen=True, slots=True)
class ClientFilters:
    """What the list shows: what a search for `q` finds, archived clients as well or not."""

    q: str = ""
    archived: bool = False


@dataclass(frozen=True, slots=True)
class ClientCounts:
    live: int
    archived: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A client that can be chosen; `is_exact` when it has the very name that was typed, but for case and accents."""

    id: uuid.UUID
    name: str
    email: str
    city: str
    is_exact: bool = False


_ORDER = Order(Client.name_sort, Client.id)


def client_page(filters: ClientFilters, place: Place, *, many_found: bool | None = None) -> KeysetPage[ClientRow]:
    """The page of clients, by name, at `place`. `many_found`: as in `invoices.queries.invoice_page`."""
    return fetch_page(_statement(filters, many_found=many_found), _ORDER, place, lambda row: ClientRow(*row[:-1]))


def client_batches(filters: ClientFilters, size: int) -> Iterator[Sequence[Client]]:
    """All clients that the filters show, whole, `size` at a time, each batch in a short transaction of its own."""
    after, statement = None, _statement(filters)
    while rows := batch(statement, _ORDER, after, size):
        after = _ORDER.keys(rows[-1])
        whole = select(Client).where(in_business(Client), Client.id.in_([row.id for row in rows]))
        by_id = {client.id: client for client in db.session.execute(whole).scalars()}
        db.session.expunge_all()
        db.session.rollback()
        yield [by_id[row.id] for row in rows if row.id in by_id]


def counts(filters: ClientFilters) -> ClientCounts | None:
    """How many clients the filters find; None when a search finds too many to count while one types."""
    if not filters.q:
        kept = select(BusinessFigure.archived, func.sum(BusinessFigure.tally)).where(
            in_business(BusinessFigure), BusinessFigure.client_id.is_(None), BusinessFigure.figure == Figure.CLIENT
        )
        found = {hidden: int(tally) for hidden, tally in db.session.execute(kept.group_by(BusinessFigure.archived))}
    else:
        those = select(Client.archived, func.count().label("n")).where(in_business(Client)).group_by(Client.archived)
        rows = unless_too_many(SearchKind.CLIENT, filters.q, lambda ids: those.join(ids, ids.c.id == Client.id))
        if rows is None:
            return None
        found = dict(rows)
    return ClientCounts(found.get(False, 0), found.get(True, 0))


def find(typed: str, limit: int) -> Sequence[ClientRow]:
    """The first clients, by name, that a search finds."""
    return [ClientRow(*row[:-1]) for row in batch(_statement(ClientFilters(q=typed)), _ORDER, None, limit)]


def _statement(filters: ClientFilters, *, many_found: bool | None = None) -> Statement:
    """What walks the list of `filters`."""
    if filters.q and many_found is None:
        many_found = too_many(SearchKind.CLIENT, filters.q)
    values = {**given_business(), "typed": filters.q}
    return lambda way: (_walk(bool(filters.q), bool(many_found), filters.archived, way), values)


@cache
def _walk(searched: bool, many_found: bool, archived: bool, way: Walk) -> Select[Any]:  # noqa: FBT001
    """The statement of such a list, built once: building takes longer than running it."""
    columns = (Client.id, Client.name, Client.email, Client.city, Client.country, Client.currency, Client.archived)
    statement = select(*columns, _ORDER.select_key()).where(in_given_business(Client))
    shelves = (False, True) if archived else (False,)
    if searched and not many_found:
        found = Client.id.in_(matches(SearchKind.CLIENT))
        return walk([statement.where(found, Client.archived.in_(shelves))], _ORDER, way)
    sieve = Sieve(partial(is_found, SearchKind.CLIENT)) if searched else None
    return walk([statement.where(Client.archived.is_(shelf)) for shelf in shelves], _ORDER, way, sieve)


def client(client_id: uuid.UUID) -> Client | None:
    """One client, whole, or None when this business has no such client."""
    return db.session.execute(select(Client).where(in_business(Client), Client.id == client_id)).scalar_one_or_none()


def client_options(chosen: uuid.UUID | None = None, *, every: bool = False) -> Sequence[tuple[str, str]]:
    """(id, name) of clients that a new invoice can be for, by name: the chosen one in any case, and those used lately.

    `every` means all that are not archived, `OPTIONS_LIMIT` at most.
    """
    found = db.session.execute(_options(every), {**given_business(), "chosen": chosen})
    return [(str(client_id), name) for client_id, name in found]


@cache
def _options(every: bool) -> Select[Any]:  # noqa: FBT001
    shown: tuple[Any, ...] = (Client.id, Client.name, Client.name_sort)
    columns = select(*shown).where(in_given_business(Client))
    live = columns.where(Client.archived.is_(False))
    offered = live.order_by(Client.name_sort, Client.id).limit(OPTIONS_LIMIT) if every else _used_lately(live, LATELY)
    chosen = columns.where(Client.id == bindparam("chosen", type_=Uuid()))
    both = union(offered.subquery().select(), chosen).subquery()
    return select(both.c.id, both.c.name).order_by(both.c.name_sort, both.c.id)


def choices(typed: str) -> Sequence[Choice]:
    """`CHOICES` clients at most that can be chosen for what was typed, in one statement; archived ones never.

    First those whose name begins with it, then what a search finds, each by name; for nothing, those used lately.
    """
    statement = _matching() if typed else _latest()
    return [Choice(*row) for row in db.session.execute(statement, {**given_business(), "typed": typed})]


@cache
def _latest() -> Select[Any]:
    live = select(*_choice_columns(), false()).where(in_given_business(Client), Client.archived.is_(False))
    return _used_lately(live, CHOICES)


@cache
def _matching() -> Select[Any]:
    """Names that begin with what was typed are a range of the index by name, however many there are."""
    folded = func.left(func.search_fold(TYPED), NAME_SORT_LENGTH, type_=Text())
    live = select(*_choice_columns(), Client.name_sort).where(in_given_business(Client), Client.archived.is_(False))
    first = live.order_by(Client.name_sort, Client.id).limit(CHOICES)
    begun = first.where(Client.name_sort >= folded, Client.name_sort < folded + _LAST_CHARACTER).cte("begun")
    found = first.where(_is_one_of(func.array(matches(SearchKind.CLIENT).scalar_subquery()))).cte("found")
    both = union_all(
        select(begun, literal(1).label("rank")),
        select(found, literal(2)).where(found.c.id.not_in(select(begun.c.id))),
    ).subquery()
    columns = [both.c[name] for name in ("id", "name", "email", "city")]
    statement = select(*columns, both.c.name_sort == folded)
    return statement.order_by(both.c.rank, both.c.name_sort, both.c.id).limit(CHOICES)


def _used_lately(clients: Select[Any], most: int) -> Select[Any]:
    """The first of these clients: those that the last invoices are for, newest first, then those added last."""
    of_invoices = select(_INVOICES.c.client_id, _INVOICES.c.id.label("at"), literal(1).label("kind"))
    billed = of_invoices.where(in_given_business(_INVOICES.c)).order_by(_INVOICES.c.id.desc()).limit(_LAST_BILLED)
    added = select(Client.id.label("client_id"), Client.id.label("at"), literal(2).label("kind"))
    added = added.where(in_given_business(Client)).order_by(Client.id.desc()).limit(_LAST_ADDED)
    both = union_all(billed.subquery().select(), added.subquery().select()).subquery()
    in_order = select(both.c.client_id).order_by(both.c.kind, both.c.at.desc())
    used = select(func.array(in_order.scalar_subquery()).label("ids")).cte("used")
    ids = select(used.c.ids).scalar_subquery()
    return clients.where(_is_one_of(ids)).order_by(func.array_position(ids, Client.id)).limit(most)


def _is_one_of(ids: Any) -> ColumnElement[bool]:
    """The condition that the client's id is in an array; a join would rely on what the planner knows of a business."""
    condition: ColumnElement[bool] = Client.id == any_(cast(ids, ARRAY(Uuid())))
    return condition


def _choice_columns() -> tuple[Any, ...]:
    return Client.id, Client.name, Client.email, Client.city
