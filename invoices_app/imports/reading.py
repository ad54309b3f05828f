"""A file of somebody's clients or invoices as what it would create: what is proposed for it, and then all of it.

Nothing here knows Flask or the database. Planned things come one by one, so that 500,000 rows take little memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

from invoices_app.imports import cells, client_rows, columns, csv_file, days, grouping, values
from invoices_app.imports.archive_format import UnreadableCellError
from invoices_app.imports.csv_file import FileRefusedError, Sheet
from invoices_app.imports.invoice_rows import InvoiceRows
from invoices_app.imports.plan import Arrival, Choices, DateOrder, Kind, Planned, Problem

_SEEN_AT_MOST = 50_000
_UNKNOWN = (
    "None of its headings is known. Name the columns in its first line, such as “Invoice number”, “Date”, “Client”,"
    " “Description”, “Quantity” and “Price”, or “Name” and “Email” for clients."
)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the business has for what a file does not say: its day of today, and how many days its clients may take."""

    today: date
    payment_terms_days: int


def defaults(
    path: Path, sheet: Sheet, *, currency: str, tax_rate: Decimal, today: date, kind: Kind | None = None
) -> Choices:
    """What is proposed for a file: its columns by their headings, dates and decimal marks by what its cells give away.

    Dates that all read both ways are read so that the fewest lie after `today`, and else with the day first, unless
    `currency` is the US dollar. Raises FileRefusedError when no
    heading tells what the file holds and `kind` does not either.
    """
    kind = kind or columns.guess_kind(sheet.header)
    if kind is None:
        raise FileRefusedError(_UNKNOWN)
    found = columns.match(sheet.header, kind)
    evidence = _evidence(path, sheet, found, today)
    return Choices(
        kind=kind,
        columns=found,
        tax_rate=tax_rate,
        currency=currency,
        status=Arrival.AS_TOLD if "status" in found else Arrival.SENT,
        date_order=evidence.date_order(DateOrder.MONTH_FIRST if currency == "USD" else DateOrder.DAY_FIRST),
        decimal_mark=evidence.decimal_mark("," if sheet.delimiter == ";" else "."),
    )


def read(path: Path, sheet: Sheet, choices: Choices, business: Defaults) -> Iterator[Planned | Problem]:
    """What the file would create by these choices, in the order of the file, and what is wrong with it.

    Rows of one invoice may be anywhere. Of an invoice that comes in, its notes come just before it; of one that does
    not, each row has a problem. Where a column is missing without which nothing can be read, that is the only problem.
    Raises FileRefusedError when the file is no longer the one that was inspected.
    """
    asked = columns.missing(choices.kind, choices.columns)
    if asked:
        yield from (Problem(1, "", sentence) for sentence in asked)
    elif choices.kind is Kind.CLIENTS:
        yield from client_rows.read(path, sheet, choices)
    else:
        rows = InvoiceRows(sheet, choices, business.today, business.payment_terms_days)
        with path.open("rb") as file:
            for group in grouping.groups(path, sheet, _key(choices)):
                yield from rows.read(group, file)


def _key(choices: Choices) -> Callable[[list[str]], str | None]:
    """What tells the invoice of a row: its number, or what stands for one in a draft."""
    places = [choices.columns[name] for name in ("number", "invoice_id") if name in choices.columns]

    def key(row: list[str]) -> str | None:
        for place in places:
            if place < len(row) and (name := row[place].strip()):
                return name
        return None

    return key


class _Evidence:
    """What cells give away about the order of days and months and about the decimal mark."""

    def __init__(self, today: date) -> None:
        self.orders: Counter[DateOrder] = Counter()
        self.past: Counter[DateOrder] = Counter()
        self.marks: Counter[str] = Counter()
        self._today = today

    def date_order(self, usual: DateOrder) -> DateOrder:
        told = self.orders or self.past
        best = max(told.values(), default=0)
        return usual if told[usual] == best else max(DateOrder, key=lambda order: told[order])

    def decimal_mark(self, usual: str) -> str:
        return max(".,", key=lambda mark: (self.marks[mark], mark == usual))

    def of_date(self, cell: str) -> None:
        order = days.date_order_of(cell)
        if order:
            self.orders[order] += 1
            return
        for order in DateOrder:
            with suppress(UnreadableCellError):
                self.past[order] += days.day(cell, order) <= self._today

    def of_number(self, cell: str) -> None:
        mark = values.decimal_mark_of(cell)
        if mark:
            self.marks[mark] += 1


def _evidence(path: Path, sheet: Sheet, found: Mapping[str, int], today: date) -> _Evidence:
    evidence = _Evidence(today)
    looked_at = [(place, evidence.of_date, set[str]()) for name, place in found.items() if name in cells.DAYS]
    looked_at += [(place, evidence.of_number, set[str]()) for name, place in found.items() if name in cells.NUMBERS]
    if not looked_at:
        return evidence
    for _line, _begin, row in csv_file.records(path, sheet):
        for place, look, seen in looked_at:
            cell = row[place] if place < len(row) else ""
            if cell and cell not in seen:
                look(cell)
                if len(seen) < _SEEN_AT_MOST:
                    seen.add(cell)
    return evidence
