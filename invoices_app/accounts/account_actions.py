"""What people do with their own account: name, email, and the browsers that they are signed in with."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import structlog
from sqlalchemy import ColumnElement, delete, exists, func, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from invoices_app import clock
from invoices_app.accounts import audit, devices, rules, sessions, tokens
from invoices_app.accounts.models import AccountToken, User, UserSession
from invoices_app.accounts.password_actions import NOT_YOURS
from invoices_app.db.tenancy import Scope, current_scope, set_scope
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.mail import Letter, post
from invoices_app.results import ActionResult, Conflict, Invalid, NotFound, Ok

TAKEN_MEANWHILE = "This address belongs to another account by now."

log = structlog.get_logger(__name__)


def rename(name: str) -> ActionResult[None]:
    """Change the person's name, as it stands in the history and the team."""
    with transaction() as session:
        user = _locked_self(session)
        if user is None:
            return NotFound()
        if changes := audit.difference(user, {"name": name}):
            user.name = name
            audit.record(session, "user.changed", "user", user.id, changes)
        return Ok(None)


def ask_for_email(new_email: str, password: str, url_of: Callable[[str], str]) -> ActionResult[None]:
    """Mail a link to a new address, in lower case, which takes effect when it is followed and confirmed.

    Whether the address has an account already makes no difference to the answer or the statements: the one mail goes
    out or the other, as the database decides. A link that was asked for before ends.
    """
    token = rules.new_token()
    before = current_scope(db.session)
    with transaction() as session:
        user = _locked_self(session)
        if user is None:
            return NotFound()
        if not rules.password_matches(user.password_hash, password):
            log.info("action", action="email.refused")
            return Invalid.because(NOT_YOURS, "current_password")
        if user.email == new_email:
            return Invalid.because("This is your address already.", "email")
        session.execute(delete(AccountToken).where(_pending(user.id)))
        expires_at = clock.now() + tokens.LINK_LIFETIME
        session.add(
            AccountToken(
                token_hash=rules.token_hash(token), user_id=user.id, new_email=new_email, expires_at=expires_at
            )
        )
        audit.record(session, "email.change_asked", "user", user.id)
        post(session, user.email, _asked(new_email))
        session.flush()
        set_scope(session, Scope(before.user_id, before.business_id, login_email=new_email))
        taken = exists().where(User.email == literal(new_email))
        post(session, new_email, _confirm(user.email, url_of(token)), only_if=~taken)
        post(session, new_email, _has_account(), only_if=taken)
        set_scope(session, before)
        return Ok(None)


def forget_email() -> ActionResult[None]:
    """Make the link to a new address worthless."""
    with transaction() as session:
        user_id = current_scope(session).user_id
        gone = delete(AccountToken).where(_pending(user_id)).returning(AccountToken.user_id)
        if session.execute(gone).first() is not None and user_id is not None:
            audit.record(session, "email.change_withdrawn", "user", user_id)
        return Ok(None)


def pending_email() -> str | None:
    """The address that a live link of this person would set."""
    query = select(AccountToken.new_email).where(_pending(current_scope(db.session).user_id))
    return db.session.execute(query.where(AccountToken.expires_at > func.now()).limit(1)).scalar_one_or_none()


def email_of_link(token: str) -> str | None:
    """The address that this link would set, None when it works no more."""
    tokens.show(db.session, token)
    found: str | None = db.session.execute(select(AccountToken.new_email).where(tokens.is_live(token))).scalar()
    db.session.rollback()
    return found


