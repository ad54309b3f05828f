"""Figures: what a business and each of its clients has in drafts, owes, was invoiced and has paid; how many clients.

They are kept by triggers, in the transaction that changes an invoice, a payment or a client, as rows that say what was added or
taken away. Nobody waits for anybody: writers only insert, and a figure is the sum of its rows. When more than a few
hundred have gathered, one writer at a time replaces them by one row a figure. The app reads them and cannot write.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UNSETTLED_ROWS = 200
LOCK_CLASS = 4_861_214

FIGURES = ("draft", "sent", "paid", "invoiced", "received", "client")

# What one invoice adds: where it stands (by due date as long as money is owed), and what was invoiced with it, by month
# for the business and by year for its client. Archiving hides where it stands and never changes what was invoiced.
INVOICE_FACTS = """
CREATE FUNCTION invoice_facts(
    client uuid, status invoice_status, hidden boolean, issued_on date, due_on date, total numeric, amount_due numeric
)
RETURNS TABLE (client_id uuid, figure figure_kind, archived boolean, day date, amount numeric)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT whose.client_id, fact.figure, fact.archived, fact.day, fact.amount
    FROM (VALUES (NULL::uuid, 'month'), (client, 'year')) AS whose (client_id, period)
    CROSS JOIN LATERAL (
        SELECT CASE status WHEN 'draft' THEN 'draft' WHEN 'sent' THEN 'sent' ELSE 'paid' END::figure_kind,
               hidden,
               CASE WHEN status = 'sent' AND amount_due > 0 THEN due_on END,
               CASE WHEN status = 'sent' THEN amount_due ELSE total END
        UNION ALL
        SELECT 'invoiced'::figure_kind, false, date_trunc(whose.period, issued_on::timestamp)::date, total
        WHERE status <> 'draft'
    ) AS fact (figure, archived, day, amount)
$$
"""

KEY = "business_id, client_id, figure, archived, currency, day"
FACTS_OF = """CROSS JOIN LATERAL invoice_facts(
            i.client_id, i.status, i.archived_at IS NOT NULL, i.issue_date, i.due_date, i.total, i.amount_due
        ) f"""

KEEP_INVOICES = f"""
CREATE FUNCTION keep_invoice_figures() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO business_figures ({KEY}, tally, amount)
        SELECT i.business_id, f.client_id, f.figure, f.archived, i.currency, f.day, count(*), sum(f.amount)
        FROM new_rows i {FACTS_OF}
        GROUP BY 1, 2, 3, 4, 5, 6;
        PERFORM settle_figures(business) FROM (SELECT DISTINCT business_id FROM new_rows) AS changed (business);
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO business_figures ({KEY}, tally, amount)
        SELECT i.business_id, f.client_id, f.figure, f.archived, i.currency, f.day, sum(i.sign), sum(i.sign * f.amount)
        FROM (SELECT -1 AS sign, o.* FROM old_rows o UNION ALL SELECT 1, n.* FROM new_rows n) i {FACTS_OF}
        GROUP BY 1, 2, 3, 4, 5, 6
        HAVING sum(i.sign) <> 0 OR sum(i.sign * f.amount) <> 0;
        IF FOUND THEN
            PERFORM settle_figures(business) FROM (SELECT DISTINCT business_id FROM new_rows) AS changed (business);
        END IF;
    ELSE
        INSERT INTO business_figures ({KEY}, tally, amount)
        SELECT i.business_id, f.client_id, f.figure, f.archived, i.currency, f.day, -count(*), -sum(f.amount)
        FROM old_rows i {FACTS_OF}
        GROUP BY 1, 2, 3, 4, 5, 6;
    END IF;
    RETURN NULL;
