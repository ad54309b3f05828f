"""An edit that changes no words indexes none: what makes the words of invoices is not entered for no invoice.

As plpgsql it leaves at once, and keeps its plan between calls.

Revision ID: 0027
Revises: 0026
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

CHANGES = (
    (" LANGUAGE sql\n", " LANGUAGE plpgsql\n"),
    (
        "AS $function$\n    INSERT INTO",
        "AS $function$\nBEGIN\n    IF cardinality(ids) = 0 THEN\n        RETURN;\n    END IF;\n    INSERT INTO",
    ),
    (
        "WHERE d.document <> excluded.document\n$function$",
        "WHERE d.document <> excluded.document;\nEND\n$function$",
    ),
)


def upgrade() -> None:
    _rewrite(CHANGES)


def downgrade() -> None:
    _rewrite(tuple((after, before) for before, after in CHANGES))


def _rewrite(changes: tuple[tuple[str, str], ...]) -> None:
    definition: str = op.get_bind().scalar(
        sa.text("SELECT pg_get_functiondef(CAST('index_invoices(uuid[])' AS regprocedure))")
    )
    for before, after in changes:
        if before not in definition:
            raise RuntimeError("index_invoices(uuid[]) is not as this migration knows it")
        definition = definition.replace(before, after)
    op.execute(definition.replace(":", "\\:"))
