"""What an archive of a business holds: its files, their columns, and how each value is written and read.

One table of columns serves the export and the import, so that what is written is what is read. Columns take their type
and length from the models. Nothing bears an id: clients and invoices have the number of their row, in the order in
which they were made, and other rows name that. So an archive says nothing of the database that it came from, and the
same business always makes the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Boolean, Date, DateTime, Enum, Integer, Numeric, SmallInteger

from invoices_app.accounts.models import NAME_LENGTH, Business
from invoices_app.clients.models import Client
from invoices_app.invoices.document_rows import PARTY_FIELDS, PAYEE_FIELDS
from invoices_app.invoices.models import (
    NUMBER_LENGTH,
    PAYMENT_METHODS,
    SET_OFF,
    TAX_CATEGORIES,
    Invoice,
    InvoiceTax,
    LineItem,
    NumberCounter,
    NumberSeries,
    Payment,
)
from invoices_app.texts import CONTROL_CHARACTERS, cell, defused, undefused

FORMAT = "invoices archive"
VERSION = 1
MANIFEST = "manifest.json"
LOGO_NAME = re.compile(r"logos/[0-9a-f]{64}\.png")
MAX_ROWS = 10**9

_INTEGERS = {SmallInteger: 32_767, Integer: 2**31 - 1}
_WHOLE = re.compile(r"-?[0-9]{1,10}")
_DECIMAL = re.compile(r"-?(?P<whole>[0-9]{1,20})(\.(?P<digits>[0-9]{1,4}))?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?[+-][0-9]{2}:[0-9]{2}")
_YES_OR_NO = {"true": True, "false": False}
_KNOWN: Mapping[str, Sequence[str]] = {
    "tax_category": TAX_CATEGORIES,
    "category": TAX_CATEGORIES,
    "method": (*PAYMENT_METHODS, SET_OFF),
}


class UnreadableCellError(ValueError):
    """A cell does not hold what its column wants; the message says what is wrong with it, without a full stop."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file. `size` is the length of a text, the largest whole number, or the digits before the mark.

    An empty cell is nothing where the column is `optional`, and an empty text elsewhere.
    """

    name: str
    kind: type
    size: int = 0
    digits: int = 0
    optional: bool = False
    is_money: bool = False
    known: Sequence[str] = ()

    def write(self, value: Any, money_digits: int = 0) -> str:
        """The text of a value; money with the decimals of its currency, other numbers without idle zeros."""
        if self.kind is str:
            return defused(value) if value else ""
        if value is None:
            return ""
        if self.kind is Decimal:
            return f"{value:.{money_digits}f}" if self.is_money else f"{value.normalize():f}"
        return str(value.isoformat()) if self.kind is datetime else cell(value)

    def read(self, text: str) -> Any:
        """The value of a cell; raises UnreadableCellError."""
        if text == "" and (self.optional or self.kind is str):
            return None if self.optional else ""
        if self.kind is str:
            return self._text(undefused(text))
        return _READERS[self.kind](self, text)

    def _text(self, text: str) -> str:
        if len(text) > self.size:
            raise UnreadableCellError(f"holds more than {self.size} characters")
        if CONTROL_CHARACTERS.search(text):
            raise UnreadableCellError("holds control characters")
        if self.known and text not in self.known:
            raise UnreadableCellError(f"is none of {', '.join(self.known)}")
        return text


def _whole(column: Column, text: str) -> int:
    if not _WHOLE.fullmatch(text) or not 0 <= int(text) <= column.size:
        raise UnreadableCellError(f"is no whole number from 0 to {column.size}")
    return int(text)


def _decimal(column: Column, text: str) -> Decimal:
    found = _DECIMAL.fullmatch(text)
    if not found or len(found["whole"]) > column.size or len(found["digits"] or "") > column.digits:
        raise UnreadableCellError(f"is no number of at most {column.size} digits and {column.digits} decimals")
    return Decimal(text) or Decimal(0)


def _day(_column: Column, text: str) -> date:
    try:
        return date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError:
        raise UnreadableCellError("is no date, such as 2026-11-22") from None


def _instant(_column: Column, text: str) -> datetime:
    try:
        return datetime.fromisoformat(text if _INSTANT.fullmatch(text) else "").astimezone(UTC)
    except (ValueError, OverflowError):
        raise UnreadableCellError("is no time, such as 2026-11-22T10:15:00+00:00") from None


def _yes_or_no(_column: Column, text: str) -> bool:
    if text not in _YES_OR_NO:
        raise UnreadableCellError("is neither true nor false")
    return _YES_OR_NO[text]


_READERS: Mapping[type, Any] = {
    int: _whole, Decimal: _decimal, date: _day, datetime: _instant, bool: _yes_or_no,
}  # fmt: skip


def _column(model: Any, name: str, prefix: str = "") -> Column:
    """A column as the model has it."""
    stored = model.__table__.c[name]
    kind, called, optional = stored.type, prefix + name, stored.nullable
    match kind:
        case Enum():
            return Column(called, str, size=20, known=kind.enums)
        case Boolean():
            return Column(called, bool)
        case Integer():
            return Column(called, int, _INTEGERS[type(kind)], optional=optional)
        case Numeric(precision=int(precision), scale=int(scale)):
            is_money = scale == 3
            return Column(called, Decimal, precision - scale, scale, is_money=is_money)
        case Date() | DateTime():
            return Column(called, date if isinstance(kind, Date) else datetime, optional=optional)
        case _:
            return Column(called, str, kind.length, optional=optional, known=_KNOWN.get(name, ()))


def _columns(model: Any, *names: str, prefix: str = "") -> tuple[Column, ...]:
    return tuple(_column(model, name, prefix) for name in names)


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows. `own` are the columns that stand in `model` under the same name, the last of the file."""

    file: str
    model: Any
    keys: tuple[Column, ...]
    own: tuple[Column, ...]
    more: tuple[Column, ...] = ()

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.keys + self.own + self.more

    @property
    def header(self) -> list[str]:
        return [column.name for column in self.columns]


