"""Issued documents are frozen: no column, line or tax group of theirs changes, and nothing of them is deleted.

Everybody is bound by it, the owner of the tables too. What may change after issue is listed in FREE, so that a column which
somebody adds later is frozen unless it is put there. For repairs the owner, and nobody else, may lift it in a
transaction: SET LOCAL app.maintenance = 'on'.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Payment, archive, notes to oneself, and what follows from them: amount_due and shelf are computed.
FREE = (
    "status", "paid_total", "paid_on", "amount_due", "archived_at", "archiving_id", "shelf", "internal_notes",
    "updated_at", "version",
)  # fmt: skip

# Anybody may write the setting, so it counts only for those who own the table; session_user is who logged in, also
# within functions that run with the owner's rights.
IN_MAINTENANCE = """
CREATE FUNCTION in_maintenance(table_id oid) RETURNS boolean LANGUAGE sql STABLE
RETURN current_setting('app.maintenance', true) = 'on' AND pg_has_role(
    session_user, (SELECT c.relowner FROM pg_class c WHERE c.oid = table_id), 'USAGE'
)
"""

REFUSE = """
CREATE FUNCTION refuse_frozen(table_id oid, what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF in_maintenance(table_id) IS NOT TRUE THEN
        RAISE EXCEPTION '% is frozen: %', table_id::regclass, what USING ERRCODE = 'check_violation',
            CONSTRAINT = 'ck_' || table_id::regclass || '_frozen', TABLE = table_id::regclass::text;
    END IF;
END
$$
"""

KEEP_INVOICE = f"""
CREATE FUNCTION keep_issued_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    frozen invoices%ROWTYPE := NEW;
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM refuse_frozen(TG_RELID, 'it was issued, and is kept');
        RETURN OLD;
    END IF;
    {" ".join(f"frozen.{column} := OLD.{column};" for column in FREE)}
    IF frozen IS DISTINCT FROM OLD THEN
        PERFORM refuse_frozen(TG_RELID, 'it was issued, and stays as it was');
    END IF;
    RETURN NULL;
END
$$
"""

# One look at each invoice for a statement, however many rows it writes. LATERAL with a LIMIT says how to join: by the
# invoice's key, never through all invoices of the business.
STATUSES = """SELECT bool_or(i.status <> 'draft') FROM (SELECT DISTINCT p.business_id, p.invoice_id FROM {rows} p) p
        CROSS JOIN LATERAL (
            SELECT i.status FROM invoices i WHERE i.business_id = p.business_id AND i.id = p.invoice_id LIMIT 1
        ) i"""
KEEP_PARTS = f"""
CREATE FUNCTION keep_parts_of_issued() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    was_issued boolean;
    is_issued boolean;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        was_issued := ({STATUSES.format(rows="old_rows")});
    END IF;
    IF TG_OP <> 'DELETE' THEN
        is_issued := ({STATUSES.format(rows="new_rows")});
    END IF;
    IF was_issued OR is_issued THEN
        PERFORM refuse_frozen(TG_RELID, 'the invoice was issued');
    END IF;
    RETURN NULL;
END
$$
"""

KEEP_PAYMENT = """
CREATE FUNCTION keep_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_frozen(TG_RELID, 'a payment is taken back by marking it void');
    RETURN COALESCE(NEW, OLD);
END
$$
"""

KEEP_ALL = """
CREATE FUNCTION keep_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_frozen(TG_RELID, 'it is never emptied');
    RETURN NULL;
END
$$
"""

TABLES = ("invoices", "line_items", "invoice_taxes", "payments")
PARTS = ("line_items", "invoice_taxes")
ROWS = {
    "INSERT": "NEW TABLE AS new_rows",
    "UPDATE": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "DELETE": "OLD TABLE AS old_rows",
}


def upgrade() -> None:
    for function in (IN_MAINTENANCE, REFUSE, KEEP_INVOICE, KEEP_PARTS, KEEP_PAYMENT, KEEP_ALL):
        op.execute(function)
    # After the update, when the checks of the row have had their say and computed columns are known.
    op.execute(
        "CREATE TRIGGER keep_issued AFTER UPDATE ON invoices"
        " FOR EACH ROW WHEN (OLD.status <> 'draft') EXECUTE FUNCTION keep_issued_invoice()"
    )
    op.execute(
        "CREATE TRIGGER keep_issued_rows BEFORE DELETE ON invoices"
        " FOR EACH ROW WHEN (OLD.status <> 'draft') EXECUTE FUNCTION keep_issued_invoice()"
    )
    for table in PARTS:
        for event, rows in ROWS.items():
            op.execute(
                f"CREATE TRIGGER keep_issued_{event.lower()} AFTER {event} ON {table} REFERENCING {rows}"
                " FOR EACH STATEMENT EXECUTE FUNCTION keep_parts_of_issued()"
            )
    op.execute(
        "CREATE TRIGGER keep_issued_delete BEFORE DELETE ON payments FOR EACH ROW EXECUTE FUNCTION keep_payment()"
    )
    op.execute(
        "CREATE TRIGGER keep_issued_update AFTER UPDATE ON payments FOR EACH ROW WHEN ("
        " (OLD.business_id, OLD.id, OLD.invoice_id, OLD.amount, OLD.paid_on, OLD.method, OLD.created_at) IS DISTINCT FROM"
        " (NEW.business_id, NEW.id, NEW.invoice_id, NEW.amount, NEW.paid_on, NEW.method, NEW.created_at)"
        ") EXECUTE FUNCTION keep_payment()"
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER keep_issued_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION keep_all()"
        )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TRIGGER keep_issued_truncate ON {table}")
    op.execute("DROP TRIGGER keep_issued_update ON payments")
    op.execute("DROP TRIGGER keep_issued_delete ON payments")
    for table in PARTS:
        for event in ROWS:
            op.execute(f"DROP TRIGGER keep_issued_{event.lower()} ON {table}")
    op.execute("DROP TRIGGER keep_issued_rows ON invoices")
    op.execute("DROP TRIGGER keep_issued ON invoices")
    for function in (
        "keep_all()", "keep_payment()", "keep_parts_of_issued()", "keep_issued_invoice()", "refuse_frozen(oid, text)",
        "in_maintenance(oid)",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION {function}")
