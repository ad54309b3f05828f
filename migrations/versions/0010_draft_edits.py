"""Edits of drafts: what each did, so that it can be undone, and so that other open pages can follow.

A draft counts its edits (`invoices.revision`). Whether its due date was chosen by hand is kept as well: until then it
follows the client's terms.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("invoices", sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
    op.add_column("invoices", sa.Column("due_by_hand", sa.Boolean(), server_default="false", nullable=False))
    _keep_dates_that_were_chosen()
    op.create_table(
        "draft_edits",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("invoice_id", sa.UUID(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("actor_id", sa.UUID(), nullable=True),
        sa.Column("page", sa.UUID(), nullable=True),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("touched", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("moved", sa.Boolean(), nullable=False),
        sa.Column("undo", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("undone", sa.Boolean(), server_default="false", nullable=False),
        sa.ForeignKeyConstraint(
            ["business_id", "invoice_id"],
            ["invoices.business_id", "invoices.id"],
            name=op.f("fk_draft_edits_business_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_draft_edits_actor_id")),
        sa.PrimaryKeyConstraint("business_id", "invoice_id", "revision", name=op.f("pk_draft_edits")),
    )
    op.execute("ALTER TABLE draft_edits ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE draft_edits FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON draft_edits"
        " USING (business_id = current_business_id()) WITH CHECK (business_id = current_business_id())"
    )


def _keep_dates_that_were_chosen() -> None:
    """A due date that the terms do not explain was chosen by hand; the owner sees all tenants only while this runs."""
    tables = ("invoices", "clients", "businesses")
    op.execute("ALTER TABLE invoices DISABLE TRIGGER USER")  # sums, figures and words to find do not change
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE invoices i SET due_by_hand = true FROM clients c, businesses b"
        " WHERE i.status = 'draft' AND c.business_id = i.business_id AND c.id = i.client_id AND b.id = i.business_id"
        " AND i.due_date <> i.issue_date + COALESCE(c.payment_terms_days, b.payment_terms_days)"
    )
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE invoices ENABLE TRIGGER USER")


def downgrade() -> None:
    op.drop_table("draft_edits")
    op.drop_column("invoices", "due_by_hand")
    op.drop_column("invoices", "revision")
