"""Archives of businesses: made, looked into, and put together anew with something changed."""

from __future__ import annotations

import csv
import io
import zipfile

from invoices_app.extensions import db
from invoices_app.imports import archive_export
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
        text = archive.read(name).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))
