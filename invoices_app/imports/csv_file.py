"""A CSV file as people have it: what it is written in, and its records one by one, each with the place where it stands.

Whatever the file is, memory stays flat: it is read in pieces, no record can be longer than `MAX_RECORD_BYTES`, and what
is no table of text is refused by one sentence before anything is made of it.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from invoices_app.imports import file_bytes
from invoices_app.imports.file_bytes import FileRefusedError
from invoices_app.texts import CONTROL_CHARACTERS

__all__ = ["FileRefusedError", "Sheet", "inspect", "parse", "records"]

MAX_RECORDS = 1_000_000
MAX_COLUMNS = 200
MAX_RECORD_BYTES = 1024 * 1024
MAX_CELL_LENGTH = 100_000
SAMPLE_ROWS = 5
SHOWN_CELL_LENGTH = 200

_DELIMITERS = ("\t", ";", ",")
"""Those that stand in texts more often come later: they lose where two would do."""

_COMPARED_ROWS = 30
_HEAD_BYTES = 256 * 1024
_CELL_TOO_LONG = f"has a cell of more than {MAX_CELL_LENGTH:,} characters, as if a quotation mark were never closed."

Record = tuple[int, int, list[str]]
"""The line in which a record begins, the byte at which it does, and its cells."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a CSV file turned out to be.

    `records` counts the rows below the header that are not blank; `sample` holds the first of them, as wide as the
    header. The cells of both are trimmed, cut, and without control characters. The first row begins at byte `start`, in
    line `first_line`.
    """

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    records: int
    sample: tuple[tuple[str, ...], ...]
    start: int
    first_line: int

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Sheet:
        """The sheet of which `dataclasses.asdict` made `told`, also after JSON turned its tuples into lists."""
        lists = {"header": tuple(told["header"]), "sample": tuple(tuple(row) for row in told["sample"])}
        return cls(**{**told, **lists})


def inspect(path: Path) -> Sheet:
    """What the file is: reads it once from end to end, so that what follows can trust it.

    Raises FileRefusedError, whose text is the sentence to show, for what is no CSV file with a header and a row: empty
    or too large, another format, no text, too many columns, cells or records too long, quotation marks not closed.
    """
    encoding, begin = file_bytes.find_encoding(path)
    head, delimiter = _delimiter(path, encoding, begin)
    walk = _walk(path, encoding, delimiter, begin + head, 1 + (head > 0))
    header: tuple[str, ...] = ()
    start, first_line = 0, 0
    for line, _offset, cells in walk:
        _check_width(line, cells)
        header = tuple(" ".join(cell.split()) for cell in _cut(cells, len(cells)))
        break
    count, sample = 0, []
    for line, offset, cells in walk:
        _check_width(line, cells)
        if not count:
            start, first_line = offset, line
        if count < SAMPLE_ROWS:
            sample.append(_cut(cells, len(header)))
        count += 1
        if count > MAX_RECORDS:
            raise FileRefusedError(f"It has more than {MAX_RECORDS:,} rows. Split it into smaller files.")
    if not count:
        raise FileRefusedError("It has a row of headings and nothing below it.")
    return Sheet(encoding, delimiter, header, count, tuple(sample), start, first_line)


def records(path: Path, sheet: Sheet) -> Iterator[Record]:
    """The records below the header, blank ones left out; raises FileRefusedError where one cannot be read."""
    return _walk(path, sheet.encoding, sheet.delimiter, sheet.start, sheet.first_line)


def parse(data: bytes, sheet: Sheet) -> list[list[str]]:
    """The records in a piece of the file that begins and ends where records do, blank ones left out."""
    text = io.StringIO(data.decode(sheet.encoding), newline="")
    return [cells for cells in csv.reader(text, delimiter=sheet.delimiter, strict=True) if any(cells)]


def _check_width(line: int, cells: Sequence[str]) -> None:
    if len(cells) > MAX_COLUMNS:
        raise FileRefusedError(f"Line {line:,} has {len(cells):,} columns. At most {MAX_COLUMNS} can be read.")


def _cut(cells: Sequence[str], width: int) -> tuple[str, ...]:
    """Cells as they can be shown: trimmed, not too long, without control characters."""
    cut = [CONTROL_CHARACTERS.sub("\ufffd", cell.strip()[:SHOWN_CELL_LENGTH]) for cell in cells[:width]]
    return (*cut, *[""] * (width - len(cut)))


class _Lines:
    """The lines of a file for `csv.reader`, counted in bytes; `begun` is where the record that is being read began."""

    def __init__(self, file: BinaryIO, encoding: str, offset: int) -> None:
        file.seek(offset)
        self._text = io.TextIOWrapper(file, encoding, newline="")
        self._encoding = encoding
        self._width = 2 if encoding.startswith("utf-16") else 1
        self.offset = self.begun = offset

    def __iter__(self) -> Iterator[str]:
        width, encoding = self._width, self._encoding
        for line in self._text:
            self.offset += len(line) * width if line.isascii() else len(line.encode(encoding))
            if self.offset - self.begun > MAX_RECORD_BYTES:
                raise csv.Error("field larger than field limit")
            yield line


def _walk(path: Path, encoding: str, delimiter: str, offset: int, first_line: int) -> Iterator[Record]:
    csv.field_size_limit(MAX_CELL_LENGTH)  # of the whole process; nobody else in the house sets it
    with path.open("rb") as file:
        lines = _Lines(file, encoding, offset)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        line = first_line
        try:
            for cells in reader:
                if any(cells):
                    yield line, lines.begun, cells
                lines.begun, line = lines.offset, first_line + reader.line_num
        except csv.Error as error:
            raise FileRefusedError(f"Line {line:,} {_reason(str(error))}") from None
        except UnicodeDecodeError:
            raise FileRefusedError(f"Line {line:,} or one below it holds bytes that are no text.") from None


def _reason(error: str) -> str:
    if "field limit" in error:
        return _CELL_TOO_LONG
    if "unexpected end" in error:
        return "opens a quotation mark that is never closed."
    return "has a quotation mark in the middle of a quoted cell. Inside quotation marks it must be written twice."


def _delimiter(path: Path, encoding: str, begin: int) -> tuple[int, str]:
    """The delimiter, and how many bytes a first line `sep=;`, by which Excel names it, takes.

    It is the one by which the most cells of the first rows fall under a heading.
    """
    with path.open("rb") as file:
        file.seek(begin)
        text = codecs.getincrementaldecoder(encoding)().decode(file.read(_HEAD_BYTES))
    first, mark, _rest = text.partition("\n")
    hint = first.strip().strip('"').lower()
    if mark and hint.startswith("sep=") and hint[4:] in _DELIMITERS:
        return len((first + mark).encode(encoding)), hint[4:]
    return 0, max(_DELIMITERS, key=lambda delimiter: _fit(text, delimiter))


def _fit(text: str, delimiter: str) -> float:
    """How well a delimiter fits: the width of the header, by the part of the first rows that are as wide."""
    widths: list[int] = []
    with suppress(csv.Error):  # the rows before it count
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if any(cells):
                widths.append(len(cells))
            if len(widths) > _COMPARED_ROWS:
                break
    if not widths or widths[0] == 1:
        return 1.0 if delimiter == "," else 0.0
    return widths[0] * widths.count(widths[0]) / len(widths)
