"""Several number series a business, one of which drafts take unless they name another.

Revision ID: 0014
Revises: 0013
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

FORMER_ONLY_SERIES = "INV"


def upgrade() -> None:
    op.add_column(
        "number_series", sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("number_series", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.execute("ALTER TABLE number_series NO FORCE ROW LEVEL SECURITY")
    op.execute(f"UPDATE number_series SET is_default = true WHERE code = '{FORMER_ONLY_SERIES}'")
    op.execute("ALTER TABLE number_series FORCE ROW LEVEL SECURITY")
    op.create_index(
        "uq_number_series_business_id_default",
        "number_series",
        ["business_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_check_constraint(
        op.f("ck_number_series_pattern_counts"), "number_series", "position('{seq' IN pattern) > 0"
    )
    op.create_check_constraint(
        op.f("ck_number_series_yearly_with_year"), "number_series", "NOT yearly OR position('{year}' IN pattern) > 0"
    )
    op.add_column("invoices", sa.Column("wanted_series", sa.String(length=20), nullable=True))
    op.create_foreign_key(
        op.f("fk_invoices_business_id_wanted_series"),
        "invoices",
        "number_series",
        ["business_id", "wanted_series"],
        ["business_id", "code"],
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_invoices_business_id_wanted_series"), "invoices", type_="foreignkey")
    op.drop_column("invoices", "wanted_series")
    op.drop_constraint(op.f("ck_number_series_yearly_with_year"), "number_series", type_="check")
    op.drop_constraint(op.f("ck_number_series_pattern_counts"), "number_series", type_="check")
    op.drop_index("uq_number_series_business_id_default", table_name="number_series")
    op.drop_column("number_series", "version")
    op.drop_column("number_series", "is_default")
