"""The declarative base of all models: naming convention, column types, common columns."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from sqlalchemy import CheckConstraint, DateTime, MetaData, Numeric, String, text
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils.compat import uuid7

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Amount = Annotated[Decimal, mapped_column(Numeric(18, 3))]
"""Money, in units of the row's currency; three decimals hold every currency of ISO 4217 in use."""

Percent = Annotated[Decimal, mapped_column(Numeric(7, 4))]
"""0 to 100, with the four decimals that EN 16931 allows a rate."""


class Base(DeclarativeBase):
    """Base of all tables."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        uuid.UUID: UUID(as_uuid=True),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(none_as_null=True),
    }


def new_id() -> uuid.UUID:
    """A UUIDv7: unique anywhere, and in the order of creation, so that indexes grow at their end."""
    return uuid7()


def text_column(length: int) -> Mapped[str]:
    """A text that is never null, empty when unset, at most `length` characters long."""
    return mapped_column(String(length), server_default="", default="")


def created_at_column() -> Mapped[datetime]:
    return mapped_column(server_default=text("now()"))


def in_list(column: str, values: tuple[str, ...]) -> str:
    """SQL of a check that `column` holds one of `values`."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


def percent_check(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} BETWEEN 0 AND 100", name=f"{column}_range")
