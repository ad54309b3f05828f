"""Clients.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clients",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("legal_name", sa.String(length=200), server_default="", nullable=False),
        sa.Column("contact_name", sa.String(length=200), server_default="", nullable=False),
        sa.Column("email", sa.String(length=254), server_default="", nullable=False),
        sa.Column("phone", sa.String(length=40), server_default="", nullable=False),
        sa.Column("address_line1", sa.String(length=200), server_default="", nullable=False),
        sa.Column("address_line2", sa.String(length=200), server_default="", nullable=False),
        sa.Column("city", sa.String(length=100), server_default="", nullable=False),
        sa.Column("region", sa.String(length=100), server_default="", nullable=False),
        sa.Column("postal_code", sa.String(length=20), server_default="", nullable=False),
        sa.Column("country", sa.String(length=2), server_default="", nullable=False),
        sa.Column("tax_id", sa.String(length=40), server_default="", nullable=False),
        sa.Column("tax_number", sa.String(length=40), server_default="", nullable=False),
        sa.Column("registration_number", sa.String(length=40), server_default="", nullable=False),
        sa.Column("electronic_address", sa.String(length=254), server_default="", nullable=False),
        sa.Column("electronic_address_scheme", sa.String(length=4), server_default="", nullable=False),
        sa.Column("currency", sa.String(length=3), server_default="", nullable=False),
        sa.Column("payment_terms_days", sa.Integer(), nullable=True),
        sa.Column("notes", sa.String(length=2000), server_default="", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("country ~ '^([A-Z]{2})?$'", name=op.f("ck_clients_country_code")),
        sa.CheckConstraint("currency ~ '^([A-Z]{3})?$'", name=op.f("ck_clients_currency_code")),
        sa.CheckConstraint("length(name) > 0", name=op.f("ck_clients_name_filled")),
        sa.CheckConstraint("payment_terms_days BETWEEN 0 AND 365", name=op.f("ck_clients_payment_terms_days_range")),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name=op.f("fk_clients_business_id")),
        sa.PrimaryKeyConstraint("business_id", "id", name=op.f("pk_clients")),
    )
    op.create_index(
        "ix_clients_business_id_archived",
        "clients",
        ["business_id"],
        unique=False,
        postgresql_where=sa.text("archived_at IS NOT NULL"),
    )
    op.create_index(
        "ix_clients_business_id_name",
        "clients",
        ["business_id", sa.literal_column("lower(name)"), "id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("clients")
