"""What people do with imports: bring a file, choose how it is read, start, cancel."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from invoices_app import clock
from invoices_app.accounts import audit
from invoices_app.accounts.models import Business
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import current_scope, in_business
from invoices_app.db.transaction import transaction
from invoices_app.imports import archive_import, files, kept, steps
from invoices_app.imports.csv_file import FileRefusedError, Sheet
from invoices_app.imports.files import Brought, Look
from invoices_app.imports.models import Import, Status, Task
from invoices_app.imports.plan import Choices, Kind
from invoices_app.imports.progress import CANCELLED, claim
from invoices_app.results import ActionResult, Forbidden, Invalid, NotFound, Ok

OPEN_IMPORTS = 10
"""So many files of a business wait to be started; a newer one takes the place of the oldest."""

FOR_OWNERS = "Only an owner may bring in a whole business."
AGREE = "Tick this to leave them out, or choose otherwise above and preview again."
GONE = "The file is not here any more. Bring it again."


@dataclass(frozen=True, slots=True)
class Started:
    """Whether it was this call that started it, and where it stands."""

    is_new: bool
    status: str


def upload(file: Brought, *, may_bring_all: bool, token: uuid.UUID | None = None) -> ActionResult[uuid.UUID]:
    """Keep a file and, when it is small, read it through; the value is the import's id.

    The same one-time token again answers the import that it made.
    """
    with transaction() as session:
        business = session.execute(select(Business)).scalar_one_or_none()
        if business is None:
            return NotFound()
        usual = (business.currency, business.default_tax_rate, business.time_zone)
    look = _looked_into(file, *usual)  # between two transactions: a large file takes seconds
    if isinstance(look, Invalid):
        return look
    if look.kind is Kind.ARCHIVE and not may_bring_all:
        return Invalid.because(FOR_OWNERS, "file")
    try:
        return Ok(_kept(file, look, token))
    except steps.RefusedError as refusal:
        return Invalid.because(str(refusal), "file")


def change_choices(import_id: uuid.UUID, choices: Choices) -> ActionResult[None]:
    """Read the file again with other choices. An import that runs or is done stays as it is."""
    with transaction() as session:
        row = _locked(session, import_id)
        if row is None:
            return NotFound()
        if row.status in {Status.RUNNING, Status.DONE} or row.kind == Kind.ARCHIVE:
            return Ok(None)
        _read_again(session, row, choices)
        audit.record(session, "import.read", "import", import_id)
        return Ok(None)


def start(
    import_id: uuid.UUID, choices: Choices | None, *, only_good_rows: bool, may_bring_all: bool
) -> ActionResult[Started]:
    """Let the worker bring it in. One that runs or is done stays as it is.

    With bad rows that nobody agreed to leave out nothing starts, but the choices are kept, and shown with what they
    lead to.
    """
    with transaction() as session:
        row = _locked(session, import_id)
        if row is None:
            return NotFound()
        if row.status in {Status.RUNNING, Status.DONE}:
            return Ok(Started(is_new=False, status=row.status))
        row.only_good_rows = only_good_rows
        task = Task.READ if row.preview is None else Task.WRITE  # nothing comes in that nobody has seen
        if row.kind == Kind.ARCHIVE:
            refusal = _refuse_archive(session, may_bring_all=may_bring_all)
        else:
            refusal = _refuse_rows(session, row, choices)
        if refusal is not None:
            return refusal
        _run(row, task)
        audit.record(session, "import.started", "import", import_id, {"file": row.file_name, "choices": row.choices})
        return Ok(Started(is_new=True, status=Status.RUNNING))


def cancel(import_id: uuid.UUID) -> ActionResult[bool]:
    """End an import that runs or waits; the value is False when it was too late for that.

    Nobody waits for the worker: when none is at it the import ends here and now.
    """
    with transaction() as session:
        if session.get(Import, (current_scope(session).business_id, import_id)) is None:
            return NotFound()
        row = _locked(session, import_id, skip_locked=True)
        if row is None or row.status != Status.RUNNING:
            return Ok(value=False)
        if row.attempts == 0 or claim(session, row.business_id):
            row.status, row.outcome = Status.FAILED, CANCELLED
        row.cancel_requested, row.changed_at = True, func.now()
        audit.record(session, "import.cancelled", "import", import_id, {"file": row.file_name})
        return Ok(value=True)


def _looked_into(file: Brought, currency: str, tax_rate: Decimal, time_zone: str) -> Look | Invalid:
    try:
        return files.look_into(file, currency=currency, tax_rate=tax_rate, today=clock.today(time_zone))
    except FileRefusedError as refusal:
        return Invalid.because(str(refusal), "file")


def _kept(file: Brought, look: Look, token: uuid.UUID | None) -> uuid.UUID:
    with transaction() as session:
        import_id = new_id()
        made = audit.claim(session, token, "import", import_id)
        if made is None:
            _keep(session, import_id, file, look)
            _make_room(session)
            audit.record(session, "import.uploaded", "import", import_id, {"file": file.name, "bytes": file.size})
        return made or import_id


def _keep(session: Session, import_id: uuid.UUID, file: Brought, look: Look) -> None:
    scope = current_scope(session)
    row = Import(
        business_id=scope.business_id,
        id=import_id,
        user_id=scope.user_id,
        file_name=file.name,
        size=file.size,
        sha256=file.sha256,
        kind=look.kind,
        status=Status.PREVIEW,
        task=Task.READ,
        sheet=look.sheet,
        choices=kept.choices_to_json(look.choices) if look.choices else None,
        rows_total=look.rows,
    )
    session.add(row)
    session.flush()
    kept.keep_file(session, row.business_id, import_id, file.path)
    if row.kind == Kind.ARCHIVE:
        row.preview = {"counts": {}, "totals": {}, "rows": []}
    elif files.is_read_at_once(file.size, look.rows):
        steps.read(session, row, file.path)
    else:
        _run(row, Task.READ)


def _make_room(session: Session) -> None:
    """Let go of files that wait longest to be started."""
    waiting = select(Import.id).where(in_business(Import), Import.status.in_((Status.PREVIEW, Status.FAILED)))
    oldest = waiting.order_by(Import.id.desc()).offset(OPEN_IMPORTS)
    session.execute(
        delete(Import).where(in_business(Import), Import.id.in_(oldest)).execution_options(synchronize_session=False)
    )


def _read_again(session: Session, row: Import, choices: Choices) -> None:
    """With other choices: at once, or by the worker when the file is large."""
    sheet = Sheet.from_json(row.sheet)
    if choices.kind != row.kind:
        with kept.file_of(session, row.id) as path:
            choices = files.of_kind(path, sheet, choices.kind, choices, _today(session))
    row.choices, row.kind = kept.choices_to_json(choices), choices.kind
    if files.is_read_at_once(row.size, row.rows_total):
        with kept.file_of(session, row.id) as path:
            steps.read(session, row, path)
    else:
        row.preview = None
        _run(row, Task.READ)


def _refuse_archive(session: Session, *, may_bring_all: bool) -> Invalid | Forbidden | None:
    if not may_bring_all:
        return Forbidden(FOR_OWNERS)
    why = archive_import.why_not(session)
    return Invalid.because(why) if why else None


def _refuse_rows(session: Session, row: Import, choices: Choices | None) -> Invalid | None:
    if choices is not None and kept.choices_to_json(choices) != row.choices:
        _read_again(session, row, choices)
    if why := steps.why_not(row):
        return Invalid.because(f"{why} {AGREE}", "only_good_rows")
    return None


def _run(row: Import, task: Task) -> None:
    row.status, row.task, row.outcome = Status.RUNNING, task, ""
    row.attempts, row.rows_done, row.cancel_requested, row.changed_at = 0, 0, False, func.now()


def _today(session: Session) -> object:
    return clock.today(session.execute(select(Business.time_zone)).scalar_one())


def _locked(session: Session, import_id: uuid.UUID, *, skip_locked: bool = False) -> Import | None:
    one = select(Import).where(in_business(Import), Import.id == import_id)
    locked = one.with_for_update(skip_locked=skip_locked).execution_options(populate_existing=True)
    return session.execute(locked).scalar_one_or_none()
