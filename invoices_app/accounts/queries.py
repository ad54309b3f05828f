"""What accounts are asked for: who is behind a request, and the business they work in."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import date

from flask_login import UserMixin
from sqlalchemy import Text, bindparam, func, select

from invoices_app import clock
from invoices_app.accounts.models import Business, Logo, Role
from invoices_app.accounts.rules import SheetLogo, sheet_logo, token_hash
from invoices_app.db.connections import alone
from invoices_app.db.tenancy import Scope, in_business, set_scope
from invoices_app.extensions import db


@dataclass(frozen=True, slots=True)
class Identity(UserMixin):  # type: ignore[misc]  # Flask-Login ships no types
    """The person behind a request, the business they work in, and their role there."""

    session_id: uuid.UUID
    user_id: uuid.UUID
    business_id: uuid.UUID
    role: Role
    user_name: str
    email: str
    single_keys: bool
    business_name: str
    currency: str
    time_zone: str
    use_is_due: bool
    """Whether the session's last use was noted so long ago that this one is to be."""
    lacks_second_factor: bool
    """Whether the business asks everyone for a second factor, and this person has none."""
    data_version: int
    """The number of the business's last audit event: what its pages show is the same as long as this is."""
    token: str = field(repr=False)

    def get_id(self) -> str:
        """What the browser's cookie holds of this person: the session's token."""
        return self.token

    @property
    def may_write(self) -> bool:
        """Whether the person works with clients and invoices; a bookkeeper only reads."""
        return self.role != Role.BOOKKEEPER

    @property
    def is_owner(self) -> bool:
        return self.role == Role.OWNER

    def today(self) -> date:
        """The date where the business is."""
        return clock.today(self.time_zone)


# Named, the columns are told to SQLAlchemy once and not found out with every request.
_FOUND = [name for name in Identity.__dataclass_fields__ if name != "token"]
_SESSION = func.find_session(bindparam("token_hash", type_=Text)).table_valued(*_FOUND, name="found")
_FIND_SESSION = select(*(_SESSION.c[name] for name in _FOUND))


def enter_session(token: str) -> Identity | None:
    """The person whose live session has this token; transactions from now on see their business.

    One statement, a transaction of its own: a page that is remembered needs no other.
    """
    row = alone(_FIND_SESSION, {"token_hash": token_hash(token).hex()})
    if row is None:
        return None
    identity = Identity(**{**row._mapping, "role": Role(row.role), "token": token})  # noqa: SLF001  (SQLAlchemy's public name)
    set_scope(db.session, Scope(user_id=identity.user_id, business_id=identity.business_id))
    return identity


def business() -> Business:
    """The business of the current scope, whole."""
    return db.session.execute(select(Business)).scalar_one()


@dataclass(frozen=True, slots=True)
class StoredLogo:
    """A logo as it is sent: a PNG, and the SHA-256 of its bytes."""

    png: bytes
    sha256: bytes


def business_with_logo() -> tuple[Business, SheetLogo | None]:
    """The business of the current scope, and the logo that its documents bear from now on."""
    own_logo = (Logo.business_id == Business.id) & (Logo.id == Business.logo_id)
    columns = (Business, Logo.id, Logo.width, Logo.height)
    found, logo_id, width, height = db.session.execute(select(*columns).outerjoin(Logo, own_logo)).one()
    return found, sheet_logo(logo_id, width, height)


def logo_picture(logo_id: uuid.UUID) -> StoredLogo | None:
    """A logo that the current business has or had."""
    found = db.session.execute(select(Logo.png, Logo.sha256).where(in_business(Logo), Logo.id == logo_id))
    row = found.one_or_none()
    return StoredLogo(*row) if row else None
