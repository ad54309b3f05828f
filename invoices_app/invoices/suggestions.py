"""Earlier lines that fit what someone types into a description, at the same cost however many invoices there are."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select, text

from invoices_app.db.tenancy import given_business, in_business
from invoices_app.extensions import db
from invoices_app.invoices.models import Invoice

# Looked at: the first 40 lines of each of the client's newest 50 and the business's newest 100 invoices, and of the
# whole history the first 16 descriptions that begin with what was typed, with the newest 10 lines of each. Those come
# from a loose index scan: each step of the recursion goes on to the next description, past all lines that say the same.
# LATERAL with a LIMIT says how to join, so that it holds for a business that the planner knows nothing of yet, too.
_FIND = text(r"""
WITH RECURSIVE typed AS (
    SELECT folded, left(folded, 60) AS beginning, ARRAY(
        SELECT '(^|[^[\:alnum\:]])' || word FROM regexp_split_to_table(folded, '[^[\:alnum\:]]+') AS word
        WHERE word <> '' LIMIT 10
    ) AS words
    FROM search_fold(:typed) AS folded
), theirs AS (
    SELECT newest.* FROM generate_series(0, 2) AS live (shelf) CROSS JOIN LATERAL (
        SELECT i.id, i.currency, i.client_name, i.issue_date, i.client_id, i.archived_at FROM invoices i
        WHERE i.business_id = :business_id AND i.client_id = :client_id AND i.shelf = live.shelf
        ORDER BY i.issue_date DESC, i.id DESC LIMIT 50
    ) AS newest
    ORDER BY newest.issue_date DESC, newest.id DESC LIMIT 50
), latest AS (
    SELECT * FROM theirs
    UNION (
        SELECT i.id, i.currency, i.client_name, i.issue_date, i.client_id, i.archived_at FROM invoices i
        WHERE i.business_id = :business_id ORDER BY i.id DESC LIMIT 100
    )
), begun (description_sort, place) AS (
    (
        SELECT l.description_sort, 1 FROM line_items l
        WHERE l.business_id = :business_id AND (SELECT words <> '{}' FROM typed)
            AND l.description_sort >= (SELECT beginning FROM typed)
            AND l.description_sort < (SELECT beginning || chr(1114111) FROM typed)
        ORDER BY l.description_sort LIMIT 1
    )
    UNION ALL
    SELECT following.description_sort, begun.place + 1 FROM begun CROSS JOIN LATERAL (
        SELECT l.description_sort FROM line_items l
        WHERE l.business_id = :business_id AND l.description_sort > begun.description_sort
            AND l.description_sort < (SELECT beginning || chr(1114111) FROM typed)
        ORDER BY l.description_sort LIMIT 1
    ) AS following
    WHERE begun.place < 16
), lines AS (
    SELECT line.*, latest.currency, latest.client_name, latest.issue_date, latest.client_id, latest.archived_at
    FROM latest CROSS JOIN LATERAL (
        SELECT l.* FROM line_items l WHERE l.business_id = :business_id AND l.invoice_id = latest.id
        ORDER BY l.position LIMIT 40
    ) AS line
    UNION ALL
    SELECT newest.*, its_invoice.*
    FROM begun CROSS JOIN LATERAL (
        SELECT l.* FROM line_items l
        WHERE l.business_id = :business_id AND l.description_sort = begun.description_sort
        ORDER BY l.id DESC LIMIT 10
    ) AS newest CROSS JOIN LATERAL (
        SELECT i.currency, i.client_name, i.issue_date, i.client_id, i.archived_at FROM invoices i
        WHERE i.business_id = :business_id AND i.id = newest.invoice_id LIMIT 1
    ) AS its_invoice
), fitting AS (
    SELECT DISTINCT ON (line.folded) line.*, line.client_id = :client_id AS is_theirs
    FROM (
        SELECT l.*, CASE
            WHEN length(l.description_sort) < 60 THEN l.description_sort ELSE search_fold(l.description)
        END AS folded
        FROM lines l WHERE l.archived_at IS NULL AND l.currency = :currency
    ) AS line
    JOIN typed ON line.folded ~ ALL (typed.words) AND (typed.words <> '{}' OR typed.folded = '')
    ORDER BY line.folded, is_theirs DESC, line.id DESC
)
SELECT description, unit, unit_price, tax_rate, discount_percent, currency, client_name, issue_date, is_theirs
FROM fitting ORDER BY is_theirs DESC, id DESC LIMIT 8
""")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An earlier line; `is_theirs` when it was for the same client. The price is per unit, in `currency`."""

    description: str
    unit: str
    unit_price: Decimal
    tax_rate: Decimal
    discount_percent: Decimal
    currency: str
    client_name: str
    issue_date: date
    is_theirs: bool


def suggestions(invoice_id: uuid.UUID, typed: str) -> Sequence[Suggestion] | None:
    """Earlier lines each of which has words that begin with every word of `typed`; None when there is no such invoice.

    This client's come first, newer ones before older ones, 8 at most. What reads the same, but for case and accents,
    comes once: as this client had it, and as it was last. Nothing typed finds the latest lines. Only prices in the
    invoice's own currency mean something here, so that lines in others do not count, nor do those of archived invoices.
    """
    of_invoice = select(Invoice.client_id, Invoice.currency).where(in_business(Invoice), Invoice.id == invoice_id)
    found = db.session.execute(of_invoice).one_or_none()
    if found is None:
        return None
    values = {**given_business(), "typed": typed, "client_id": found.client_id, "currency": found.currency}
    fitting = [Suggestion(*row) for row in db.session.execute(_FIND, values)]
    return [] if [line.description for line in fitting] == [typed] else fitting
