"""The second step of signing in: a password was right, and a code makes a session of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from invoices_app import clock
from invoices_app.accounts import audit, rules
from invoices_app.accounts import second_factor as factor
from invoices_app.accounts import second_factor_letters as letters
from invoices_app.accounts import second_factor_rules as factor_rules
from invoices_app.accounts.actions import NO_BUSINESS, Browser, first_business, open_session
from invoices_app.accounts.models import User
from invoices_app.accounts.second_factor_models import WRONG_CODES, PendingLogin, RecoveryCode, SecondFactor
from invoices_app.accounts.sessions import Lifetime
from invoices_app.db.tenancy import NOBODY, Scope, set_scope
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.mail import post
from invoices_app.results import ActionResult, Conflict, Invalid, Ok

ENDED = "This sign-in has ended. Enter your password again."
WRONG_CODE = "This code is wrong or was used before."
LOST = "Your codes cannot be checked any more. Ask who runs Invoices to reset your second factor."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entered:
    """A session, and how many recovery codes are left when one of them opened it."""

    token: str = field(repr=False)
    remember: bool
    user_id: uuid.UUID
    email: str
    codes_left: int | None

    @property
    def few_left(self) -> bool:
        return self.codes_left is not None and self.codes_left <= factor_rules.FEW_LEFT


def enter_code(token: str, typed: str, browser: Browser) -> ActionResult[Entered]:
    """Open a session for the right code of an authenticator, or an unused recovery code.

    Tries of one sign-in come one after the other, since each holds its row; so do two sign-ins with the same code,
    which one UPDATE uses up. The fifth wrong code ends the sign-in, and the person is told of it.
    """
    try:
        with transaction() as session:
            factor.show_token(session, token)
            user_id = session.execute(select(PendingLogin.user_id).where(factor.waits(token))).scalar_one_or_none()
            if user_id is None:
                return Conflict(ENDED, gone=True)
            set_scope(session, Scope(user_id=user_id))
            return _enter_as(session, user_id, token, typed, browser)
    finally:
        set_scope(db.session, NOBODY)


def _enter_as(session: Session, user_id: uuid.UUID, token: str, typed: str, browser: Browser) -> ActionResult[Entered]:
    if not factor.is_on(session, user_id):  # switched off meanwhile; it stays on now until the commit
        return Conflict(ENDED, gone=True)
    place = select(PendingLogin).where(factor.waits(token)).with_for_update()
    waiting = session.execute(place).scalar_one_or_none()
    if waiting is None:
        return Conflict(ENDED, gone=True)
    email, password_hash = session.execute(select(User.email, User.password_hash).where(User.id == user_id)).one()
    if rules.token_hash(password_hash) != waiting.password_seen:  # changed meanwhile, maybe because somebody knew it
        return Conflict(ENDED, gone=True)
    business_id = first_business(session, user_id)
    if business_id is None:
        return Conflict(NO_BUSINESS, gone=True)
    set_scope(session, Scope(user_id=user_id, business_id=business_id))
    sealed = session.execute(select(SecondFactor.sealed_secret).where(SecondFactor.user_id == user_id)).scalar_one()
    secret = factor.open_secret(user_id, sealed)
    if secret is None:
        return Invalid.because(LOST, "one_time_code")
    digits = factor_rules.digits_of(typed)
    recovered = _use_recovery_code(session, user_id, secret, digits)
    if not recovered and not _use_step(session, user_id, secret, digits):
        return _refuse(session, waiting, email)
    factor.keep_sealed_anew(session, user_id, sealed, secret)
    remember = waiting.remember
    session.delete(waiting)
    left = _report_recovery(session, user_id, email) if recovered else None
    audit.record(session, "session.opened", "user", user_id, {"with": "recovery code" if recovered else "code"})
    opened = open_session(session, user_id, business_id, browser, Lifetime.of(remember=remember), factor_shown=True)
    return Ok(Entered(opened, remember, user_id, email, left))


def _use_step(session: Session, user_id: uuid.UUID, secret: str, digits: str) -> bool:
    """Use up the code's time step: of two at once with one code, the second finds it used."""
    step = factor_rules.matching_step(secret, digits, clock.now()) if digits else None
    if step is None:
        return False
    unused = update(SecondFactor).where(SecondFactor.user_id == user_id, SecondFactor.last_step < step)
    used = session.execute(unused.values(last_step=step).returning(SecondFactor.user_id)).one_or_none()
    return used is not None


def _use_recovery_code(session: Session, user_id: uuid.UUID, secret: str, digits: str) -> bool:
    if len(digits) != factor_rules.RECOVERY_DIGITS:
        return False
    mine = (RecoveryCode.user_id == user_id, RecoveryCode.code_hash == factor_rules.recovery_hash(secret, digits))
    used = delete(RecoveryCode).where(*mine).returning(RecoveryCode.user_id)
    return session.execute(used).one_or_none() is not None


def _report_recovery(session: Session, user_id: uuid.UUID, email: str) -> int:
    """Tell the person that a recovery code was used; answers how many are left."""
    count = select(func.count()).select_from(RecoveryCode).where(RecoveryCode.user_id == user_id)
    left = session.execute(count).scalar_one()
    audit.record(session, "second_factor.recovery_code_used", "user", user_id, {"left": left})
    post(session, email, letters.recovery_code_used(left))
    return left


def _refuse(session: Session, waiting: PendingLogin, email: str) -> Invalid | Conflict:
    """Count a wrong code; the last one ends the sign-in."""
    waiting.wrong_codes += 1
    log.info("action", action="second_factor.refused", entity="user", entity_id=str(waiting.user_id))
    if waiting.wrong_codes < WRONG_CODES:
        return Invalid.because(WRONG_CODE, "one_time_code")
    audit.record(session, "second_factor.sign_in_ended", "user", waiting.user_id, {"wrong_codes": WRONG_CODES})
    post(session, email, letters.WRONG_CODES)
    session.delete(waiting)
    return Conflict(f"That were {WRONG_CODES} wrong codes. Enter your password again.", gone=True)
