"""What people do with their second factor: set it up, make new recovery codes, switch it off.

Each holds the person's row first, so that no sign-in that asked for no code is under way when it is switched on.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from invoices_app import clock
from invoices_app.accounts import audit, rules, sessions
from invoices_app.accounts import second_factor as factor
from invoices_app.accounts import second_factor_letters as letters
from invoices_app.accounts import second_factor_rules as factor_rules
from invoices_app.accounts.models import User
from invoices_app.accounts.password_actions import NOT_YOURS
from invoices_app.accounts.second_factor_models import PendingLogin, RecoveryCode, SecondFactor
from invoices_app.db.tenancy import current_scope
from invoices_app.db.transaction import transaction
from invoices_app.mail import post
from invoices_app.results import ActionResult, Conflict, Invalid, NotFound, Ok

log = structlog.get_logger(__name__)

ON_ALREADY = "Two-factor sign-in is on already."
NOT_ON = "Two-factor sign-in is not on."
BEGIN_AGAIN = "This set-up has ended. Begin again."
WRONG_CODE = "This is not the code of now. Look at your app again."


@dataclass(frozen=True, slots=True)
class SwitchedOn:
    """The token of the session that goes on, and the recovery codes, which nobody can show again."""

    token: str = field(repr=False)
    codes: Sequence[str] = field(repr=False)


def begin_set_up(password: str, session_id: uuid.UUID) -> ActionResult[None]:
    """Make a secret that this session may see and confirm; an earlier one that was not confirmed ends."""
    with transaction() as session:
        user = _locked_user(session)
        if user is None:
            return NotFound()
        if user.second_factor_since is not None:
            return Conflict(ON_ALREADY)
        if not rules.password_matches(user.password_hash, password):
            log.info("action", action="second_factor.refused")
            return Invalid.because(NOT_YOURS, "password")
        values = {
            "sealed_secret": factor.seal_secret(user.id, factor_rules.new_secret()),
            "set_up_in": session_id,
            "created_at": clock.now(),
            "last_step": 0,
        }
        made = upsert(SecondFactor).values(user_id=user.id, **values)
        session.execute(made.on_conflict_do_update(index_elements=["user_id"], set_=values))
        return Ok(None)


def finish_set_up(code: str, session_id: uuid.UUID) -> ActionResult[SwitchedOn]:
    """Switch it on, since the person's app makes the right codes. Every session but this one ends."""
    with transaction() as session:
        user = _locked_user(session)
        if user is None:
            return NotFound()
        if user.second_factor_since is not None:
            return Conflict(ON_ALREADY)
        begun = select(SecondFactor.sealed_secret).where(
            SecondFactor.user_id == user.id, factor.being_set_up(session_id)
        )
        sealed = session.execute(begun).scalar_one_or_none()
        secret = factor.open_secret(user.id, sealed) if sealed else None
        if secret is None:
            return Conflict(BEGIN_AGAIN, gone=True)
        step = factor_rules.matching_step(secret, factor_rules.digits_of(code), clock.now())
        if step is None:
            return Invalid.because(WRONG_CODE, "one_time_code")
        session.execute(update(SecondFactor).where(SecondFactor.user_id == user.id).values(last_step=step))
        user.second_factor_since = clock.now()
        session.flush()
        codes = _replace_codes(session, user.id, secret)
        audit.record(session, "second_factor.on", "user", user.id)
        post(session, user.email, letters.ON)
        sessions.end_others(session, user.id, but=session_id)
        return Ok(SwitchedOn(sessions.rotate(session, session_id), codes))


def renew_codes(password: str) -> ActionResult[Sequence[str]]:
    """Ten new recovery codes; those of before work no more."""
    with transaction() as session:
        user = _locked_user(session)
        if user is None:
            return NotFound()
        if user.second_factor_since is None:
            return Conflict(NOT_ON)
        if not rules.password_matches(user.password_hash, password):
            log.info("action", action="second_factor.refused")
            return Invalid.because(NOT_YOURS, "password")
        sealed = select(SecondFactor.sealed_secret).where(SecondFactor.user_id == user.id)
        secret = factor.open_secret(user.id, session.execute(sealed).scalar_one())
        if secret is None:
            return Conflict("Your second factor cannot be read any more. Switch it off, and set it up again.")
        codes = _replace_codes(session, user.id, secret)
        audit.record(session, "second_factor.codes_renewed", "user", user.id)
        post(session, user.email, letters.NEW_CODES)
        return Ok(codes)


def switch_off(password: str) -> ActionResult[None]:
    """From now on the password alone is asked for."""
    with transaction() as session:
        user = _locked_user(session)
        if user is None:
            return NotFound()
        if user.second_factor_since is None:
            return Conflict(NOT_ON)
        if not rules.password_matches(user.password_hash, password):
            log.info("action", action="second_factor.refused")
            return Invalid.because(NOT_YOURS, "password")
        forget(session, user.id)
        audit.record(session, "second_factor.off", "user", user.id)
        post(session, user.email, letters.OFF)
        return Ok(None)


def own_codes(codes: Sequence[str]) -> Sequence[str]:
    """Those of `codes` that are unused recovery codes of the person of the current scope, as they are printed."""
    with transaction() as session:
        user_id = current_scope(session).user_id
        sealed = select(SecondFactor.sealed_secret).where(SecondFactor.user_id == user_id)
        found = session.execute(sealed).scalar_one_or_none()
        secret = factor.open_secret(user_id, found) if found and user_id else None
        if secret is None:
            return []
        by_hash = {factor_rules.recovery_hash(secret, code): code for code in codes}
        mine = select(RecoveryCode.code_hash).where(
            RecoveryCode.user_id == user_id, RecoveryCode.code_hash.in_(by_hash)
        )
        kept = {bytes(found) for found in session.execute(mine).scalars()}
        return [factor_rules.grouped(factor_rules.digits_of(by_hash[code])) for code in by_hash if code in kept]


def forget(session: Session, user_id: uuid.UUID) -> None:
    """Take the second factor off, in the running transaction; sign-ins that wait for a code end."""
    session.execute(update(User).where(User.id == user_id).values(second_factor_since=None))
    for table in (SecondFactor, RecoveryCode, PendingLogin):
        session.execute(delete(table).where(table.user_id == user_id))


def _locked_user(session: Session) -> User | None:
    user_id = current_scope(session).user_id
    return session.execute(select(User).where(User.id == user_id).with_for_update()).scalar_one_or_none()


def _replace_codes(session: Session, user_id: uuid.UUID, secret: str) -> Sequence[str]:
    codes = factor_rules.new_recovery_codes()
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    rows = [{"user_id": user_id, "code_hash": hashed} for hashed in factor_rules.recovery_hashes(secret, codes)]
    session.execute(insert(RecoveryCode), rows)
    return codes
