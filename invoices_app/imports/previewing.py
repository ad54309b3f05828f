"""Reading a file through without writing anything from it: what would come in, what is here already, what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from invoices_app import clock
from invoices_app.accounts.models import Business
from invoices_app.db.tenancy import in_business
from invoices_app.imports import kept, reading, writing
from invoices_app.imports.csv_file import Sheet
from invoices_app.imports.matching import How, Match, Seen, match
from invoices_app.imports.models import COLUMN_LENGTH, SENTENCE_LENGTH, Import, ImportProblem
from invoices_app.imports.plan import Planned, PlannedClient, PlannedInvoice, Problem
from invoices_app.money import ZERO

ROWS_SHOWN = 8
PROBLEMS_AT_ONCE = 1_000

Tell = Callable[[int], None]
"""Hears how many rows are done, and may raise to end the work."""


def in_peace(_rows: int) -> None:
    """Hears it and says nothing."""


def defaults_of(business: Business) -> reading.Defaults:
    """What rows fall back to in this business."""
    return reading.Defaults(clock.today(business.time_zone), business.payment_terms_days)


def preview(session: Session, row: Import, path: Path, tell: Tell = in_peace) -> None:
    """Read the file of `row` by its choices and keep what came of it: the preview, and all problems.

    Raises FileRefusedError for a file that is not what it was.
    """
    business = session.execute(select(Business)).scalar_one()
    assert row.choices is not None, "an archive is not read like this"  # noqa: S101
    choices, sheet = kept.choices_from_json(row.choices), Sheet.from_json(row.sheet)
    session.execute(delete(ImportProblem).where(in_business(ImportProblem), ImportProblem.import_id == row.id))
    found = _Preview(session, row, tell)
    for batch in writing.batches(found.sorted_out(reading.read(path, sheet, choices, defaults_of(business)))):
        found.add(batch)
    row.preview = found.told()


@dataclass
class _Preview:
    """What is found so far; problems go to the database as they come."""

    session: Session
    row: Import
    tell: Tell
    counts: Counter[str] = field(default_factory=Counter)
    totals: dict[str, Decimal] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)
    _seen: Seen = field(default_factory=Seen)
    _problems: list[dict[str, Any]] = field(default_factory=list)
    _bad_lines: set[int] = field(default_factory=set)
    _rows: int = 0

    def sorted_out(self, items: Iterable[Planned | Problem]) -> Iterator[Planned]:
        """The planned ones of `items`; problems are kept on the way."""
        for item in items:
            if isinstance(item, Problem):
                self._note(item)
            else:
                yield item

    def add(self, batch: Sequence[Planned]) -> None:
        for planned, found in zip(batch, match(self.session, batch, self._seen), strict=True):
            if isinstance(planned, PlannedInvoice):
                self._add_invoice(planned, found)
            else:
                self._add_client(planned, found)
        self.tell(self._rows)

    def told(self) -> dict[str, Any]:
        """The preview as it is kept."""
        self._write_problems()
        totals = {currency: str(total) for currency, total in sorted(self.totals.items())}
        return {"counts": dict(self.counts), "totals": totals, "rows": self.shown}

    def _add_invoice(self, planned: PlannedInvoice, found: Match) -> None:
        self._rows += len(planned.lines)
        total = planned.totals.total
        state = "draft" if planned.number is None else "paid" if planned.paid == total else "sent"
        if found.is_new:
            self.counts.update({"invoices_new": 1, state: 1, "lines": len(planned.lines)})
            self.counts["clients_new"] += bool(found.client and found.client.is_new)
            self.totals[planned.currency] = self.totals.get(planned.currency, ZERO) + total
        else:
            self.counts["invoices_repeated" if found.how is How.REPEATED else "invoices_known"] += 1
            self._tell_difference(planned, found)
        if len(self.shown) < ROWS_SHOWN:
            self.shown.append(
                {
                    "number": planned.number or "",
                    "source": planned.source,
                    "client": planned.client.name,
                    "issue_date": planned.issue_date.isoformat(),
                    "due_date": planned.due_date.isoformat(),
                    "lines": len(planned.lines),
                    "total": str(total),
                    "currency": planned.currency,
                    "status": state,
                    "how": found.how.value,
                }
            )

    def _add_client(self, planned: PlannedClient, found: Match) -> None:
        self._rows += 1
        known = "clients_repeated" if found.how is How.REPEATED else "clients_known"
        self.counts["clients_new" if found.is_new else known] += 1
        if len(self.shown) < ROWS_SHOWN:
            details = {name: planned.details.get(name) or "" for name in ("email", "city", "country", "tax_id")}
            self.shown.append({"name": planned.name, **details, "how": found.how.value})

    def _tell_difference(self, planned: PlannedInvoice, found: Match) -> None:
        if not found.same:
            sentence = f"{planned.source} is here already with another total, date or currency; it stays as it is here."
            self._note(Problem(planned.line, "", sentence, is_note=True))
            self.counts["invoices_differing"] += 1

    def _note(self, problem: Problem) -> None:
        kind = "notes" if problem.is_note else "problems"
        self.counts[kind] += 1
        if not problem.is_note and problem.line not in self._bad_lines:  # a row may have several
            self._bad_lines.add(problem.line)
            self.counts["bad_rows"] += 1
            self._rows += 1
        self._problems.append(
            {
                "business_id": self.row.business_id,
                "import_id": self.row.id,
                "is_note": problem.is_note,
                "number": self.counts[kind],
                "line": problem.line,
                "column_name": problem.column[:COLUMN_LENGTH],
                "sentence": problem.sentence[:SENTENCE_LENGTH],
            }
        )
        if len(self._problems) >= PROBLEMS_AT_ONCE:
            self._write_problems()
            self.tell(self._rows)

    def _write_problems(self) -> None:
        if self._problems:
            self.session.execute(insert(ImportProblem), self._problems)
            self._problems = []
