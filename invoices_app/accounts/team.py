"""Who works in a business, who is invited, and in which businesses a person works."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from invoices_app import clock
from invoices_app.accounts.models import Business, Invitation, Membership, Role, User
from invoices_app.accounts.rules import token_hash
from invoices_app.db.tenancy import Scope, current_scope, in_business, set_scope
from invoices_app.extensions import db

_ENTER_INVITATION = text("SELECT * FROM enter_invitation(:token_hash)")
_MY_BUSINESSES = text("SELECT * FROM my_businesses()")


@dataclass(frozen=True, slots=True)
class Member:
    """A person in the team; `last_used_at` is when they last signed in or came over from another business."""

    user_id: uuid.UUID
    name: str
    email: str
    role: Role
    last_used_at: datetime | None
    second_factor_since: datetime | None


@dataclass(frozen=True, slots=True)
class PendingInvitation:
    id: uuid.UUID
    email: str
    role: Role
    expires_at: datetime

    @property
    def has_expired(self) -> bool:
        return self.expires_at <= clock.now()


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """An invitation as who holds its token sees it, and whether its address has an account here."""

    id: uuid.UUID
    business_id: uuid.UUID
    email: str
    role: Role
    business_name: str
    inviter: str
    user_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class OwnBusiness:
    business_id: uuid.UUID
    name: str
    role: Role


def members() -> Sequence[Member]:
    """The team of the current business, by name."""
    place = (Membership.role, Membership.last_used_at)
    columns = (User.id, User.name, User.email, *place, User.second_factor_since)
    query = select(*columns).join(Membership, Membership.user_id == User.id).where(in_business(Membership))
    return [Member(*row) for row in db.session.execute(query.order_by(User.name, User.id))]


def requires_second_factor() -> bool:
    """Whether the current business asks everyone for a second factor."""
    here = Business.id == current_scope(db.session).business_id
    return db.session.execute(select(Business.second_factor_required).where(here)).scalar_one()


def invitations() -> Sequence[PendingInvitation]:
    """Who is invited into the current business and has not joined, the newest first."""
    columns = (Invitation.id, Invitation.email, Invitation.role, Invitation.expires_at)
    query = select(*columns).where(in_business(Invitation)).order_by(Invitation.id.desc())
    return [PendingInvitation(*row) for row in db.session.execute(query)]


def own_businesses() -> Sequence[OwnBusiness]:
    """Every business that the person belongs to, in the order of joining."""
    rows = db.session.execute(_MY_BUSINESSES)
    return [OwnBusiness(row.business_id, row.name, Role(row.role)) for row in rows]


def invitation(token: str) -> OpenInvitation | None:
    """The live invitation with this token; the scope is afterwards what it was."""
    before = current_scope(db.session)
    found = enter_invitation(db.session, token)
    set_scope(db.session, before)
    return found


def enter_invitation(session: Session, token: str) -> OpenInvitation | None:
    """The same, and the transaction goes on in the inviting business, able to see the account with that address."""
    row = session.execute(_ENTER_INVITATION, {"token_hash": token_hash(token).hex()}).one_or_none()
    if row is None:
        return None
    set_scope(session, Scope(business_id=row.business_id, login_email=row.email))
    user_id = session.execute(select(User.id).where(User.email == row.email)).scalar_one_or_none()
    return OpenInvitation(row.id, row.business_id, row.email, Role(row.role), row.business_name, row.inviter, user_id)