END
$$
"""

# Money counts in the month in which it came, also when it was for a part, and not at all once it was taken back.
PAYMENTS_OF = """JOIN invoices i ON i.business_id = p.business_id AND i.id = p.invoice_id
        CROSS JOIN LATERAL (VALUES (NULL::uuid, 'month'), (i.client_id, 'year')) AS whose (client_id, period)
        WHERE p.voided_at IS NULL"""
PAYMENT_KEY = """p.business_id, whose.client_id, 'received'::figure_kind, false, i.currency,
               date_trunc(whose.period, p.paid_on::timestamp)::date"""

KEEP_PAYMENTS = f"""
CREATE FUNCTION keep_payment_figures() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO business_figures ({KEY}, tally, amount)
        SELECT {PAYMENT_KEY}, count(*), sum(p.amount)
        FROM new_rows p {PAYMENTS_OF}
        GROUP BY 1, 2, 3, 4, 5, 6;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO business_figures ({KEY}, tally, amount)
        SELECT {PAYMENT_KEY}, sum(p.sign), sum(p.sign * p.amount)
        FROM (SELECT -1 AS sign, o.* FROM old_rows o UNION ALL SELECT 1, n.* FROM new_rows n) p {PAYMENTS_OF}
        GROUP BY 1, 2, 3, 4, 5, 6
        HAVING sum(p.sign) <> 0 OR sum(p.sign * p.amount) <> 0;
    ELSE
        INSERT INTO business_figures ({KEY}, tally, amount)
        SELECT {PAYMENT_KEY}, -count(*), -sum(p.amount)
        FROM old_rows p {PAYMENTS_OF}
        GROUP BY 1, 2, 3, 4, 5, 6;
    END IF;
    RETURN NULL;
END
$$
"""

KEEP_CLIENTS = f"""
CREATE FUNCTION keep_client_figures() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO business_figures ({KEY}, tally, amount)
        SELECT c.business_id, NULL, 'client', c.archived, '', NULL, count(*), 0 FROM new_rows c GROUP BY 1, 4;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO business_figures ({KEY}, tally, amount)
        SELECT c.business_id, NULL, 'client', c.archived, '', NULL, sum(c.sign), 0
        FROM (SELECT -1 AS sign, o.business_id, o.archived FROM old_rows o
              UNION ALL SELECT 1, n.business_id, n.archived FROM new_rows n) c
        GROUP BY 1, 4 HAVING sum(c.sign) <> 0;
    ELSE
        INSERT INTO business_figures ({KEY}, tally, amount)
        SELECT c.business_id, NULL, 'client', c.archived, '', NULL, -count(*), 0 FROM old_rows c GROUP BY 1, 4;
    END IF;
    IF FOUND AND TG_OP <> 'DELETE' THEN
        PERFORM settle_figures(business) FROM (SELECT DISTINCT business_id FROM new_rows) AS changed (business);
    END IF;
    RETURN NULL;
