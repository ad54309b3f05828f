"""The work on imports, by a process beside the web server: found, claimed, done in one transaction, told how far it is.

Whoever works on an import holds an advisory lock of its business, in the very transaction that does the work. So the
claim ends with the connection of whoever was killed, together with all that was written, and the next worker begins
anew; nothing has to be found out by a clock. One import at a time in a business: two would wait for each other anyway.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from flask import Flask, current_app
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from invoices_app.accounts.models import Membership, Role
from invoices_app.config import Settings
from invoices_app.db import init_db
from invoices_app.db.tenancy import Scope, enter, set_scope
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.imports import steps
from invoices_app.imports.models import Import, Task
from invoices_app.imports.progress import CANCELLED, CancelledError, Progress, claim
from invoices_app.observability import actions as action_lines
from invoices_app.observability import sentry
from invoices_app.observability.trace import Trace, current

LOOK_SECONDS = 0.5
AWAY_SECONDS = 2.0
IDLE_SECONDS = 30.0
LEFT_SECONDS = 24 * 3600.0
FOLDER = "imports"
LOCK_TIMEOUT = "60s"
"""Longer than a request's: an import that waits for somebody is still better than one that begins anew."""

RACES_LOST = frozenset({"23505", "40001", "40P01", "55P03"})
"""Somebody did the same at the same moment, or was in the way: another attempt may go well."""

_WAITING = text("SELECT business_id, id, user_id, task FROM imports WHERE status = 'running' ORDER BY changed_at, id")
_PATIENT = text(
    "SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '0', true),"
    " set_config('lock_timeout', :lock_timeout, true)"
)

UNFORESEEN = "Something went wrong on our side, and nothing of it was kept. It has been noted; you can try again."
NO_LONGER = "Who started it may not import any more, and nothing of it was kept."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An import that was asked for, maybe one that another worker is at."""

    business_id: uuid.UUID
    id: uuid.UUID
    user_id: uuid.UUID | None
    task: str


def work_until_spent(settings: Settings) -> None:
    """Do all that waits, then whatever comes, until something was done and nothing has come for a while."""
    app = worker_app(settings)
    clear_leftovers(settings)
    worked_at: float | None = None
    while worked_at is None or time.monotonic() - worked_at < IDLE_SECONDS:
        try:
            if work(app):
                worked_at = time.monotonic()
                continue
        except SQLAlchemyError as error:  # the database is away, or came back: what was asked for waits in it
            log.warning("imports wait for the database", reason=type(error).__name__)
            time.sleep(AWAY_SECONDS)
        time.sleep(LOOK_SECONDS)
    with app.app_context():
        db.engine.dispose()


def worker_app(settings: Settings) -> Flask:
    """An app that has a database and nothing to show: no route, no template, a quarter less memory."""
    app = Flask("invoices_app", static_folder=None)
    app.config["SETTINGS"] = settings
    sentry.init_sentry(settings)
    init_db(app, settings)
    return app


def work(app: Flask) -> int:
    """Do what waits and nobody else is at; how many imports that were."""
    with app.app_context():
        found = waiting()
    done = 0
    for one in found:
        with app.app_context():
            done += work_on(one)
    return done


def waiting() -> list[Waiting]:
    """What waits in all businesses, the oldest first. It may be at work already."""
    with db.engine.begin() as connection:
        enter(connection, Scope(delivering=True))
        return [Waiting(*row) for row in connection.execute(_WAITING)]


def work_on(one: Waiting) -> bool:
    """Do it, if nobody else is at it; whether it was begun. How it ended stands in its row and in the log.

    Raises DBAPIError when the database went away; it waits for another attempt then.
    """
    scope = Scope(user_id=one.user_id, business_id=one.business_id)
    set_scope(db.session, scope)
    progress = Progress(db.engine, scope, one.id)
    with _told(one, progress) as line:
        try:
            line.begun = _try(one, progress)
        except CancelledError:
            progress.fail(CANCELLED, cancelled=True)
            line.outcome = "cancelled"
        except steps.RefusedError as refusal:
            progress.fail(str(refusal))
            line.outcome = "refused"
        except DBAPIError as error:
            line.outcome = "interrupted"
            if error.connection_invalidated:
                raise
            if getattr(error.orig, "sqlstate", None) not in RACES_LOST:
                _note_unforeseen(error, progress)
                line.outcome = "error"
        except Exception as error:  # whatever it is, people are told, and the next import has its turn
            _note_unforeseen(error, progress)
            line.outcome = "error"
    return line.begun


def _try(one: Waiting, progress: Progress) -> bool:
    """One attempt, in one transaction. False when another worker is at it, or it has ended meanwhile."""
    settings: Settings = current_app.config["SETTINGS"]
    with transaction() as session:
        session.execute(_PATIENT, {"lock_timeout": LOCK_TIMEOUT})
        if not claim(session, one.business_id) or not progress.begin():
            return False
        row = session.get_one(Import, (one.business_id, one.id))
        if not _may_import(session, row):
            raise steps.RefusedError(NO_LONGER)
        with steps.file_of(session, row, settings.data_dir / FOLDER) as path:
            _do(session, row, path, progress)
    return True


def _do(session: Session, row: Import, path: Path, progress: Progress) -> None:
    if row.task == Task.READ:
        steps.read(session, row, path, progress.tell)
    elif row.preview is None:  # choices were changed at the last moment: what they lead to is told first
        steps.read_before_writing(session, row, path, progress.tell)
    else:
        steps.write(session, row, path, progress.tell)


def _may_import(session: Session, row: Import) -> bool:
    """Whether who started it is still there to do so. A command has no person."""
    if row.user_id is None:
        return True
    membership = session.get(Membership, (row.business_id, row.user_id))
    return membership is not None and membership.role != Role.BOOKKEEPER


def _note_unforeseen(error: Exception, progress: Progress) -> None:
    event_id = sentry.report(error)
    log.error("import failed", import_id=str(progress.import_id), exc_info=error, sentry_event=event_id)
    progress.fail(UNFORESEEN)


@dataclass
class _Line:
    """What the log says of one attempt."""

    outcome: str = "ok"
    begun: bool = True


@contextmanager
def _told(one: Waiting, progress: Progress) -> Iterator[_Line]:
    """One line of the log for an attempt, as a request has one, and one for each action in it."""
    trace, line = Trace(slow_seconds=float("inf")), _Line()
    current.set(trace)
    who = {"user": str(one.user_id or ""), "business": str(one.business_id), "import_id": str(one.id)}
    with structlog.contextvars.bound_contextvars(**who):
        try:
            yield line
        finally:
            action_lines.write(trace, line.outcome)
            current.set(None)
            if line.begun:
                rows = progress.rows_done
                log.info("action", action=f"import.{one.task}", outcome=line.outcome, rows=rows, **trace.figures())


def clear_leftovers(settings: Settings) -> None:
    """Remove files that killed processes left behind and nobody took up again."""
    folder = settings.data_dir / FOLDER
    for path in folder.iterdir() if folder.is_dir() else ():
        if time.time() - path.stat().st_mtime > LEFT_SECONDS:
            path.unlink(missing_ok=True)
