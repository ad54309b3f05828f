"""What somebody has brought: looked into before anything is kept of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO

from invoices_app.imports import archive_import, csv_file, reading
from invoices_app.imports.csv_file import FileRefusedError
from invoices_app.imports.models import FILE_NAME_LENGTH
from invoices_app.imports.plan import Choices, Kind
from invoices_app.texts import CONTROL_CHARACTERS

MAX_MB = 100
MAX_BYTES = MAX_MB * 1024 * 1024
TOO_LARGE = f"This file has more than {MAX_MB} MB. Split it, and bring the parts one after the other."
NO_FILE = "Choose a file."
CHUNK = 1024 * 1024

AT_ONCE_BYTES = 2 * 1024 * 1024
AT_ONCE_ROWS = 10_000
"""A file up to this is read while the person waits; a larger one by the worker."""

_ZIP = b"PK\x03\x04"


@dataclass(frozen=True, slots=True)
class Brought:
    """A file on this machine's disk, for as long as the request lasts."""

    path: Path
    name: str
    size: int
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Look:
    """What a file turned out to be. `choices` are proposed ones, None for an archive."""

    kind: Kind
    sheet: dict[str, Any]
    choices: Choices | None
    rows: int


@contextmanager
def brought(stream: BinaryIO, name: str) -> Iterator[Brought]:
    """The file behind `stream`, on disk, never whole in memory. Raises FileRefusedError when it is too large."""
    digest, size = hashlib.sha256(), 0
    with NamedTemporaryFile(prefix="invoices-import-") as file:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise FileRefusedError(TOO_LARGE)
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        yield Brought(Path(file.name), plain_name(name), size, digest.digest())


def plain_name(name: str) -> str:
    """What a browser calls the file, without folders and without what cannot be shown."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return CONTROL_CHARACTERS.sub("", last).strip()[:FILE_NAME_LENGTH] or "file"


def is_archive(file: Brought) -> bool:
    with file.path.open("rb") as opened:
        return opened.read(len(_ZIP)) == _ZIP


def look_into(file: Brought, *, currency: str, tax_rate: Decimal, today: Any) -> Look:
    """What the file holds and how it is best read. Raises FileRefusedError with a sentence."""
    if is_archive(file):
        return _look_into_archive(file)
    sheet = csv_file.inspect(file.path)
    choices = reading.defaults(file.path, sheet, currency=currency, tax_rate=tax_rate, today=today)
    return Look(choices.kind, asdict(sheet), choices, sheet.records)


def _look_into_archive(file: Brought) -> Look:
    try:
        with archive_import.open_archive(file.path) as archive:
            summary = archive.summary
    except archive_import.ArchiveRefusedError as refusal:
        raise FileRefusedError(str(refusal)) from refusal
    told = {name: value if isinstance(value, int) else str(value or "") for name, value in asdict(summary).items()}
    return Look(Kind.ARCHIVE, told, None, summary.invoices)


def of_kind(path: Path, sheet: csv_file.Sheet, kind: Kind, given: Choices, today: Any) -> Choices:
    """The same choices for a file that is said to hold another kind: its columns are found anew."""
    found = reading.defaults(path, sheet, currency=given.currency, tax_rate=given.tax_rate, today=today, kind=kind)
    return replace(given, kind=kind, columns=found.columns)


def is_read_at_once(size: int, rows: int) -> bool:
    return size <= AT_ONCE_BYTES and rows <= AT_ONCE_ROWS
