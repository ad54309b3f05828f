"""What pages ask about clients: one round trip each, only the columns that they show."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, func, select

from invoices_app.clients.models import Client
from invoices_app.db.figures import BusinessFigure, Figure
from invoices_app.db.keyset import KeysetPage, Order, Place, Statement, Walk, batch, fetch_page, walk
from invoices_app.db.search import MOST, SearchKind, is_found, matches, too_many
from invoices_app.db.tenancy import given_business, in_business, in_given_business
from invoices_app.extensions import db

OPTIONS_LIMIT = 1000


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
        ids = matches(SearchKind.CLIENT, filters.q, MOST + 1).subquery()
        those = select(Client.archived, func.count()).join(ids, ids.c.id == Client.id).where(in_business(Client))
        found = {hidden: int(tally) for hidden, tally in db.session.execute(those.group_by(Client.archived))}
        if sum(found.values()) > MOST:
            return None
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
    if searched:
        statement = statement.where(is_found(SearchKind.CLIENT, Client.id))
    return walk([statement.where(Client.archived.is_(shelf)) for shelf in shelves], _ORDER, way)


def client(client_id: uuid.UUID) -> Client | None:
    """One client, whole, or None when this business has no such client."""
    return db.session.execute(select(Client).where(in_business(Client), Client.id == client_id)).scalar_one_or_none()


def client_options(chosen: uuid.UUID | None = None) -> Sequence[tuple[str, str]]:
    """(id, name) of the clients that a new invoice can be for, by name, and of the chosen one in any case."""
    statement = (
        select(Client.id, Client.name)
        .where(in_business(Client), Client.archived_at.is_(None) | (Client.id == chosen))
        .order_by(Client.name_sort, Client.id)
        .limit(OPTIONS_LIMIT)
    )
    return [(str(client_id), name) for client_id, name in db.session.execute(statement)]
