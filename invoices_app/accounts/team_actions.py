"""What owners do with their team, how somebody joins it, and going from one business to another.

Whoever changes roles or removes people holds the row of the business first, so that two owners who remove each other
come one after the other, and the second finds that the last owner would go.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from invoices_app import clock
from invoices_app.accounts import audit, passwords, rules, sessions, team
from invoices_app.accounts.actions import Browser, open_session
from invoices_app.accounts.models import Business, FormerMember, Invitation, Membership, Role, User, UserSession
from invoices_app.db import constraints
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import Scope, current_scope, in_business, set_scope
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.mail import Letter, post
from invoices_app.results import ActionResult, Conflict, Forbidden, Invalid, NotFound, Ok

INVITATION_LIFETIME = timedelta(days=7)
LAST_OWNER = "This is the last owner. Make someone else an owner first."
GONE = "This invitation was used, withdrawn or is older than 7 days. Ask for a new one."

log = structlog.get_logger(__name__)

LinkOf = Callable[[str], str]
"""The whole address that leads to the invitation with a token."""


@dataclass(frozen=True, slots=True)
class RoleChange:
    """Whose role was changed; `token` is the new one of the asker's session when it was their own."""

    name: str
    token: str | None = None


def change_role(user_id: uuid.UUID, role: Role, session_id: uuid.UUID | None = None) -> ActionResult[RoleChange]:
    """Give a member another role. It counts from their next request on.

    Who changes their own goes on in `session_id` under a new token; their other sessions end.
    """
    with transaction() as session:
        found = _locked_member(session, user_id)
        if not isinstance(found, tuple):
            return found
        name, before = found
        if before == Role.OWNER and role != Role.OWNER and _owners(session) == 1:
            return Invalid.because(LAST_OWNER)
        if before != role:
            session.execute(update(Membership).where(*_place_of(user_id)).values(role=role))
            audit.record(session, "member.role_changed", "user", user_id, {"role": [before, role]})
            if session_id is not None and user_id == current_scope(session).user_id:
                sessions.end_others(session, user_id, but=session_id)
                return Ok(RoleChange(name, sessions.rotate(session, session_id)))
        return Ok(RoleChange(name))


def remove_member(user_id: uuid.UUID) -> ActionResult[str]:
    """Take a member out of the team and end their sessions here; the value is their name."""
    with transaction() as session:
        found = _locked_member(session, user_id)
        if not isinstance(found, tuple):
            return found
        name, role = found
        if role == Role.OWNER and _owners(session) == 1:
            return Invalid.because(LAST_OWNER)
        audit.record(session, "member.removed", "user", user_id, {"name": name, "role": role})
        gone = {"business_id": current_scope(session).business_id, "user_id": user_id}
        session.execute(insert(FormerMember).values(gone).on_conflict_do_nothing())
        session.execute(delete(Membership).where(*_place_of(user_id)))
        return Ok(name)


def require_second_factor(*, on: bool) -> ActionResult[None]:
    """Ask everyone in the business for a second factor, or leave it to them. Who asks must have one."""
    with transaction() as session:
        refusal = _only_owners(session)
        if refusal is not None:
            return refusal
        scope = current_scope(session)
        since = select(User.second_factor_since).where(User.id == scope.user_id)
        if on and session.execute(since).scalar_one() is None:
            return Invalid.because("Set up your own second factor first.", "required")
        changed = update(Business).where(Business.id == scope.business_id, Business.second_factor_required != on)
        id_of = changed.values(second_factor_required=on).returning(Business.id)
        business_id = session.execute(id_of).scalar_one_or_none()
        if business_id is not None:
            changes = {"second_factor_required": [not on, on]}
            audit.record(session, "business.changed", "business", business_id, changes)
        return Ok(None)


