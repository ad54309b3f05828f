"""Archives of businesses: made, looked into, and put together anew with something changed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import text

from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.imports import archive_export, archive_import
from invoices_app.imports.archive_format import MANIFEST
from invoices_app.imports.writing import Written
from tests.support.people import Person


def export(person: Person) -> bytes:
    """The archive of the person's business."""
    with person.acting():
        data = b"".join(archive_export.chunks())
        db.session.rollback()
        return data


def read_csv(data: bytes, name: str) -> list[dict[str, str]]:
    """The rows of a file in an archive, as they stand there."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        content = archive.read(name).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(content, newline="")))


def changed(data: bytes, name: str, change: Callable[[bytes], bytes | None], *, honest: bool = True) -> bytes:
    """The archive with one file changed, or without it when nothing is left; an honest manifest tells so."""
    files = unpacked(data)
    new = change(files.pop(name))
    if new is not None:
        files[name] = new
    if honest and name != MANIFEST:
        files[MANIFEST] = _told_anew(files)
    return packed(files)


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _told_anew(files: Mapping[str, bytes]) -> bytes:
    manifest = json.loads(files[MANIFEST])
    manifest["files"] = [
        {
            "name": name,
            "rows": _rows(content) if name.endswith(".csv") else 1,
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in files.items()
        if name != MANIFEST
    ]
    return json.dumps(manifest).encode()


def _rows(content: bytes) -> int:
    try:
        return len(list(csv.reader(io.StringIO(content.decode(errors="replace"), newline="")))) - 1
    except csv.Error:  # nobody can count them
        return 1


def import_archive(person: Person, data: bytes, path: Path) -> Written:
    """Import an archive into the person's business, by way of a file."""
    path.write_bytes(data)
    with archive_import.open_archive(path) as archive, person.acting(), transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        return archive_import.write(session, archive, import_id=uuid.uuid4(), file_name="archive.zip")
