"""Clients as rows name them: whole rows of a file of clients, or the part of an invoice's row that is its client's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from invoices_app.accounts.models import CITY_LENGTH
from invoices_app.imports import cells, csv_file, values
from invoices_app.imports.columns import FIELDS
from invoices_app.imports.csv_file import Sheet
from invoices_app.imports.plan import Choices, Kind, PlannedClient, Problem

_NO_DETAILS = frozenset({"client_id", "name", "archived"})
_WRITTEN_AS_FRACTION = re.compile(r"[0-9]+\.0")
_MAX_KNOWN = 1000


class Clients:
    """Makes clients of values; remembers of which countries it has told that they are none."""

    def __init__(self, sheet: Sheet, choices: Choices) -> None:
        prefix = "client_" if choices.kind is Kind.INVOICES else ""
        place = choices.columns.get(f"{prefix}country")
        self._country_heading = "" if place is None else sheet.header[place]
        self._told: set[str] = set()

    def planned(self, found: Mapping[str, Any], line: int, problems: list[Problem]) -> PlannedClient | None:
        """The client of a row by its values, `name`, `client_id` and details; None when the row names none.

        One that has a number alone is called after it. A country that is none goes where the region is, and that is
        noted the first time.
        """
        source = found.get("client_id", "")
        if _WRITTEN_AS_FRACTION.fullmatch(source):  # a number that a program took for an amount
            source = source.removesuffix(".0")
        name = found.get("name") or (f"Client {source}" if source else "")
        if not name:
            return None
        details = {key: value for key, value in found.items() if value != "" and key not in _NO_DETAILS}
        if "country" in details:
            self._place_country(details, line, problems)
        return PlannedClient(line, name, source, details, archived=bool(found.get("archived", False)))

    def _place_country(self, details: dict[str, Any], line: int, problems: list[Problem]) -> None:
        written = details.pop("country")
        code = values.country(written)
        if code:
            details["country"] = code
            return
        if code is None:
            details.setdefault("region", written[:CITY_LENGTH])
        if written not in self._told and len(self._told) < _MAX_KNOWN:
            self._told.add(written)
            kept = "It is kept as the region" if code is None else "It is left empty"
            sentence = f"“{cells.shown(written)}” is no country that is known here. {kept}, in all rows."
            problems.append(Problem(line, self._country_heading, sentence, is_note=True))


def read(path: Path, sheet: Sheet, choices: Choices) -> Iterator[PlannedClient | Problem]:
    """The clients of a file of clients, row by row; a row with a cell that cannot be read makes no client."""
    readers = cells.readers((field.name for field in FIELDS[Kind.CLIENTS]), sheet, choices)
    clients = Clients(sheet, choices)
    for line, _begin, row in csv_file.records(path, sheet):
        problems: list[Problem] = []
        found = cells.read(cells.fitted(row, line, sheet, problems), line, readers, problems)
        client = clients.planned(found, line, problems)
        if client is None and all(problem.is_note for problem in problems):
            problems.append(Problem(line, "", "This row names no client."))
        yield from problems
        if client is not None and all(problem.is_note for problem in problems):
            yield client
