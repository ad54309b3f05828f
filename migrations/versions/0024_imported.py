"""What comes in from elsewhere: known by what its file called it, with a number of its own if it must, and written in portions.

An invoice that is being imported is `incoming` while its lines are written: it is not in search and figures yet, so that its
words and sums are made once and not at every step. None can stay so: that is refused at commit, together with sums that do
not add up. Which version of a row is held at commit is the last one; those before it are no longer recomputed.

Revision ID: 0024
Revises: 0023
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from invoices_app.db.rewriting import rewrite_function, undo

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

SOURCE_LENGTH = 100
OWN_NUMBERS = "imported"

# Of functions that there are: what is said in them now, and what from now on.
CHANGED = {
    "check_invoice_totals()": (
        (
            "    IF NOT FOUND THEN\n        RETURN NULL;\n    END IF;\n",
            (
                "    IF NOT FOUND OR NEW IS DISTINCT FROM document THEN\n        RETURN NULL;\n    END IF;\n"
                "    IF document.incoming THEN\n"
                "        RAISE EXCEPTION 'invoice %: it was left half imported', document.id\n"
                "            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_invoices_came_in', TABLE = 'invoices';\n"
                "    END IF;\n"
            ),
        ),
    ),
    "index_invoices(uuid[])": (
        # LATERAL with a LIMIT says how to join: each invoice and its client by their keys. Left the choice, the planner goes
        # through all clients for each invoice while it takes them for few, and asks each time whose business this is.
        (
            (
                "    JOIN invoices i ON i.business_id = current_business_id() AND i.id = changed.id\n"
                "    JOIN clients c ON c.business_id = i.business_id AND c.id = i.client_id\n"
            ),
            (
                "    CROSS JOIN LATERAL (\n"
                "        SELECT * FROM invoices i WHERE i.business_id = (SELECT current_business_id())"
                " AND i.id = changed.id AND NOT i.incoming LIMIT 1\n"
                "    ) i\n"
                "    CROSS JOIN LATERAL (\n"
                "        SELECT c.name FROM clients c WHERE c.business_id = i.business_id AND c.id = i.client_id LIMIT 1\n"
                "    ) c\n"
            ),
        ),
    ),
    "keep_invoice_search()": (
        (
            "SELECT id, number, reference, client_id, client_name FROM new_rows",
            "SELECT id, number, reference, client_id, client_name, incoming FROM new_rows",
        ),
        (
            "EXCEPT SELECT id, number, reference, client_id, client_name FROM old_rows",
            "EXCEPT SELECT id, number, reference, client_id, client_name, incoming FROM old_rows",
        ),
    ),
    "keep_invoice_figures()": (
        (
            "i.total, i.amount_due\n        ) f\n        GROUP BY",
            "i.total, i.amount_due\n        ) f\n        WHERE NOT i.incoming GROUP BY",
        ),
    ),
}
# A transaction that makes a table many times larger is planned for as if it had stayed small: any index that begins with the
# business will do for one row, and takes all rows of the business by and by. Only the owner may have a table counted anew.
# A table that somebody else is counting, or whose end nobody else has doubled, costs nothing.
COUNT_WHAT_GREW = """
CREATE FUNCTION count_what_grew() RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['clients', 'invoices', 'line_items', 'invoice_taxes', 'payments', 'business_figures'] LOOP
        -- Autovacuum, which does not see our rows, may have told the planner meanwhile that there are none.
        IF EXISTS (
            SELECT FROM pg_class c WHERE c.oid = name::regclass AND (
                pg_relation_size(c.oid) / current_setting('block_size')::bigint > 10 + 2 * c.relpages
                OR c.relpages > 10 AND c.reltuples < c.relpages
            )
        ) THEN
            EXECUTE format('ANALYZE (SKIP_LOCKED) %I', name);
        END IF;
    END LOOP;
