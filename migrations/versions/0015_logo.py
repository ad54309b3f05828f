"""A business has a logo, and an issued document keeps the one that it was issued with.

Rows of logos are written once: the app may neither change nor delete them, since an issued document may refer to them.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "logos",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("png", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.SmallInteger(), nullable=False),
        sa.Column("height", sa.SmallInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("width BETWEEN 1 AND 600 AND height BETWEEN 1 AND 240", name=op.f("ck_logos_size")),
        sa.CheckConstraint("octet_length(png) BETWEEN 1 AND 204800", name=op.f("ck_logos_png_length")),
        sa.CheckConstraint("sha256 = sha256(png)", name=op.f("ck_logos_sha256_of_png")),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name=op.f("fk_logos_business_id")),
        sa.PrimaryKeyConstraint("business_id", "id", name=op.f("pk_logos")),
    )
    op.create_index("uq_logos_business_id_sha256", "logos", ["business_id", "sha256"], unique=True)
    op.add_column("businesses", sa.Column("logo_id", sa.UUID(), nullable=True))
    op.create_foreign_key(
        op.f("fk_businesses_id_logo_id"), "businesses", "logos", ["id", "logo_id"], ["business_id", "id"]
    )
    op.execute("ALTER TABLE logos ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE logos FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON logos"
        " USING (business_id = current_business_id()) WITH CHECK (business_id = current_business_id())"
    )


def downgrade() -> None:
    op.drop_constraint("fk_businesses_id_logo_id", "businesses", type_="foreignkey")
    op.drop_column("businesses", "logo_id")
    op.drop_table("logos")
