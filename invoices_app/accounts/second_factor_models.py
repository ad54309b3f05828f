"""The second factor of a person: the secret of their authenticator, their recovery codes, and half-done sign-ins.

Whether it is on says `User.second_factor_since`, which the team may see; what is here only the person may.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from invoices_app.db.base import Base, created_at_column

SEALED_MAX_BYTES = 200
WRONG_CODES = 5
"""So many wrong codes end a half-done sign-in."""


class SecondFactor(Base):
    """The secret that a person's authenticator and we share, sealed; not yet in use while the person sets it up.

    `last_step` is the time step of the newest code that was accepted: that code and all before it are used up.
    """

    __tablename__ = "second_factors"
    __table_args__ = (
        CheckConstraint(f"octet_length(sealed_secret) BETWEEN 33 AND {SEALED_MAX_BYTES}", name="sealed_secret_length"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(BigInteger, server_default="0")
    set_up_in: Mapped[uuid.UUID]
    """The session in which the person gave their password for it: no other may see the secret or finish."""
    created_at: Mapped[datetime] = created_at_column()


class RecoveryCode(Base):
    """A code that replaces the authenticator once. Its row goes away when it is used."""

    __tablename__ = "recovery_codes"
    __table_args__ = (CheckConstraint("octet_length(code_hash) = 32", name="code_hash_length"),)

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)


class PendingLogin(Base):
    """A sign-in whose password was right and whose code is still to come. It is no session, and opens nothing.

    The cookie holds a random token; only its SHA-256 is kept here.
    """

    __tablename__ = "pending_logins"
    __table_args__ = (
        CheckConstraint("octet_length(token_hash) = 32", name="token_hash_length"),
        CheckConstraint("octet_length(password_seen) = 32", name="password_seen_length"),
        CheckConstraint(f"wrong_codes BETWEEN 0 AND {WRONG_CODES}", name="wrong_codes_range"),
        # All of a person's end when the factor changes.
        Index("ix_pending_logins_user_id", "user_id"),
    )

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    password_seen: Mapped[bytes] = mapped_column(LargeBinary)
    """The SHA-256 of the password's hash: with another password this sign-in is over."""
    remember: Mapped[bool]
    wrong_codes: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = created_at_column()
