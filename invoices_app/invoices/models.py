"""Invoices, their lines, tax groups and payments, and the counters that number them."""

from __future__ import annotations

import enum
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Enum,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Numeric,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import Mapped, mapped_column

from invoices_app.accounts.models import ACTION_LENGTH, IDENTIFIER_LENGTH, NAME_LENGTH, TEXT_LENGTH
from invoices_app.db.base import (
    Amount,
    Base,
    Percent,
    created_at_column,
    in_list,
    new_id,
    percent_check,
    text_column,
)

NUMBER_LENGTH = 40
SERIES_LENGTH = 20
REFERENCE_LENGTH = 100
SOURCE_LENGTH = 100
REASON_LENGTH = 200
DESCRIPTION_LENGTH = 500
UNIT_LENGTH = 20
UNIT_CODE_LENGTH = 3
MAX_LINES = 1000
MAX_QUANTITY = Decimal("9999999999.9999")
MAX_UNIT_PRICE = Decimal("9999999999.9999")
MAX_AMOUNT = Decimal(999999999999999)
FIRST_YEAR = 1990
LAST_YEAR = 2199
TAX_CATEGORIES = ("S", "Z", "E", "AE", "K", "G", "O")
PAYMENT_METHODS = ("bank_transfer", "card", "cash", "direct_debit", "cheque", "other")
SET_OFF = "credit_note"
"""The method of the two payments by which a credit note and its invoice settle each other: no money moves."""
OWN_NUMBERS = "imported"
"""The series of imported documents whose numbers fit none of the business's: they have no place in an order."""
COMMERCIAL_INVOICE = 380
CREDIT_NOTE = 381

_DATES = f"BETWEEN DATE '{FIRST_YEAR}-01-01' AND DATE '{LAST_YEAR}-12-31'"
SORT_KEYS = ("issue_date", "number_sort", "client_sort", "amount_sort", "due_date")


# Drafts come after every number: they are the next ones.
_NUMBER_SORT = """CASE WHEN number IS NULL THEN '~'
    ELSE series || '/' || period || '/' || COALESCE(lpad(seq::text, 10, '0'), number) END"""
_SHELF = """(CASE status WHEN 'draft' THEN 0 WHEN 'sent' THEN 1 ELSE 2 END
    + CASE WHEN archived_at IS NULL THEN 0 ELSE 3 END)::smallint"""


class InvoiceStatus(enum.StrEnum):
    """What is stored; overdue is computed from the due date and never stored."""

    DRAFT = "draft"
    SENT = "sent"
    PAID = "paid"


class Shelf(enum.IntEnum):
    """Where a list keeps an invoice: its status, and whether it is archived.

    An integer, since only leakproof operators can use an index under row-level security, and those of enums are not.
    """

    DRAFT = 0
    SENT = 1
    PAID = 2
    ARCHIVED_DRAFT = 3
    ARCHIVED_SENT = 4
    ARCHIVED_PAID = 5


class NumberSeries(Base):
    """How a business numbers one kind of document, for example `INV-{year}-{seq:04}`; drafts take the default one."""

    __tablename__ = "number_series"
    __table_args__ = (
        CheckConstraint("position('{seq' IN pattern) > 0", name="pattern_counts"),
        CheckConstraint("NOT yearly OR position('{year}' IN pattern) > 0", name="yearly_with_year"),
        CheckConstraint(f"code <> '{OWN_NUMBERS}'", name="code_free"),
        # One default a business: invoices.series.
        Index(
            "uq_number_series_business_id_default",
            "business_id",
            unique=True,
            postgresql_where=text("is_default"),
        ),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(SERIES_LENGTH), primary_key=True)
    pattern: Mapped[str] = mapped_column(String(NUMBER_LENGTH))
    yearly: Mapped[bool] = mapped_column(server_default=text("true"))
    is_default: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    version: Mapped[int] = mapped_column(server_default="1", default=1)


