"""What pages ask about clients: one round trip each, only the columns that they show."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, tuple_

from invoices_app.clients.models import Client
from invoices_app.db.keyset import KeysetPage, fetch_page
from invoices_app.db.tenancy import in_business
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
    """What the list shows: names that contain `q`, archived clients as well or not."""

    q: str = ""
    archived: bool = False


def client_page(filters: ClientFilters, after: tuple[str, ...] | None) -> KeysetPage[ClientRow]:
    """A page of clients by name, behind the sort keys `after` (name in lower case, id)."""
    sort_name = func.lower(Client.name)
    archived = Client.archived_at.is_not(None).label("archived")
    columns = (Client.id, Client.name, Client.email, Client.city, Client.country, Client.currency, archived)
    statement = select(*columns, sort_name.label("sort_name")).where(in_business(Client)).order_by(sort_name, Client.id)
    if not filters.archived:
        statement = statement.where(Client.archived_at.is_(None))
    if filters.q:
        statement = statement.where(sort_name.contains(filters.q.lower(), autoescape=True))
    if after is not None:
        statement = statement.where(tuple_(sort_name, Client.id) > (after[0], uuid.UUID(after[1])))
    return fetch_page(statement, lambda row: ClientRow(*row[:-1]), lambda row: (row.sort_name, str(row.id)))


def client(client_id: uuid.UUID) -> Client | None:
    """One client, whole, or None when this business has no such client."""
    return db.session.execute(select(Client).where(in_business(Client), Client.id == client_id)).scalar_one_or_none()


def client_options(chosen: uuid.UUID | None = None) -> Sequence[tuple[str, str]]:
    """(id, name) of the clients that a new invoice can be for, by name, and of the chosen one in any case."""
    statement = (
        select(Client.id, Client.name)
        .where(in_business(Client), Client.archived_at.is_(None) | (Client.id == chosen))
        .order_by(func.lower(Client.name), Client.id)
        .limit(OPTIONS_LIMIT)
    )
    return [(str(client_id), name) for client_id, name in db.session.execute(statement)]
