"""What whoever runs the app does about second factors: take one off, and seal the secrets with a new SECRET_KEY."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, delete, select, update

from invoices_app.accounts import audit, sealing
from invoices_app.accounts import second_factor_letters as letters
from invoices_app.accounts.actions import first_business
from invoices_app.accounts.models import User, UserSession
from invoices_app.accounts.second_factor_actions import NOT_ON, forget
from invoices_app.accounts.second_factor_models import SecondFactor
from invoices_app.db.tenancy import NOBODY, Scope, set_scope
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.mail import post
from invoices_app.results import ActionResult, Conflict, NotFound, Ok

PORTION = 200


def reset(email: str) -> ActionResult[uuid.UUID]:
    """Take the second factor off the account with this email, end its sessions, and tell its person by mail.

    The event stands in the history of the business that they joined first, without an actor: nobody in it did this.
    """
    set_scope(db.session, Scope(login_email=email))
    try:
        with transaction() as session:
            user_id = session.execute(select(User.id).where(User.email == email)).scalar_one_or_none()
            if user_id is None:
                return NotFound()
            set_scope(session, Scope(user_id=user_id))
            locked = select(User.second_factor_since).where(User.id == user_id).with_for_update()
            if session.execute(locked).scalar_one() is None:
                return Conflict(NOT_ON)
            business_id = first_business(session, user_id)
            forget(session, user_id)
            session.execute(delete(UserSession).where(UserSession.user_id == user_id))
            post(session, email, letters.RESET)
            if business_id is not None:
                set_scope(session, Scope(business_id=business_id))
                audit.record(session, "second_factor.reset", "user", user_id, {"by": "operator"})
                session.flush()
            return Ok(user_id)
    finally:
        set_scope(db.session, NOBODY)


@dataclass(slots=True)
class Resealed:
    """How many secrets were sealed anew, how many with the newest key already, and whose no key opens."""

    anew: int = 0
    already: int = 0
    lost: list[uuid.UUID] = field(default_factory=list)


def reseal(owner: Engine, keys: Sequence[str]) -> Resealed:
    """Seal every secret with the first of `keys`, with the login of the tables' owner.

    A transaction seals a portion, so that nobody who signs in meanwhile waits for all of them. What no key opens stays.
    """
    done, last = Resealed(), uuid.UUID(int=0)
    columns = (SecondFactor.user_id, SecondFactor.sealed_secret)
    while True:
        with owner.begin() as connection:
            portion = select(*columns).where(SecondFactor.user_id > last).order_by(SecondFactor.user_id)
            rows = connection.execute(portion.limit(PORTION).with_for_update()).all()
            for user_id, sealed in rows:
                _reseal_one(connection, user_id, sealed, keys, done)
        if len(rows) < PORTION:
            return done
        last = rows[-1].user_id


def _reseal_one(connection: Connection, user_id: uuid.UUID, sealed: bytes, keys: Sequence[str], done: Resealed) -> None:
    if sealing.is_sealed_with(sealed, keys[0]):
        done.already += 1
        return
    try:
        secret = sealing.open_sealed(sealed, user_id.bytes, keys)
    except sealing.CannotOpen:
        done.lost.append(user_id)
        return
    values = {"sealed_secret": sealing.seal(secret, user_id.bytes, keys[0])}
    connection.execute(update(SecondFactor).where(SecondFactor.user_id == user_id).values(values))
    done.anew += 1