END
$$
"""

# Equal days can be hashed, which IS NOT DISTINCT FROM cannot: else settling costs the square of what is settled.
SAME_FIGURE = """f.business_id = k.business_id
            AND (f.figure, f.archived, f.currency) = (k.figure, k.archived, k.currency)
            AND COALESCE(f.day, '-infinity') = COALESCE(k.day, '-infinity')"""

# Whoever finds too many rows replaces them, unless another one is at it. Rows that are not committed yet are not seen
# and stay; all is one transaction, so a reader sees either the many rows or the one.
# No nested loops: the planner knows nothing of a new business, takes its figures for one, and would go through all of them
# again for each, and for each of those: 20 seconds for 500 figures.
SETTLE = f"""
CREATE FUNCTION settle_figures(business uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET enable_nestloop = off AS $$
BEGIN
    IF (SELECT count(*) FROM (
            SELECT FROM business_figures f WHERE f.business_id = business AND NOT f.settled LIMIT {UNSETTLED_ROWS + 1}
        ) unsettled) <= {UNSETTLED_ROWS}
        OR NOT pg_try_advisory_xact_lock({LOCK_CLASS}, hashtext(business::text))
    THEN
        RETURN;
    END IF;
    WITH changed AS (
        SELECT DISTINCT {KEY} FROM business_figures WHERE business_id = business AND NOT settled
    ), chosen AS (
        SELECT f.id FROM changed k JOIN business_figures f ON {SAME_FIGURE} AND f.client_id = k.client_id
        UNION ALL
        SELECT f.id FROM changed k JOIN business_figures f ON {SAME_FIGURE} AND f.client_id IS NULL
        WHERE k.client_id IS NULL
    ), gathered AS (
        DELETE FROM business_figures f USING chosen WHERE f.business_id = business AND f.id = chosen.id
        RETURNING f.*
    )
    INSERT INTO business_figures ({KEY}, tally, amount, settled)
    SELECT {KEY}, sum(tally), sum(amount), true FROM gathered
    GROUP BY {KEY}
    HAVING sum(tally) <> 0 OR sum(amount) <> 0;
END
$$
"""

# The same figures counted afresh, to hold the kept ones against: rows that differ, none when all is right.
DRIFT = f"""
CREATE FUNCTION figures_drift()
RETURNS TABLE (client_id uuid, figure figure_kind, archived boolean, currency varchar, day date,
               tally numeric, amount numeric)
LANGUAGE sql STABLE AS $$
    SELECT client_id, figure, archived, currency, day, sum(tally), sum(amount)
    FROM (
        SELECT {KEY}, tally::numeric, amount FROM business_figures
        UNION ALL
        SELECT i.business_id, f.client_id, f.figure, f.archived, i.currency, f.day, -1, -f.amount
        FROM invoices i {FACTS_OF}
        UNION ALL
        SELECT {PAYMENT_KEY}, -1, -p.amount
        FROM payments p {PAYMENTS_OF}
        UNION ALL
        SELECT business_id, NULL, 'client', archived, '', NULL, -1, 0 FROM clients
    ) counted
    GROUP BY {KEY}
    HAVING sum(tally) <> 0 OR sum(amount) <> 0
$$
"""

KEEPERS = {
    "invoices": "keep_invoice_figures",
    "payments": "keep_payment_figures",
    "clients": "keep_client_figures",
}


def upgrade() -> None:
    op.create_table(
        "business_figures",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("client_id", sa.UUID(), nullable=True),
        sa.Column("figure", postgresql.ENUM(*FIGURES, name="figure_kind"), nullable=False),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("tally", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(precision=24, scale=3), nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name=op.f("fk_business_figures_business_id")),
        sa.PrimaryKeyConstraint("business_id", "id", name=op.f("pk_business_figures")),
    )
    op.create_index(
        "ix_business_figures_business_id_client_id", "business_figures", ["business_id", "client_id", "day"]
    )
    op.create_index(
        "ix_business_figures_business_id_unsettled",
        "business_figures",
        ["business_id"],
        postgresql_where=sa.text("NOT settled"),
    )
    op.create_index(
        "ix_business_figures_business_id_top",
        "business_figures",
        ["business_id", "day", "currency", sa.literal_column("amount DESC")],
        postgresql_where=sa.text("settled AND client_id IS NOT NULL AND figure = 'invoiced'"),
    )
    for function in (INVOICE_FACTS, SETTLE, KEEP_INVOICES, KEEP_PAYMENTS, KEEP_CLIENTS, DRIFT):
        op.execute(function)
    for table, function in KEEPERS.items():
        for event, rows in (
            ("INSERT", "NEW TABLE AS new_rows"),
            ("UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
            ("DELETE", "OLD TABLE AS old_rows"),
        ):
            op.execute(
                f"CREATE TRIGGER {function}_{event.lower()} AFTER {event} ON {table} REFERENCING {rows}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            )
    _count_what_is_there()
    op.execute("ALTER TABLE business_figures ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE business_figures FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON business_figures"
        " USING (business_id = current_business_id()) WITH CHECK (business_id = current_business_id())"
    )


def _count_what_is_there() -> None:
    """The figures of what was written before; the owner sees every tenant's rows only while this runs."""
    sources = ("invoices", "payments", "clients")
    for table in sources:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute(
        f"INSERT INTO business_figures ({KEY}, tally, amount, settled)"
        " SELECT i.business_id, f.client_id, f.figure, f.archived, i.currency, f.day, count(*), sum(f.amount), true"
        f" FROM invoices i {FACTS_OF} GROUP BY 1, 2, 3, 4, 5, 6"
    )
    op.execute(
        f"INSERT INTO business_figures ({KEY}, tally, amount, settled)"
        f" SELECT {PAYMENT_KEY}, count(*), sum(p.amount), true"
        f" FROM payments p {PAYMENTS_OF} GROUP BY 1, 2, 3, 4, 5, 6"
    )
    op.execute(
        f"INSERT INTO business_figures ({KEY}, tally, amount, settled)"
        " SELECT business_id, NULL, 'client', archived, '', NULL, count(*), 0, true FROM clients GROUP BY 1, 4"
    )
    for table in sources:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    for table, function in KEEPERS.items():
        for event in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER {function}_{event} ON {table}")
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DROP FUNCTION figures_drift()")
    op.execute("DROP FUNCTION settle_figures(uuid)")
    op.execute("DROP FUNCTION invoice_facts(uuid, invoice_status, boolean, date, date, numeric, numeric)")
    op.drop_table("business_figures")
    op.execute("DROP TYPE figure_kind")
