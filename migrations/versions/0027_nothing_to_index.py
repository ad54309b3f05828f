"""An edit that changes no words indexes none: what makes the words of invoices is not entered for no invoice.

As plpgsql it leaves at once, and keeps its plan between calls.

Revision ID: 0027
Revises: 0026
"""

from __future__ import annotations

from invoices_app.db.rewriting import rewrite_function, undo

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

FUNCTION = "index_invoices(uuid[])"
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
    rewrite_function(FUNCTION, CHANGES)


def downgrade() -> None:
    rewrite_function(FUNCTION, undo(CHANGES))
