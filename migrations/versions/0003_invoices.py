"""Invoices, lines, tax groups, payments and the counters that number them.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "number_series",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("pattern", sa.String(length=40), nullable=False),
        sa.Column("yearly", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name=op.f("fk_number_series_business_id")),
        sa.PrimaryKeyConstraint("business_id", "code", name=op.f("pk_number_series")),
    )
    op.create_table(
        "invoices",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("client_id", sa.UUID(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("draft", "sent", "paid", name="invoice_status"),
            server_default="draft",
            nullable=False,
        ),
        sa.Column("type_code", sa.SmallInteger(), server_default="380", nullable=False),
        sa.Column("preceding_invoice_id", sa.UUID(), nullable=True),
        sa.Column("series", sa.String(length=20), server_default="", nullable=False),
        sa.Column("period", sa.String(length=4), server_default="", nullable=False),
        sa.Column("seq", sa.Integer(), nullable=True),
        sa.Column("number", sa.String(length=40), nullable=True),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("minor_units", sa.SmallInteger(), nullable=False),
        sa.Column("issue_date", sa.Date(), nullable=False),
        sa.Column("due_date", sa.Date(), nullable=False),
        sa.Column("delivery_date", sa.Date(), nullable=True),
        sa.Column("reference", sa.String(length=100), server_default="", nullable=False),
        sa.Column("purchase_order", sa.String(length=100), server_default="", nullable=False),
        sa.Column("notes", sa.String(length=2000), server_default="", nullable=False),
        sa.Column("internal_notes", sa.String(length=2000), server_default="", nullable=False),
        sa.Column("discount_percent", sa.Numeric(precision=7, scale=4), server_default="0", nullable=False),
        sa.Column("subtotal", sa.Numeric(precision=18, scale=3), server_default="0", nullable=False),
        sa.Column("discount_amount", sa.Numeric(precision=18, scale=3), server_default="0", nullable=False),
        sa.Column("net_total", sa.Numeric(precision=18, scale=3), server_default="0", nullable=False),
        sa.Column("tax_total", sa.Numeric(precision=18, scale=3), server_default="0", nullable=False),
        sa.Column("total", sa.Numeric(precision=18, scale=3), server_default="0", nullable=False),
        sa.Column("paid_total", sa.Numeric(precision=18, scale=3), server_default="0", nullable=False),
        sa.Column(
            "amount_due",
            sa.Numeric(precision=18, scale=3),
            sa.Computed("total - paid_total", persisted=True),
            nullable=False,
        ),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("seller", postgresql.JSONB(), nullable=True),
        sa.Column("buyer", postgresql.JSONB(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(number IS NULL) = (series = '')", name=op.f("ck_invoices_series_when_issued")),
        sa.CheckConstraint("(status = 'draft') = (number IS NULL)", name=op.f("ck_invoices_numbered_unless_draft")),
        sa.CheckConstraint(
            "(status = 'paid') = (number IS NOT NULL AND total = paid_total)",
            name=op.f("ck_invoices_paid_when_settled"),
        ),
        sa.CheckConstraint("(status = 'paid') = (paid_on IS NOT NULL)", name=op.f("ck_invoices_paid_on_when_paid")),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_invoices_currency_code")),
        sa.CheckConstraint(
            "issue_date BETWEEN DATE '1990-01-01' AND DATE '2199-12-31' AND due_date BETWEEN DATE '1990-01-01' AND DATE '2199-12-31'",
            name=op.f("ck_invoices_date_range"),
        ),
        sa.CheckConstraint("status <> 'draft' OR paid_total = 0", name=op.f("ck_invoices_draft_unpaid")),
        sa.CheckConstraint(
            "(number IS NULL) = (seq IS NULL) AND (number IS NULL) = (issued_at IS NULL) AND (number IS NULL) = (seller IS NULL) AND (number IS NULL) = (buyer IS NULL)",
            name=op.f("ck_invoices_issued_whole"),
        ),
        sa.CheckConstraint("discount_percent BETWEEN 0 AND 100", name=op.f("ck_invoices_discount_percent_range")),
        sa.CheckConstraint("due_date >= issue_date", name=op.f("ck_invoices_due_after_issue")),
        sa.CheckConstraint("minor_units BETWEEN 0 AND 3", name=op.f("ck_invoices_minor_units_range")),
        sa.CheckConstraint("net_total = subtotal - discount_amount", name=op.f("ck_invoices_net_total_sum")),
        sa.CheckConstraint("total = net_total + tax_total", name=op.f("ck_invoices_total_sum")),
        sa.CheckConstraint("type_code IN (380, 381)", name=op.f("ck_invoices_type_code_known")),
        sa.ForeignKeyConstraint(
            ["business_id", "client_id"],
            ["clients.business_id", "clients.id"],
            name=op.f("fk_invoices_business_id_client_id"),
        ),
        sa.ForeignKeyConstraint(
            ["business_id", "preceding_invoice_id"],
            ["invoices.business_id", "invoices.id"],
            name=op.f("fk_invoices_business_id_preceding_invoice_id"),
        ),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name=op.f("fk_invoices_business_id")),
        sa.PrimaryKeyConstraint("business_id", "id", name=op.f("pk_invoices")),
    )
    op.create_index(
        "ix_invoices_business_id_archived",
        "invoices",
        ["business_id"],
        unique=False,
        postgresql_where=sa.text("archived_at IS NOT NULL"),
    )
    op.create_index(
        "ix_invoices_business_id_client_id",
        "invoices",
        ["business_id", "client_id", sa.literal_column("issue_date DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_invoices_business_id_due_date_open",
        "invoices",
        ["business_id", "due_date", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'sent' AND archived_at IS NULL"),
    )
    op.create_index(
        "ix_invoices_business_id_issue_date",
        "invoices",
        ["business_id", sa.literal_column("issue_date DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_invoices_business_id_live",
        "invoices",
        ["business_id", sa.literal_column("issue_date DESC"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_index(
        "ix_invoices_business_id_paid_on",
        "invoices",
        ["business_id", "paid_on"],
        unique=False,
        postgresql_where=sa.text("status = 'paid' AND archived_at IS NULL"),
    )
    op.create_index(
        "ix_invoices_business_id_status",
        "invoices",
        ["business_id", "status", sa.literal_column("issue_date DESC"), sa.literal_column("id DESC")],
        unique=False,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    op.create_index("uq_invoices_business_id_number", "invoices", ["business_id", "number"], unique=True)
    op.create_index(
        "uq_invoices_business_id_series_period_seq",
        "invoices",
        ["business_id", "series", "period", "seq"],
        unique=True,
    )
    op.create_table(
        "number_counters",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("series", sa.String(length=20), nullable=False),
        sa.Column("period", sa.String(length=4), nullable=False),
        sa.Column("next_seq", sa.Integer(), server_default="1", nullable=False),
        sa.Column("last_issue_date", sa.Date(), nullable=True),
        sa.CheckConstraint("next_seq > 0", name=op.f("ck_number_counters_next_seq_positive")),
        sa.ForeignKeyConstraint(
            ["business_id", "series"],
            ["number_series.business_id", "number_series.code"],
            name=op.f("fk_number_counters_business_id_series"),
        ),
        sa.PrimaryKeyConstraint("business_id", "series", "period", name=op.f("pk_number_counters")),
    )
    op.create_table(
        "invoice_taxes",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("invoice_id", sa.UUID(), nullable=False),
        sa.Column("category", sa.String(length=2), nullable=False),
        sa.Column("rate", sa.Numeric(precision=7, scale=4), nullable=False),
        sa.Column("taxable", sa.Numeric(precision=18, scale=3), nullable=False),
        sa.Column("tax", sa.Numeric(precision=18, scale=3), nullable=False),
        sa.CheckConstraint(
            "category IN ('S', 'Z', 'E', 'AE', 'K', 'G', 'O')", name=op.f("ck_invoice_taxes_category_known")
        ),
        sa.CheckConstraint("rate BETWEEN 0 AND 100", name=op.f("ck_invoice_taxes_rate_range")),
        sa.ForeignKeyConstraint(
            ["business_id", "invoice_id"],
            ["invoices.business_id", "invoices.id"],
            name=op.f("fk_invoice_taxes_business_id_invoice_id"),
        ),
        sa.PrimaryKeyConstraint("business_id", "invoice_id", "category", "rate", name=op.f("pk_invoice_taxes")),
    )
    op.create_table(
        "line_items",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("invoice_id", sa.UUID(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("item_number", sa.String(length=40), server_default="", nullable=False),
        sa.Column("quantity", sa.Numeric(precision=14, scale=4), server_default="1", nullable=False),
        sa.Column("unit", sa.String(length=20), server_default="", nullable=False),
        sa.Column("unit_code", sa.String(length=3), server_default="C62", nullable=False),
        sa.Column("unit_price", sa.Numeric(precision=14, scale=4), server_default="0", nullable=False),
        sa.Column("discount_percent", sa.Numeric(precision=7, scale=4), server_default="0", nullable=False),
        sa.Column("tax_category", sa.String(length=2), server_default="Z", nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=7, scale=4), server_default="0", nullable=False),
        sa.Column("exemption_reason", sa.String(length=100), server_default="", nullable=False),
        sa.Column("line_net", sa.Numeric(precision=18, scale=3), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("tax_category = 'S' OR tax_rate = 0", name=op.f("ck_line_items_rate_of_category")),
        sa.CheckConstraint(
            "tax_category IN ('S', 'Z', 'E', 'AE', 'K', 'G', 'O')",
            name=op.f("ck_line_items_tax_category_known"),
        ),
        sa.CheckConstraint("discount_percent BETWEEN 0 AND 100", name=op.f("ck_line_items_discount_percent_range")),
        sa.CheckConstraint("length(description) > 0", name=op.f("ck_line_items_description_filled")),
        sa.CheckConstraint("position > 0", name=op.f("ck_line_items_position_positive")),
        sa.CheckConstraint("tax_rate BETWEEN 0 AND 100", name=op.f("ck_line_items_tax_rate_range")),
        sa.CheckConstraint("unit_price >= 0", name=op.f("ck_line_items_unit_price_not_negative")),
        sa.ForeignKeyConstraint(
            ["business_id", "invoice_id"],
            ["invoices.business_id", "invoices.id"],
            name=op.f("fk_line_items_business_id_invoice_id"),
        ),
        sa.PrimaryKeyConstraint("business_id", "id", name=op.f("pk_line_items")),
        sa.UniqueConstraint(
            "business_id",
            "invoice_id",
            "position",
            deferrable=True,
            initially="DEFERRED",
            name=op.f("uq_line_items_business_id_invoice_id_position"),
        ),
    )
    op.create_table(
        "payments",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("invoice_id", sa.UUID(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=18, scale=3), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "method IN ('bank_transfer', 'card', 'cash', 'direct_debit', 'cheque', 'other')",
            name=op.f("ck_payments_method_known"),
        ),
        sa.CheckConstraint(
            "paid_on BETWEEN DATE '1990-01-01' AND DATE '2199-12-31'", name=op.f("ck_payments_paid_on_range")
        ),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_payments_amount_not_zero")),
        sa.ForeignKeyConstraint(
            ["business_id", "invoice_id"],
            ["invoices.business_id", "invoices.id"],
            name=op.f("fk_payments_business_id_invoice_id"),
        ),
        sa.PrimaryKeyConstraint("business_id", "id", name=op.f("pk_payments")),
    )
    op.create_index("ix_payments_business_id_invoice_id", "payments", ["business_id", "invoice_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("payments")
    op.drop_table("line_items")
    op.drop_table("invoice_taxes")
    op.drop_table("number_counters")
    op.drop_table("invoices")
    op.drop_table("number_series")
    op.execute("DROP TYPE invoice_status")