class NumberCounter(Base):
    """The next number of a series in a period (a year, or '' where it never restarts).

    Issuing locks and bumps this one row as the last step of its transaction: that is what makes numbers gapless.
    """

    __tablename__ = "number_counters"
    __table_args__ = (
        ForeignKeyConstraint(["business_id", "series"], ["number_series.business_id", "number_series.code"]),
        CheckConstraint("next_seq > 0", name="next_seq_positive"),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    series: Mapped[str] = mapped_column(String(SERIES_LENGTH), primary_key=True)
    period: Mapped[str] = mapped_column(String(4), primary_key=True)
    next_seq: Mapped[int] = mapped_column(server_default="1")
    last_issue_date: Mapped[date | None]


class Invoice(Base):
    """A document: a draft without a number, or an issued one with its number, its parties and totals frozen.

    Totals by EN 16931: subtotal BT-106, net BT-109, tax BT-110, total BT-112, amount due BT-115. `client_name` is kept
    by a trigger: the client's name of today in a draft, the name that it was issued with afterwards. `version` counts
    the changes of the header, `revision` all edits of a draft; its due date follows the terms unless `due_by_hand`.
    A credit note has the amounts and quantities of its `preceding_invoice_id` (BT-25) negated; what was written to put
    a credited invoice right names it there, too. What came from elsewhere has the `import_id` of its import and was
    `imported_as` what its file called it; only while that is written it is `incoming`, and never at commit.
    """

    __tablename__ = "invoices"
    __table_args__ = (
        ForeignKeyConstraint(["business_id", "client_id"], ["clients.business_id", "clients.id"]),
        ForeignKeyConstraint(["business_id", "preceding_invoice_id"], ["invoices.business_id", "invoices.id"]),
        ForeignKeyConstraint(["business_id", "wanted_series"], ["number_series.business_id", "number_series.code"]),
        CheckConstraint("(status = 'draft') = (number IS NULL)", name="numbered_unless_draft"),
        CheckConstraint(
            f"(seq IS NULL) = (series IN ('', '{OWN_NUMBERS}')) AND (number IS NULL) = (issued_at IS NULL)"
            " AND (number IS NULL) = (seller IS NULL) AND (number IS NULL) = (buyer IS NULL)",
            name="issued_whole",
        ),
        CheckConstraint("(number IS NULL) = (series = '')", name="series_when_issued"),
        CheckConstraint("net_total = subtotal - discount_amount", name="net_total_sum"),
        CheckConstraint("total = net_total + tax_total", name="total_sum"),
        CheckConstraint("(status = 'paid') = (number IS NOT NULL AND total = paid_total)", name="paid_when_settled"),
        CheckConstraint("status <> 'draft' OR paid_total = 0", name="draft_unpaid"),
        CheckConstraint("(status = 'paid') = (paid_on IS NOT NULL)", name="paid_on_when_paid"),
        CheckConstraint("due_date >= issue_date", name="due_after_issue"),
        CheckConstraint(f"issue_date {_DATES} AND due_date {_DATES}", name="date_range"),
        CheckConstraint("currency ~ '^[A-Z]{3}$'", name="currency_code"),
        CheckConstraint("minor_units BETWEEN 0 AND 3", name="minor_units_range"),
        CheckConstraint(f"type_code IN ({COMMERCIAL_INVOICE}, {CREDIT_NOTE})", name="type_code_known"),
        CheckConstraint(f"type_code <> {CREDIT_NOTE} OR preceding_invoice_id IS NOT NULL", name="credit_note_refers"),
        CheckConstraint(f"series <> '{OWN_NUMBERS}' OR imported_as IS NOT NULL", name="own_number_imported"),
        CheckConstraint("imported_as <> ''", name="imported_as_filled"),
        percent_check("discount_percent"),
        # No number twice, and none twice within a series: NULL in drafts, and in numbers without a place in any.
        Index("uq_invoices_business_id_number", "business_id", "number", unique=True),
        Index("uq_invoices_business_id_series_period_seq", "business_id", "series", "period", "seq", unique=True),
        # Nothing is imported twice: imports.matching.
        Index(
            "uq_invoices_business_id_imported_as",
            "business_id",
            "imported_as",
            unique=True,
            postgresql_where=text("imported_as IS NOT NULL"),
        ),
        # The lists, one index a sort, read in both directions: invoices.queries.invoice_page. That by due date also
        # finds what is overdue: dashboard.queries.to_do.
        *(Index(f"ix_invoices_business_id_shelf_{key}", "business_id", "shelf", key, "id") for key in SORT_KEYS),
        # One client's invoices: the client page, and the list for a client.
        Index("ix_invoices_business_id_client_id_shelf", "business_id", "client_id", "shelf", "issue_date", "id"),
        # What one archiving hid, to undo it: invoices.actions.undo_archiving.
        Index(
            "ix_invoices_business_id_archiving_id",
            "business_id",
            "archiving_id",
            postgresql_where=text("archiving_id IS NOT NULL"),
        ),
        # What followed an invoice: invoices.document. An invoice is credited once.
        Index(
            "ix_invoices_business_id_preceding_invoice_id",
            "business_id",
            "preceding_invoice_id",
            postgresql_where=text("preceding_invoice_id IS NOT NULL"),
        ),
        Index(
            "uq_invoices_business_id_credited",
            "business_id",
            "preceding_invoice_id",
            unique=True,
            postgresql_where=text(f"type_code = {CREDIT_NOTE}"),
        ),
        # The list of credit notes, and what is to be refunded: dashboard.queries.to_do.
        Index(
            "ix_invoices_business_id_credit_notes",
            "business_id",
            "shelf",
            "issue_date",
            "id",
            postgresql_where=text(f"type_code = {CREDIT_NOTE}"),
        ),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("businesses.id"), primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    client_id: Mapped[uuid.UUID]
    status: Mapped[InvoiceStatus] = mapped_column(
        Enum(
            InvoiceStatus,
            name="invoice_status",
            values_callable=lambda all_: [status.value for status in all_],
        ),
        server_default="draft",
        default=InvoiceStatus.DRAFT,
    )
    type_code: Mapped[int] = mapped_column(SmallInteger, server_default=str(COMMERCIAL_INVOICE))
    preceding_invoice_id: Mapped[uuid.UUID | None]
    wanted_series: Mapped[str | None] = mapped_column(String(SERIES_LENGTH))
    series: Mapped[str] = text_column(SERIES_LENGTH)
    period: Mapped[str] = text_column(4)
    seq: Mapped[int | None]
    number: Mapped[str | None] = mapped_column(String(NUMBER_LENGTH))
    currency: Mapped[str] = mapped_column(String(3))
    minor_units: Mapped[int] = mapped_column(SmallInteger)
    issue_date: Mapped[date]
    due_date: Mapped[date]
    delivery_date: Mapped[date | None]
    reference: Mapped[str] = text_column(REFERENCE_LENGTH)
    purchase_order: Mapped[str] = text_column(REFERENCE_LENGTH)
    notes: Mapped[str] = text_column(TEXT_LENGTH)
    internal_notes: Mapped[str] = text_column(TEXT_LENGTH)
    discount_percent: Mapped[Percent] = mapped_column(server_default="0", default=Decimal(0))
    subtotal: Mapped[Amount] = mapped_column(server_default="0", default=Decimal(0))
    discount_amount: Mapped[Amount] = mapped_column(server_default="0", default=Decimal(0))
    net_total: Mapped[Amount] = mapped_column(server_default="0", default=Decimal(0))
    tax_total: Mapped[Amount] = mapped_column(server_default="0", default=Decimal(0))
    total: Mapped[Amount] = mapped_column(server_default="0", default=Decimal(0))
    paid_total: Mapped[Amount] = mapped_column(server_default="0", default=Decimal(0))
    amount_due: Mapped[Amount] = mapped_column(Numeric(18, 3), Computed("total - paid_total", persisted=True))
    paid_on: Mapped[date | None]
    seller: Mapped[dict[str, Any] | None]
    buyer: Mapped[dict[str, Any] | None]
    issued_at: Mapped[datetime | None]
    archived_at: Mapped[datetime | None]
    archiving_id: Mapped[uuid.UUID | None]
    client_name: Mapped[str] = text_column(NAME_LENGTH)
    shelf: Mapped[int] = mapped_column(SmallInteger, Computed(_SHELF, persisted=True))
    number_sort: Mapped[str] = mapped_column(Text, Computed(_NUMBER_SORT, persisted=True))
    client_sort: Mapped[str] = mapped_column(Text, Computed("left(search_fold(client_name), 100)", persisted=True))
    amount_sort: Mapped[int] = mapped_column(BigInteger, Computed("(total * 1000)::bigint", persisted=True))
    due_by_hand: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    import_id: Mapped[uuid.UUID | None]
    imported_as: Mapped[str | None] = mapped_column(String(SOURCE_LENGTH))
    incoming: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    revision: Mapped[int] = mapped_column(server_default="0", default=0)
    version: Mapped[int] = mapped_column(server_default="1", default=1)
    created_at: Mapped[datetime] = created_at_column()
    updated_at: Mapped[datetime] = created_at_column()


def _of_invoice() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["business_id", "invoice_id"], ["invoices.business_id", "invoices.id"])


class LineItem(Base):
    """A line (EN 16931 BG-25). `line_net` is BT-131, in the invoice's currency."""

    __tablename__ = "line_items"
    __table_args__ = (
        _of_invoice(),
        # The lines of a document in their order: invoices.queries.document. Deferred, so that lines can change places.
        UniqueConstraint("business_id", "invoice_id", "position", deferrable=True, initially="DEFERRED"),
        # What was billed before, by how its description begins: invoices.suggestions.
        Index("ix_line_items_business_id_description_sort", "business_id", "description_sort", "id"),
        CheckConstraint("unit_price >= 0", name="unit_price_not_negative"),
        CheckConstraint("position > 0", name="position_positive"),
        CheckConstraint(in_list("tax_category", TAX_CATEGORIES), name="tax_category_known"),
        CheckConstraint("tax_category = 'S' OR tax_rate = 0", name="rate_of_category"),
        CheckConstraint("length(description) > 0", name="description_filled"),
        percent_check("discount_percent"),
        percent_check("tax_rate"),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    invoice_id: Mapped[uuid.UUID]
    position: Mapped[int]
    description: Mapped[str] = mapped_column(String(DESCRIPTION_LENGTH))
    item_number: Mapped[str] = text_column(IDENTIFIER_LENGTH)
    quantity: Mapped[Decimal] = mapped_column(Numeric(14, 4), server_default="1")
    unit: Mapped[str] = text_column(UNIT_LENGTH)
    unit_code: Mapped[str] = mapped_column(String(UNIT_CODE_LENGTH), server_default="C62", default="C62")
    unit_price: Mapped[Decimal] = mapped_column(Numeric(14, 4), server_default="0")
    discount_percent: Mapped[Percent] = mapped_column(server_default="0", default=Decimal(0))
    tax_category: Mapped[str] = mapped_column(String(2), server_default="Z")
    tax_rate: Mapped[Percent] = mapped_column(server_default="0")
    exemption_reason: Mapped[str] = text_column(REFERENCE_LENGTH)
    line_net: Mapped[Amount]
    description_sort: Mapped[str] = mapped_column(
        Text(collation="C"), Computed("left(search_fold(description), 60)", persisted=True), deferred=True
    )
    version: Mapped[int] = mapped_column(server_default="1", default=1)


class DraftEdit(Base):
    """One edit of a draft, with what undoing it writes; nothing of it outlives the draft.

    `touched` holds the ids of lines, and the invoice's own for its header; `page` is the open page that it came from;
    `moved` says that lines came, went or changed places.
    """

    __tablename__ = "draft_edits"
    __table_args__ = (_of_invoice(),)

    business_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    actor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    page: Mapped[uuid.UUID | None]
    action: Mapped[str] = mapped_column(String(ACTION_LENGTH))
    touched: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(UUID(as_uuid=True)))
    moved: Mapped[bool]
    undo: Mapped[dict[str, Any] | None]
    undone: Mapped[bool] = mapped_column(server_default=text("false"), default=False)


class InvoiceTax(Base):
    """A tax group of a document (EN 16931 BG-23): its net BT-116 and its tax BT-117."""

    __tablename__ = "invoice_taxes"
    __table_args__ = (
        _of_invoice(),
        CheckConstraint(in_list("category", TAX_CATEGORIES), name="category_known"),
        percent_check("rate"),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    category: Mapped[str] = mapped_column(String(2), primary_key=True)
    rate: Mapped[Percent] = mapped_column(primary_key=True)
    taxable: Mapped[Amount]
    tax: Mapped[Amount]


class Payment(Base):
    """Money received for an invoice (negative: paid back), or what a credit note sets off (`SET_OFF`).

    Taken back by marking it void, never by deleting it.
    """

    __tablename__ = "payments"
    __table_args__ = (
        _of_invoice(),
        # The payments of a document: invoices.queries.document.
        Index("ix_payments_business_id_invoice_id", "business_id", "invoice_id", "id"),
        CheckConstraint("amount <> 0", name="amount_not_zero"),
        CheckConstraint(f"paid_on {_DATES}", name="paid_on_range"),
        CheckConstraint(in_list("method", (*PAYMENT_METHODS, SET_OFF)), name="method_known"),
    )

    business_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=new_id)
    invoice_id: Mapped[uuid.UUID]
    amount: Mapped[Amount]
    paid_on: Mapped[date]
    method: Mapped[str] = mapped_column(String(20))
    created_at: Mapped[datetime] = created_at_column()
    voided_at: Mapped[datetime | None]
