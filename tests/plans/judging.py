"""What a plan may do: the limits of a page, and what is said of statements beyond them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from invoices_app.db.keyset import MAX_RESTORED_ROWS, ROWS_PER_PAGE
from invoices_app.db.search import LOOKED_AT, MOST
from tests.support.plans import Explained, Plan, Scan, explained

if TYPE_CHECKING:
    from tests.plans.stage import Stage

PAGE = ROWS_PER_PAGE + 1
"""One row more tells whether others follow."""

NEVER_GROWS = {"alembic_version", "scope_keys"}


@dataclass(frozen=True)
class Limits:
    """What one statement may do at most: rows in sorts, rows that a filter drops, pages of 8 KB that it touches.

    `passed_over_open`: a filter may drop all open invoices, since late and other ones lie on one shelf.
    """

    sorted_rows: int = PAGE
    passed_over: int = 2 * PAGE
    buffers: int = 400
    passed_over_open: bool = False


A_PAGE = Limits()
FIGURES = Limits(sorted_rows=700, passed_over=1400, buffers=2200)
"""The kept figures of a business: a year of months, the days on which open invoices are due, two hundred unsettled.

Each may lie on a page of its own. They are as many of a million invoices as of a hundred thousand.
"""

OPEN = Limits(passed_over_open=True)
FIGURES_AND_OPEN = replace(FIGURES, passed_over_open=True)
OF_CLIENT = Limits(sorted_rows=2000, passed_over=2000, buffers=3000)
"""One client's invoices, sorted when the order is not that of their index, which is by date."""

RESTORED = replace(FIGURES, buffers=4 * MAX_RESTORED_ROWS)
SEARCH = Limits(sorted_rows=MOST + 1, passed_over=MOST, buffers=5 * (MOST + 1))
FAR_AWAY = Limits(sorted_rows=3 * MOST, passed_over=MOST, buffers=4 * 5 * LOOKED_AT)
"""All that is found lies at the end of the order: five shelves are walked as far as that goes, and then all is sorted.

Of a million invoices 12,500 are of one client: more would be found sooner by the walk.
"""
CHOICES = Limits(sorted_rows=1000, buffers=700)
"""Clients used lately: of the last two hundred invoices and the last hundred clients, sorted three times."""

FOUND_CHOICES = Limits(sorted_rows=MOST + 100, buffers=2 * MOST)
"""The first by name of the clients that a search finds."""

SUGGESTIONS = Limits(sorted_rows=1500, buffers=4000)
A_WRITE = Limits(sorted_rows=700, passed_over=700, buffers=4000)
"""Kept figures are gathered from time to time by one of the writers: settle_figures()."""

HISTORY = Limits(passed_over=700, buffers=700)
"""All events of one thing, for the currencies that it once had."""

CREDIT_NOTES = Limits(sorted_rows=700, passed_over=700, buffers=1500)
"""They are rare, and found by an index of theirs, in the order of their dates; for other orders they are sorted."""

A_BATCH = Limits(sorted_rows=700, passed_over_open=True, buffers=4000)
"""Of an export: some hundred rows with their lines. So many clients are sorted sooner than walked by name."""

ALL_NUMBERS = Limits(passed_over=2000, buffers=20_000)
"""The report of numbers counts those of a business, in one walk through an index alone."""

DASHBOARD = Limits(sorted_rows=700, passed_over=700, buffers=2000)


@dataclass
class Found:
    """What came of a page: its statements as they ran, and what is wrong with them."""

    statements: Sequence[Explained]
    problems: list[str] = field(default_factory=list)

    @property
    def plans(self) -> list[Plan]:
        return [plan for statement in self.statements for plan in statement.plans]


def look_at(stage: Stage, limits: Limits, ask: Callable[[], object]) -> Found:
    """Call `ask`, and hold what it sends to the limits."""
    statements: list[Explained] = []

    def run() -> None:
        with explained() as seen:
            ask()
        statements.extend(seen)

    whole = stage.tables_read_whole(run)
    found = Found(statements)
    for one in statements:
        found.problems += [f"{problem} in {_short(one.statement)}" for problem in problems(one, limits, stage)]
    found.problems += [f"all of {table} is read, {rows} rows" for table, rows in whole.items()]
    return found


def problems(one: Explained, limits: Limits, stage: Stage) -> Iterator[str]:
    """What a statement does beyond its limits."""
    for plan, kind in zip(one.plans, ("", "prepared: "), strict=False):
        passed_over = limits.passed_over + (stage.open_invoices if limits.passed_over_open else 0)
        buffers = limits.buffers + (4 * stage.open_invoices if limits.passed_over_open else 0)
        if plan.sorted_rows > limits.sorted_rows:
            yield f"{kind}{plan.sorted_rows} rows are sorted"
        if plan.buffers > buffers:
            yield f"{kind}{plan.buffers} pages are touched"
        for scan in plan.scans:
            yield from (kind + problem for problem in _scan_problems(scan, passed_over, stage))
    if one.without_seq_scans:
        for scan in one.without_seq_scans.scans:
            if scan.table not in NEVER_GROWS and not scan.condition:
                yield f"no index finds the rows of {scan.table}"


def _scan_problems(scan: Scan, passed_over: int, stage: Stage) -> Iterator[str]:
    if scan.passed_over > passed_over:
        yield f"{scan.passed_over} rows of {scan.table} are read for nothing"
    if scan.kind == "Seq Scan" and scan.table in stage.large_tables:
        yield f"sequential scan of {scan.table}"
    elif scan.kind != "Seq Scan" and not scan.condition and scan.table not in NEVER_GROWS:
        yield f"all of {scan.index} is walked"


def _short(statement: str) -> str:
    return " ".join(statement.split())[:200]
