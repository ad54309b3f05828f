"""What people do with clients."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.clients.models import Client
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import current_scope, in_business
from invoices_app.db.transaction import transaction
from invoices_app.results import ActionResult, Conflict, NotFound, Ok


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


def archive_client(client_id: uuid.UUID) -> ActionResult[uuid.UUID]:
    """Hide a client from lists; its invoices stay as they are. Archiving twice is harmless."""
    return _set_archived(client_id, archived=True)


def restore_client(client_id: uuid.UUID) -> ActionResult[uuid.UUID]:
    """Bring an archived client back."""
    return _set_archived(client_id, archived=False)


def _set_archived(client_id: uuid.UUID, *, archived: bool) -> ActionResult[uuid.UUID]:
    with transaction() as session:
        client = _locked(session, client_id)
        if client is None:
            return NotFound()
        if (client.archived_at is not None) != archived:
            client.archived_at = func.now() if archived else None
            audit.record(session, "client.archived" if archived else "client.restored", "client", client_id)
        return Ok(client_id)


def _locked(session: Session, client_id: uuid.UUID) -> Client | None:
    statement = select(Client).where(in_business(Client), Client.id == client_id).with_for_update()
    return session.execute(statement).scalar_one_or_none()
