"""What people do with accounts: register, sign in and out, describe their business."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from invoices_app import clock
from invoices_app.accounts import audit, passwords, rules, second_factor
from invoices_app.accounts.models import USER_AGENT_LENGTH, Business, Membership, Role, User, UserSession
from invoices_app.accounts.second_factor_models import PendingLogin
from invoices_app.accounts.sessions import Lifetime, limits
from invoices_app.db import constraints
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import NOBODY, Scope, current_scope, set_scope
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.results import ActionResult, Conflict, Invalid, NotFound, Ok

CODE_LIFETIME = timedelta(minutes=10)
"""So long a sign-in whose password was right waits for its code."""

NO_BUSINESS = "You belong to no business any more. Ask an owner for an invitation."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Browser:
    """What a session remembers of the browser that it was opened from."""

    user_agent: str
    ip_address: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The token of a session."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """The token of a sign-in that waits for its code, and whose it is."""

    token: str = field(repr=False)
    user_id: uuid.UUID


class SecondFactorSkipped(RuntimeError):  # noqa: N818  (it says what happened)
    """A session was about to open without the code that its person's second factor asks for: a defect of ours."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A new person and their business. The email is in lower case, the currency an ISO 4217 code."""

    name: str
    email: str
    password: str
    business_name: str
    currency: str


def register(registration: Registration, browser: Browser) -> ActionResult[str]:
    """Make the person, the business and a first session in one transaction; the value is the session's token."""
    known = (registration.name, registration.email, registration.business_name)
    if sentence := passwords.problem(registration.password, known):
        return Invalid.because(sentence, "password")
    user_id, business_id = new_id(), new_id()
    password_hash = rules.hash_password(registration.password)
    set_scope(db.session, Scope(user_id=user_id, business_id=business_id))
    try:
        with transaction() as session:
            session.add(User(id=user_id, name=registration.name, email=registration.email, password_hash=password_hash))
            session.add(Business(id=business_id, name=registration.business_name, currency=registration.currency))
            session.flush()
            session.add(Membership(business_id=business_id, user_id=user_id, role=Role.OWNER))
            session.flush()
            audit.record(session, "business.registered", "business", business_id)
            return Ok(open_session(session, user_id, business_id, browser, Lifetime.UNTIL_CLOSED))
    except IntegrityError as error:
        set_scope(db.session, NOBODY)
        return constraints.explain(error)


def sign_in(email: str, password: str, browser: Browser, *, remember: bool) -> ActionResult[SignedIn | CodeNeeded]:
    """Open a session for the right email and password, or ask for the code of a second factor.

    A wrong password and an unknown email get the same answer in the same time, with a second factor and without.
    """
    set_scope(db.session, Scope(login_email=email))
    with transaction() as session:
        user = session.execute(select(User).where(User.email == email)).scalar_one_or_none()
        if not rules.password_matches(user.password_hash if user else None, password) or user is None:
            log.info("action", action="session.refused")
            return Invalid.because("This email and password do not belong together.")
        set_scope(session, Scope(user_id=user.id))
        business_id = first_business(session, user.id)
        if business_id is None:
            log.info("action", action="session.refused")
            return Invalid.because(NO_BUSINESS)
        set_scope(session, Scope(user_id=user.id, business_id=business_id))
        if second_factor.is_on(session, user.id):
            waiting = CodeNeeded(_wait_for_code(session, user, remember=remember), user.id)
            set_scope(session, NOBODY)
            return Ok(waiting)
        audit.record(session, "session.opened", "user", user.id)
        return Ok(SignedIn(open_session(session, user.id, business_id, browser, Lifetime.of(remember=remember))))


def sign_out(session_id: uuid.UUID) -> ActionResult[None]:
    """End this one session; its token is worth nothing from now on."""
    with transaction() as session:
        session.execute(delete(UserSession).where(UserSession.id == session_id))
        return Ok(None)


def update_business(values: Mapping[str, Any], version: int) -> ActionResult[Business]:
    """Change the business of the current scope, unless someone else did since `version`."""
    with transaction() as session:
        business = session.execute(select(Business).with_for_update()).scalar_one_or_none()
        if business is None:
            return NotFound()
        if business.version != version:
            return Conflict("Someone else changed these settings while you worked on them.")
        changes = audit.difference(business, values)
        for name, value in values.items():
            setattr(business, name, value)
        if changes:
            business.version += 1
            audit.record(session, "business.changed", "business", business.id, changes)
        return Ok(business)


def use_single_keys(*, on: bool) -> ActionResult[bool]:
    """Let the person's single-key shortcuts work, or not; the value is what holds now."""
    with transaction() as session:
        user_id = current_scope(session).user_id
        user = session.execute(select(User).where(User.id == user_id).with_for_update()).scalar_one_or_none()
        if user is None:
            return NotFound()
        if user.single_keys != on:
            user.single_keys = on
            audit.record(session, "user.changed", "user", user.id, {"single_keys": [not on, on]})
        return Ok(on)


def first_business(session: Session, user_id: uuid.UUID) -> uuid.UUID | None:
    """The business that a person joined first, where a session begins; None when they are in none."""
    mine = select(Membership.business_id).where(Membership.user_id == user_id).order_by(Membership.created_at)
    return session.execute(mine.limit(1)).scalar_one_or_none()


def open_session(
    session: Session,
    user_id: uuid.UUID,
    business_id: uuid.UUID,
    browser: Browser,
    lifetime: Lifetime,
    *,
    factor_shown: bool = False,
) -> str:
    """Write a session into the running transaction; answers its token. Nothing else makes sessions.

    Raises SecondFactorSkipped for a person who has a second factor unless they have shown it.
    """
    if second_factor.is_on(session, user_id) and not factor_shown:
        raise SecondFactorSkipped("this person signs in with a code, and has not shown one")
    token = rules.new_token()
    here = (Membership.business_id == business_id, Membership.user_id == user_id)
    session.execute(update(Membership).where(*here).values(last_used_at=clock.now()))
    session.add(
        UserSession(
            token_hash=rules.token_hash(token),
            user_id=user_id,
            business_id=business_id,
            user_agent=browser.user_agent[:USER_AGENT_LENGTH],
            ip_address=browser.ip_address,
            **limits(lifetime),
        )
    )
    return token


def _wait_for_code(session: Session, user: User, *, remember: bool) -> str:
    """Begin a sign-in that waits for its code; answers its token. Those of the person that are over go away."""
    token, now = rules.new_token(), clock.now()
    session.execute(delete(PendingLogin).where(PendingLogin.user_id == user.id, PendingLogin.expires_at <= now))
    session.add(
        PendingLogin(
            token_hash=rules.token_hash(token),
            user_id=user.id,
            password_seen=rules.token_hash(user.password_hash),
            remember=remember,
            expires_at=now + CODE_LIFETIME,
        )
    )
    session.flush()
    log.info("action", action="session.code_asked", entity="user", entity_id=str(user.id))
    return token
