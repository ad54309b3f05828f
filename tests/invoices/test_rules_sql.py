"""The calculator and PostgreSQL agree on a hundred thousand documents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from invoices_app.invoices.rules import Line, compute
from invoices_app.money import minor_units
from tests.support.databases import Database

DOCUMENTS = 100_000
SEED = 16931
CURRENCIES = ("EUR", "JPY", "KWD")
RATES = tuple(map(Decimal, ("0", "5.5", "7", "7.7", "19", "20", "33.3333", "100")))
# Many of these products end in half a unit, where rounding tells.
QUANTITIES = tuple(map(Decimal, ("1", "2", "3", "0.5", "0.25", "-1", "-0.5", "12.5", "0.0001", "1234.5678", "0")))
PRICES = tuple(map(Decimal, ("0.01", "0.05", "0.125", "1", "9.99", "10.005", "0.3333", "4999.9999", "0")))
PERCENTS = tuple(map(Decimal, ("0", "0", "0", "2", "10", "12.5", "33.3333", "50", "99.9999", "100")))

TABLES = """
CREATE TEMPORARY TABLE documents (id int, digits int, percent numeric(7,4), result text) ON COMMIT DROP;
CREATE TEMPORARY TABLE lines (
    id int, quantity numeric(14,4), price numeric(14,4), category text, rate numeric(7,4), percent numeric(7,4)
) ON COMMIT DROP
"""
# The same rules a second time, as one statement over sets: nothing of it is shared with the calculator.
DISAGREEMENTS = """
WITH nets AS (
    SELECT l.id, l.category, l.rate, sum(gross - round(gross * l.percent / 100, d.digits)) AS net
    FROM lines l JOIN documents d USING (id), LATERAL (SELECT round(l.quantity * l.price, d.digits) AS gross) AS g
    GROUP BY l.id, l.category, l.rate
), shares AS (
    SELECT n.*, d.digits, round(n.net * d.percent / 100, d.digits) AS share,
        lead(n.rate) OVER in_order IS NULL AS last,
        round(sum(n.net) OVER whole * d.percent / 100, d.digits) AS discount, sum(n.net) OVER whole AS subtotal
    FROM nets n JOIN documents d USING (id)
    WINDOW whole AS (PARTITION BY n.id), in_order AS (PARTITION BY n.id ORDER BY n.category, n.rate)
), taxed AS (
    SELECT *, net - CASE WHEN last THEN discount - (sum(share) OVER (PARTITION BY id) - share) ELSE share END AS taxable
    FROM shares
), figures AS (
    SELECT id, min(subtotal) AS subtotal, min(discount) AS discount, sum(round(taxable * rate / 100, digits)) AS tax,
        string_agg(category || ' ' || trim_scale(rate) || ' ' || taxable || ' ' || round(taxable * rate / 100, digits),
            ', ' ORDER BY category, rate) AS groups
    FROM taxed GROUP BY id
)
SELECT d.result, concat_ws(' | ', subtotal, discount, tax, subtotal - discount + tax, groups) AS by_sql
FROM documents d JOIN figures USING (id)
WHERE d.result IS DISTINCT FROM concat_ws(' | ', subtotal, discount, tax, subtotal - discount + tax, groups)
"""


def documents() -> Iterator[tuple[str, Decimal, list[Line]]]:
    """Documents of one to five lines, the same in every run."""
    chance = random.Random(SEED)
    for _ in range(DOCUMENTS):
        lines = [
            Line(
                chance.choice(QUANTITIES),
                chance.choice(PRICES),
                chance.choice(RATES),
                chance.choice("SZ"),
                chance.choice(PERCENTS),
            )
            for _ in range(chance.choice((1, 1, 2, 2, 3, 5)))
        ]
        yield chance.choice(CURRENCIES), chance.choice(PERCENTS), lines


def told(lines: list[Line], currency: str, percent: Decimal) -> str:
    of = compute(lines, currency, percent)
    groups = ", ".join(f"{tax.category} {tax.rate} {tax.taxable} {tax.tax}" for tax in of.taxes)
    return " | ".join([*map(str, (of.subtotal, of.discount_amount, of.tax_total, of.total)), groups])


def test_the_calculator_and_sql_agree(database: Database) -> None:
    with database.as_owner(None) as connection, connection.cursor() as cursor:
        cursor.execute(TABLES)
        rows: list[tuple[Any, ...]] = []
        made = []
        for id_, (currency, percent, lines) in enumerate(documents()):
            made.append((id_, minor_units(currency), percent, told(lines, currency, percent)))
            rows += [
                (id_, of.quantity, of.unit_price, of.tax_category, of.tax_rate, of.discount_percent) for of in lines
            ]
        for table, content in (("documents", made), ("lines", rows)):
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in content:
                    copy.write_row(row)
        cursor.execute("SELECT count(*), count(DISTINCT result) FROM documents")
        whole, different = cursor.fetchone()
        assert whole == DOCUMENTS
        assert different > DOCUMENTS / 2
        cursor.execute(DISAGREEMENTS)
        assert cursor.fetchmany(5) == []
