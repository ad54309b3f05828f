"""The number series of a business, and whether any number of theirs is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import and_, case, func, select

from invoices_app.db.tenancy import in_business
from invoices_app.extensions import db
from invoices_app.invoices import rules
from invoices_app.invoices.models import OWN_NUMBERS, Invoice, NumberCounter, NumberSeries

GAPS_SHOWN = 100
UNKNOWN_SERIES = "Choose one of your number series."


@dataclass(frozen=True, slots=True)
class Series:
    """How some of the documents are numbered. `next_seq` is the next place in the period of today."""

    code: str
    pattern: str
    yearly: bool
    is_default: bool
    next_seq: int
    version: int

    def number(self, day: date, ahead: int = 0) -> str:
        """The next number on that day, or one that many places further."""
        return rules.format_number(self.pattern, self.next_seq + ahead, day)


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers `first` to `last` of a period that no document has."""

    period: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Count:
    """The documents of a series in a period (a year, or '' where it never restarts), from `first` to `last`."""

    series: str
    period: str
    documents: int
    first: int
    last: int

    @property
    def missing(self) -> int:
        return self.last - self.first + 1 - self.documents


@dataclass(frozen=True, slots=True)
class Report:
    """The numbers of one series: how it is set (None when it is not), how many there are, and what is missing.

    Imported documents whose numbers fit no series are `own` ones: they have no place in an order, and leave no gap.
    """

    code: str
    series: Series | None
    counts: Sequence[Count] = ()
    gaps: Sequence[Gap] = ()
    own: int = 0

    @property
    def missing(self) -> int:
        return sum(count.missing for count in self.counts)


def every(today: date) -> list[Series]:
    """The series of the current business, the default one first; the usual one when it has none yet."""
    period = case((NumberSeries.yearly, rules.number_period(today, yearly=True)), else_="")
    counter = and_(
        NumberCounter.business_id == NumberSeries.business_id,
        NumberCounter.series == NumberSeries.code,
        NumberCounter.period == period,
    )
    columns = (NumberSeries.code, NumberSeries.pattern, NumberSeries.yearly, NumberSeries.is_default)
    found = db.session.execute(
        select(*columns, func.coalesce(NumberCounter.next_seq, 1), NumberSeries.version)
        .outerjoin(NumberCounter, counter)
        .where(in_business(NumberSeries))
        .order_by(NumberSeries.is_default.desc(), NumberSeries.code)
    )
    usual = Series(rules.DEFAULT_SERIES, rules.DEFAULT_PATTERN, yearly=True, is_default=True, next_seq=1, version=1)
    return [Series(*row) for row in found] or [usual]


def exists(code: str) -> bool:
    """Whether the current business has that series."""
    found = select(NumberSeries.code).where(in_business(NumberSeries), NumberSeries.code == code)
    return db.session.execute(found).one_or_none() is not None


def reports(today: date) -> list[Report]:
    """What became of the numbers of each series, and of those that are in none.

    Read from one index; gaps are looked for only when one is missing.
    """
    numbered = (in_business(Invoice), Invoice.series != "")
    key = (Invoice.series, Invoice.period)
    figures: tuple[Any, ...] = (func.count(), func.min(Invoice.seq), func.max(Invoice.seq))
    counted = select(*key, *figures).where(*numbered).group_by(*key).order_by(Invoice.series, Invoice.period.desc())
    found = [Count(*row) for row in db.session.execute(counted)]
    counts = [count for count in found if count.series != OWN_NUMBERS]
    gaps = _gaps() if any(count.missing for count in counts) else []
    known = {series.code: series for series in every(today)}
    codes = [*known, *sorted({count.series for count in counts} - known.keys())]
    return [
        Report(
            code,
            known.get(code),
            [count for count in counts if count.series == code],
            [gap for series, gap in gaps if series == code],
        )
        for code in codes
    ] + [Report(OWN_NUMBERS, None, own=count.documents) for count in found if count.series == OWN_NUMBERS]


def _gaps() -> list[tuple[str, Gap]]:
    """The first gaps, each with its series."""
    key = (Invoice.series, Invoice.period)
    following = func.lead(Invoice.seq).over(partition_by=key, order_by=Invoice.seq).label("following")
    numbered = (in_business(Invoice), Invoice.series != "", Invoice.seq.is_not(None))
    places = select(*key, Invoice.seq, following).where(*numbered).subquery()
    found = select(places.c.series, places.c.period, places.c.seq + 1, places.c.following - 1)
    found = found.where(places.c.following > places.c.seq + 1)
    rows = db.session.execute(found.order_by(places.c.series, places.c.period.desc(), places.c.seq).limit(GAPS_SHOWN))
    return [(series, Gap(period, first, last)) for series, period, first, last in rows]
