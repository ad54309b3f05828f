"""An archive, read again: is it one, is it whole, and does every cell hold what it should?

Nothing here knows the database. A file is read as it is wanted, never all of it at once, and what it says of itself is
held against its manifest each time. Whatever is wrong is told in one sentence.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any, Self

from invoices_app.accounts.models import LOGO_MAX_BYTES
from invoices_app.imports import archive_format as form
from invoices_app.imports.archive_format import FileEntry, Manifest, Table, UnreadableCellError

MAX_BYTES = 2 * 1024**3
"""What the files of an archive may come to when they are unpacked; none of that is ever in memory at once."""

MAX_FILES = 1000
MAX_MANIFEST_BYTES = 1024 * 1024
MAX_LINE = 200_000

NO_ARCHIVE = "This file is no archive of Invoices: export one under Settings → Export, and choose it as it is."
TOO_LARGE = "This archive is too large: unpacked, its files may have 2 GB at most."

_BYTES_OF_DIRECTORY = 400 * MAX_FILES
_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE, _ZIP64_SIGNATURE = b"PK\x05\x06", b"PK\x06\x07"
_SIZE_OF_ZIP64_LOCATOR = 20
_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, csv.Error, NotImplementedError, RuntimeError,
)  # fmt: skip
"""What reading a file raises that was not packed as ours are, or changed since."""

Row = list[Any]


class ArchiveRefusedError(ValueError):
    """A file cannot be imported as an archive; the message is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What an archive holds, for whoever decides whether to import it."""

    business: str
    first_date: date | None
    last_date: date | None
    clients: int
    invoices: int
    lines: int
    payments: int
    logos: int


class Archive:
    """An open archive whose files are all there and unchanged. To be closed, or used in a `with`."""

    def __init__(self, packed: zipfile.ZipFile, manifest: Manifest) -> None:
        self._packed, self.manifest = packed, manifest
        self._entries = {entry.name: entry for entry in manifest.files}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._packed.close()

    @property
    def logos(self) -> list[str]:
        """The names of the pictures."""
        return [name for name in self._entries if form.LOGO_NAME.fullmatch(name)]

    @property
    def summary(self) -> Summary:
        rows = self.manifest.rows
        return Summary(
            business=self.manifest.business,
            first_date=self.manifest.first_date,
            last_date=self.manifest.last_date,
            clients=rows(form.CLIENTS),
            invoices=rows(form.INVOICES),
            lines=rows(form.LINES),
            payments=rows(form.PAYMENTS),
            logos=len(self.logos),
        )

    def rows(self, table: Table) -> Iterator[Row]:
        """The rows of a file with the values of its columns; raises ArchiveRefusedError where one is wrong."""
        with self._opened(table.file) as raw:
            lines = _lines(io.TextIOWrapper(io.BufferedReader(raw), "utf-8-sig", newline=""), table.file)
            cells = csv.reader(lines, strict=True)
            if next(cells, None) != table.header:
                raise ArchiveRefusedError(f"{table.file} has other columns than an archive of this version.")
            count, last_key = 0, 0
            for count, row in enumerate(cells, start=1):
                values = _values(table, row, count)
                last_key = self._checked_key(table, values, count, last_key)
                yield values
            self._check(table.file, raw, count)

    def logo(self, name: str) -> bytes:
        """The bytes of a picture, whose SHA-256 is its name."""
        with self._opened(name) as raw:
            png = io.BufferedReader(raw).read(LOGO_MAX_BYTES + 1)
            if len(png) > LOGO_MAX_BYTES or form.logo_name(hashlib.sha256(png).digest()) != name:
                raise ArchiveRefusedError(f"{name} is not the picture that its name says.")
            self._check(name, raw, 1)
            return png

    def check(self) -> None:
        """Read everything once; raises ArchiveRefusedError."""
        for table in form.TABLES:
            for _ in self.rows(table):
                pass
        for name in self.logos:
            self.logo(name)

    @contextmanager
    def _opened(self, name: str) -> Iterator[_Measured]:
        try:
            with self._packed.open(name) as file, _Measured(file) as raw:
                yield raw
        except ArchiveRefusedError:
            raise
        except _BROKEN:
            raise ArchiveRefusedError(f"{name} in this archive is damaged: export it anew.") from None

    def _check(self, name: str, raw: _Measured, rows: int) -> None:
        """Hold what was read to its end against the manifest."""
        entry = self._entries[name]
        if (raw.size, raw.sha256, rows) != (entry.bytes, entry.sha256, entry.rows):
            raise ArchiveRefusedError(f"{name} was changed since it was exported: its manifest says something else.")

    def _checked_key(self, table: Table, values: Row, count: int, last_key: int) -> int:
        """What a row is about; raises ArchiveRefusedError when that is not there or out of its order."""
        if not table.keys:
            return 0
        key: int = values[0]
        most = self.manifest.rows(form.INVOICES)
        fits = key == count if table in (form.CLIENTS, form.INVOICES) else last_key <= key and 0 < key <= most
        if table is form.INVOICES and not 0 < values[1] <= self.manifest.rows(form.CLIENTS):
            fits = False
        if not fits:
            raise ArchiveRefusedError(f"{table.file}, row {count}: it belongs to nothing, or is not in its order.")
        return key


def open_archive(path: Path) -> Archive:
    """The archive in a file, after all of it was read and checked once. Raises ArchiveRefusedError."""
    _check_end(path)
    try:
        packed = zipfile.ZipFile(path)
    except _BROKEN:
        raise ArchiveRefusedError(NO_ARCHIVE) from None
    try:
        _check_files(packed)
        manifest = _manifest(packed)
        archive = Archive(packed, manifest)
        archive.check()
    except BaseException:
        packed.close()
        raise
    return archive


def _check_end(path: Path) -> None:
    """Raise before the list of files is read, which could be as long as somebody likes; ours is short."""
    with path.open("rb") as file:
        length = file.seek(0, io.SEEK_END)
        file.seek(max(0, length - _END.size - _SIZE_OF_ZIP64_LOCATOR))
        end = file.read()
    if len(end) < _END.size:
        raise ArchiveRefusedError(NO_ARCHIVE)
    signature, *_, files, size, _start, _comment = _END.unpack(end[-_END.size :])
    if signature != _END_SIGNATURE:
        raise ArchiveRefusedError(NO_ARCHIVE)
    if end.startswith(_ZIP64_SIGNATURE):
        raise ArchiveRefusedError(TOO_LARGE)
    if files > MAX_FILES or size > _BYTES_OF_DIRECTORY:
        raise ArchiveRefusedError(NO_ARCHIVE)


def _check_files(packed: zipfile.ZipFile) -> None:
    infos = packed.infolist()
    names = [info.filename for info in infos]
    known = {table.file for table in form.TABLES} | {form.MANIFEST}
    strange = next((name for name in names if name not in known and not form.LOGO_NAME.fullmatch(name)), None)
    missing = sorted(known - set(names))
    if form.MANIFEST in missing:
        raise ArchiveRefusedError(NO_ARCHIVE)
    if missing:
        raise ArchiveRefusedError(f"{missing[0]} is missing in this archive.")
    if strange is not None or len(names) != len(set(names)):
        raise ArchiveRefusedError("This archive holds a file that does not belong there, or one of them twice.")
    if sum(info.file_size for info in infos) > MAX_BYTES:
        raise ArchiveRefusedError(TOO_LARGE)


def _manifest(packed: zipfile.ZipFile) -> Manifest:
    """What the archive says of itself; raises ArchiveRefusedError unless it is of this version and about its files."""
    if packed.getinfo(form.MANIFEST).file_size > MAX_MANIFEST_BYTES:
        raise ArchiveRefusedError(NO_ARCHIVE)
    try:
        told = json.loads(packed.read(form.MANIFEST))
    except (*_BROKEN, RecursionError):
        raise ArchiveRefusedError(f"{form.MANIFEST} in this archive is damaged: export it anew.") from None
    if not isinstance(told, dict) or told.get("format") != form.FORMAT:
        raise ArchiveRefusedError(NO_ARCHIVE)
    if told.get("version") != form.VERSION:
        raise ArchiveRefusedError("This archive was made by another version of Invoices, which writes it otherwise.")
    manifest = _read_manifest(told)
    if {entry.name for entry in manifest.files} != set(packed.namelist()) - {form.MANIFEST}:
        raise ArchiveRefusedError("The manifest of this archive names other files than there are.")
    if manifest.rows(form.SETTINGS) != 1 or not manifest.business:
        raise ArchiveRefusedError("This archive does not say whose it is.")
    return manifest


def _read_manifest(told: Mapping[str, Any]) -> Manifest:
    try:
        business = form.BUSINESS_NAME.read(told["business"])
        first, last = (date.fromisoformat(day) if day else None for day in (told["first_date"], told["last_date"]))
        files = tuple(FileEntry(**entry) for entry in told["files"])
        whole = [number for entry in files for number in (entry.rows, entry.bytes)]
        texts = [told["schema"], *(text for entry in files for text in (entry.name, entry.sha256))]
        fits = all(type(number) is int for number in whole) and all(isinstance(text, str) for text in texts)
    except (KeyError, TypeError, ValueError, AttributeError):
        fits = False
    if not fits:
        raise ArchiveRefusedError("The manifest of this archive does not say what it should: export it anew.")
    return Manifest(business, told["schema"], first, last, files)


def _lines(text: IO[str], name: str) -> Iterator[str]:
    """The lines of a file, none of them without an end."""
    while line := text.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise ArchiveRefusedError(f"{name} in this archive has a line that is too long.")
        yield line


def _values(table: Table, row: list[str], count: int) -> Row:
    if len(row) != len(table.columns):
        raise ArchiveRefusedError(
            f"{table.file}, row {count}: it has {len(row)} cells instead of {len(table.columns)}."
        )
    values = []
    for column, text in zip(table.columns, row, strict=True):
        try:
            values.append(column.read(text))
        except UnreadableCellError as error:
            raise ArchiveRefusedError(f"{table.file}, row {count}: {column.name} {error}.") from None
    return values


class _Measured(io.RawIOBase):
    """A file that knows the size and the SHA-256 of what was read from it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest, self.size = file, hashlib.sha256(), 0

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._digest.update(data)
        self.size += len(data)
        return len(data)