_LOGO = Column("logo", str, 80)
_CLIENT = Column("client", int, MAX_ROWS)
_INVOICE = Column("invoice", int, MAX_ROWS)

SETTINGS = Table(
    "settings.csv",
    Business,
    (),
    _columns(
        Business, *PARTY_FIELDS, *PAYEE_FIELDS, "currency", "time_zone", "default_tax_rate", "payment_terms_days",
        "invoice_notes",
    ),
    (_LOGO,),
)  # fmt: skip
SERIES = Table("number_series.csv", NumberSeries, (), _columns(NumberSeries, "code", "pattern", "yearly", "is_default"))
COUNTERS = Table(
    "number_counters.csv",
    NumberCounter,
    (),
    _columns(NumberCounter, "series", "period", "next_seq", "last_issue_date"),
)
CLIENTS = Table(
    "clients.csv",
    Client,
    (_CLIENT,),
    _columns(
        Client, *PARTY_FIELDS, "currency", "payment_terms_days", "notes", "archived_at", "created_at", "updated_at"
    ),
)
SELLER = (*_columns(Business, *PARTY_FIELDS, *PAYEE_FIELDS, prefix="seller_"), Column("seller_logo", str, 80))
BUYER = _columns(Client, *PARTY_FIELDS, prefix="buyer_")
INVOICES = Table(
    "invoices.csv",
    Invoice,
    (_INVOICE, _CLIENT, Column("preceding_invoice", str, NUMBER_LENGTH, optional=True)),
    _columns(
        Invoice, "number", "status", "type_code", "series", "period", "seq", "wanted_series", "currency", "issue_date",
        "due_date", "delivery_date", "due_by_hand", "reference", "purchase_order", "notes", "internal_notes",
        "discount_percent", "subtotal", "discount_amount", "net_total", "tax_total", "total", "paid_total", "paid_on",
        "issued_at", "archived_at", "created_at", "updated_at", "imported_as",
    ),
    (*SELLER, *BUYER),
)  # fmt: skip
LINES = Table(
    "lines.csv",
    LineItem,
    (_INVOICE,),
    _columns(
        LineItem, "position", "description", "item_number", "quantity", "unit", "unit_code", "unit_price",
        "discount_percent", "tax_category", "tax_rate", "exemption_reason", "line_net",
    ),
)  # fmt: skip
TAXES = Table("taxes.csv", InvoiceTax, (_INVOICE,), _columns(InvoiceTax, "category", "rate", "taxable", "tax"))
PAYMENTS = Table(
    "payments.csv", Payment, (_INVOICE,), _columns(Payment, "amount", "paid_on", "method", "created_at", "voided_at")
)
TABLES = (SETTINGS, SERIES, COUNTERS, CLIENTS, INVOICES, LINES, TAXES, PAYMENTS)
"""In the order in which they stand in the archive; the logos and the manifest come behind them."""


def logo_name(sha256: bytes) -> str:
    """The name of a logo's file."""
    return f"logos/{sha256.hex()}.png"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What the manifest says of a file: how many rows (pictures have one), how many bytes, and their SHA-256."""

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive says of itself. `schema` is the migration of the app that wrote it, told for people alone."""

    business: str
    schema: str
    first_date: date | None
    last_date: date | None
    files: tuple[FileEntry, ...]

    def rows(self, table: Table) -> int:
        return next(entry.rows for entry in self.files if entry.name == table.file)


BUSINESS_NAME = Column("business", str, NAME_LENGTH)
