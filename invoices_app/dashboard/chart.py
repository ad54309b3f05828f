"""The geometry of the chart of twelve months: bars, gridlines and labels, in the units of an SVG's view box.

Pure numbers; `templates/dashboard/_chart.html` draws them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from invoices_app.clock import first_of_month
from invoices_app.money import ZERO

WIDTH, HEIGHT = 640, 192
LEFT, TOP, BOTTOM = 56, 10, 36
BAR_WIDTH = 14
BAR_GAP = 2
GRIDLINES = 4
ROUND_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: its left edge, the upper end, and its height."""

    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the chart: its figures, their bars, and where its letter stands."""

    day: date
    invoiced: Decimal
    received: Decimal
    invoiced_bar: Bar
    received_bar: Bar
    middle: float
    begins_year: bool


@dataclass(frozen=True, slots=True)
class Gridline:
    """A horizontal line at `value`, `y` down from the top."""

    value: Decimal
    y: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Twelve months, oldest first, and the lines behind them, lowest first."""

    months: Sequence[Month]
    gridlines: Sequence[Gridline]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    bar_width: int = BAR_WIDTH

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing to see: no month with money."""
        return not any(month.invoiced or month.received for month in self.months)


def draw(first: date, invoiced: Mapping[date, Decimal], received: Mapping[date, Decimal]) -> Chart:
    """The chart of the twelve months that begin with `first` (a first of a month); months without money are zero."""
    days = [first_of_month(first, months) for months in range(12)]
    values = [ZERO, *(source.get(day, ZERO) for day in days for source in (invoiced, received))]
    step = round_step(max(values) - min(values))
    low = -step * _ceil(-min(values) / step)
    high = max(step * _ceil(max(values) / step), low + step)
    scale = float(HEIGHT - TOP - BOTTOM) / float(high - low)

    def y(value: Decimal) -> float:
        return round(TOP + float(high - value) * scale, 2)

    def bar(value: Decimal, x: float) -> Bar:
        return Bar(round(x, 2), y(max(value, ZERO)), round(abs(float(value)) * scale, 2))

    room = (WIDTH - LEFT) / 12
    months = []
    for at, day in enumerate(days):
        middle = LEFT + room * (at + 0.5)
        sums = invoiced.get(day, ZERO), received.get(day, ZERO)
        bars = bar(sums[0], middle - BAR_WIDTH - BAR_GAP / 2), bar(sums[1], middle + BAR_GAP / 2)
        # A December at the start would have its year stand right beside that of January.
        begins_year = day.month == 1 or (at == 0 and day.month < 12)
        months.append(Month(day, *sums, *bars, round(middle, 2), begins_year))
    lines = [low + step * number for number in range(_ceil((high - low) / step) + 1)]
    return Chart(months, [Gridline(value, y(value)) for value in lines])


def round_step(span: Decimal) -> Decimal:
    """The step of the gridlines: 1, 2, 2.5 or 5 times a power of ten, so that `GRIDLINES` of them hold `span`."""
    if span <= 0:
        return Decimal(1)
    least = span / GRIDLINES
    power = Decimal(10) ** least.adjusted()
    return next(power * step for step in ROUND_STEPS if power * step >= least)


def _ceil(value: Decimal) -> int:
    return int(value.to_integral_value(rounding="ROUND_CEILING"))
