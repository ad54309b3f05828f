"""Imports: files that people bring, what is read from them, and the work on them that a process of its own does.

The worker finds what waits in all businesses by the scope that delivers mail, and sees of it no more than that it waits;
it does the work in the scope of the business. `clear_expired` takes away what nobody went on with.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from invoices_app.db.rewriting import rewrite_function, undo

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# What `clear_expired` says before, and from now on.
CLEAR_EXPIRED = (
    (
        "tokens bigint, ended_invitations bigint)",
        "tokens bigint, ended_invitations bigint, old_imports bigint)",
    ),
    (
        "PERFORM set_config('app.clearing', '', true);",
        """WITH gone AS (
        DELETE FROM imports WHERE (business_id, id) IN (
            SELECT i.business_id, i.id FROM imports i
            WHERE i.status IN ('preview', 'failed') AND i.changed_at <= now() - interval '7 days'
            LIMIT least(most, 20) FOR UPDATE SKIP LOCKED
        ) RETURNING 1
    ) SELECT count(*) INTO old_imports FROM gone;
    PERFORM set_config('app.clearing', '', true);""",
    ),
)


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=True),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("task", sa.String(length=10), nullable=False),
        sa.Column("sheet", postgresql.JSONB(none_as_null=True), nullable=False),
        sa.Column("choices", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("preview", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("result", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("only_good_rows", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("outcome", sa.String(length=500), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rows_done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rows_total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('clients', 'invoices', 'archive')", name=op.f("ck_imports_kind_known")),
        sa.CheckConstraint("status IN ('preview', 'running', 'done', 'failed')", name=op.f("ck_imports_status_known")),
        sa.CheckConstraint("task IN ('read', 'write')", name=op.f("ck_imports_task_known")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_imports_sha256_length")),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name=op.f("fk_imports_business_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_imports_user_id")),
        sa.PrimaryKeyConstraint("business_id", "id", name=op.f("pk_imports")),
    )
    op.create_index("ix_imports_changed_at", "imports", ["changed_at"], postgresql_where=sa.text("status = 'running'"))
    op.create_table(
        "import_parts",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("import_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(content) BETWEEN 1 AND 1048576", name=op.f("ck_import_parts_content_length")),
        _of_import("import_parts"),
        sa.PrimaryKeyConstraint("business_id", "import_id", "number", name=op.f("pk_import_parts")),
    )
    # Written once, read twice, gone: packing it costs more than it saves.
    op.execute("ALTER TABLE import_parts ALTER COLUMN content SET STORAGE EXTERNAL")
    op.create_table(
        "import_problems",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("import_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("column_name", sa.String(length=200), nullable=False),
        sa.Column("sentence", sa.String(length=500), nullable=False),
        sa.Column("is_note", sa.Boolean(), nullable=False),
        _of_import("import_problems"),
        sa.PrimaryKeyConstraint("business_id", "import_id", "is_note", "number", name=op.f("pk_import_problems")),
    )
    for table in ("imports", "import_parts", "import_problems"):
        _protect(table)
    op.execute("CREATE POLICY waiting ON imports FOR SELECT USING (status = 'running' AND (SELECT is_delivering()))")
    op.execute(
        "CREATE POLICY clearing ON imports TO CURRENT_USER"
        " USING (current_setting('app.clearing', true) = 'on') WITH CHECK (false)"
    )
    rewrite_function("clear_expired(integer)", CLEAR_EXPIRED, anew=True)


def _of_import(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["business_id", "import_id"],
        ["imports.business_id", "imports.id"],
        name=op.f(f"fk_{table}_business_id_import_id"),
        ondelete="CASCADE",
    )


def _protect(table: str) -> None:
    own = "business_id = (SELECT current_business_id())"
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({own}) WITH CHECK ({own})")


def downgrade() -> None:
    rewrite_function("clear_expired(integer)", undo(CLEAR_EXPIRED), anew=True)
    op.drop_table("import_problems")
    op.drop_table("import_parts")
    op.drop_table("imports")
