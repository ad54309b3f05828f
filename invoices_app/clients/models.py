"""The people and companies that a business bills (EN 16931 BG-7, the buyer)."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from invoices_app.accounts.models import (
    ADDRESS_LENGTH,
    CITY_LENGTH,
    EMAIL_LENGTH,
    IDENTIFIER_LENGTH,
    MAX_TERMS_DAYS,
    NAME_LENGTH,
    PHONE_LENGTH,
    POSTAL_CODE_LENGTH,
    TEXT_LENGTH,
)
from invoices_app.accounts.postal import address_lines
from invoices_app.db.base import Base, created_at_column, new_id, text_column

NAME_SORT_LENGTH = 100


class Client(Base):
    """A client. `notes` are the business's own and appear on no document; `import_id` is the import that made it."""

    __tablename__ = "clients"
    __table_args__ = (
        CheckConstraint("length(name) > 0", name="name_filled"),
        CheckConstraint("country ~ '^([A-Z]{2})?$'", name="country_code"),
        CheckConstraint("currency ~ '^([A-Z]{3})?$'", name="currency_code"),
        CheckConstraint(f"payment_terms_days BETWEEN 0 AND {MAX_TERMS_DAYS}", name="payment_terms_days_range"),
        # The list, by name: clients.queries.client_page.
        Index("ix_clients_business_id_archived_name_sort", "business_id", "archived", "name_sort", "id"),
        # What one archiving hid, to undo it: clients.actions.undo_archiving.
        Index(
            "ix_clients_business_id_archiving_id",
            "business_id",
            "archiving_id",
            postgresql_where=text("archiving_id IS NOT NULL"),
        ),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
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
    currency: Mapped[str] = text_column(3)
    payment_terms_days: Mapped[int | None]
    notes: Mapped[str] = text_column(TEXT_LENGTH)
    version: Mapped[int] = mapped_column(server_default="1", default=1)
    archived_at: Mapped[datetime | None]
    archiving_id: Mapped[uuid.UUID | None]
    import_id: Mapped[uuid.UUID | None]
    name_sort: Mapped[str] = mapped_column(
        Text, Computed(f"left(search_fold(name), {NAME_SORT_LENGTH})", persisted=True)
    )
    archived: Mapped[bool] = mapped_column(Computed("archived_at IS NOT NULL", persisted=True))
    created_at: Mapped[datetime] = created_at_column()
    updated_at: Mapped[datetime] = created_at_column()

    @property
    def address_lines(self) -> list[str]:
        return address_lines(vars(self))
