"""Audit events and one-time tokens: what every action of every feature writes beside its change."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

import structlog
from flask import g, has_request_context
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from invoices_app.accounts.models import AuditEvent, Submission
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import current_scope

log = structlog.get_logger(__name__)

COLUMNS = ("business_id", "id", "actor_id", "action", "entity_type", "entity_id", "changes", "request_id")
"""What an audit event is written with; the database adds when it was, and its place in the chain."""


def record(
    session: Session,
    action: str,
    entity_type: str,
    entity_id: uuid.UUID,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Write an audit event into the running transaction, and one log line.

    `changes` maps a field to what it became, or to [before, after].
    """
    session.add(AuditEvent(**entry(session, action, entity_type, entity_id, changes)))


def entry(
    session: Session,
    action: str,
    entity_type: str,
    entity_id: uuid.UUID,
    changes: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The row of an audit event, a value for each of `COLUMNS`, for a statement that writes more; and one log line."""
    scope = current_scope(session)
    log.info("action", action=action, entity=entity_type, entity_id=str(entity_id))
    return {
        "business_id": scope.business_id,
        "id": new_id(),
        "actor_id": scope.user_id,
        "action": action,
        "entity_type": entity_type,
        "entity_id": entity_id,
        "changes": {name: _plain(value) for name, value in (changes or {}).items()},
        "request_id": g.get("request_id", "") if has_request_context() else "",
    }


def difference(before: object, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The fields of `before` that `values` changes, each as [before, after]."""
    return {name: [getattr(before, name), value] for name, value in values.items() if getattr(before, name) != value}


def claim(session: Session, token: uuid.UUID | None, kind: str, resource_id: uuid.UUID) -> uuid.UUID | None:
    """Use up a form's one-time token for `resource_id`: None the first time, what it made before from then on.

    A token counts once for each `kind` of thing, so that one form's token says nothing about another's.

    The insert waits for a twin that is still under way, so that two at once cannot both be the first.
    """
    if token is None:
        return None
    business_id = current_scope(session).business_id
    token = uuid.uuid5(token, kind)
    values = {"business_id": business_id, "token": token, "resource_id": resource_id}
    claimed = session.execute(
        insert(Submission).values(values).on_conflict_do_nothing().returning(Submission.resource_id)
    ).one_or_none()
    if claimed is not None:
        return None
    found = select(Submission.resource_id).where(Submission.business_id == business_id, Submission.token == token)
    return session.execute(found).scalar_one()


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return f"{value.normalize():f}"
        case uuid.UUID() | date():
            return str(value)
        case Enum():
            return value.value
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value
