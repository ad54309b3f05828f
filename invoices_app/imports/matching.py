"""What of a file is here already, and who its clients are.

An invoice is here when one has its number, or was imported from what its file calls it. A client is known by its tax
number, else by its email address, else by its name without case and accents; one with another tax number is another
one, whatever its name. The same rules hold within a file: two of its clients that are alike are one.
"""

from __future__ import annotations

import enum
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import ARRAY, ColumnElement, Text, any_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from invoices_app.clients.models import NAME_SORT_LENGTH, Client
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import in_business
from invoices_app.imports.plan import Planned, PlannedClient, PlannedInvoice
from invoices_app.invoices.models import Invoice

_NO_PART_OF_TAX_ID = "[^0-9A-Za-z]"


class How(enum.StrEnum):
    """How a planned thing was found, or that it was not."""

    NEW = "new"
    NUMBER = "number"
    SOURCE = "source"
    TAX_ID = "tax_id"
    EMAIL = "email"
    NAME = "name"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Match:
    """What a planned thing is. `id` is that of what is here; of a client that is new, the one that it would get.

    `client` is that of a new invoice. `same` is False for an invoice that is here with another date, currency or total:
    a different document has its number.
    """

    how: How
    id: uuid.UUID | None = None
    client: Match | None = None
    same: bool = True

    @property
    def is_new(self) -> bool:
        return self.how is How.NEW


@dataclass(frozen=True, slots=True)
class Identity:
    """What a client is known by, made comparable; '' where it has none."""

    tax_id: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class _Known:
    identity: Identity
    id: uuid.UUID


@dataclass(slots=True)
class Clients:
    """Clients by what they are known by, those that were first first."""

    _by: dict[How, dict[str, list[_Known]]] = field(default_factory=lambda: {how: {} for how in _KEYS})

    def add(self, identity: Identity, client_id: uuid.UUID) -> None:
        known = _Known(identity, client_id)
        for how, name in _KEYS.items():
            if key := getattr(identity, name):
                self._by[how].setdefault(key, []).append(known)

    def find(self, identity: Identity) -> tuple[How, uuid.UUID] | None:
        """The first that is like this one, and by what: the strongest sign that both have decides."""
        for how, name in _KEYS.items():
            for known in self._by[how].get(getattr(identity, name), ()):
                theirs, ours = known.identity.tax_id, identity.tax_id
                if not theirs or not ours or theirs == ours:
                    return how, known.id
        return None


_KEYS: Mapping[How, str] = {How.TAX_ID: "tax_id", How.EMAIL: "email", How.NAME: "name"}


@dataclass(slots=True)
class Seen:
    """What a file has named so far, so that what comes again counts once: one for all batches of a preview."""

    clients: Clients = field(default_factory=Clients)
    invoices: set[str] = field(default_factory=set)


def match(session: Session, batch: Sequence[Planned], seen: Seen | None = None) -> list[Match]:
    """What each of these is, in their order, in three statements at most. Writes nothing.

    Whoever writes each batch before the next is matched needs no `seen`: what came before is here by then.
    """
    seen = seen or Seen()
    here = _invoices(session, [one for one in batch if isinstance(one, PlannedInvoice)])
    found: list[Match | None] = [
        _known_invoice(one, here, seen) if isinstance(one, PlannedInvoice) else None for one in batch
    ]
    new = [_client(one) for one, known in zip(batch, found, strict=True) if known is None]
    clients = iter(match_clients(session, new, seen))
    return [known or _new(one, next(clients)) for one, known in zip(batch, found, strict=True)]


def match_clients(session: Session, planned: Sequence[PlannedClient], seen: Seen) -> list[Match]:
    """Who each of these is, in two statements. A new one is known from then on, to `seen` as well."""
    identities = identify(session, planned)
    here = _clients(session, set(identities))
    matches = []
    for identity in identities:
        if found := here.find(identity):
            matches.append(Match(*found))
        elif repeated := seen.clients.find(identity):
            matches.append(Match(How.REPEATED, repeated[1]))
        else:
            client_id = new_id()
            seen.clients.add(identity, client_id)
            matches.append(Match(How.NEW, client_id))
    return matches