def invite(email: str, role: Role, link_of: LinkOf) -> ActionResult[None]:
    """Invite an address, in lower case, by mail. The answer is the same whether it has an account or not."""
    try:
        with transaction() as session:
            refusal = _only_owners(session)
            if refusal is not None:
                return refusal
            joined = select(User.id).join(Membership, Membership.user_id == User.id)
            if session.execute(joined.where(in_business(Membership), User.email == email)).first():
                return Invalid.because("This person is in your team already.", "email")
            scope = current_scope(session)
            token, row_id = rules.new_token(), new_id()
            invitation = Invitation(
                business_id=scope.business_id,
                id=row_id,
                email=email,
                role=role,
                token_hash=rules.token_hash(token),
                invited_by=scope.user_id,
                expires_at=clock.now() + INVITATION_LIFETIME,
            )
            session.add(invitation)
            session.flush()
            audit.record(session, "member.invited", "invitation", row_id, {"email": email, "role": role})
            post(session, email, _letter(session, link_of(token)))
            return Ok(None)
    except IntegrityError as error:
        return constraints.explain(error)


def resend_invitation(invitation_id: uuid.UUID, link_of: LinkOf) -> ActionResult[str]:
    """Send an invitation again, for another 7 days; the link of the earlier mail ends. The value is the address."""
    with transaction() as session:
        refusal = _only_owners(session)
        if refusal is not None:
            return refusal
        token = rules.new_token()
        values = {"token_hash": rules.token_hash(token), "expires_at": clock.now() + INVITATION_LIFETIME}
        place = (in_business(Invitation), Invitation.id == invitation_id)
        changed = session.execute(update(Invitation).where(*place).values(**values).returning(Invitation.email))
        email = changed.scalar_one_or_none()
        if email is None:
            return NotFound()
        audit.record(session, "invitation.resent", "invitation", invitation_id, {"email": email})
        post(session, email, _letter(session, link_of(token)))
        return Ok(email)


def withdraw_invitation(invitation_id: uuid.UUID) -> ActionResult[str]:
    """Make an invitation worthless; the value is its address."""
    with transaction() as session:
        refusal = _only_owners(session)
        if refusal is not None:
            return refusal
        place = (in_business(Invitation), Invitation.id == invitation_id)
        email = session.execute(delete(Invitation).where(*place).returning(Invitation.email)).scalar_one_or_none()
        if email is None:
            return NotFound()
        audit.record(session, "invitation.withdrawn", "invitation", invitation_id, {"email": email})
        return Ok(email)


def join(token: str, user_id: uuid.UUID) -> ActionResult[uuid.UUID]:
    """Let the signed-in person use an invitation to their own address; the value is the business."""
    before = current_scope(db.session)
    try:
        with transaction() as session:
            found = team.enter_invitation(session, token)
            if found is None:
                return Conflict(GONE, gone=True)
            if found.user_id != user_id:
                return Forbidden("This invitation is for another email address. Sign in with that one.")
            return _use(session, found, user_id)
    finally:
        set_scope(db.session, before)


def join_with_password(token: str, password: str) -> ActionResult[uuid.UUID]:
    """Let the holder of an account that is not signed in, and may be in no business, use an invitation to it.

    It opens no session: signing in is one way, with all that it asks for.
    """
    before = current_scope(db.session)
    try:
        with transaction() as session:
            found = team.enter_invitation(session, token)
            if found is None:
                return Conflict(GONE, gone=True)
            stored = session.execute(select(User.password_hash).where(User.id == found.user_id)).scalar_one_or_none()
            if not rules.password_matches(stored, password) or found.user_id is None:
                log.info("action", action="password.refused")
                return Invalid.because("This is not the password of this account.", "password")
            return _use(session, found, found.user_id)
    finally:
        set_scope(db.session, before)


def join_as_new(token: str, name: str, password: str, browser: Browser) -> ActionResult[str]:
    """Make an account for the invited address and sign it in; the value is the session's token."""
    before = current_scope(db.session)
    password_hash = rules.hash_password(password)
    try:
        with transaction() as session:
            found = team.enter_invitation(session, token)
            if found is None:
                return Conflict(GONE, gone=True)
            if sentence := passwords.problem(password, (name, found.email, found.business_name)):
                return Invalid.because(sentence, "password")
            user_id = new_id()
            set_scope(session, Scope(user_id=user_id, business_id=found.business_id))
            if not _use_up(session, found):
                return Conflict(GONE, gone=True)
            session.add(User(id=user_id, name=name, email=found.email, password_hash=password_hash))
            session.flush()
            _add(session, found, user_id)
            return Ok(open_session(session, user_id, found.business_id, browser, sessions.Lifetime.UNTIL_CLOSED))
    except IntegrityError as error:
        return constraints.explain(error)
    finally:
        set_scope(db.session, before)


