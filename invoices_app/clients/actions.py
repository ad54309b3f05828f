"""What people do with clients."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.clients.models import Client
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import current_scope, in_business
from invoices_app.db.transaction import transaction
from invoices_app.results import ActionResult, Conflict, NotFound, Ok


@dataclass(frozen=True, slots=True)
class Toggled:
    """The client that was archived or restored, and what its archiving is undone by (None when there is nothing to)."""

    name: str
    archiving_id: uuid.UUID | None = None


def create_client(values: Mapping[str, Any], token: uuid.UUID | None = None) -> ActionResult[uuid.UUID]:
    """Add a client; the value is its id. The same one-time token again answers the client that it made."""
    with transaction() as session:
        client_id = new_id()
        made = audit.claim(session, token, "client", client_id)
        if made is not None:
            return Ok(made)
        session.add(Client(business_id=current_scope(session).business_id, id=client_id, **values))
        audit.record(session, "client.created", "client", client_id, {"name": values["name"]})
        return Ok(client_id)


def update_client(client_id: uuid.UUID, values: Mapping[str, Any], version: int) -> ActionResult[uuid.UUID]:
    """Change a client, unless someone else did since `version`. Issued invoices keep what they were issued with."""
    with transaction() as session:
        client = _locked(session, client_id)
        if client is None:
            return NotFound()
        if client.version != version:
            return Conflict("Someone else changed this client while you worked on it.")
        changes = audit.difference(client, values)
        for name, value in values.items():
            setattr(client, name, value)
        if changes:
            client.version += 1
            client.updated_at = func.now()
            audit.record(session, "client.changed", "client", client_id, changes)
        return Ok(client_id)


def archive_client(client_id: uuid.UUID) -> ActionResult[Toggled]:
    """Hide a client from lists; its invoices stay as they are. Archiving twice is harmless."""
    with transaction() as session:
        client = _locked(session, client_id)
        if client is None:
            return NotFound()
        if client.archived_at is not None:
            return Ok(Toggled(client.name))
        client.archived_at, client.archiving_id = func.now(), new_id()
        audit.record(session, "client.archived", "client", client_id)
        return Ok(Toggled(client.name, client.archiving_id))


def restore_client(client_id: uuid.UUID) -> ActionResult[Toggled]:
    """Bring an archived client back. It keeps the id of its archiving, so that undoing it once more is harmless."""
    with transaction() as session:
        client = _locked(session, client_id)
        return NotFound() if client is None else Ok(_restored(session, client))


def undo_archiving(archiving_id: uuid.UUID) -> ActionResult[Toggled]:
    """Bring back the client that this archiving hid, unless it is back already; undoing twice is harmless."""
    with transaction() as session:
        statement = select(Client).where(in_business(Client), Client.archiving_id == archiving_id)
        client = session.execute(statement.with_for_update(key_share=True)).scalar_one_or_none()
        return NotFound() if client is None else Ok(_restored(session, client))


def _restored(session: Session, client: Client) -> Toggled:
    if client.archived_at is not None:
        client.archived_at = None
        audit.record(session, "client.restored", "client", client.id)
    return Toggled(client.name)


def _locked(session: Session, client_id: uuid.UUID) -> Client | None:
    """The client, locked; invoices can be made out to it meanwhile, so that a rename never waits in a circle."""
    statement = select(Client).where(in_business(Client), Client.id == client_id).with_for_update(key_share=True)
    return session.execute(statement).scalar_one_or_none()
