"""What an import keeps of itself in the database: the file in parts, and choices as JSON."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from invoices_app.db.tenancy import in_business
from invoices_app.imports.models import PART_BYTES, ImportPart
from invoices_app.imports.plan import Arrival, Choices, DateOrder, Kind


def choices_to_json(choices: Choices) -> dict[str, Any]:
    return {
        "kind": choices.kind.value,
        "columns": dict(choices.columns),
        "tax_rate": f"{choices.tax_rate.normalize():f}",
        "currency": choices.currency,
        "status": choices.status.value,
        "date_order": choices.date_order.value,
        "decimal_mark": choices.decimal_mark,
        "series": choices.series,
        "without_client": choices.without_client,
    }


def choices_from_json(kept: dict[str, Any]) -> Choices:
    """What `choices_to_json` was given."""
    return Choices(
        kind=Kind(kept["kind"]),
        columns=kept["columns"],
        tax_rate=Decimal(kept["tax_rate"]),
        currency=kept["currency"],
        status=Arrival(kept["status"]),
        date_order=DateOrder(kept["date_order"]),
        decimal_mark=kept["decimal_mark"],
        series=kept["series"],
        without_client=kept["without_client"],
    )


def keep_file(session: Session, business_id: uuid.UUID, import_id: uuid.UUID, path: Path) -> None:
    """Write the file's bytes into the running transaction, one part at a time in memory."""
    with path.open("rb") as file:
        for number, content in enumerate(iter(lambda: file.read(PART_BYTES), b"")):
            key = {"business_id": business_id, "import_id": import_id, "number": number}
            session.execute(insert(ImportPart), {**key, "content": content})


def forget_file(session: Session, import_id: uuid.UUID) -> None:
    session.execute(delete(ImportPart).where(in_business(ImportPart), ImportPart.import_id == import_id))


@contextmanager
def file_of(session: Session, import_id: uuid.UUID, folder: Path | None = None) -> Iterator[Path]:
    """The file of an import, put together for as long as the block lasts.

    In `folder` it has the name of its import, so that what a killed process left there is written over.
    """
    one = select(ImportPart.content).where(in_business(ImportPart), ImportPart.import_id == import_id)
    if folder is None:
        with NamedTemporaryFile(prefix="invoices-import-") as file:
            _put_together(session, one, Path(file.name))
            yield Path(file.name)
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / str(import_id)
    try:
        path.touch(mode=0o600)
        _put_together(session, one, path)
        yield path
    finally:
        path.unlink(missing_ok=True)


def _put_together(session: Session, one: Any, path: Path) -> None:
    with path.open("wb") as file:
        number = 0
        while content := session.scalar(one.where(ImportPart.number == number)):
            file.write(content)
            number += 1
