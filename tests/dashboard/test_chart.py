"""The chart of twelve months: its bars hold to their figures, and its axis to round numbers."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices_app.dashboard import chart
from invoices_app.dashboard.chart import draw, round_step

FIRST = date(2025, 12, 1)
MONTHS = [FIRST, *(date(2026, month, 1) for month in range(1, 12))]
sums = st.dictionaries(st.sampled_from(MONTHS), st.decimals(-(10**12), 10**12, places=3), max_size=12)


@given(sums, sums)
def test_bars_hold_to_their_figures(invoiced: dict[date, Decimal], received: dict[date, Decimal]) -> None:
    drawn = draw(FIRST, invoiced, received)
    assert [month.day for month in drawn.months] == MONTHS
    base = next(line.y for line in drawn.gridlines if line.value == 0)
    scale = abs(drawn.gridlines[0].y - drawn.gridlines[-1].y) / float(
        drawn.gridlines[-1].value - drawn.gridlines[0].value
    )
    for month in drawn.months:
        for bar, value in (
            (month.invoiced_bar, invoiced.get(month.day, Decimal(0))),
            (month.received_bar, received.get(month.day, Decimal(0))),
        ):
            assert bar.height == pytest.approx(abs(float(value)) * scale, abs=0.05)
            assert bar.y == pytest.approx(base - bar.height if value > 0 else base, abs=0.05)
            assert bar.y + 0.05 >= chart.TOP
            assert bar.y + bar.height <= chart.HEIGHT - chart.BOTTOM + 0.05
            assert chart.LEFT <= bar.x <= chart.WIDTH - chart.BAR_WIDTH


@given(sums)
def test_the_axis_is_even_and_holds_all(invoiced: dict[date, Decimal]) -> None:
    values = [line.value for line in draw(FIRST, invoiced, {}).gridlines]
    steps = {after - before for before, after in pairwise(values)}
    assert len(steps) == 1
    assert 2 <= len(values) <= chart.GRIDLINES + 2
    assert 0 in values
    assert all(values[0] <= value <= values[-1] for value in invoiced.values())


@pytest.mark.parametrize(
    ("span", "step"), [(0, "1"), (4, "1"), (5, "2"), (10, "2.5"), (12, "5"), (40, "10"), (41, "20"), ("0.3", "0.1")]
)
def test_steps_are_round(span: object, step: str) -> None:
    assert round_step(Decimal(str(span))) == Decimal(step)


@pytest.mark.parametrize(
    ("first", "named"),
    [
        (date(2026, 1, 1), [date(2026, 1, 1)]),
        (date(2025, 11, 1), [date(2025, 11, 1), date(2026, 1, 1)]),
        (date(2025, 12, 1), [date(2026, 1, 1)]),  # the two years would stand on each other
    ],
)
def test_years_are_named_where_they_begin(first: date, named: list[date]) -> None:
    drawn = draw(first, {}, {})
    assert [month.day for month in drawn.months if month.begins_year] == named


def test_a_chart_of_nothing_is_blank_and_still_has_an_axis() -> None:
    drawn = draw(FIRST, {FIRST: Decimal(0), date(2020, 1, 1): Decimal(5)}, {})
    assert drawn.is_blank
    assert [line.value for line in drawn.gridlines] == [0, 1]
    assert {bar.height for month in drawn.months for bar in (month.invoiced_bar, month.received_bar)} == {0}
    assert not draw(FIRST, {}, {FIRST: Decimal(-1)}).is_blank


def test_bars_of_a_month_stand_side_by_side() -> None:
    drawn = draw(FIRST, {}, {})
    edges = [bar.x for month in drawn.months for bar in (month.invoiced_bar, month.received_bar)]
    assert all(after - before >= chart.BAR_WIDTH + chart.BAR_GAP for before, after in pairwise(edges))
