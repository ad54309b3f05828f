"""The mail that is still to go out."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from invoices_app.db.base import Base, created_at_column, new_id, text_column

ADDRESS_LENGTH = 254
SUBJECT_LENGTH = 200
ERROR_LENGTH = 500


class OutgoingMail(Base):
    """One mail to one address. Its row goes away when a mail server has taken it; given up, it stays.

    It belongs to no tenant: anyone may write one, and only a transaction that delivers (`app.delivering`) sees any.
    """

    __tablename__ = "mail_outbox"
    __table_args__ = (
        CheckConstraint(r"recipient !~ '[\s[:cntrl:]]' AND subject !~ '[[:cntrl:]]'", name="headers_are_lines"),
        # What is due, oldest first.
        Index("ix_mail_outbox_next_try_at", "next_try_at", postgresql_where=text("given_up_at IS NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    recipient: Mapped[str] = mapped_column(String(ADDRESS_LENGTH))
    subject: Mapped[str] = mapped_column(String(SUBJECT_LENGTH))
    plain: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(server_default="0")
    next_try_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    last_error: Mapped[str] = text_column(ERROR_LENGTH)
    given_up_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = created_at_column()
