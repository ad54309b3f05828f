"""A new password: by a link for who has forgotten theirs, and for who knows it."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import structlog
from sqlalchemy import ColumnElement, delete, exists, func, insert, literal, select
from sqlalchemy.orm import Session

from invoices_app import clock
from invoices_app.accounts import audit, passwords, rules, sessions, tokens
from invoices_app.accounts.models import AccountToken, Business, User
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import Scope, current_scope, set_scope
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.mail import Letter, post
from invoices_app.results import ActionResult, Conflict, Invalid, NotFound, Ok

LINKS_AT_ONCE = 5
"""So many links of one account live at a time; nobody's mailbox can be flooded through the form."""

NOT_YOURS = "This is not your password."

log = structlog.get_logger(__name__)


def send_link(email: str, url_of: Callable[[str], str]) -> ActionResult[None]:
    """Mail a link to the account with this email, if there is one; `url_of` makes its address from the token.

    Known or not, the same statements run: what is inserted comes from a select that may find nobody.
    """
    token = rules.new_token()
    token_hash = rules.token_hash(token)
    letter = Letter(
        "Set a new password",
        [
            "Someone, probably you, asked to set a new password for your Invoices account.",
            "The link works once, for one hour. If it was not you, do nothing: your password stays as it is.",
        ],
        ("Set a new password", url_of(token)),
    )
    set_scope(db.session, Scope(login_email=email))
    with transaction() as session:
        user_id = session.execute(select(User.id).where(User.email == email)).scalar_one_or_none() or new_id()
        set_scope(session, Scope(user_id=user_id))
        live = select(func.count()).where(
            AccountToken.user_id == user_id, AccountToken.new_email.is_(None), AccountToken.expires_at > func.now()
        )
        allowed = select(literal(token_hash), User.id, literal(clock.now() + tokens.LINK_LIFETIME)).where(
            User.id == user_id, live.scalar_subquery() < LINKS_AT_ONCE
        )
        columns = [AccountToken.token_hash, AccountToken.user_id, AccountToken.expires_at]
        session.execute(insert(AccountToken).from_select(columns, allowed))
        post(session, email, letter, only_if=exists().where(AccountToken.token_hash == token_hash))
        log.info("action", action="password.link_asked")
        return Ok(None)


def link_works(token: str) -> bool:
    """Whether a link can still set a password."""
    tokens.show(db.session, token)
    found = db.session.execute(select(AccountToken.user_id).where(_sets_password(token))).one_or_none()
    db.session.rollback()
    return found is not None


def reset_password(token: str, password: str) -> ActionResult[None]:
    """Set the password that the link's owner chose; every session and every other link of theirs ends."""
    password_hash = rules.hash_password(password)
    with transaction() as session:
        tokens.show(session, token)
        asked_by = select(AccountToken.user_id).where(_sets_password(token))
        user_id: uuid.UUID | None = session.execute(asked_by).scalar_one_or_none()
        if user_id is None:
            return Conflict(tokens.DEAD_LINK)
        business_id = tokens.act_for(session, user_id)
        user = session.execute(select(User).where(User.id == user_id).with_for_update()).scalar_one()
        if sentence := passwords.problem(password, known_words(session, user)):
            return Invalid.because(sentence, "password")
        tokens.show(session, token)
        used = delete(AccountToken).where(_sets_password(token)).returning(AccountToken.user_id)
        if session.execute(used).one_or_none() is None:
            return Conflict(tokens.DEAD_LINK)
        _set_password(session, user, password_hash)
        sessions.end_others(session, user_id)
        if business_id is not None:
            audit.record(session, "password.reset", "user", user_id)
        post(session, user.email, _changed("every browser was signed out"))
        return Ok(None)


def change_password(
    session_id: uuid.UUID, current: str, password: str, next_token: str | None = None
) -> ActionResult[str]:
    """Set a new password for who knows the one that holds; the value is the new token of this session.

    Every other session and every link of theirs ends. The same form sent twice at once brings the same `next_token`:
    the second finds that it is this session's already, changes nothing and answers as the first did.
    """
    password_hash = rules.hash_password(password)
    with transaction() as session:
        user_id = current_scope(session).user_id
        user = session.execute(select(User).where(User.id == user_id).with_for_update()).scalar_one_or_none()
        if user is None:
            return NotFound()
        is_twin = next_token is not None and sessions.has_token(session, session_id, next_token)
        if next_token and is_twin and rules.password_matches(user.password_hash, password):
            return Ok(next_token)
        if not rules.password_matches(user.password_hash, current):
            log.info("action", action="password.refused")
            return Invalid.because(NOT_YOURS, "current_password")
        if sentence := passwords.problem(password, known_words(session, user)):
            return Invalid.because(sentence, "password")
        _set_password(session, user, password_hash)
        sessions.end_others(session, user.id, but=session_id)
        audit.record(session, "password.changed", "user", user.id)
        post(session, user.email, _changed("every other browser was signed out"))
        return Ok(sessions.rotate(session, session_id, next_token))


def known_words(session: Session, user: User) -> list[str]:
    """What others know of a person: their name and email, and the name of the business of the scope."""
    business = session.execute(select(Business.name)).scalar_one_or_none()
    return [user.name, user.email, *([business] if business else [])]


def _set_password(session: Session, user: User, password_hash: str) -> None:
    user.password_hash = password_hash
    session.execute(delete(AccountToken).where(AccountToken.user_id == user.id))


def _changed(what_ended: str) -> Letter:
    return Letter(
        "Your password was changed",
        [
            f"The password of your Invoices account was changed, and {what_ended}.",
            "If it was not you, ask for a link on the sign-in page under “Forgotten your password?” at once.",
        ],
    )


def _sets_password(token: str) -> ColumnElement[bool]:
    return tokens.is_live(token) & AccountToken.new_email.is_(None)
