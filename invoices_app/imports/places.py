"""Where imported numbers stand: in a series, by its pattern, or as numbers of their own.

Issuing must not give a number that comes in at the same moment. A number behind its counter is never given again, so it
can come in while others issue. Before the first that lies ahead, all counters are taken, and move past it at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from invoices_app.db.many import given, packed
from invoices_app.db.tenancy import current_scope, in_business
from invoices_app.invoices import numbering, rules, steps
from invoices_app.invoices.models import OWN_NUMBERS, Invoice, NumberCounter, NumberSeries
from invoices_app.invoices.numbering import Counter

KEY = ("series", "period", "seq")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number stands; `seq` is None for a number of its own."""

    series: str
    period: str
    seq: int | None


OWN = Place(OWN_NUMBERS, "", None)


class Places:
    """The series of the current business, which nobody changes until the transaction ends, and its counters."""

    def __init__(self, session: Session, today: date, only: str = "") -> None:
        """`only` is the code of the series that numbers may stand in, '' for any."""
        self._session, self._today = session, today
        business_id = current_scope(session).business_id
        assert business_id is not None  # noqa: S101  (whoever imports is in a business)
        self._business_id = business_id
        steps.store_usual_series_if_none(session, business_id)
        series = session.execute(
            select(NumberSeries).where(in_business(NumberSeries)).order_by(NumberSeries.code).with_for_update(read=True)
        )
        self._series = [one for one in series.scalars() if only in ("", one.code)]
        self._counters = self._read(for_change=False)
        self._is_alone = False
        self._highest: dict[Counter, int] = {}
        self._latest: dict[Counter, date] = {}

    def fit(self, number: str) -> tuple[Counter, int] | None:
        """The counter and the place of a number, taken or not; None when no series could make it."""
        for series in self._series:
            if place := rules.place_of(number, series.pattern, yearly=series.yearly):
                return (series.code, place[0]), place[1]
        return None

    def reserve(self, numbers: Sequence[str]) -> None:
        """See to it that nobody is given one of these numbers: called before it is asked whether they are here."""
        fitting = [fit for fit in map(self.fit, numbers) if fit]
        if not self._ahead(fitting):
            return
        if not self._is_alone:
            self._counters = self._read(for_change=True)
            self._is_alone = True
        ahead = self._ahead(fitting)
        numbering.move_past(self._session, self._business_id, ahead)
        self._counters |= {counter: seq + 1 for counter, seq in ahead.items()}

    def take(self, numbers: Mapping[str, date]) -> dict[str, Place]:
        """Where each of these numbers stands, that are not here yet; they come with the dates of their documents.

        Two numbers never have the same place: the second one is a number of its own.
        """
        fits = {number: fit for number in numbers if (fit := self.fit(number))}
        taken = self._taken([(*counter, seq) for counter, seq in fits.values()])
        places = {}
        for number, day in numbers.items():
            places[number] = OWN
            if number not in fits:
                continue
            counter, seq = fits[number]
            if (*counter, seq) not in taken:
                taken.add((*counter, seq))
                places[number] = Place(*counter, seq)
                if day <= self._today:
                    self._highest[counter] = max(seq, self._highest.get(counter, 0))
                    self._latest[counter] = max(day, self._latest.get(counter, day))
        return places

    def finish(self) -> None:
        """Let counters know the latest date that has a number: numbers follow the dates.

        A document of a day to come does not count, since none could be issued until then.
        """
        numbering.move_past(self._session, self._business_id, self._highest, self._latest)

    def _ahead(self, fitting: Sequence[tuple[Counter, int]]) -> dict[Counter, int]:
        """The highest of these places in each counter that could still give it."""
        ahead: dict[Counter, int] = {}
        for counter, seq in fitting:
            if seq >= self._counters.get(counter, 1):
                ahead[counter] = max(seq, ahead.get(counter, 0))
        return ahead

    def _read(self, *, for_change: bool) -> dict[Counter, int]:
        columns = (NumberCounter.series, NumberCounter.period, NumberCounter.next_seq)
        found = select(*columns).where(in_business(NumberCounter)).order_by(*columns[:2])
        if for_change:
            found = found.with_for_update()
        return {(series, period): next_seq for series, period, next_seq in self._session.execute(found)}

    def _taken(self, places: Sequence[tuple[str, str, int]]) -> set[tuple[str, str, int]]:
        """Those of these places that a document has."""
        if not places:
            return set()
        wanted = given(Invoice, KEY)
        same = [getattr(Invoice, name) == wanted.c[name] for name in KEY]
        statement = select(*(wanted.c[name] for name in KEY)).join(Invoice, and_(*same)).where(in_business(Invoice))
        columns = dict(zip(KEY, map(list, zip(*places, strict=True)), strict=True))
        return {(series, period, seq) for series, period, seq in self._session.execute(statement, packed(columns))}
