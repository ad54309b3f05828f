"""The cells of a row as values of fields: which column is read how, and a sentence for each cell that cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from invoices_app.accounts.models import CITY_LENGTH, IDENTIFIER_LENGTH, MAX_TERMS_DAYS, NAME_LENGTH, TEXT_LENGTH
from invoices_app.clients.models import Client
from invoices_app.imports import values
from invoices_app.imports.archive_format import UnreadableCellError
from invoices_app.imports.csv_file import Sheet
from invoices_app.imports.days import day
from invoices_app.imports.plan import Choices, Problem
from invoices_app.invoices.models import (
    DESCRIPTION_LENGTH,
    MAX_AMOUNT,
    MAX_QUANTITY,
    MAX_UNIT_PRICE,
    NUMBER_LENGTH,
    REFERENCE_LENGTH,
    TAX_CATEGORIES,
    UNIT_LENGTH,
)
from invoices_app.texts import CONTROL_CHARACTERS

SOURCE_LENGTH = 100
"""What a file can call a client, or a draft."""

FORMULA_KEPT = "begins with “=” like a formula. It is kept as the text that it is, and never computed."
SHOWN_LENGTH = 60
MAX_POSITION = 999_999_999

REMEMBERED = 5000
"""Distinct cells of a column of which the meaning is kept: files repeat dates, prices and descriptions a lot."""

REMEMBERED_LENGTH = 100

_UNREAD = object()

Parse = Callable[[str], Any]

_LENGTHS = {
    "invoice_id": SOURCE_LENGTH,
    "number": NUMBER_LENGTH,
    "type_code": SOURCE_LENGTH,
    "client_id": SOURCE_LENGTH,
    "client_name": NAME_LENGTH,
    "reference": REFERENCE_LENGTH,
    "purchase_order": REFERENCE_LENGTH,
    "line_description": DESCRIPTION_LENGTH,
    "line_item_number": IDENTIFIER_LENGTH,
    "line_unit": UNIT_LENGTH,
    "line_exemption_reason": REFERENCE_LENGTH,
}
_LONG_TEXTS = frozenset({"notes", "internal_notes", "client_notes"})
_DAYS = frozenset({"issue_date", "due_date", "delivery_date", "paid_on"})
_PERCENTS = frozenset({"discount_percent", "line_discount_percent", "line_tax_rate"})
_NUMBERS = {"line_quantity": (MAX_QUANTITY, 4), "line_unit_price": (MAX_UNIT_PRICE, 4), "line_net": (MAX_AMOUNT, 4)}
_NUMBERS |= dict.fromkeys(
    ("subtotal", "discount_amount", "net_total", "tax_total", "total", "paid_total", "amount_due"), (MAX_AMOUNT, 4)
)
DAYS, NUMBERS = _DAYS, frozenset(_NUMBERS)


@dataclass(frozen=True, slots=True)
class Reader:
    """How the column of a field is read; `heading` is its name there, `known` what its cells were found to mean."""

    name: str
    place: int
    heading: str
    parse: Parse
    is_text: bool
    known: dict[str, Any] = field(default_factory=dict)


def readers(names: Iterable[str], sheet: Sheet, choices: Choices) -> list[Reader]:
    """The readers of those fields that have a column."""
    return [
        Reader(name, place, sheet.header[place], _parse(name, choices), name in _LENGTHS or name in _LONG_TEXTS)
        for name in names
        if (place := choices.columns.get(name)) is not None
    ]


def read(row: Sequence[str], line: int, of_fields: Iterable[Reader], problems: list[Problem]) -> dict[str, Any]:
    """The values of a row by field; empty cells are left out. What cannot be read is added to the problems."""
    found: dict[str, Any] = {}
    for reader in of_fields:
        cell = row[reader.place]
        value = reader.known.get(cell, _UNREAD)
        if value is _UNREAD:
            value = _read(reader, cell, line, problems)
        if value is not None:
            found[reader.name] = value
    return found


def _read(reader: Reader, cell: str, line: int, problems: list[Problem]) -> Any:
    """The value of a cell that was not met before, None for an empty one or for one that cannot be read."""
    if not cell or cell.isspace():
        return None
    try:
        value = reader.parse(cell)
    except UnreadableCellError as error:
        problems.append(Problem(line, reader.heading, f"“{shown(cell)}” {error}."))
        return None
    if value == "":
        return None
    if cell[0] == "=" and reader.is_text:
        problems.append(Problem(line, reader.heading, f"“{shown(cell)}” {FORMULA_KEPT}", is_note=True))
        return value
    if len(cell) <= REMEMBERED_LENGTH:
        if len(reader.known) >= REMEMBERED:
            reader.known.clear()
        reader.known[cell] = value
    return value


def fitted(row: list[str], line: int, sheet: Sheet, problems: list[Problem]) -> list[str]:
    """A row made as wide as the header: spreadsheets leave empty cells away at its end."""
    width = len(sheet.header)
    if len(row) < width:
        return row + [""] * (width - len(row))
    if any(row[width:]):
        sentence = f"This row has {len(row)} cells and the header {width}: perhaps a text in it needs quotation marks."
        problems.append(Problem(line, "", sentence))
    return row


def shown(cell: str) -> str:
    """A cell as a sentence quotes it."""
    plain = CONTROL_CHARACTERS.sub("\ufffd", " ".join(cell.split()))
    return plain if len(plain) <= SHOWN_LENGTH else f"{plain[:SHOWN_LENGTH]}…"


def _parse(name: str, choices: Choices) -> Parse:
    mark, order = choices.decimal_mark, choices.date_order
    if name in _NUMBERS:
        high, digits = _NUMBERS[name]
        low = -high
        return lambda cell: values.number(cell, mark, low, high, digits)
    if name in _PERCENTS:
        return lambda cell: values.percent(cell, mark)
    if name in _DAYS:
        return lambda cell: day(cell, order)
    if name in _LONG_TEXTS:
        return lambda cell: values.long_text(cell, TEXT_LENGTH)
    if name in _LENGTHS:
        size = _LENGTHS[name]
        return lambda cell: values.text(cell, size)
    return _PARSERS.get(name) or _of_client(name.removeprefix("client_"))


def _of_client(column: str) -> Parse:
    size: int = Client.__table__.c[column].type.length  # type: ignore[attr-defined]
    return _PARSERS.get(column) or (lambda cell: values.text(cell, size))


def _tax_category(cell: str) -> str:
    if (category := cell.strip().upper()) not in TAX_CATEGORIES:
        raise UnreadableCellError(f"is none of {', '.join(TAX_CATEGORIES)}")
    return category


_PARSERS: Mapping[str, Parse] = {
    "archived": values.yes_or_no,
    "currency": values.currency,
    "email": values.email,
    "country": lambda cell: values.text(cell, CITY_LENGTH),
    "line_position": lambda cell: values.whole(cell, MAX_POSITION),
    "line_tax_category": _tax_category,
    "payment_terms_days": lambda cell: values.whole(cell, MAX_TERMS_DAYS),
    "status": values.status,
}
