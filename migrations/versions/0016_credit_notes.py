"""Credit notes: an issued invoice is taken back by one that mirrors it, and what is still due on both is set off.

A credit note (UNTDID 1001: 381) stands beside the invoices with all its amounts and quantities negated, so that every sum over
documents is right without knowing of it. What was still due on the invoice is set off by two payments of the method
`credit_note`, one on each of the two, which add up to nothing. All of that is checked at commit, for everybody.

Revision ID: 0016
Revises: 0015
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SET_OFF = "credit_note"
METHODS = ("bank_transfer", "card", "cash", "direct_debit", "cheque", "other")

REFUSE = """
        RAISE EXCEPTION 'credit note %: %', note.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_invoices_credit_note_mirrors', TABLE = 'invoices';
"""
SUMS = ("subtotal", "discount_amount", "net_total", "tax_total", "total")
SAME = ("client_id", "currency", "minor_units", "discount_percent", "buyer")
SAME_OF_LINE = (
    "description", "item_number", "unit", "unit_code", "unit_price", "discount_percent", "tax_category", "tax_rate",
    "exemption_reason",
)  # fmt: skip


def _row(name: str, columns: tuple[str, ...], negated: tuple[str, ...], sign: str = "") -> str:
    return ", ".join([f"{name}.{column}" for column in columns] + [f"{sign}{name}.{column}" for column in negated])


def _differs(table: str, key: str, same: tuple[str, ...], negated: tuple[str, ...]) -> str:
    """Whether the parts of the two documents differ in more than their sign. Only hashing and merging join in full."""
    parts = "(SELECT * FROM {0} p WHERE p.business_id = note.business_id AND p.invoice_id = {1})"
    return f"""EXISTS (
            SELECT FROM {parts.format(table, "note.id")} n
            FULL JOIN {parts.format(table, "note.preceding_invoice_id")} o USING ({key})
            WHERE ({_row("n", same, negated)}) IS DISTINCT FROM ({_row("o", same, negated, "-")})
        )"""


# What both sides have is found by their keys; each pair is looked at once, when the credit note is written.
CHECK_NOTE = f"""
CREATE FUNCTION check_credit_note() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    note invoices%ROWTYPE;
    original invoices%ROWTYPE;
    wrong text;
BEGIN
    SELECT * INTO note FROM invoices i WHERE i.business_id = NEW.business_id AND i.id = NEW.id;
    IF note.type_code IS DISTINCT FROM 381 THEN
        RETURN NULL;
    END IF;
    SELECT * INTO original FROM invoices i WHERE i.business_id = note.business_id AND i.id = note.preceding_invoice_id;
    wrong := CASE
        WHEN note.status = 'draft' THEN 'it is a draft'
        WHEN original.type_code IS DISTINCT FROM 380 THEN 'it credits no invoice'
        WHEN original.status <> 'paid' THEN 'something is due on its invoice'
        WHEN ({_row("note", SAME, SUMS)}) IS DISTINCT FROM ({_row("original", SAME, SUMS, "-")}) THEN 'it is no mirror'
        WHEN {_differs("line_items", "position", SAME_OF_LINE, ("quantity", "line_net"))} THEN 'a line is no mirror'
        WHEN {_differs("invoice_taxes", "category, rate", (), ("taxable", "tax"))} THEN 'a tax group is no mirror'
    END;
    IF wrong IS NOT NULL THEN
        {REFUSE}
    END IF;
    RETURN NULL;
END
$$
"""

CHECK_SET_OFF = f"""
CREATE FUNCTION check_set_off() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    note invoices%ROWTYPE;
    wrong text;
BEGIN
    SELECT i.* INTO note FROM invoices i WHERE i.business_id = NEW.business_id AND i.type_code = 381
        AND (i.id = NEW.invoice_id OR i.preceding_invoice_id = NEW.invoice_id);
    wrong := CASE
        WHEN note.id IS NULL THEN 'there is none to set off against'
        WHEN (SELECT sum(p.amount) FROM payments p
              WHERE p.business_id = note.business_id AND p.invoice_id IN (note.id, note.preceding_invoice_id)
                  AND p.method = '{SET_OFF}') <> 0 THEN 'what is set off differs on the two'
    END;
    IF wrong IS NOT NULL THEN
        {REFUSE}
    END IF;
    RETURN NULL;
