"""What a text may hold, and how values stand in the cells of a CSV file.

A spreadsheet takes a text that begins with =, +, - or @ for a formula. Such a text gets an apostrophe before it, and so
does one that begins with apostrophes before such a sign; `undefused` takes exactly one off, so that nothing is lost
when a file comes back. Numbers and dates are never touched.
"""

from __future__ import annotations

import re
import uuid
from datetime import date
from decimal import Decimal

BYTE_ORDER_MARK = "\ufeff"
"""What a CSV file begins with: without it Excel reads UTF-8 as something else."""

CONTROL_CHARACTERS = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
"""What no field takes: it cannot stand in HTML, or would not be seen."""

# Also the full-width forms, and what spreadsheets skip before they look for a sign.
_FORMULA = re.compile(r"'*[\s\u200b\ufeff]*[=+\-@＝＋－＠]|'*[\t\r\n]")

Cell = str | int | bool | Decimal | date | uuid.UUID | None


def defused(text: str) -> str:
    """`text` as a spreadsheet shows it and never runs it."""
    return f"'{text}" if _FORMULA.match(text) else text


def undefused(text: str) -> str:
    """What `defused` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text


def cell(value: Cell) -> str:
    """A cell's text: decimals plainly, dates as 2026-11-22, yes and no as true and false, nothing as nothing."""
    if isinstance(value, str):
        return defused(value)
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
