"""Files read as far as the plan: what would be created, what is wrong, what is noted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from invoices_app.imports import csv_file, reading
from invoices_app.imports.plan import Choices, PlannedClient, PlannedInvoice, Problem
from invoices_app.imports.reading import Defaults

TODAY = date(2026, 11, 22)
BUSINESS = Defaults(TODAY, payment_terms_days=30)


@dataclass(frozen=True)
class Plan:
    """What reading answers, by what it is."""

    choices: Choices
    invoices: list[PlannedInvoice]
    clients: list[PlannedClient]
    problems: list[Problem]
    notes: list[Problem]

    @property
    def invoice(self) -> PlannedInvoice:
        """The only one, of which nothing is wrong."""
        assert (len(self.invoices), self.problems) == (1, [])
        return self.invoices[0]

    @property
    def by_number(self) -> dict[str | None, PlannedInvoice]:
        return {invoice.number: invoice for invoice in self.invoices}

    def wrong(self) -> list[tuple[int, str, str]]:
        return [(problem.line, problem.column, problem.sentence) for problem in self.problems]


def plan_of(path: Path, *, currency: str = "GBP", tax_rate: int = 20, **chosen: Any) -> Plan:
    """The plan by the proposed choices, changed by `chosen`."""
    sheet = csv_file.inspect(path)
    proposed = reading.defaults(path, sheet, currency=currency, tax_rate=Decimal(tax_rate), today=TODAY)
    choices = replace(proposed, **chosen)
    found = list(reading.read(path, sheet, choices, BUSINESS))
    told = [item for item in found if isinstance(item, Problem)]
    return Plan(
        choices,
        [item for item in found if isinstance(item, PlannedInvoice)],
        [item for item in found if isinstance(item, PlannedClient)],
        [problem for problem in told if not problem.is_note],
        [problem for problem in told if problem.is_note],
    )


def plan_of_text(folder: Path, text: str, **chosen: Any) -> Plan:
    """The plan of a file with this text."""
    path = folder / "file.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return plan_of(path, **chosen)
