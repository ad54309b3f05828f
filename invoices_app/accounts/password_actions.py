"""A forgotten password: a link by mail, and the new password that it allows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import ColumnElement, delete, exists, func, insert, literal, select, text, update
from sqlalchemy.orm import Session, scoped_session

from invoices_app import clock
from invoices_app.accounts import audit, rules
from invoices_app.accounts.models import AccountToken, Membership, User, UserSession
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import Scope, set_scope
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.mail import Letter, post
from invoices_app.results import ActionResult, Conflict, Ok

LINK_LIFETIME = timedelta(hours=1)
LINKS_AT_ONCE = 5
"""So many links of one account live at a time; nobody's mailbox can be flooded through the form."""

DEAD_LINK = "This link has been used or is too old. Ask for a new one."

log = structlog.get_logger(__name__)
_SHOW_TOKEN = text("SELECT set_config('app.token_hash', :token_hash, true)")


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
        live = select(func.count()).where(AccountToken.user_id == user_id, AccountToken.expires_at > func.now())
        allowed = select(literal(token_hash), User.id, literal(clock.now() + LINK_LIFETIME)).where(
            User.id == user_id, live.scalar_subquery() < LINKS_AT_ONCE
        )
        columns = [AccountToken.token_hash, AccountToken.user_id, AccountToken.expires_at]
        session.execute(insert(AccountToken).from_select(columns, allowed))
        post(session, email, letter, only_if=exists().where(AccountToken.token_hash == token_hash))
        log.info("action", action="password.link_asked")
        return Ok(None)


def link_works(token: str) -> bool:
    """Whether a link can still set a password."""
    _show(db.session, token)
    query = select(AccountToken.user_id).where(_is_live(token))
    found = db.session.execute(query).one_or_none()
    db.session.rollback()
    return found is not None


def reset_password(token: str, password: str) -> ActionResult[None]:
    """Set the password that the link's owner chose; every session and every other link of theirs ends."""
    password_hash = rules.hash_password(password)
    with transaction() as session:
        _show(session, token)
        used = delete(AccountToken).where(_is_live(token)).returning(AccountToken.user_id)
        user_id: uuid.UUID | None = session.execute(used).scalar_one_or_none()
        if user_id is None:
            return Conflict(DEAD_LINK)
        set_scope(session, Scope(user_id=user_id))
        mine = select(Membership.business_id).where(Membership.user_id == user_id).order_by(Membership.created_at)
        business_id = session.execute(mine.limit(1)).scalar_one()
        set_scope(session, Scope(user_id=user_id, business_id=business_id))
        changed = update(User).where(User.id == user_id).values(password_hash=password_hash).returning(User.email)
        email = session.execute(changed).scalar_one()
        session.execute(delete(UserSession).where(UserSession.user_id == user_id))
        session.execute(delete(AccountToken).where(AccountToken.user_id == user_id))
        audit.record(session, "password.reset", "user", user_id)
        post(session, email, CHANGED)
        return Ok(None)


CHANGED = Letter(
    "Your password was changed",
    [
        "The password of your Invoices account was changed, and every browser was signed out.",
        "If it was not you, ask for a link on the sign-in page under “Forgotten your password?” at once.",
    ],
)


def _is_live(token: str) -> ColumnElement[bool]:
    return (AccountToken.token_hash == rules.token_hash(token)) & (AccountToken.expires_at > func.now())


def _show(session: Session | scoped_session[Session], token: str) -> None:
    """Let the running transaction see the one row of this token."""
    session.execute(_SHOW_TOKEN, {"token_hash": rules.token_hash(token).hex()})
