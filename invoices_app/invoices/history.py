"""What happened to an invoice or a client: its audit events, newest first, with the names that they speak of.

A fixed number of statements for a page, however much happened and whatever it was. `history_words` puts it into words.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import Select, func, literal, select, union_all

from invoices_app.accounts.models import AuditEvent, User
from invoices_app.clients.models import Client
from invoices_app.db.keyset import KeysetPage, Order, Place, Walk, fetch_page, walk
from invoices_app.db.tenancy import in_business
from invoices_app.extensions import db
from invoices_app.invoices.models import Invoice

ORDER = Order(AuditEvent.id, AuditEvent.id, descending=True)
NAMED = frozenset({"client", "client_id", "from", "credit_note", "draft"})
"""Changes that hold the id of a client or an invoice, or [before, after] of one."""

ARRIVALS = ("data.imported", "business.imported")
"""What an import is told by in the history of each thing that came with it."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a history is of: its name, and the currency that its amounts are in today."""

    id: uuid.UUID
    name: str
    currency: str


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; `who` is None when it was nobody in particular."""

    id: uuid.UUID
    at: datetime
    who: str | None
    action: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class History:
    """A page of what happened to a subject, and the names behind the ids in it.

    `currencies` says which currency held up to and with which event, oldest first: only those that it no longer has.
    """

    subject: Subject
    page: KeysetPage[Event]
    names: Mapping[str, str]
    currencies: Sequence[tuple[uuid.UUID, str]]

    def currency_at(self, event: Event) -> str:
        """The currency that the subject had when this happened."""
        before = (code for changed_by, code in self.currencies if event.id <= changed_by)
        return next(before, self.subject.currency)


def of_invoice(invoice_id: uuid.UUID, place: Place) -> History | None:
    """The history of an invoice, or None when this business has no such invoice."""
    name = func.coalesce(Invoice.number, "draft for " + Invoice.client_name)
    return _history(
        select(Invoice.id, name, Invoice.currency, Invoice.import_id).where(in_business(Invoice)),
        Invoice.id,
        invoice_id,
        place,
    )


def of_client(client_id: uuid.UUID, place: Place) -> History | None:
    """The history of a client, or None when this business has no such client."""
    subjects = select(Client.id, Client.name, literal(""), Client.import_id)
    return _history(subjects.where(in_business(Client)), Client.id, client_id, place)


def _history(subjects: Select[*tuple[Any, ...]], key: Any, subject_id: uuid.UUID, place: Place) -> History | None:
    row = db.session.execute(subjects.where(key == subject_id)).one_or_none()
    if row is None:
        return None
    *subject, import_id = row
    page = fetch_page(lambda way: (_events(subject_id, import_id, way), {}), ORDER, place, _event)
    ids = set(chain.from_iterable(_ids(event.changes) for event in page.rows))
    return History(Subject(*subject), page, _names(ids), _earlier_currencies(subject_id))


def _events(subject_id: uuid.UUID, import_id: uuid.UUID | None, way: Walk) -> Select[Any]:
    """Those of the subject, and that of the import that it came with: one for all of its thousands."""
    # Not by a join: to the planner everybody's colleagues are as likely, so it would go through the people of all
    # businesses, and ask of each whether they may be seen.
    name = select(User.name).where(User.id == AuditEvent.actor_id).scalar_subquery().label("name")
    columns = (AuditEvent.id, AuditEvent.created_at, AuditEvent.action, AuditEvent.changes, name)
    found = select(ORDER.select_key(), *columns).where(in_business(AuditEvent))
    branches = [found.where(AuditEvent.entity_id == subject_id)]
    if import_id is not None:
        branches.append(found.where(AuditEvent.entity_id == import_id, AuditEvent.action.in_(ARRIVALS)))
    return walk(branches, ORDER, way)


def _event(row: Any) -> Event:
    return Event(row.id, row.created_at, row.name, row.action, row.changes)


def _earlier_currencies(subject_id: uuid.UUID) -> list[tuple[uuid.UUID, str]]:
    before = AuditEvent.changes["currency"][0].astext
    those = (in_business(AuditEvent), AuditEvent.entity_id == subject_id, before.is_not(None))
    found = db.session.execute(select(AuditEvent.id, before).where(*those).order_by(AuditEvent.id))
    return [(event_id, code) for event_id, code in found]


def _ids(changes: Mapping[str, Any]) -> Iterable[uuid.UUID]:
    for name in NAMED & changes.keys():
        value = changes[name]
        for text in value if isinstance(value, list) else [value]:
            try:
                yield uuid.UUID(text)
            except (TypeError, ValueError, AttributeError):
                continue


def _names(ids: set[uuid.UUID]) -> dict[str, str]:
    """What people call these clients and invoices, by their ids as text."""
    clients = select(Client.id, Client.name).where(in_business(Client), Client.id.in_(ids))
    name = func.coalesce(Invoice.number, "a draft for " + Invoice.client_name)
    invoices = select(Invoice.id, name).where(in_business(Invoice), Invoice.id.in_(ids))
    return {str(found): name for found, name in db.session.execute(union_all(clients, invoices))}
