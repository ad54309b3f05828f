"""People, businesses (the tenants), who belongs to which, their sessions, and the history of all changes."""

from __future__ import annotations

import enum
import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Interval,
    LargeBinary,
    SmallInteger,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from invoices_app.db.base import Base, Percent, created_at_column, new_id, percent_check, text_column

NAME_LENGTH = 200
EMAIL_LENGTH = 254
PHONE_LENGTH = 40
ADDRESS_LENGTH = 200
CITY_LENGTH = 100
POSTAL_CODE_LENGTH = 20
IDENTIFIER_LENGTH = 40
IBAN_LENGTH = 34
BIC_LENGTH = 11
TEXT_LENGTH = 2000
USER_AGENT_LENGTH = 300
ACTION_LENGTH = 60
MAX_TERMS_DAYS = 365
LOGO_WIDTH = 600
LOGO_HEIGHT = 240
LOGO_MAX_BYTES = 200 * 1024
PASSWORD_MIN_LENGTH = 12
PASSWORD_MAX_LENGTH = 256


class Role(enum.StrEnum):
    """What a person may do in a business."""

    OWNER = "owner"
    MEMBER = "member"
    BOOKKEEPER = "bookkeeper"


class User(Base):
    """A person with a login. Emails are kept in lower case."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("length(name) > 0", name="name_filled"),
        # Login looks an account up by its email.
        Index("uq_users_email", "email", unique=True),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    password_hash: Mapped[str] = mapped_column(String(200))
    single_keys: Mapped[bool] = mapped_column(server_default=text("true"))
    second_factor_since: Mapped[datetime | None]
    created_at: Mapped[datetime] = created_at_column()


class Business(Base):
    """A tenant: the seller on its invoices (EN 16931 BG-4) and the defaults of a new one."""

    __tablename__ = "businesses"
    __table_args__ = (
        CheckConstraint("length(name) > 0", name="name_filled"),
        CheckConstraint("country ~ '^([A-Z]{2})?$'", name="country_code"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_code"),
        CheckConstraint(f"payment_terms_days BETWEEN 0 AND {MAX_TERMS_DAYS}", name="payment_terms_days_range"),
        percent_check("default_tax_rate"),
        ForeignKeyConstraint(["id", "logo_id"], ["logos.business_id", "logos.id"], use_alter=True),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    legal_name: Mapped[str] = text_column(NAME_LENGTH)
    contact_name: Mapped[str] = text_column(NAME_LENGTH)
    email: Mapped[str] = text_column(EMAIL_LENGTH)
    phone: Mapped[str] = text_column(PHONE_LENGTH)
    address_line1: Mapped[str] = text_column(ADDRESS_LENGTH)
    address_line2: Mapped[str] = text_column(ADDRESS_LENGTH)
    city: Mapped[str] = text_column(CITY_LENGTH)
    region: Mapped[str] = text_column(CITY_LENGTH)
    postal_code: Mapped[str] = text_column(POSTAL_CODE_LENGTH)
    country: Mapped[str] = text_column(2)
    tax_id: Mapped[str] = text_column(IDENTIFIER_LENGTH)
    tax_number: Mapped[str] = text_column(IDENTIFIER_LENGTH)
    registration_number: Mapped[str] = text_column(IDENTIFIER_LENGTH)
    electronic_address: Mapped[str] = text_column(EMAIL_LENGTH)
    electronic_address_scheme: Mapped[str] = text_column(4)
    second_factor_required: Mapped[bool] = mapped_column(server_default=text("false"))
    currency: Mapped[str] = mapped_column(String(3), server_default="EUR")
    time_zone: Mapped[str] = mapped_column(String(64), server_default="Europe/London")
    default_tax_rate: Mapped[Percent] = mapped_column(server_default="0")
    payment_terms_days: Mapped[int] = mapped_column(server_default="30")
    iban: Mapped[str] = text_column(IBAN_LENGTH)
    bic: Mapped[str] = text_column(BIC_LENGTH)
    account_name: Mapped[str] = text_column(NAME_LENGTH)
    payment_details: Mapped[str] = text_column(TEXT_LENGTH)
    invoice_notes: Mapped[str] = text_column(TEXT_LENGTH)
    logo_id: Mapped[uuid.UUID | None]
    version: Mapped[int] = mapped_column(server_default="1")
    created_at: Mapped[datetime] = created_at_column()


class Logo(Base):
    """A picture for the head of documents. Written once and kept, since issued documents refer to it."""

    __tablename__ = "logos"
    __table_args__ = (
        CheckConstraint(f"width BETWEEN 1 AND {LOGO_WIDTH} AND height BETWEEN 1 AND {LOGO_HEIGHT}", name="size"),
        CheckConstraint(f"octet_length(png) BETWEEN 1 AND {LOGO_MAX_BYTES}", name="png_length"),
        CheckConstraint("sha256 = sha256(png)", name="sha256_of_png"),
        # The same picture again is the same logo.
        Index("uq_logos_business_id_sha256", "business_id", "sha256", unique=True),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    png: Mapped[bytes] = mapped_column(LargeBinary)
    width: Mapped[int] = mapped_column(SmallInteger)
    height: Mapped[int] = mapped_column(SmallInteger)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = created_at_column()


class Membership(Base):
    """A person's place in a business."""

    __tablename__ = "memberships"
    __table_args__ = (
        # A person's businesses, at login.
        Index("ix_memberships_user_id", "user_id"),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[Role] = mapped_column(
        Enum(Role, name="membership_role", values_callable=lambda roles: [role.value for role in roles])
    )
    created_at: Mapped[datetime] = created_at_column()
    last_used_at: Mapped[datetime | None]


class FormerMember(Base):
    """Who was in a business once. Its history goes on naming them, which only colleagues could otherwise."""

    __tablename__ = "former_members"

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    removed_at: Mapped[datetime] = created_at_column()


class Invitation(Base):
    """An email address that may join a business. The link holds a random token; only its SHA-256 is kept here."""

    __tablename__ = "invitations"
    __table_args__ = (
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash_length"),
        # One address is invited once.
        Index("uq_invitations_business_id_email", "business_id", "email", unique=True),
        # Who follows the link is found by the token's hash.
        Index("uq_invitations_token_hash", "token_hash", unique=True),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    role: Mapped[Role] = mapped_column(
        Enum(Role, name="membership_role", values_callable=lambda roles: [role.value for role in roles])
    )
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    invited_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = created_at_column()


class UserSession(Base):
    """A signed-in browser. The cookie holds a random token; only its SHA-256 is kept here.

    It ends at `expires_at`, or `idle_timeout` after its last use, which is noted every few minutes, with its address.
    """

    __tablename__ = "user_sessions"
    __table_args__ = (
        # The business that a session works in is one that its person belongs to.
        ForeignKeyConstraint(
            ["business_id", "user_id"], ["memberships.business_id", "memberships.user_id"], ondelete="CASCADE"
        ),
        # Every request finds its session by the token's hash.
        Index("uq_user_sessions_token_hash", "token_hash", unique=True),
        # A person's own sessions, to list them and to end them.
        Index("ix_user_sessions_user_id", "user_id"),
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash_length"),
        CheckConstraint("idle_timeout > interval '0'", name="idle_timeout_positive"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    user_id: Mapped[uuid.UUID]
    business_id: Mapped[uuid.UUID]
    user_agent: Mapped[str] = text_column(USER_AGENT_LENGTH)
    ip_address: Mapped[str] = text_column(45)
    created_at: Mapped[datetime] = created_at_column()
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    idle_timeout: Mapped[timedelta] = mapped_column(Interval, server_default=text("'02:00:00'::interval"))


class AccountToken(Base):
    """The right to set a new password, or to use `new_email` from now on, sent by mail.

    The link holds a random token; only its SHA-256 is kept here.
    """

    __tablename__ = "account_tokens"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash_length"),
        CheckConstraint("new_email = lower(new_email)", name="new_email_lower"),
        # All of a person's end when one is used.
        Index("ix_account_tokens_user_id", "user_id"),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    new_email: Mapped[str | None] = mapped_column(String(EMAIL_LENGTH))
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = created_at_column()


class AuditEvent(Base):
    """One thing that a person did. Append-only: the app's role may insert and read, never change or delete.

    Its place in the business's chain (`seq`, from 1) and its `hash`, a SHA-256 over its content and the hash before it,
    are written at commit by a trigger: `migrations/versions/0012_audit_chain.py`.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        # The history of one client or invoice, newest last.
        Index("ix_audit_events_business_id_entity_id", "business_id", "entity_id", "id"),
        # The chain, to walk it; its trigger finds what is not chained yet by it.
        Index("uq_audit_events_business_id_seq", "business_id", "seq", unique=True),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    actor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    action: Mapped[str] = mapped_column(String(ACTION_LENGTH))
    entity_type: Mapped[str] = mapped_column(String(ACTION_LENGTH))
    entity_id: Mapped[uuid.UUID]
    changes: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))
    request_id: Mapped[str] = text_column(64)
    created_at: Mapped[datetime] = created_at_column()
    seq: Mapped[int | None] = mapped_column(BigInteger)
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)


class AuditHead(Base):
    """The end of a business's chain of audit events: its length and last hash. Only the chain's trigger writes it."""

    __tablename__ = "audit_heads"

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")
    hash: Mapped[bytes] = mapped_column(LargeBinary, server_default="")


class Submission(Base):
    """The one-time token of a form that created something: sent again, it leads to what it made the first time."""

    __tablename__ = "submissions"

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    token: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    resource_id: Mapped[uuid.UUID]
    created_at: Mapped[datetime] = created_at_column()
