"""What the dashboard asks: all its figures with the best clients in one statement, and what is to be done in another.

Both cost the same with a hundred invoices and with a hundred thousand.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import UUID, Date, Executable, Numeric, String, literal_column, null, select, text, union_all
from sqlalchemy import cast as sql_cast

from invoices_app.db.tenancy import given_business
from invoices_app.extensions import db
from invoices_app.invoices import figures
from invoices_app.invoices.figures import Figures
from invoices_app.invoices.queries import InvoiceRow, invoice_rows, to_do_statement

BEST_CLIENTS = 5
TO_DO_ROWS = 8
SOON = timedelta(days=7)
UNSENT = timedelta(days=7)

# Figures that are not settled yet can lift any client, so as many more are looked at as there are such rows. They are
# found by nothing but their own index: asked for clients and days besides, the planner, which takes every business for
# a small one, would walk through the figures of all clients instead. For the same reason candidates are summed by one
# list of them, not by a join that goes through all figures again for each. `kept` are the figures of the business.
_BEST = text(
    f"""
    WITH waiting AS MATERIALIZED (
        SELECT day, currency, client_id, figure FROM business_figures WHERE business_id = :business_id AND NOT settled
    ), unsettled AS (
        SELECT day, currency, client_id FROM waiting
        WHERE client_id IS NOT NULL AND figure = 'invoiced' AND day IN (:this_year, :last_year)
    ), currencies AS (
        SELECT DISTINCT year.day, currency FROM kept
        CROSS JOIN (VALUES (CAST(:this_year AS date)), (CAST(:last_year AS date))) AS year (day)
    ), candidates AS (
        SELECT client_id FROM unsettled
        UNION
        SELECT best.client_id FROM currencies c CROSS JOIN LATERAL (
            SELECT f.client_id FROM business_figures f
            WHERE f.business_id = :business_id AND f.day = c.day AND f.currency = c.currency
              AND f.settled AND f.client_id IS NOT NULL AND f.figure = 'invoiced'
            ORDER BY f.amount DESC LIMIT {BEST_CLIENTS} + (SELECT count(*) FROM unsettled)
        ) best
    ), ranked AS (
        SELECT day, currency, client_id, sum(amount) AS amount,
               row_number() OVER (PARTITION BY day, currency ORDER BY sum(amount) DESC, client_id) AS place
        FROM business_figures
        WHERE business_id = :business_id AND client_id = ANY (ARRAY(SELECT client_id FROM candidates))
          AND figure = 'invoiced' AND day IN (:this_year, :last_year)
        GROUP BY day, currency, client_id
    )
    SELECT r.day, r.currency, r.client_id, c.name, r.amount
    FROM ranked r JOIN clients c ON c.business_id = :business_id AND c.id = r.client_id
    WHERE r.place <= {BEST_CLIENTS} AND r.amount > 0
    """  # noqa: S608  (numbers of our own)
).columns(day=Date, currency=String, client_id=UUID, name=String, amount=Numeric)


@dataclass(frozen=True, slots=True)
class BestClient:
    """A client, and what it was invoiced in the year that began on `year`, in `currency`."""

    year: date
    currency: str
    client_id: uuid.UUID
    name: str
    amount: Decimal


def overview(today: date) -> tuple[Figures, Sequence[BestClient]]:
    """All figures, and who was invoiced most this year, per currency; last year's as long as this one has none."""
    this_year, last_year = date(today.year, 1, 1), date(today.year - 1, 1, 1)
    values = {**figures.parameters(today), "this_year": this_year, "last_year": last_year}
    kept: list[Any] = []
    best: list[BestClient] = []
    for *figure, client_id, name in db.session.execute(_overview(), values):
        if client_id is None:
            kept.append(figure)
        else:
            _, _, currency, _, year, _, amount = figure
            best.append(BestClient(year, currency, client_id, name, amount))
    newest = max((client.year for client in best), default=this_year)
    best = [client for client in best if client.year == newest]
    found = figures.collect(kept)
    # A currency that is only in archived invoices of last year is none of those with figures.
    order = {money.currency: place for place, money in enumerate(found.currencies)}
    return found, sorted(
        best, key=lambda one: (order.get(one.currency, len(order)), one.currency, -one.amount, one.name)
    )


@cache
def _overview() -> Executable:
    """One statement, built once: the figures, and below them the best clients, which have an id and a name besides."""
    kept = figures.statement(of_client=False).cte("kept")
    best = _BEST.subquery()
    columns = list(kept.c)
    invoiced = sql_cast(literal_column("'invoiced'"), columns[0].type)
    return union_all(
        select(*columns, sql_cast(null(), UUID).label("client_id"), sql_cast(null(), String).label("name")),
        select(
            invoiced, literal_column("false"), best.c.currency, sql_cast(null(), columns[3].type), best.c.day,
            literal_column("1"), best.c.amount, best.c.client_id, best.c.name,
        ),
    )  # fmt: skip


def to_do(today: date) -> Sequence[InvoiceRow]:
    """What waits for someone: overdue ones, oldest first, refunds, what falls due this week, drafts a week old."""
    values = {**given_business(), "today": today, "soon": today + SOON, "unsent": today - UNSENT}
    return invoice_rows(to_do_statement(TO_DO_ROWS), values, today)
