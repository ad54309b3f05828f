"""`flask import`: a file brought from the command line, by the same actions as through the pages."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from invoices_app.db.tenancy import Scope, current_scope, set_scope
from invoices_app.extensions import db
from invoices_app.imports import actions, files, jobs, kept, queries
from invoices_app.imports.csv_file import FileRefusedError
from invoices_app.imports.models import Import, Status
from invoices_app.imports.plan import Arrival, Choices
from invoices_app.results import Invalid, Ok

LOOK_SECONDS = 0.2
WORDS = {
    "invoices_new": "new invoices",
    "invoices_known": "invoices that are here already",
    "invoices_repeated": "invoices that stand in it twice",
    "clients_new": "new clients",
    "clients_known": "clients that are here already",
    "bad_rows": "rows that cannot come in",
    "notes": "notes",
}
CREATED = {
    "invoices": "invoices created",
    "clients": "clients created",
    "invoices_skipped": "invoices were here already",
    "clients_matched": "clients were here already",
    "bad_rows": "rows left out",
}

Say = Callable[[str], None]


class StoppedError(Exception):
    """Nothing was written; the message says why."""


def bring(path: Path, wanted: Mapping[str, Any], *, only_good_rows: bool, say: Say) -> None:
    """Import a file into the business of the current scope, saying what came of it.

    `wanted` holds the choices that differ from what is proposed. Raises StoppedError when nothing was written.
    """
    scope = current_scope(db.session)
    import_id = _uploaded(path)
    row = _settled(scope, import_id)
    if row.choices is not None and wanted:
        choices = _with(kept.choices_from_json(row.choices), wanted)
        actions.change_choices(import_id, choices)
        row = _settled(scope, import_id)
    _tell(row.preview, WORDS, say)
    for batch in queries.problem_batches(import_id):
        for one in batch:
            column = f", {one.column_name}" if one.column_name else ""
            say(f"{'note, ' if one.is_note else ''}line {one.line}{column}: {one.sentence}")
    match actions.start(import_id, None, only_good_rows=only_good_rows, may_bring_all=True):
        case Ok():
            row = _settled(scope, import_id)
        case Invalid() as refusal:
            raise StoppedError(f"{refusal.sentences()[0].split('. ')[0]}. Nothing was written; --only-good-rows does.")
        case _:
            raise StoppedError("The file is not here any more. Nothing was written.")
    if row.status != Status.DONE:
        raise StoppedError(row.outcome)
    _tell(row.result, CREATED, say)
    if row.outcome:
        say(row.outcome)


def _uploaded(path: Path) -> uuid.UUID:
    try:
        with path.open("rb") as stream, files.brought(stream, path.name) as file:
            result = actions.upload(file, may_bring_all=True)
    except FileRefusedError as refusal:
        raise StoppedError(str(refusal)) from refusal
    match result:
        case Ok(import_id):
            return import_id
        case Invalid() as refused:
            raise StoppedError(" ".join(refused.sentences()))
        case _:
            raise StoppedError("There is no such business.")


def _settled(scope: Scope, import_id: uuid.UUID) -> Import:
    """The import when nothing runs on it any more: done by this very process, unless a worker is at it already."""
    while True:
        set_scope(db.session, scope)
        db.session.rollback()
        row = queries.one_import(import_id)
        if row is None:
            raise StoppedError("The file is not here any more. Nothing was written.")
        if row.status != Status.RUNNING:
            return row
        one = jobs.Waiting(row.business_id, row.id, row.user_id, row.task)
        db.session.rollback()
        if not jobs.work_on(one):
            time.sleep(LOOK_SECONDS)


def _with(choices: Choices, wanted: Mapping[str, Any]) -> Choices:
    kinds: dict[str, Callable[[str], Any]] = {"tax_rate": Decimal, "status": Arrival, "currency": str}
    return replace(choices, **{name: kinds[name](str(value)) for name, value in wanted.items()})


def _tell(found: Mapping[str, Any] | None, words: Mapping[str, str], say: Say) -> None:
    counts = (found or {}).get("counts", {})
    for name, word in words.items():
        if counts.get(name):
            say(f"{counts[name]:,} {word}")
    for currency, total in (found or {}).get("totals", {}).items():
        say(f"{Decimal(total):,f} {currency}")
