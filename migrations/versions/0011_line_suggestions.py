"""Earlier lines can be found by how their description begins.

Under row-level security only leakproof operators get into an index condition: comparisons of text do, search_fold() does not.
So the folded beginning of each description is kept, in the "C" collation, where a beginning is a range.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEX = "ix_line_items_business_id_description_sort"


def upgrade() -> None:
    op.execute(
        'ALTER TABLE line_items ADD COLUMN description_sort text COLLATE "C" NOT NULL'
        " GENERATED ALWAYS AS (left(search_fold(description), 60)) STORED"
    )
    op.create_index(INDEX, "line_items", ["business_id", "description_sort", "id"])


def downgrade() -> None:
    op.drop_index(INDEX, table_name="line_items")
    op.drop_column("line_items", "description_sort")
