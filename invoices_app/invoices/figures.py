"""What a business or a client owes, is owed and has paid, from the figures that the database keeps.

One statement, whose cost does not grow with the number of invoices. `migrations/versions/0007_figures.py` keeps them.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Date, Select, SmallInteger, and_, bindparam, case, func, or_, select
from sqlalchemy import cast as sql_cast

from invoices_app.clock import first_of_month
from invoices_app.db.figures import BusinessFigure, Figure
from invoices_app.db.tenancy import given_business, in_given_business
from invoices_app.extensions import db
from invoices_app.money import ZERO

MONTHS = 12
AGES = (30, 60, 90)
"""The last day of each age of an overdue amount, what is older comes after: not due, 1-30, 31-60, 61-90, older."""

_PERIODIC = (Figure.INVOICED, Figure.RECEIVED)

STATUSES = ("draft", "sent", "overdue", "paid")

Counts = Mapping[str, int]


@dataclass(slots=True)
class CurrencyFigures:
    """What stands in one currency. `ageing`: not due, 1-30, 31-60, 61-90, more than 90 days late.

    `invoiced` and `received` are by the first day of the month, of the year for a client.
    """

    currency: str
    draft_count: int = 0
    drafts: Decimal = ZERO
    paid: Decimal = ZERO
    ageing: list[Decimal] = field(default_factory=lambda: [ZERO] * (len(AGES) + 2))
    invoiced: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    received: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def received_in(self, period: date) -> Decimal:
        """What came in during the month, for a client the year, that begins on this day."""
        return self.received.get(period, ZERO)

    @property
    def outstanding(self) -> Decimal:
        return sum(self.ageing, ZERO)

    @property
    def overdue(self) -> Decimal:
        return sum(self.ageing[1:], ZERO)


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts by status ("all" for their sum) of what is live and what is archived, and the money by currency.

    The currency with the most open money comes first.
    """

    live: Counts
    archived: Counts
    currencies: Sequence[CurrencyFigures]

    def shown(self, *, archived: bool) -> Counts:
        """The counts of a list that shows archived invoices as well or does not."""
        return {name: self.live[name] + (self.archived[name] if archived else 0) for name in self.live}


def figures(today: date, client_id: uuid.UUID | None = None) -> Figures:
    """The figures of the business, or of one client."""
    values = parameters(today, client_id)
    return collect(db.session.execute(statement(of_client=client_id is not None), values))


def parameters(today: date, client_id: uuid.UUID | None = None) -> dict[str, Any]:
    """What `statement` is executed with."""
    ages = {f"age_{last}": today - timedelta(days=last) for last in AGES}
    return {**given_business(), "client": client_id, "today": today, "first_month": first_month(today), **ages}


def collect(rows: Iterable[Any]) -> Figures:
    """The figures from what `statement` answers."""
    live, archived = no_counts(), no_counts()
    currencies: dict[str, CurrencyFigures] = {}
    for figure, hidden, currency, how_late, day, count, amount in rows:
        money = currencies.setdefault(currency, CurrencyFigures(currency))
        if figure in _PERIODIC:
            (money.invoiced if figure is Figure.INVOICED else money.received)[day] += amount
            continue
        counts = archived if hidden else live
        counts["overdue" if how_late else figure.value] += int(count)
        counts["all"] += int(count)
        if not hidden:
            _add(money, figure, how_late, int(count), amount)
    in_use = [money for money in currencies.values() if _is_in_use(money)]
    return Figures(live, archived, sorted(in_use, key=lambda money: (-money.outstanding, money.currency)))


@cache
def statement(*, of_client: bool) -> Select[Any]:
    """Figure, archived, currency, age, period, tally, amount; built once, since building takes longer than running."""
    kept = BusinessFigure
    periodic = kept.figure.in_(_PERIODIC)
    late = and_(kept.figure == Figure.SENT, kept.day < bindparam("today", type_=Date))
    steps = [(and_(late, kept.day >= bindparam(f"age_{last}", type_=Date)), at) for at, last in enumerate(AGES, 1)]
    age = sql_cast(case(*steps, (late, len(AGES) + 1), else_=0), SmallInteger).label("age")
    period = case((periodic, kept.day)).label("period")
    whose = kept.client_id == bindparam("client", type_=kept.client_id.type) if of_client else kept.client_id.is_(None)
    tally, amount = func.sum(kept.tally), func.sum(kept.amount)
    kept_figures: Select[Any] = (
        select(kept.figure, kept.archived, kept.currency, age, period, tally, amount)
        .where(in_given_business(kept), whose, kept.figure != Figure.CLIENT)
        .where(or_(~periodic, kept.day >= bindparam("first_month", type_=Date)))
        .group_by(kept.figure, kept.archived, kept.currency, age, period)
    )
    return kept_figures


def no_counts() -> dict[str, int]:
    """A count of nothing by status, to add to."""
    return dict.fromkeys(("all", *STATUSES), 0)


def first_month(today: date) -> date:
    """The first day of the first of the last twelve months."""
    return first_of_month(today, 1 - MONTHS)


def _add(money: CurrencyFigures, figure: Figure, how_late: int, count: int, amount: Decimal) -> None:
    match figure:
        case Figure.DRAFT:
            money.draft_count += count
            money.drafts += amount
        case Figure.SENT:
            money.ageing[how_late] += amount
        case _:
            money.paid += amount


def _is_in_use(money: CurrencyFigures) -> bool:
    return bool(
        money.draft_count
        or money.paid
        or any(money.ageing)
        or any(money.invoiced.values())
        or any(money.received.values())
    )
