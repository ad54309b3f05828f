"""The lines of an invoice out of its rows, one a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from invoices_app.imports import cells
from invoices_app.imports.cells import shown
from invoices_app.imports.columns import FIELDS
from invoices_app.imports.csv_file import Sheet
from invoices_app.imports.plan import Choices, Kind, PlannedLine, Problem
from invoices_app.invoices import rules
from invoices_app.invoices.rules import Line
from invoices_app.money import HUNDRED, ONE, ZERO

_TAKES_BACK = "The quantity is negative: this line comes in as it is and takes something back."
_TURNED = "The price is negative, which no price can be: this line comes in with a negative quantity instead."


class LineRow(NamedTuple):
    """A line as its row has it: where that stands, what the calculator takes of it, and its values by field."""

    at: int
    line: Line
    values: Mapping[str, Any]

    def planned(self, line_net: Decimal) -> PlannedLine:
        line, values = self.line, self.values
        # By place: there are a great many of them.
        return PlannedLine(
            self.at,
            values["line_description"],
            line.quantity,
            line.unit_price,
            line.tax_rate,
            line.tax_category,
            line_net,
            values.get("line_unit", ""),
            line.discount_percent,
            values.get("line_item_number", ""),
            values.get("line_exemption_reason", ""),
        )


class LineRows:
    """Reads the lines of one file, by what was chosen for it."""

    def __init__(self, sheet: Sheet, choices: Choices) -> None:
        names = [field.name for field in FIELDS[Kind.INVOICES] if field.of_line]
        self._readers = cells.readers(names, sheet, choices)
        self._headings = {reader.name: reader.heading for reader in self._readers}
        self._tax_rate = choices.tax_rate

    def read(self, rows: Sequence[Sequence[str]], lines: Sequence[int], problems: list[Problem]) -> list[LineRow]:
        """The lines that can be read, in their order; a single row without any cell of a line is an empty invoice."""
        found = []
        for row, line in zip(rows, lines, strict=True):
            before = len(problems)
            values = cells.read(row, line, self._readers, problems)
            if len(problems) == before or all(problem.is_note for problem in problems[before:]):
                found.append((line, values))
        if len(rows) == 1 and found == [(lines[0], {})]:
            return []
        read = [item for line, values in found if (item := self._line(line, values, problems)) is not None]
        if all("line_position" in item.values for item in read):
            read.sort(key=lambda item: item.values["line_position"])
        return read

    def _line(self, at: int, values: dict[str, Any], problems: list[Problem]) -> LineRow | None:
        if "line_description" not in values:
            self._describe(at, values, problems)
        price = values.get("line_unit_price")
        if price is None:
            self._tell(at, "line_unit_price", "This line has no price.", problems)
            return None
        quantity = values.get("line_quantity", ONE)
        if price < 0 and quantity < 0:
            self._tell(at, "line_unit_price", "Price and quantity are both negative.", problems)
        elif price < 0:
            self._tell(at, "line_unit_price", _TURNED, problems, is_note=True)
            price, quantity = -price, -quantity
        elif quantity < 0:
            self._tell(at, "line_quantity", _TAKES_BACK, problems, is_note=True)
        rate, category = self._tax(at, values, problems)
        line = Line(quantity, price, rate, category, values.get("line_discount_percent", ZERO))
        return LineRow(at, line, values)

    def _tax(self, at: int, values: Mapping[str, Any], problems: list[Problem]) -> tuple[Decimal, str]:
        """The rate and the category of a line: the file's, else the chosen rate, else none where no tax can be."""
        told, category = values.get("line_tax_rate"), values.get("line_tax_category", "")
        if told is None:
            rate = ZERO if category not in {"", rules.STANDARD_RATE} else self._tax_rate
            return rate, category or rules.tax_category(rate)
        if 0 < told < 1:
            sentence = f"The tax is read as {told.normalize():f} %, not as {(told * HUNDRED).normalize():f} %."
            self._tell(at, "line_tax_rate", sentence, problems, is_note=True)
        if told and category not in {"", rules.STANDARD_RATE}:
            sentence = f"Tax category {category} has no tax, and this line has {told.normalize():f} %."
            self._tell(at, "line_tax_category", sentence, problems)
        return told, category or rules.tax_category(told)

    def _describe(self, at: int, values: dict[str, Any], problems: list[Problem]) -> None:
        item_number = values.get("line_item_number", "")
        if item_number:
            values["line_description"] = item_number
            sentence = f"There is no description: “{shown(item_number)}” stands for it."
            self._tell(at, "line_description", sentence, problems, is_note=True)
        else:
            self._tell(at, "line_description", "This line has neither a description nor an item number.", problems)

    def _tell(self, at: int, name: str, sentence: str, problems: list[Problem], *, is_note: bool = False) -> None:
        problems.append(Problem(at, self._headings.get(name, ""), sentence, is_note))
