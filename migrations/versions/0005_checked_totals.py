"""The database recomputes every document that changes, at commit, and refuses one that does not add up.

What it holds is `invoices_app.invoices.rules.compute` (EN 16931: BR-CO-10, BR-CO-13, BR-CO-14, BR-CO-17): PostgreSQL's
round(numeric, int) rounds half away from zero as well.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

FUNCTION = """
CREATE FUNCTION check_invoice_totals() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    document invoices%ROWTYPE;
    wrong text;
BEGIN
    -- The row as it is at commit; an earlier version of it in this transaction no longer matters.
    SELECT * INTO document FROM invoices i WHERE i.business_id = NEW.business_id AND i.id = NEW.id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT CASE
        WHEN NOT lines.right_nets THEN 'a line net'
        WHEN lines.subtotal <> document.subtotal THEN 'the subtotal'
        WHEN document.discount_amount
            <> round(document.subtotal * document.discount_percent / 100, document.minor_units) THEN 'the discount'
        WHEN NOT taxes.right_taxes THEN 'a tax amount'
        WHEN taxes.taxable <> document.net_total THEN 'the taxable amounts'
        WHEN taxes.tax <> document.tax_total THEN 'the tax total'
        WHEN paid.amount <> document.paid_total THEN 'the payments'
    END INTO wrong
    FROM (
        SELECT COALESCE(sum(l.line_net), 0) AS subtotal,
               COALESCE(bool_and(l.line_net = gross.amount
                   - round(gross.amount * l.discount_percent / 100, document.minor_units)), true) AS right_nets
        FROM line_items l
        CROSS JOIN LATERAL (
            SELECT round(l.quantity * l.unit_price, document.minor_units) AS amount
        ) gross
        WHERE l.business_id = document.business_id AND l.invoice_id = document.id
    ) lines, (
        SELECT COALESCE(sum(t.taxable), 0) AS taxable, COALESCE(sum(t.tax), 0) AS tax,
               COALESCE(bool_and(t.tax = round(t.taxable * t.rate / 100, document.minor_units)), true) AS right_taxes
        FROM invoice_taxes t
        WHERE t.business_id = document.business_id AND t.invoice_id = document.id
    ) taxes, (
        SELECT COALESCE(sum(p.amount), 0) AS amount
        FROM payments p
        WHERE p.business_id = document.business_id AND p.invoice_id = document.id AND p.voided_at IS NULL
    ) paid;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'invoice %: % does not add up', document.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ck_invoices_totals_add_up', TABLE = 'invoices';
    END IF;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.execute(FUNCTION)
    op.execute(
        "CREATE CONSTRAINT TRIGGER totals_add_up AFTER INSERT OR UPDATE ON invoices"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_invoice_totals()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER totals_add_up ON invoices")
    op.execute("DROP FUNCTION check_invoice_totals()")
