"""CSV files as downloads: written while they are sent, and harmless in a spreadsheet.

A spreadsheet takes a text that begins with =, +, - or @ for a formula. Such a text gets an apostrophe before it, and so
does one that begins with apostrophes before such a sign; `undefused` takes exactly one off, so that nothing is lost
when a file comes back. Numbers and dates are never touched.
"""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal

import structlog
from flask import Response, stream_with_context

from invoices_app.db.tenancy import current_scope, set_scope
from invoices_app.extensions import db

log = structlog.get_logger(__name__)

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel reads UTF-8 as something else."""

INCOMPLETE = "This file is not complete: something went wrong while it was written. Export it again."

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


def download(name: str, header: Sequence[str], batches: Iterable[Iterable[Sequence[Cell]]]) -> Response:
    """An answer that writes each batch of rows as it is read, so that any number of them takes the memory of one.

    The first batch is read before anything is sent: what goes wrong there is answered as on any page. Later a server
    may end the answer as if it were whole, so the last row says that it is not.
    """
    scope, left = current_scope(db.session), iter(batches)
    first = [_cells(row) for row in next(left, ())]

    def parts() -> Iterator[str]:
        rows, whole = len(first), False
        # The answer is written after the request has ended, and its session with it: another one, the same tenant.
        set_scope(db.session, scope)
        try:
            yield BYTE_ORDER_MARK + _lines([header, *first])
            first.clear()
            for batch in left:
                written = [_cells(row) for row in batch]
                rows += len(written)
                yield _lines(written)
            whole = True
        except Exception:
            log.exception("export failed", file=name, rows=rows)
            yield _lines([[INCOMPLETE]])
            raise
        finally:
            # Also when the browser has gone away in the middle.
            db.session.rollback()
            log.info("export", file=name, rows=rows, whole=whole)

    response = Response(stream_with_context(parts()), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _cells(row: Sequence[Cell]) -> list[str]:
    return [cell(value) for value in row]


def _lines(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
