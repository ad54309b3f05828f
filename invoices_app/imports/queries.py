"""What the pages of imports show."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select

from invoices_app.accounts.models import User
from invoices_app.db.tenancy import in_business
from invoices_app.extensions import db
from invoices_app.imports.models import Import, ImportProblem, Status
from invoices_app.invoices.models import Invoice

LAST_IMPORTS = 20
PROBLEMS_SHOWN = 50
PROBLEMS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Told:
    """An import with who started it, '' for a command."""

    row: Import
    person: str


def last_imports() -> Sequence[Told]:
    """The newest imports of the current business, newest first."""
    newest = (
        select(Import, func.coalesce(User.name, ""))
        .outerjoin(User, User.id == Import.user_id)
        .where(in_business(Import))
        .order_by(Import.id.desc())
        .limit(LAST_IMPORTS)
    )
    return [Told(row, person) for row, person in db.session.execute(newest)]


def one_import(import_id: uuid.UUID) -> Import | None:
    found = select(Import).where(in_business(Import), Import.id == import_id)
    return db.session.execute(found).scalar_one_or_none()


def came_before(row: Import) -> Import | None:
    """The last import that brought the very same file in, None when there was none."""
    twin = (
        select(Import)
        .where(in_business(Import), Import.sha256 == row.sha256, Import.status == Status.DONE, Import.id < row.id)
        .order_by(Import.id.desc())
        .limit(1)
    )
    return db.session.execute(twin).scalar_one_or_none()


def problems(import_id: uuid.UUID, *, are_notes: bool) -> Sequence[Row[Any]]:
    """The first problems or notes, in the order of the file."""
    return db.session.execute(_problems(import_id, are_notes, 0).limit(PROBLEMS_SHOWN)).all()


def problem_batches(import_id: uuid.UUID) -> Iterator[Sequence[Row[Any]]]:
    """All problems, then all notes, some at a time."""
    for are_notes in (False, True):
        last = 0
        while found := db.session.execute(_problems(import_id, are_notes, last).limit(PROBLEMS_AT_ONCE)).all():
            yield found
            last = found[-1].number


def invoices_by_number(numbers: Sequence[str]) -> dict[str, uuid.UUID]:
    """The ids of the invoices with these numbers."""
    known = select(Invoice.number, Invoice.id).where(in_business(Invoice), Invoice.number.in_(numbers))
    return {str(number): invoice_id for number, invoice_id in db.session.execute(known)} if numbers else {}


def _problems(import_id: uuid.UUID, are_notes: bool, after: int) -> Any:  # noqa: FBT001  (a column's value)
    return (
        select(
            ImportProblem.number,
            ImportProblem.line,
            ImportProblem.column_name,
            ImportProblem.sentence,
            ImportProblem.is_note,
        )
        .where(
            in_business(ImportProblem),
            ImportProblem.import_id == import_id,
            ImportProblem.is_note == are_notes,
            ImportProblem.number > after,
        )
        .order_by(ImportProblem.number)
    )
