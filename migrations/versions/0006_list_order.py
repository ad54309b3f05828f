"""What lists are ordered and cut by: stored sort keys, one shelf a status, and the archiving that hid a row.

Under row-level security the planner lets only leakproof operators into an index condition, and those of enums and
numeric are none. So a list's place (`shelf`) and its amounts (`amount_sort`) are kept as integers, and names folded.

Revision ID: 0006
Revises: 0006a
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0006a"
branch_labels = None
depends_on = None

# Case and accents do not matter: NFKD takes the accents off, the rest has no decomposition in Unicode.
SEARCH_FOLD = """
CREATE FUNCTION search_fold(source text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
RETURN replace(replace(replace(
    translate(lower(regexp_replace(normalize(source, NFKD), '[\\u0300-\\u036f]', '', 'g')), 'øłđðħıŧ', 'olddhit'),
    'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe')
"""

SHELF = """(CASE status WHEN 'draft' THEN 0 WHEN 'sent' THEN 1 ELSE 2 END
    + CASE WHEN archived_at IS NULL THEN 0 ELSE 3 END)::smallint"""

# Drafts come after every number: they are the next ones.
NUMBER_SORT = """CASE WHEN number IS NULL THEN '~'
    ELSE series || '/' || period || '/' || COALESCE(lpad(seq::text, 10, '0'), number) END"""

SORT_KEYS = ("issue_date", "number_sort", "client_sort", "amount_sort", "due_date")

# Index name: its columns after business_id, and its condition. They go, since the new ones answer the same questions.
REPLACED = {
    "ix_invoices_business_id_archived": ([], "archived_at IS NOT NULL"),
    "ix_invoices_business_id_client_id": (["client_id", "issue_date DESC", "id DESC"], None),
    "ix_invoices_business_id_due_date_open": (["due_date", "id"], "status = 'sent' AND archived_at IS NULL"),
    "ix_invoices_business_id_issue_date": (["issue_date DESC", "id DESC"], None),
    "ix_invoices_business_id_live": (["issue_date DESC", "id DESC"], "archived_at IS NULL"),
    "ix_invoices_business_id_paid_on": (["paid_on"], "status = 'paid' AND archived_at IS NULL"),
    "ix_invoices_business_id_status": (["status", "issue_date DESC", "id DESC"], "archived_at IS NULL"),
}


def upgrade() -> None:
    op.execute(SEARCH_FOLD)
    op.add_column("clients", sa.Column("archiving_id", sa.UUID()))
    op.execute(
        "ALTER TABLE clients"
        " ADD COLUMN name_sort text NOT NULL GENERATED ALWAYS AS (left(search_fold(name), 100)) STORED,"
        " ADD COLUMN archived boolean NOT NULL GENERATED ALWAYS AS (archived_at IS NOT NULL) STORED"
    )
    op.add_column("invoices", sa.Column("archiving_id", sa.UUID()))
    op.execute(
        f"ALTER TABLE invoices ADD COLUMN shelf smallint NOT NULL GENERATED ALWAYS AS ({SHELF}) STORED,"
        f" ADD COLUMN number_sort text NOT NULL GENERATED ALWAYS AS ({NUMBER_SORT}) STORED,"
        " ADD COLUMN client_sort text NOT NULL GENERATED ALWAYS AS (left(search_fold(client_name), 100)) STORED,"
        " ADD COLUMN amount_sort bigint NOT NULL GENERATED ALWAYS AS ((total * 1000)::bigint) STORED"
    )
    for name in REPLACED:
        op.drop_index(name, table_name="invoices")
    for key in SORT_KEYS:
        op.create_index(f"ix_invoices_business_id_shelf_{key}", "invoices", ["business_id", "shelf", key, "id"])
    columns = ["business_id", "client_id", "shelf", "issue_date", "id"]
    op.create_index("ix_invoices_business_id_client_id_shelf", "invoices", columns)
    for table in ("invoices", "clients"):
        op.create_index(
            f"ix_{table}_business_id_archiving_id",
            table,
            ["business_id", "archiving_id"],
            postgresql_where=sa.text("archiving_id IS NOT NULL"),
        )
    op.drop_index("ix_clients_business_id_name", table_name="clients")
    op.drop_index("ix_clients_business_id_archived", table_name="clients")
    op.create_index(
        "ix_clients_business_id_archived_name_sort", "clients", ["business_id", "archived", "name_sort", "id"]
    )


def downgrade() -> None:
    op.drop_index("ix_clients_business_id_archived_name_sort", table_name="clients")
    op.create_index("ix_clients_business_id_name", "clients", ["business_id", sa.literal_column("lower(name)"), "id"])
    op.create_index(
        "ix_clients_business_id_archived",
        "clients",
        ["business_id"],
        postgresql_where=sa.text("archived_at IS NOT NULL"),
    )
    for table in ("invoices", "clients"):
        op.drop_index(f"ix_{table}_business_id_archiving_id", table_name=table)
    op.drop_index("ix_invoices_business_id_client_id_shelf", table_name="invoices")
    for key in SORT_KEYS:
        op.drop_index(f"ix_invoices_business_id_shelf_{key}", table_name="invoices")
    for name, (columns, condition) in REPLACED.items():
        op.create_index(
            name,
            "invoices",
            ["business_id", *map(sa.literal_column, columns)],
            postgresql_where=sa.text(condition) if condition else None,
        )
    for column in ("shelf", "number_sort", "client_sort", "amount_sort", "archiving_id"):
        op.drop_column("invoices", column)
    for column in ("name_sort", "archived", "archiving_id"):
        op.drop_column("clients", column)
    op.execute("DROP FUNCTION search_fold(text)")
