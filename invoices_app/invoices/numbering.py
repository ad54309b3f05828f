"""Which numbers lie in a series, whoever gave them: a counter stands above all that fit its pattern.

So no number is met that was imported, however the series came to count where it counts: imported into, added later,
with another pattern, or set on by hand.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date

from sqlalchemy import Numeric, cast, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from invoices_app.db.tenancy import in_business
from invoices_app.invoices import rules
from invoices_app.invoices.models import Invoice, NumberCounter, NumberSeries

Counter = tuple[str, str]
"""A series and a period."""


def highest_given(session: Session, series: NumberSeries) -> dict[str, int]:
    """By period, the highest place of all numbers of the business that this series could make."""
    form = rules.number_form(series.pattern)
    period = func.substring(Invoice.number, form.year) if series.yearly else literal("")
    seq = cast(func.substring(Invoice.number, form.seq), Numeric)
    fitting = select(period.label("period"), seq.label("seq")).where(
        in_business(Invoice), Invoice.number.regexp_match(form.whole)
    )
    places = fitting.subquery()
    highest = select(places.c.period, func.max(places.c.seq)).where(places.c.seq <= rules.MAX_SEQ)
    return {period: int(seq) for period, seq in session.execute(highest.group_by(places.c.period))}


def move_past(
    session: Session,
    business_id: uuid.UUID,
    given: Mapping[Counter, int],
    dated: Mapping[Counter, date] | None = None,
) -> None:
    """Let each of these counters go on above the place that was given, and make it where there is none.

    None is moved back, neither its place nor its latest date, which is that of `dated` where it is later.
    """
    latest = dated or {}
    rows = [
        {
            "business_id": business_id,
            "series": series,
            "period": period,
            "next_seq": seq + 1,
            "last_issue_date": latest.get((series, period)),
        }
        for (series, period), seq in sorted(given.items())
    ]
    if not rows:
        return
    statement = insert(NumberCounter).values(rows)
    further = {
        name: func.greatest(getattr(NumberCounter, name), statement.excluded[name])
        for name in ("next_seq", "last_issue_date")
    }
    key = ["business_id", "series", "period"]
    session.execute(statement.on_conflict_do_update(index_elements=key, set_=further))


def move_past_given(session: Session, series: NumberSeries) -> None:
    """Let all counters of a series go on above the numbers that it could make and that are given already."""
    given = highest_given(session, series)
    places = {(series.code, period): seq for period, seq in given.items() if seq}
    move_past(session, series.business_id, places)