def switch_business(session_id: uuid.UUID, business_id: uuid.UUID) -> ActionResult[str | None]:
    """Let this session work in another business that its person belongs to.

    The value is the session's new token, where the person has another role there, else None.
    """
    before = current_scope(db.session)
    with transaction() as session:
        mine = Membership.user_id == before.user_id
        places = select(Membership.business_id, Membership.role).where(
            mine, Membership.business_id.in_([before.business_id, business_id])
        )
        roles = {row.business_id: row.role for row in session.execute(places)}
        if business_id not in roles:
            return NotFound()
        set_scope(session, Scope(user_id=before.user_id, business_id=business_id))
        there = Membership.business_id == business_id
        session.execute(update(Membership).where(mine, there).values(last_used_at=clock.now()))
        session.execute(update(UserSession).where(UserSession.id == session_id).values(business_id=business_id))
        audit.record(session, "business.entered", "business", business_id)
        has_other_role = before.business_id is None or roles.get(before.business_id) != roles[business_id]
        return Ok(sessions.rotate(session, session_id) if has_other_role else None)


def _use(session: Session, found: team.OpenInvitation, user_id: uuid.UUID) -> ActionResult[uuid.UUID]:
    """Let a person with an account use the invitation."""
    set_scope(session, Scope(user_id=user_id, business_id=found.business_id))
    if not _use_up(session, found):
        return Conflict(GONE, gone=True)
    _add(session, found, user_id)
    return Ok(found.business_id)


def _use_up(session: Session, found: team.OpenInvitation) -> bool:
    """Use up the invitation, once: of two at the same time one finds it gone."""
    place = (Invitation.business_id == found.business_id, Invitation.id == found.id)
    return session.execute(delete(Invitation).where(*place).returning(Invitation.id)).one_or_none() is not None


def _add(session: Session, found: team.OpenInvitation, user_id: uuid.UUID) -> None:
    """Who is in the team already, under an address that changed meanwhile, keeps their role."""
    values = {"business_id": found.business_id, "user_id": user_id, "role": found.role}
    session.execute(insert(Membership).values(values).on_conflict_do_nothing())
    audit.record(session, "member.joined", "user", user_id, {"role": found.role})


def _only_owners(session: Session) -> Forbidden | None:
    """Hold the business, and look again who asks: their role may have gone since the request began."""
    business_id = current_scope(session).business_id
    session.execute(select(Business.id).where(Business.id == business_id).with_for_update()).scalar_one()
    role = session.execute(
        select(Membership.role).where(in_business(Membership), Membership.user_id == current_scope(session).user_id)
    ).scalar_one_or_none()
    return None if role == Role.OWNER else Forbidden("Only an owner of the business may do this.")


def _locked_member(session: Session, user_id: uuid.UUID) -> tuple[str, Role] | Forbidden | NotFound:
    refusal = _only_owners(session)
    if refusal is not None:
        return refusal
    query = select(User.name, Membership.role).join(Membership, Membership.user_id == User.id)
    row = session.execute(query.where(*_place_of(user_id))).one_or_none()
    return (row.name, row.role) if row else NotFound()


def _place_of(user_id: uuid.UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (in_business(Membership), Membership.user_id == user_id)


def _owners(session: Session) -> int:
    query = select(func.count()).select_from(Membership).where(in_business(Membership), Membership.role == Role.OWNER)
    return session.execute(query).scalar_one()


def _letter(session: Session, link: str) -> Letter:
    scope = current_scope(session)
    business = session.execute(select(Business.name).where(Business.id == scope.business_id)).scalar_one()
    inviter = session.execute(select(User.name).where(User.id == scope.user_id)).scalar_one()
    return Letter(
        f"Join {business}",
        [
            f"{inviter} invites you to work on the invoices of {business}.",
            "The link works once, for 7 days. If you do not know them, ignore this mail.",
        ],
        ("Open the invitation", link),
    )