END
$$
"""
# Before, every number had a place in its series. Who goes back and comes again has lost what else they were imported as.
PLACES_FOR_OWN_NUMBERS = f"""
    UPDATE invoices i SET seq = counted.place FROM (
        SELECT business_id, id, row_number() OVER (PARTITION BY business_id ORDER BY id) AS place
        FROM invoices WHERE series = '{OWN_NUMBERS}'
    ) AS counted WHERE i.business_id = counted.business_id AND i.id = counted.id
"""
NO_PLACES = f"UPDATE invoices SET seq = NULL, imported_as = number WHERE series = '{OWN_NUMBERS}'"
REST_OF_WHOLE = (
    " AND (number IS NULL) = (issued_at IS NULL)"
    " AND (number IS NULL) = (seller IS NULL) AND (number IS NULL) = (buyer IS NULL)"
)


def upgrade() -> None:
    op.add_column("clients", sa.Column("import_id", sa.UUID(), nullable=True))
    op.add_column("invoices", sa.Column("import_id", sa.UUID(), nullable=True))
    op.add_column("invoices", sa.Column("imported_as", sa.String(length=SOURCE_LENGTH), nullable=True))
    op.add_column("invoices", sa.Column("incoming", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.drop_constraint(op.f("ck_invoices_issued_whole"), "invoices", type_="check")
    _write_for_all(NO_PLACES)
    _hold_whole(f"(seq IS NULL) = (series IN ('', '{OWN_NUMBERS}'))")
    op.create_check_constraint(
        op.f("ck_invoices_own_number_imported"), "invoices", f"series <> '{OWN_NUMBERS}' OR imported_as IS NOT NULL"
    )
    op.create_check_constraint(op.f("ck_invoices_imported_as_filled"), "invoices", "imported_as <> ''")
    op.create_check_constraint(op.f("ck_number_series_code_free"), "number_series", f"code <> '{OWN_NUMBERS}'")
    op.create_index(
        "uq_invoices_business_id_imported_as",
        "invoices",
        ["business_id", "imported_as"],
        unique=True,
        postgresql_where=sa.text("imported_as IS NOT NULL"),
    )
    for signature, changes in CHANGED.items():
        rewrite_function(signature, changes)
    op.execute(COUNT_WHAT_GREW)


def _hold_whole(seq: str) -> None:
    """What an issued document has, and a draft has not; `seq` says it of its place in a series."""
    op.create_check_constraint(op.f("ck_invoices_issued_whole"), "invoices", seq + REST_OF_WHOLE)


def downgrade() -> None:
    op.execute("DROP FUNCTION count_what_grew()")
    for signature, changes in CHANGED.items():
        rewrite_function(signature, undo(changes))
    op.drop_index("uq_invoices_business_id_imported_as", table_name="invoices")
    op.drop_constraint(op.f("ck_number_series_code_free"), "number_series", type_="check")
    op.drop_constraint(op.f("ck_invoices_imported_as_filled"), "invoices", type_="check")
    op.drop_constraint(op.f("ck_invoices_own_number_imported"), "invoices", type_="check")
    op.drop_constraint(op.f("ck_invoices_issued_whole"), "invoices", type_="check")
    _write_for_all(PLACES_FOR_OWN_NUMBERS)
    _hold_whole("(number IS NULL) = (seq IS NULL)")
    for column in ("incoming", "imported_as", "import_id"):
        op.drop_column("invoices", column)
    op.drop_column("clients", "import_id")


def _write_for_all(statement: str) -> None:
    """Change what is frozen, of every tenant: places are no part of a document. The owner sees all rows only while this runs."""
    for each in (
        "ALTER TABLE invoices DISABLE TRIGGER USER",
        "ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY",
        statement,
        "ALTER TABLE invoices FORCE ROW LEVEL SECURITY",
        "ALTER TABLE invoices ENABLE TRIGGER USER",
    ):
        op.execute(each)
