"""What people do with number series: add one, change how it counts."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import exists, extract, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.db.tenancy import current_scope, in_business
from invoices_app.db.transaction import transaction
from invoices_app.invoices import numbering, rules, steps
from invoices_app.invoices.models import OWN_NUMBERS, Invoice, NumberCounter, NumberSeries
from invoices_app.results import ActionResult, Conflict, Invalid, NotFound, Ok

MAX_SERIES = 50
RESERVED = "Imported numbers are kept under this name: use another one."
TOO_MANY = f"A business has at most {MAX_SERIES} number series."


@dataclass(frozen=True, slots=True)
class SeriesValues:
    """How a series counts. `next_seq` None leaves the next number as it is; a default one stays it until another is."""

    pattern: str
    yearly: bool
    is_default: bool
    next_seq: int | None = None


def add_series(code: str, values: SeriesValues, today: date) -> ActionResult[str]:
    """Add a series; the value is its code. It goes on above imported numbers that look like its own."""
    if code.casefold() == OWN_NUMBERS:
        return Invalid.because(RESERVED, "code")
    with transaction() as session:
        known = _locked(session)
        if any(series.code.casefold() == code.casefold() for series in known):
            return _refused(session, Invalid.because("There is a series with this name already.", "code"))
        if len(known) >= MAX_SERIES:
            return _refused(session, Invalid.because(TOO_MANY))
        series = NumberSeries(business_id=known[0].business_id, code=code, pattern="", yearly=True)
        return _save(session, series, known, values, today)


def change_series(code: str, values: SeriesValues, version: int, today: date) -> ActionResult[str]:
    """Change how a series counts from now on, unless someone else did since `version`; the value is its code."""
    with transaction() as session:
        known = _locked(session)
        series = next((series for series in known if series.code == code), None)
        if series is None:
            session.rollback()
            return NotFound()
        if series.version != version:
            session.rollback()
            return Conflict("Someone else changed this series while you worked on it.")
        return _save(session, series, known, values, today)


def series_id(business_id: uuid.UUID, code: str) -> uuid.UUID:
    """The id by which the history knows a series."""
    return uuid.uuid5(business_id, code)


def _locked(session: Session) -> Sequence[NumberSeries]:
    """All series, locked; the usual one is stored first, so that there always is a default."""
    business_id = current_scope(session).business_id
    assert business_id is not None  # noqa: S101  (whoever gets here is signed in)
    steps.store_usual_series(session, business_id)
    return steps.every_series(session, business_id, for_change=True)


def _save(
    session: Session, series: NumberSeries, known: Sequence[NumberSeries], values: SeriesValues, today: date
) -> ActionResult[str]:
    problem = _problem(session, series, known, values)
    if problem is not None:
        return _refused(session, problem)
    is_new = series.pattern == ""
    counted_otherwise = not is_new and series.yearly != values.yearly
    looks_otherwise = series.pattern != values.pattern
    wanted = {"pattern": values.pattern, "yearly": values.yearly, "is_default": values.is_default or series.is_default}
    changes = {"code": series.code, **wanted} if is_new else audit.difference(series, wanted)
    if wanted["is_default"] and not series.is_default:
        those = (in_business(NumberSeries), NumberSeries.is_default)
        session.execute(update(NumberSeries).where(*those).values(is_default=False))
    for name, value in wanted.items():
        setattr(series, name, value)
    if changes and not is_new:
        series.version += 1
    session.add(series)
    session.flush()
    if looks_otherwise or counted_otherwise:
        numbering.move_past_given(session, series)
    if values.next_seq is not None or counted_otherwise:
        counted = _count_from(session, series, values.next_seq, today)
        if isinstance(counted, Invalid):
            return _refused(session, counted)
        changes = {**changes, **counted}
    if changes:
        action = "series.created" if is_new else "series.changed"
        audit.record(session, action, "series", series_id(series.business_id, series.code), changes)
    return Ok(series.code)


def _problem(
    session: Session, series: NumberSeries, known: Sequence[NumberSeries], values: SeriesValues
) -> Invalid | None:
    """What stands against this pattern."""
    sentence = rules.pattern_problem(values.pattern, yearly=values.yearly)
    if sentence is not None:
        return Invalid.because(sentence, "pattern")
    if values.pattern == series.pattern:
        return None
    shape = rules.number_shape(values.pattern)
    for other in known:
        if other.code != series.code and rules.number_shape(other.pattern) == shape:
            told = f"{other.code} could make the same numbers: let the text between the figures differ."
            return Invalid.because(told, "pattern")
    shape_of_number = func.lower(func.regexp_replace(Invoice.number, "[0-9]+", "#", "g"))
    others = Invoice.series.not_in([series.code, OWN_NUMBERS])
    taken = exists().where(in_business(Invoice), others, shape_of_number == shape)
    if session.execute(select(taken)).scalar_one():
        return Invalid.because("Numbers like these were given by another series: use another text.", "pattern")
    return None


def _count_from(
    session: Session, series: NumberSeries, next_seq: int | None, today: date
) -> Invalid | dict[str, list[int]]:
    """Let the counter of today's period go on at `next_seq`, or above all numbers that were used when that is None.

    The counter is locked before they are looked at, so that nobody uses another one meanwhile.
    """
    period = rules.number_period(today, yearly=series.yearly)
    key = {"business_id": series.business_id, "series": series.code, "period": period}
    session.execute(insert(NumberCounter).values(**key).on_conflict_do_nothing())
    statement = select(NumberCounter).filter_by(**key).with_for_update()
    counter = session.execute(statement.execution_options(populate_existing=True)).scalar_one()
    used = select(func.max(Invoice.seq)).where(in_business(Invoice), Invoice.series == series.code)
    if series.yearly:  # whatever the periods were when they were given
        used = used.where(extract("year", Invoice.issue_date) == today.year)
    given = numbering.highest_given(session, series)
    highest = max(session.execute(used).scalar_one() or 0, given.get(period, 0))
    if next_seq is not None and next_seq <= highest:
        told = f"{highest} is used already: enter {highest + 1} or more."
        return Invalid.because(told, "next_seq")
    before, counter.next_seq = counter.next_seq, next_seq or max(counter.next_seq, highest + 1)
    return {"next_seq": [before, counter.next_seq]} if before != counter.next_seq else {}


def _refused(session: Session, problem: Invalid) -> Invalid:
    session.rollback()
    return problem
