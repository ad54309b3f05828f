"""What the look at all plans has found, as a section of docs/benchmarks.md."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from invoices_app.launcher.environment import PROJECT_ROOT
from tests.plans.judging import Found
from tests.support.databases import Database

REPORT = PROJECT_ROOT / "docs" / "benchmarks.md"
MARKED = re.compile(r"(<!-- results of tests.plans -->\n).*?(<!-- end of plans -->)", re.DOTALL)
MB = 2**20
SMALLEST_MB = 1.0
"""Smaller tables and indexes are left out of the report."""

_SIZES = """
    SELECT s.relname, s.indexrelname, s.idx_scan, pg_relation_size(s.indexrelid), x.indisunique,
           pg_table_size(s.relid), c.reltuples::bigint
    FROM pg_stat_user_indexes s JOIN pg_index x USING (indexrelid) JOIN pg_class c ON c.oid = s.relid
    ORDER BY pg_total_relation_size(s.relid) DESC, 4 DESC
"""


@dataclass
class Line:
    """The most of anything that a statement of a group of pages did."""

    pages: int = 0
    statements: int = 0
    buffers: int = 0
    sorted_rows: int = 0
    passed_over: int = 0


@dataclass
class Table:
    """The lines of a business with that many invoices."""

    invoices: int
    lines: dict[str, Line] = field(default_factory=lambda: defaultdict(Line))

    def add(self, group: str, found: Found) -> None:
        line = self.lines[group]
        line.pages += 1
        line.statements += len(found.statements)
        for plan in found.plans:
            line.buffers = max(line.buffers, plan.buffers)
            line.sorted_rows = max(line.sorted_rows, plan.sorted_rows)
            line.passed_over = max(line.passed_over, *(scan.passed_over for scan in plan.scans), 0)


@dataclass(frozen=True)
class Index:
    table: str
    name: str
    scans: int
    size: int
    is_unique: bool
    table_size: int
    table_rows: int


@dataclass(frozen=True)
class Indexes:
    """All indexes, with their sizes and how often they were used so far."""

    found: Sequence[Index]

    @classmethod
    def of(cls, database: Database) -> Indexes:
        database.value("SELECT pg_stat_force_next_flush()")
        return cls([Index(*row) for row in database.ask(_SIZES)])

    def uses(self, name: str) -> int:
        return next((index.scans for index in self.found if index.name == name), 0)


def written(tables: Sequence[Table], after: Indexes, before: Indexes) -> str:
    """The section: the plans of each group of pages, then the tables and indexes with their sizes and uses."""
    sizes = " | ".join(f"{table.invoices:,}" for table in tables)
    lines = [
        "The most that any one statement did, for a business of so many invoices:",
        "",
        f"| pages | asked for | 8 KB pages touched: {sizes} | rows sorted: {sizes} | rows passed over: {sizes} |",
        "| --- | ---: |" + " ---: |" * 3 * len(tables),
    ]
    for group, first in tables[0].lines.items():
        every = [table.lines[group] for table in tables]
        figures = [
            f"{value:,}"
            for name in ("buffers", "sorted_rows", "passed_over")
            for value in (getattr(line, name) for line in every)
        ]
        lines.append(f"| {group} | {first.pages} | " + " | ".join(figures) + " |")
    lines += ["", "| table or index | MB | used |", "| --- | ---: | ---: |"]
    seen = ""
    for index in after.found:
        if index.table_size + index.size < SMALLEST_MB * MB:
            continue
        if index.table != seen:
            seen = index.table
            lines.append(f"| **{seen}**, {max(0, index.table_rows):,} rows | {index.table_size / MB:,.0f} | |")
        used = index.scans - before.uses(index.name)
        told = f"{used:,}" if used else "never"
        lines.append(f"| {index.name} | {index.size / MB:,.0f} | {told} |")
    unused = [index.name for index in after.found if not index.is_unique and index.scans == before.uses(index.name)]
    lines += ["", f"Not used by any of this: {', '.join(sorted(unused)) or 'none'}.", ""]
    return "\n".join(lines)


def write(text: str) -> None:
    """Replace the section in the document."""
    REPORT.write_text(MARKED.sub(lambda found: f"{found[1]}{text}\n{found[2]}", REPORT.read_text()))