def identify(session: Session, planned: Sequence[PlannedClient]) -> list[Identity]:
    """What each of these is known by; names are folded by the database, as those that are there were."""
    if not planned:
        return []
    names = bindparam("names", [client.name for client in planned], ARRAY(Text))
    name = func.unnest(names).table_valued("name", with_ordinality="place").render_derived("named")
    folded = func.left(func.search_fold(name.c.name), NAME_SORT_LENGTH)
    rows = session.execute(select(folded).select_from(name).order_by(name.c.place)).scalars()
    return [
        Identity(_tax_key(_text(client, "tax_id")), _text(client, "email").strip().lower(), row)
        for client, row in zip(planned, rows, strict=True)
    ]


def _text(client: PlannedClient, name: str) -> str:
    return str(client.details.get(name) or "")


def _tax_key(tax_id: str) -> str:
    return re.sub(_NO_PART_OF_TAX_ID, "", tax_id).upper()


def _clients(session: Session, identities: Iterable[Identity]) -> Clients:
    """Those that are here and like any of these in some way; those at work before those in the archive."""
    tax_id = func.upper(func.regexp_replace(Client.tax_id, _NO_PART_OF_TAX_ID, "", "g"))
    email = func.lower(Client.email)
    wanted = {
        tax_id: {identity.tax_id for identity in identities} - {""},
        email: {identity.email for identity in identities} - {""},
        Client.name_sort: {identity.name for identity in identities},
    }
    found = Clients()
    likes = [_any(column, list(values)) for column, values in wanted.items() if values]
    if likes:
        rows = select(Client.id, tax_id, email, Client.name_sort).where(in_business(Client), or_(*likes))
        for client_id, *identity in session.execute(rows.order_by(Client.archived, Client.id)):
            found.add(Identity(*identity), client_id)
    return found


def _any(column: Any, values: Sequence[str]) -> ColumnElement[bool]:
    """That a column holds one of these: one parameter, however many they are."""
    return cast("ColumnElement[bool]", column == any_(bindparam(None, values, ARRAY(Text))))


def _client(planned: Planned) -> PlannedClient:
    return planned.client if isinstance(planned, PlannedInvoice) else planned


def _new(planned: Planned, client: Match) -> Match:
    return Match(How.NEW, client=client) if isinstance(planned, PlannedInvoice) else client


@dataclass(frozen=True, slots=True)
class _Here:
    """Invoices of the business, by number and by what they were imported as."""

    by_number: Mapping[str, Any]
    by_source: Mapping[str, Any]


def _invoices(session: Session, planned: Sequence[PlannedInvoice]) -> _Here:
    if not planned:
        return _Here({}, {})
    numbers = [invoice.number for invoice in planned if invoice.number is not None]
    columns = (Invoice.id, Invoice.number, Invoice.imported_as, Invoice.issue_date, Invoice.currency, Invoice.total)
    mine = select(*columns).where(in_business(Invoice))
    by_number = session.execute(mine.where(_any(Invoice.number, numbers))) if numbers else ()
    by_source = session.execute(mine.where(_any(Invoice.imported_as, [invoice.source for invoice in planned])))
    return _Here({row.number: row for row in by_number}, {row.imported_as: row for row in by_source})


def _known_invoice(planned: PlannedInvoice, here: _Here, seen: Seen) -> Match | None:
    """What is known of an invoice that is not new."""
    for how, row in (
        (How.NUMBER, here.by_number.get(planned.number or "")),
        (How.SOURCE, here.by_source.get(planned.source)),
    ):
        if row is not None:
            of_file = (planned.issue_date, planned.currency, planned.totals.total)
            return Match(how, row.id, same=of_file == (row.issue_date, row.currency, row.total))
    keys = {planned.source, planned.number or planned.source}
    if keys & seen.invoices:
        return Match(How.REPEATED)
    seen.invoices |= keys
    return None
