"""CSV files as downloads: written while they are sent, and harmless in a spreadsheet.

Texts are defused by `invoices_app.texts`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from flask import Response

from invoices_app.texts import BYTE_ORDER_MARK, Cell, cell
from invoices_app.web.downloads import attachment

INCOMPLETE = "This file is not complete: something went wrong while it was written. Export it again."


def download(name: str, header: Sequence[str], batches: Iterable[Iterable[Sequence[Cell]]]) -> Response:
    """An answer that writes each batch of rows as it is read, so that any number of them takes the memory of one.

    The first batch is read before anything is sent: what goes wrong there is answered as on any page. Later a server
    may end the answer as if it were whole, so the last row says that it is not.
    """
    left = iter(batches)
    first = [_cells(row) for row in next(left, ())]
    rows = len(first)

    def parts() -> Iterator[bytes]:
        nonlocal rows
        try:
            yield BYTE_ORDER_MARK.encode() + _lines([header, *first])
            first.clear()
            for batch in left:
                written = [_cells(row) for row in batch]
                rows += len(written)
                yield _lines(written)
        except Exception:
            yield _lines([[INCOMPLETE]])
            raise

    return attachment(name, "text/csv", parts(), lambda: {"rows": rows})


def _cells(row: Sequence[Cell]) -> list[str]:
    return [cell(value) for value in row]


def _lines(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