def change_email(token: str, identity: tuple[uuid.UUID, uuid.UUID] | None) -> ActionResult[str | None]:
    """Use the link: the account has the new address from now on.

    `identity` is the session and person of the browser that it was opened in. All sessions and links of the account
    end but this session, when it is the same person's; the value is its new token then.
    """
    before = current_scope(db.session)
    try:
        with transaction() as session:
            tokens.show(session, token)
            of_email = tokens.is_live(token) & AccountToken.new_email.is_not(None)
            asked_by = session.execute(select(AccountToken.user_id).where(of_email)).scalar_one_or_none()
            if asked_by is None:
                return Conflict(tokens.DEAD_LINK, gone=True)
            business_id = tokens.act_for(session, asked_by)
            gone = delete(AccountToken).where(of_email).returning(AccountToken.new_email)
            new_email = session.execute(gone).scalar_one_or_none()
            if new_email is None:
                return Conflict(tokens.DEAD_LINK, gone=True)
            user = session.execute(select(User).where(User.id == asked_by).with_for_update()).scalar_one()
            old_email, user.email = user.email, new_email
            session.execute(delete(AccountToken).where(AccountToken.user_id == asked_by))
            session_id = identity[0] if identity and identity[1] == asked_by else None
            sessions.end_others(session, asked_by, but=session_id)
            if business_id is not None:
                audit.record(session, "email.changed", "user", asked_by, {"email": [old_email, new_email]})
            post(session, old_email, _changed(new_email))
            return Ok(sessions.rotate(session, session_id) if session_id else None)
    except IntegrityError:  # the unique index: two people asked for one address, or it was registered meanwhile
        log.info("action", action="email.refused")
        return Conflict(TAKEN_MEANWHILE)
    finally:
        set_scope(db.session, before)


def end_session(session_id: uuid.UUID) -> ActionResult[str]:
    """Sign a browser of the person out; the value says which it was."""
    with transaction() as session:
        user_id = current_scope(session).user_id
        mine = (UserSession.user_id == user_id, UserSession.id == session_id)
        ended = delete(UserSession).where(*mine).returning(UserSession.user_agent)
        user_agent = session.execute(ended).scalar_one_or_none()
        if user_agent is None or user_id is None:
            return NotFound()
        device = devices.device(user_agent)
        audit.record(session, "session.ended", "user", user_id, {"device": device})
        return Ok(device)


def end_other_sessions(session_id: uuid.UUID) -> ActionResult[int]:
    """Sign the person out everywhere but in this session; the value is how many browsers that were."""
    with transaction() as session:
        user_id = current_scope(session).user_id
        if user_id is None:
            return NotFound()
        count = sessions.end_others(session, user_id, but=session_id)
        if count:
            audit.record(session, "sessions.ended", "user", user_id, {"count": count})
        return Ok(count)


def _locked_self(session: Session) -> User | None:
    query = select(User).where(User.id == current_scope(session).user_id).with_for_update()
    return session.execute(query).scalar_one_or_none()


def _pending(user_id: uuid.UUID | None) -> ColumnElement[bool]:
    return (AccountToken.user_id == user_id) & AccountToken.new_email.is_not(None)


def _asked(new_email: str) -> Letter:
    return Letter(
        "Your email address is to change",
        [
            f"Someone, probably you, asked that your Invoices account goes by {new_email} from now on.",
            "That takes effect when the link in a mail to the new address is followed, within an hour.",
            "If it was not you, change your password at once: whoever asked knows it.",
        ],
    )


def _confirm(old_email: str, url: str) -> Letter:
    return Letter(
        "Confirm your new email address",
        [
            f"Someone, probably you, wants to use this address for the Invoices account of {old_email}.",
            "The link works once, for one hour. If it was not you, do nothing: nothing changes.",
        ],
        ("Use this address", url),
    )


def _has_account() -> Letter:
    return Letter(
        "You have an account with this address",
        [
            "Someone, probably you, wants to use this address for another Invoices account.",
            "It has an account of its own already, so nothing was changed. Sign in with it, or use another address.",
        ],
    )


def _changed(new_email: str) -> Letter:
    return Letter(
        "Your email address was changed",
        [
            f"Your Invoices account goes by {new_email} from now on, and every other browser was signed out.",
            "If it was not you, tell an owner of your business at once: this address opens the account no more.",
        ],
    )
