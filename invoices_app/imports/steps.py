"""What is done with a file within a transaction: kept, read, written. Shared by what people do and by the worker."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from invoices_app import clock
from invoices_app.accounts.models import Business
from invoices_app.db.tenancy import in_business
from invoices_app.imports import archive_import, kept, previewing, reading, writing
from invoices_app.imports.csv_file import FileRefusedError, Sheet
from invoices_app.imports.models import Import, Status, Task
from invoices_app.imports.plan import Kind, Planned, Problem
from invoices_app.imports.previewing import Tell
from invoices_app.imports.progress import CancelledError
from invoices_app.imports.writing import Written

_CHECK_NOW = text("SET CONSTRAINTS ALL IMMEDIATE")

NOTHING_NEW = "Everything in this file was here already, so nothing was created."


class RefusedError(ValueError):
    """The file cannot come in; the message is a sentence for people."""


def file_of(session: Session, row: Import, folder: Path | None = None) -> AbstractContextManager[Path]:
    """The file of an import for as long as the block lasts."""
    return kept.file_of(session, row.id, folder)


def read(session: Session, row: Import, path: Path, tell: Tell = previewing.in_peace) -> None:
    """Read what would come in, and show it. Raises RefusedError."""
    _preview(session, row, path, tell)
    row.status, row.outcome, row.changed_at = Status.PREVIEW, "", func.now()


def read_before_writing(session: Session, row: Import, path: Path, tell: Tell) -> None:
    """The same for an import that is written next; it fails when there are bad rows that nobody agreed to lose."""
    _preview(session, row, path, tell)
    if why := why_not(row):
        row.status, row.outcome, row.changed_at = Status.FAILED, f"{why} Nothing of it was kept.", func.now()
    row.attempts = 0


def why_not(row: Import) -> str:
    """Why this import cannot start: a sentence, empty when it can."""
    bad = bad_rows(row)
    if not bad or row.only_good_rows:
        return ""
    return "One row cannot come in." if bad == 1 else f"{bad:,} rows cannot come in."


def bad_rows(row: Import) -> int:
    counts = (row.preview or {}).get("counts", {})
    return int(counts.get("bad_rows", 0))


def write(session: Session, row: Import, path: Path, tell: Tell) -> None:
    """Write all of it into the running transaction, check it, and note that it is done.

    Raises RefusedError, or CancelledError when somebody wanted it to end before this had.
    """
    today = clock.today(session.execute(select(Business.time_zone)).scalar_one())
    told = {"import_id": row.id, "file_name": row.file_name}
    if row.kind == Kind.ARCHIVE:
        written = _write_archive(session, path, tell, told)
    else:
        written = _write_rows(session, row, path, tell, {**told, "today": today})
    session.execute(_CHECK_NOW)  # what takes its time at a commit does so here, before people have to wait for the row
    kept.forget_file(session, row.id)
    _finish(session, row, written)


def _preview(session: Session, row: Import, path: Path, tell: Tell) -> None:
    try:
        previewing.preview(session, row, path, tell)
    except FileRefusedError as refusal:
        raise RefusedError(str(refusal)) from refusal


def _write_rows(session: Session, row: Import, path: Path, tell: Tell, told: dict[str, Any]) -> Written:
    assert row.choices is not None, "only an archive has none"  # noqa: S101
    choices, sheet = kept.choices_from_json(row.choices), Sheet.from_json(row.sheet)
    business = session.execute(select(Business)).scalar_one()
    rows = 0

    def good() -> Iterator[Planned]:
        nonlocal rows
        for item in reading.read(path, sheet, choices, previewing.defaults_of(business)):
            if not isinstance(item, Problem):
                rows += len(getattr(item, "lines", ())) or 1
                yield item
            elif not item.is_note:
                rows += 1
                if not row.only_good_rows:
                    raise RefusedError(f"Line {item.line}: {item.sentence} Nothing of it was kept.")

    writer = writing.Writer(session, choices, **told)
    try:
        for batch in writing.batches(good()):
            writer.write(batch)
            tell(rows)
    except FileRefusedError as refusal:
        raise RefusedError(f"{refusal} Nothing of it was kept.") from refusal
    return writer.finish()


def _write_archive(session: Session, path: Path, tell: Tell, told: dict[str, Any]) -> Written:
    if why := archive_import.why_not(session):
        raise RefusedError(f"{why} Nothing of it was kept.")
    try:
        with archive_import.open_archive(path) as archive:
            return archive_import.write(session, archive, **told, told=tell)
    except archive_import.ArchiveRefusedError as refusal:
        raise RefusedError(f"{refusal} Nothing of it was kept.") from refusal


def _finish(session: Session, row: Import, written: Written) -> None:
    """From here on it is too late to cancel: the row stays locked until the commit."""
    counts = {name: value for name, value in _fields(written).items() if name != "totals"}
    totals = {currency: str(total) for currency, total in sorted(written.totals.items())}
    is_new = written.clients or written.invoices or row.kind == Kind.ARCHIVE
    done = session.execute(
        update(Import)
        .where(in_business(Import), Import.id == row.id, Import.status == Status.RUNNING, ~Import.cancel_requested)
        .values(
            status=Status.DONE,
            task=Task.WRITE,
            result={"counts": {**counts, "bad_rows": bad_rows(row)}, "totals": totals},
            outcome="" if is_new else NOTHING_NEW,
            rows_done=Import.rows_total,
            changed_at=func.now(),
        )
        .execution_options(synchronize_session=False)
    )
    if done.rowcount != 1:  # type: ignore[attr-defined]  # a cursor's result has it
        raise CancelledError


def _fields(written: Written) -> dict[str, Any]:
    return {name: getattr(written, name) for name in written.__dataclass_fields__}
