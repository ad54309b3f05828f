"""Invoices out of the rows that have one number.

One bad row makes its whole invoice bad, since half an invoice is a wrong one; the rows beside it are named as left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Any, BinaryIO

from invoices_app.imports import cells, invoice_checks
from invoices_app.imports.cells import shown
from invoices_app.imports.client_rows import Clients
from invoices_app.imports.columns import FIELDS
from invoices_app.imports.csv_file import Sheet
from invoices_app.imports.grouping import Group
from invoices_app.imports.invoice_checks import BadInvoiceError
from invoices_app.imports.line_rows import LineRow, LineRows
from invoices_app.imports.plan import Choices, Kind, PlannedClient, PlannedInvoice, Problem
from invoices_app.invoices import rules
from invoices_app.invoices.models import MAX_LINES
from invoices_app.money import ZERO

_CLIENT = "client_"
_NO_NUMBER = "This row has no invoice number."
_NO_CLIENT = "This row names no client. Name one for all such rows, or write it into the file."


class InvoiceRows:
    """Reads the groups of rows of one file, by what was chosen for it."""

    def __init__(self, sheet: Sheet, choices: Choices, today: date, terms_days: int) -> None:
        self._sheet, self._choices, self._today, self._terms_days = sheet, choices, today, terms_days
        names = [field.name for field in FIELDS[Kind.INVOICES] if not field.of_line]
        self._readers = cells.readers(names, sheet, choices)
        places = [reader.place for reader in self._readers]
        self._head = itemgetter(*places, places[0])  # of two places at least, so that it answers a tuple
        self._lines = LineRows(sheet, choices)
        self._clients = Clients(sheet, choices)

    def read(self, group: Group, file: BinaryIO) -> Iterator[PlannedInvoice | Problem]:
        """The notes of an invoice and then the invoice, or a problem for each of its rows."""
        problems: list[Problem] = []
        invoice = None
        try:
            invoice = self._invoice(group, file, problems)
        except BadInvoiceError as bad:
            problems.append(Problem(bad.line or group.lines[0], self._heading(bad.field), str(bad)))
        if invoice is not None:
            yield from problems
            yield invoice
        else:
            yield from _left_out(group, [problem for problem in problems if not problem.is_note])

    def _heading(self, name: str) -> str:
        place = self._choices.columns.get(name)
        return "" if place is None else self._sheet.header[place]

    def _invoice(self, group: Group, file: BinaryIO, problems: list[Problem]) -> PlannedInvoice | None:
        if group.key is None:
            raise BadInvoiceError("number", _NO_NUMBER)
        if len(group.lines) > MAX_LINES:
            sentence = f"It has {len(group.lines):,} rows, and an invoice has at most {MAX_LINES:,} lines."
            raise BadInvoiceError("number", sentence)
        rows = [
            cells.fitted(row, line, self._sheet, problems)
            for row, line in zip(group.rows(file, self._sheet), group.lines, strict=True)
        ]
        found = self._shared(rows, group.lines, problems)
        invoice_checks.check_kind(found)
        lines = self._lines.read(rows, group.lines, problems)
        invoice_checks.check_cancellation(found, lines)
        if any(not problem.is_note for problem in problems):
            return None
        return self._planned(found, lines, group.lines[0], problems)

    def _shared(self, rows: Sequence[list[str]], lines: Sequence[int], problems: list[Problem]) -> dict[str, Any]:
        """What the rows say of their invoice: each of them the same, or nothing."""
        head = self._head
        found, said = cells.read(rows[0], lines[0], self._readers, problems), head(rows[0])
        for row, line in zip(rows[1:], lines[1:], strict=True):
            if head(row) == said:
                continue
            for name, value in cells.read(row, line, self._readers, problems).items():
                if found.setdefault(name, value) != value:
                    here, there = shown(str(value)), shown(str(found[name]))
                    sentence = f"This row says “{here}” and line {lines[0]:,} “{there}”, of the same invoice."
                    problems.append(Problem(line, self._heading(name), sentence))
        return found

    def _planned(
        self, found: Mapping[str, Any], lines: Sequence[LineRow], line: int, problems: list[Problem]
    ) -> PlannedInvoice:
        choices = self._choices
        issue_date: date | None = found.get("issue_date")
        source = found.get("number") or found.get("invoice_id")
        if source is None:
            raise BadInvoiceError("number", _NO_NUMBER)
        if issue_date is None:
            raise BadInvoiceError("issue_date", "This invoice has no date.")
        currency, discount = found.get("currency", choices.currency), found.get("discount_percent", ZERO)
        totals = rules.compute([item.line for item in lines], currency, discount)
        invoice_checks.check_sums(found, lines, totals, currency)
        is_issued = invoice_checks.is_issued(found, lines, choices.status)
        paid = invoice_checks.paid(found, totals.total, currency, choices.status) if is_issued else ZERO
        due_date = invoice_checks.due_date(found, self._terms_days)
        if is_issued and issue_date > self._today:
            sentence = "This invoice is dated after today."
            problems.append(Problem(line, self._heading("issue_date"), sentence, is_note=True))
        return PlannedInvoice(
            line=line,
            source=source,
            number=found["number"] if is_issued else None,
            client=self._client(found, line, problems),
            currency=currency,
            issue_date=issue_date,
            due_date=due_date,
            lines=tuple([item.planned(net) for item, net in zip(lines, totals.line_nets, strict=True)]),
            totals=totals,
            paid=paid,
            paid_on=found.get("paid_on", issue_date) if is_issued and (paid or paid == totals.total) else None,
            delivery_date=found.get("delivery_date"),
            reference=found.get("reference", ""),
            purchase_order=found.get("purchase_order", ""),
            notes=found.get("notes", ""),
            internal_notes=found.get("internal_notes", ""),
            discount_percent=discount,
            archived=found.get("archived", False),
        )

    def _client(self, found: Mapping[str, Any], line: int, problems: list[Problem]) -> PlannedClient:
        named = {name.removeprefix(_CLIENT): value for name, value in found.items() if name.startswith(_CLIENT)}
        if "client_id" in found:
            named["client_id"] = named.pop("id")
        client = self._clients.planned(named, line, problems)
        if client is None and self._choices.without_client:
            client = PlannedClient(line, self._choices.without_client)
        if client is None:
            raise BadInvoiceError("client_name" if "client_name" in self._choices.columns else "client_id", _NO_CLIENT)
        return client


def _left_out(group: Group, problems: Sequence[Problem]) -> Iterator[Problem]:
    """The problems of a bad invoice, and one for each of its rows that has none of its own."""
    yield from problems
    bad = {problem.line for problem in problems}
    called, cause = shown(group.key or ""), min(bad)
    for line in group.lines:
        if line not in bad:
            yield Problem(line, "", f"Left out with the rest of {called}, because of line {cause:,}.")