END
$$
"""

# Whoever takes a payment of a credited invoice back would make something due on it again.
KEEP_SETTLED = f"""
CREATE FUNCTION keep_credited_settled() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    note invoices%ROWTYPE;
    wrong text := 'its invoice stays settled';
BEGIN
    SELECT i.* INTO note FROM invoices i
    WHERE i.business_id = NEW.business_id AND i.preceding_invoice_id = NEW.id AND i.type_code = 381;
    IF FOUND THEN
        {REFUSE}
    END IF;
    RETURN NULL;
END
$$
"""

KEEP_SET_OFF = """
CREATE FUNCTION keep_set_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM refuse_frozen(TG_RELID, 'what a credit note sets off is never taken back');
    RETURN NULL;
END
$$
"""

# Table, when, and what is called.
TRIGGERS = {
    "credit_note_mirrors": (
        "invoices",
        "AFTER INSERT OR UPDATE OF type_code, preceding_invoice_id",
        "check_credit_note",
    ),
    "credited_stays_settled": ("invoices", "AFTER UPDATE OF status", "keep_credited_settled"),
    "set_off_on_both": ("payments", "AFTER INSERT", "check_set_off"),
    "keep_set_off": ("payments", "AFTER UPDATE", "keep_set_off"),
}
CONDITIONS = {
    "credit_note_mirrors": "NEW.type_code = 381",
    "credited_stays_settled": "OLD.status = 'paid' AND NEW.status = 'sent'",
    "set_off_on_both": f"NEW.method = '{SET_OFF}'",
    "keep_set_off": f"OLD.method = '{SET_OFF}'",
}
AT_COMMIT = ("credit_note_mirrors", "set_off_on_both")
FUNCTIONS = {
    "check_credit_note()": CHECK_NOTE,
    "check_set_off()": CHECK_SET_OFF,
    "keep_credited_settled()": KEEP_SETTLED,
    "keep_set_off()": KEEP_SET_OFF,
}


def _allow_methods(methods: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_payments_method_known"), "payments", type_="check")
    op.create_check_constraint(
        op.f("ck_payments_method_known"), "payments", f"method IN ({', '.join(repr(method) for method in methods)})"
    )


def upgrade() -> None:
    _allow_methods((*METHODS, SET_OFF))
    op.create_check_constraint(
        op.f("ck_invoices_credit_note_refers"), "invoices", "type_code <> 381 OR preceding_invoice_id IS NOT NULL"
    )
    op.create_index(
        "ix_invoices_business_id_preceding_invoice_id",
        "invoices",
        ["business_id", "preceding_invoice_id"],
        postgresql_where=sa.text("preceding_invoice_id IS NOT NULL"),
    )
    op.create_index(
        "uq_invoices_business_id_credited",
        "invoices",
        ["business_id", "preceding_invoice_id"],
        unique=True,
        postgresql_where=sa.text("type_code = 381"),
    )
    op.create_index(
        "ix_invoices_business_id_credit_notes",
        "invoices",
        ["business_id", "shelf", "issue_date", "id"],
        postgresql_where=sa.text("type_code = 381"),
    )
    for function in FUNCTIONS.values():
        op.execute(function)
    for name, (table, when, function) in TRIGGERS.items():
        kind, deferred = (
            ("CONSTRAINT TRIGGER", "DEFERRABLE INITIALLY DEFERRED") if name in AT_COMMIT else ("TRIGGER", "")
        )
        op.execute(
            f"CREATE {kind} {name} {when} ON {table} {deferred}"
            f" FOR EACH ROW WHEN ({CONDITIONS[name]}) EXECUTE FUNCTION {function}()"
        )


def downgrade() -> None:
    for name, (table, _, _) in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {name} ON {table}")
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    op.drop_index("ix_invoices_business_id_credit_notes", table_name="invoices")
    op.drop_index("uq_invoices_business_id_credited", table_name="invoices")
    op.drop_index("ix_invoices_business_id_preceding_invoice_id", table_name="invoices")
    op.drop_constraint(op.f("ck_invoices_credit_note_refers"), "invoices", type_="check")
    _allow_methods(METHODS)
