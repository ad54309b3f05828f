"""All data of a business as one zip archive, made while it is sent: the same business is the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import select, text

from invoices_app.accounts.models import Business
from invoices_app.extensions import db
from invoices_app.imports import archive_rows
from invoices_app.imports.archive_format import FORMAT, MANIFEST, VERSION, FileEntry, Manifest
from invoices_app.texts import BYTE_ORDER_MARK

CHUNK = 64 * 1024
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every file in a zip, the first that one can have: no archive says when it was made."""

READABLE = 0o100644 << 16
UNIX = 3


def chunks() -> Iterator[bytes]:
    """The archive of the current business, bit by bit, as it is at this moment.

    The manifest comes last, since it holds what the other files come to. The transaction is left to the caller.
    """
    keys = archive_rows.begin()
    archive = _Archive()
    for table, batches in archive_rows.tables(keys):
        yield from archive.add(table.file, _lines(table.header, batches))
    for name, png in archive_rows.logos(keys):
        yield from archive.add(name, [(png, 1)])
    name, schema = db.session.execute(select(Business.name, text("(SELECT version_num FROM alembic_version)"))).one()
    manifest = Manifest(name, schema, keys.first_date, keys.last_date, tuple(archive.entries))
    yield from archive.add(MANIFEST, [(_as_json(manifest), 1)])
    yield from archive.close()


def _lines(header: Sequence[str], batches: Iterable[Sequence[Sequence[str]]]) -> Iterator[tuple[bytes, int]]:
    yield (BYTE_ORDER_MARK + _csv([header])).encode(), 0
    for rows in batches:
        yield _csv(rows).encode(), len(rows)


def _csv(rows: Iterable[Sequence[str]]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows(rows)
    return buffer.getvalue()


def _as_json(manifest: Manifest) -> bytes:
    told: dict[str, Any] = {"format": FORMAT, "version": VERSION, **asdict(manifest)}
    return (json.dumps(told, indent=2, ensure_ascii=False, default=str) + "\n").encode()


class _Archive:
    """A zip that is written to nowhere: what it has come to so far is handed on."""

    def __init__(self) -> None:
        self.entries: list[FileEntry] = []
        self._made = _Sink()
        self._zip = zipfile.ZipFile(self._made, "w", zipfile.ZIP_DEFLATED)

    def add(self, name: str, parts: Iterable[tuple[bytes, int]]) -> Iterator[bytes]:
        """Write a file whose parts come with the number of rows in each."""
        info = zipfile.ZipInfo(name, EARLIEST)
        info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, READABLE, UNIX
        digest, size, count = hashlib.sha256(), 0, 0
        with self._zip.open(info, "w") as file:
            for part, rows in parts:
                file.write(part)
                digest.update(part)
                size, count = size + len(part), count + rows
                if self._made.size >= CHUNK:
                    yield self._made.take()
        self.entries.append(FileEntry(name, count, size, digest.hexdigest()))

    def close(self) -> Iterator[bytes]:
        self._zip.close()
        yield self._made.take()


class _Sink(io.RawIOBase):
    """A file that only grows, and forgets what was taken from it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self.size += len(data)
        return len(data)

    def take(self) -> bytes:
        taken, self._parts, self.size = b"".join(self._parts), [], 0
        return taken
