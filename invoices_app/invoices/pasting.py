"""Rows copied from a spreadsheet: tab-separated text, with a row of headings or without."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from io import StringIO

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "description": ("description", "item", "product", "service", "name", "details", "article", "what", "line"),
    "quantity": ("quantity", "qty", "count", "hours", "days", "pieces", "pcs", "number"),
    "unit": ("unit", "units", "uom"),
    "unit_price": ("price", "unit price", "rate", "unit cost", "cost", "each", "price each"),
    "tax_rate": ("tax", "vat", "gst", "tax rate", "vat rate", "gst rate"),
    "discount_percent": ("discount", "rebate", "reduction"),
    "": ("amount", "total", "sum", "net", "line total", "line net", "subtotal", "gross", "#", "no", "pos", "position"),
}
"""The headings that people write over each column; those of '' are columns that we compute."""

_FIELD_OF = {heading: field for field, headings in HEADINGS.items() for heading in headings}
_NUMBERS = frozenset({"quantity", "unit_price", "tax_rate", "discount_percent"})
_MONEY_SIGNS = re.compile(r"^(?:[A-Z]{3}|[^\w\s.,+\-()'’]+)\s*|\s*(?:[A-Z]{3}|[^\w\s.,+\-()'’]+)$")
_GROUPING = re.compile(r"[\s'’\u00a0\u202f]")


def rows_of(text: str) -> Sequence[Mapping[str, str]]:
    """The rows as values of a line's form, as typed; rows without any text are left out.

    Without headings the columns are description, quantity, unit (where it is no number), price, tax and discount; two
    columns are description and price. Numbers lose currency signs, per cent signs and thousands separators.
    """
    cells = [[cell.strip() for cell in row] for row in csv.reader(StringIO(text), dialect="excel-tab")]
    cells = [row for row in cells if any(row)]
    if not cells:
        return []
    columns = _columns_by_heading(cells[0])
    if columns is None:
        columns = _columns_by_place(cells)
    else:
        cells = cells[1:]
    return [
        {
            field: plain_number(cell) if field in _NUMBERS else cell
            for field, cell in zip(columns, row, strict=False)
            if field
        }
        for row in cells
    ]


def plain_number(text: str) -> str:
    """A number as spreadsheets write it, `€1,234.50` or `20%`, without what is only for reading: `1234.50`, `20`.

    Where a single mark can be both, it stays, and the field asks.
    """
    plain = _GROUPING.sub("", _MONEY_SIGNS.sub("", text.strip()))
    if "," in plain and "." in plain:
        grouping = "," if plain.rindex(".") > plain.rindex(",") else "."
        plain = plain.replace(grouping, "")
    elif plain.count(",") > 1 or plain.count(".") > 1:
        plain = plain.replace(",", "").replace(".", "")
    return f"-{plain[1:-1]}" if plain.startswith("(") and plain.endswith(")") else plain


def _columns_by_heading(first: Sequence[str]) -> Sequence[str] | None:
    """The field of each column, '' for one that does not count; None when the first row is no row of headings."""
    known = [_FIELD_OF.get(_heading(cell)) for cell in first]
    if "description" not in known or len([field for field in known if field]) < min(2, len(first)):
        return None
    return [field if field and field not in known[:place] else "" for place, field in enumerate(known)]


def _columns_by_place(rows: Sequence[Sequence[str]]) -> Sequence[str]:
    width = max(map(len, rows))
    if width == 2:
        return ("description", "unit_price")
    has_units = width > 3 and not any(_is_number(row[2]) for row in rows if len(row) > 2 and row[2])
    numbers = ("unit_price", "tax_rate", "discount_percent")
    return ("description", "quantity", *(("unit",) if has_units else ()), *numbers)


def _heading(cell: str) -> str:
    return re.sub(r"\s*[(\[%].*", "", cell.lower()).strip(" .:")


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"[+-]?[\d.,]+", plain_number(text)))
