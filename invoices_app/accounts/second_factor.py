"""What is known of a person's second factor, for their page and for the actions."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from flask import current_app
from sqlalchemy import ColumnElement, func, select, text, update
from sqlalchemy.orm import Session, scoped_session

from invoices_app import clock
from invoices_app.accounts import rules, sealing
from invoices_app.accounts import second_factor_rules as factor_rules
from invoices_app.accounts.models import User
from invoices_app.accounts.second_factor_models import WRONG_CODES, PendingLogin, RecoveryCode, SecondFactor
from invoices_app.config import Settings
from invoices_app.db.tenancy import current_scope
from invoices_app.extensions import db

SET_UP_LIFETIME = timedelta(minutes=30)
"""So long after the password was given the secret is shown and can be confirmed."""

log = structlog.get_logger(__name__)
_SHOW_TOKEN = text("SELECT set_config('app.token_hash', :token_hash, true)")


@dataclass(frozen=True, slots=True)
class SetUp:
    """What a person gives to their authenticator."""

    secret: str = field(repr=False)
    address: str = field(repr=False)

    @property
    def qr_code(self) -> str:
        return factor_rules.qr_code(self.address)

    @property
    def grouped_secret(self) -> str:
        return factor_rules.grouped(self.secret)


@dataclass(frozen=True, slots=True)
class State:
    """Since when it is on, how many recovery codes are left, and the set-up that this session has begun."""

    since: datetime | None
    codes_left: int
    set_up: SetUp | None

    @property
    def few_left(self) -> bool:
        return self.codes_left <= factor_rules.FEW_LEFT


def state(session_id: uuid.UUID) -> State:
    """The second factor of the person of the current scope, as the session with this id may see it."""
    user_id = current_scope(db.session).user_id
    codes = select(func.count()).where(RecoveryCode.user_id == User.id).scalar_subquery()
    query = (
        select(User.second_factor_since, User.email, codes, SecondFactor.sealed_secret)
        .outerjoin(SecondFactor, (SecondFactor.user_id == User.id) & being_set_up(session_id))
        .where(User.id == user_id)
    )
    since, email, left, sealed = db.session.execute(query).one()
    set_up = None
    if since is None and sealed is not None and user_id is not None:
        secret = open_secret(user_id, sealed)
        set_up = SetUp(secret, factor_rules.address(secret, email)) if secret else None
    return State(since, left, set_up)


def since() -> datetime | None:
    """Since when the person of the current scope signs in with a code; None when they do not."""
    query = select(User.second_factor_since).where(User.id == current_scope(db.session).user_id)
    return db.session.execute(query).scalar_one()


def pending_works(token: str) -> bool:
    """Whether a sign-in with this token still waits for its code."""
    show_token(db.session, token)
    found = db.session.execute(select(PendingLogin.user_id).where(waits(token))).one_or_none()
    db.session.rollback()
    return found is not None


def is_on(session: Session, user_id: uuid.UUID) -> bool:
    """Whether this person needs a code to sign in. It stays so until the running transaction ends."""
    query = select(User.second_factor_since).where(User.id == user_id).with_for_update(read=True)
    return session.execute(query).scalar_one() is not None


def being_set_up(session_id: uuid.UUID) -> ColumnElement[bool]:
    """The condition on `SecondFactor` that this session may still confirm it."""
    return (SecondFactor.set_up_in == session_id) & (SecondFactor.created_at > clock.now() - SET_UP_LIFETIME)


def waits(token: str) -> ColumnElement[bool]:
    """The condition on `PendingLogin` that it has this token and lives."""
    return (
        (PendingLogin.token_hash == rules.token_hash(token))
        & (PendingLogin.expires_at > clock.now())
        & (PendingLogin.wrong_codes < WRONG_CODES)
    )


def show_token(session: Session | scoped_session[Session], token: str) -> None:
    """Let the running transaction see the one sign-in with this token."""
    session.execute(_SHOW_TOKEN, {"token_hash": rules.token_hash(token).hex()})


def seal_secret(user_id: uuid.UUID, secret: str) -> bytes:
    return sealing.seal(secret.encode(), user_id.bytes, _settings().secret_key)


def open_secret(user_id: uuid.UUID, sealed: bytes) -> str | None:
    """The secret; None, and a line in the log, when SECRET_KEY was lost since it was sealed."""
    try:
        return sealing.open_sealed(sealed, user_id.bytes, _settings().secret_keys).decode()
    except sealing.CannotOpen:
        log.error("second factor cannot be opened", entity="user", entity_id=str(user_id))  # noqa: TRY400  (no stack)
        return None


def keep_sealed_anew(session: Session, user_id: uuid.UUID, sealed: bytes, secret: str) -> None:
    """Seal a secret with the SECRET_KEY of now, when an earlier one did."""
    if not sealing.is_sealed_with(sealed, _settings().secret_key):
        anew = {"sealed_secret": seal_secret(user_id, secret)}
        session.execute(update(SecondFactor).where(SecondFactor.user_id == user_id).values(anew))


def _settings() -> Settings:
    settings: Settings = current_app.config["SETTINGS"]
    return settings
