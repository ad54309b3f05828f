"""Sessions as records: how long one lives, its token, its last use, and the list that its person sees."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from flask import current_app
from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import Session

from invoices_app import clock
from invoices_app.accounts import devices, rules
from invoices_app.accounts.models import UserSession
from invoices_app.accounts.second_factor_models import PendingLogin
from invoices_app.config import Settings
from invoices_app.db.tenancy import current_scope
from invoices_app.extensions import db

MOST_LISTED = 100


class Lifetime(enum.Enum):
    """How long a session may live; the settings say how long that is."""

    UNTIL_CLOSED = "until the browser is closed"
    REMEMBERED = "remembered on this computer"

    @classmethod
    def of(cls, *, remember: bool) -> Lifetime:
        """As the person chose when they signed in."""
        return cls.REMEMBERED if remember else cls.UNTIL_CLOSED


@dataclass(frozen=True, slots=True)
class OwnSession:
    """A browser that a person is signed in with. `ip_address` is that of its last use, noted every few minutes."""

    id: uuid.UUID
    user_agent: str
    ip_address: str
    created_at: datetime
    last_used_at: datetime

    @property
    def device(self) -> str:
        return devices.device(self.user_agent)

    @property
    def network(self) -> str:
        return devices.network(self.ip_address)


def limits(lifetime: Lifetime) -> dict[str, Any]:
    """The columns of a new session that say when it ends: at a moment in any case, and when it is not used for long."""
    settings: Settings = current_app.config["SETTINGS"]
    if lifetime is Lifetime.REMEMBERED:
        absolute, idle = timedelta(days=settings.remember_days), timedelta(days=settings.remember_idle_days)
    else:
        absolute, idle = timedelta(hours=settings.session_hours), timedelta(minutes=settings.session_idle_minutes)
    return {"expires_at": clock.now() + absolute, "idle_timeout": idle}


def own_sessions(session_id: uuid.UUID) -> Sequence[OwnSession]:
    """The live sessions of the person, in whichever business: this one, then the one used last; 100 at most."""
    columns = (
        UserSession.id,
        UserSession.user_agent,
        UserSession.ip_address,
        UserSession.created_at,
        UserSession.last_used_at,
    )
    mine = UserSession.user_id == current_scope(db.session).user_id
    live = (UserSession.expires_at > func.now(), UserSession.last_used_at > func.now() - UserSession.idle_timeout)
    order = ((UserSession.id == session_id).desc(), UserSession.last_used_at.desc(), UserSession.id)
    query = select(*columns).where(mine, *live).order_by(*order)
    return [OwnSession(*row) for row in db.session.execute(query.limit(MOST_LISTED))]


def rotate(session: Session, session_id: uuid.UUID, token: str | None = None) -> str:
    """Give a session another token in the running transaction: whoever holds a copy of the old one holds nothing."""
    token = token or rules.new_token()
    this = UserSession.id == session_id
    session.execute(update(UserSession).where(this).values(token_hash=rules.token_hash(token)))
    return token


def has_token(session: Session, session_id: uuid.UUID, token: str) -> bool:
    """Whether this is the token of a session by now."""
    this = (UserSession.id == session_id, UserSession.token_hash == rules.token_hash(token))
    return session.execute(select(UserSession.id).where(*this)).one_or_none() is not None


def end_others(session: Session, user_id: uuid.UUID, but: uuid.UUID | None = None) -> int:
    """End every session of a person, in the running transaction, but the one that is named; answers how many.

    Sign-ins of theirs that wait for a code end as well.
    """
    session.execute(delete(PendingLogin).where(PendingLogin.user_id == user_id))
    others = delete(UserSession).where(UserSession.user_id == user_id)
    ended = session.execute(others if but is None else others.where(UserSession.id != but))
    return cast("CursorResult[Any]", ended).rowcount


def note_use(session_id: uuid.UUID, ip_address: str) -> None:
    """Note that a session is in use, and from where. It has its own short transaction, before that of the request.

    No action of the request's: one that loses a race after this may still be tried again.
    """
    values = {"last_used_at": func.now(), "ip_address": devices.plain_address(ip_address)}
    db.session.rollback()
    with db.session.begin():
        db.session.execute(update(UserSession).where(UserSession.id == session_id).values(**values))
