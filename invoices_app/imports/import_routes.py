"""Bringing a file: its form, what would come in, how far it is, and what came in."""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Response, abort, request, url_for

from invoices_app.extensions import db
from invoices_app.imports import actions, archive_import, columns, files, forms, kept, queries
from invoices_app.imports.actions import Started
from invoices_app.imports.blueprint import blueprint
from invoices_app.imports.csv_file import FileRefusedError, Sheet
from invoices_app.imports.forms import ChoicesForm, UploadForm
from invoices_app.imports.models import Import, Status
from invoices_app.imports.plan import Kind
from invoices_app.results import Invalid, Ok
from invoices_app.web import csv_export, errors, htmx, rate_limits, uploads
from invoices_app.web.access import identity, writers
from invoices_app.web.forms import one_time_token

REQUEST_MAX_BYTES = files.MAX_BYTES + 20 * 1024 * 1024
"""A file that is a little too large still comes through, so that its form can say so."""

PROBLEM_COLUMNS = ("line", "column", "what", "comes_in")


@blueprint.get("/import")
@writers
def index() -> Response:
    return _index(UploadForm())


@blueprint.post("/import")
@uploads.up_to(REQUEST_MAX_BYTES)
@writers
@rate_limits.IMPORT
def upload() -> Response:
    sent = request.files.get("file")
    form = UploadForm(request.form)
    if sent is None or not sent.filename:
        form.file.errors = [files.NO_FILE]
        return _index(form, status=422)
    try:
        with closing(sent), files.brought(sent.stream, sent.filename) as file:  # type: ignore[arg-type]  # of bytes
            result = actions.upload(file, may_bring_all=identity().is_owner, token=one_time_token())
    except FileRefusedError as refusal:
        result = Invalid.because(str(refusal), "file")
    match result:
        case Ok(import_id):
            return htmx.go_to(url_for("imports.show", import_id=import_id))
        case Invalid(problems):
            form.add_errors(problems)
            return _index(form, status=422)
        case refused:
            return errors.answer(refused)


@blueprint.get("/import/<uuid:import_id>")
@writers
def show(import_id: uuid.UUID) -> Response:
    row = queries.one_import(import_id) or abort(404)
    return _page(row)


@blueprint.post("/import/<uuid:import_id>")
@writers
def change(import_id: uuid.UUID) -> Response:
    row = queries.one_import(import_id) or abort(404)
    form = _form_of(row, is_sent=True)
    if form is None:
        return _to(import_id)
    if not form.validate():
        return _page(row, form, status=422)
    match actions.change_choices(import_id, form.choices()):
        case Ok():
            return _to(import_id)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/import/<uuid:import_id>/start")
@writers
@rate_limits.IMPORT
def start(import_id: uuid.UUID) -> Response:
    row = queries.one_import(import_id) or abort(404)
    form = _form_of(row, is_sent=True)
    if form is not None and not form.validate():
        return _page(row, form, status=422)
    agreed = bool(form and form.only_good_rows.data)
    choices = form.choices() if form else None
    match actions.start(import_id, choices, only_good_rows=agreed, may_bring_all=identity().is_owner):
        case Ok(Started()):
            return _to(import_id)
        case Invalid(problems) if form is not None:
            form.add_errors(problems)
            return _page(queries.one_import(import_id) or row, form, status=422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/import/<uuid:import_id>/cancel")
@writers
def cancel(import_id: uuid.UUID) -> Response:
    match actions.cancel(import_id):
        case Ok():
            return _to(import_id)
        case refusal:
            return errors.answer(refusal)


@blueprint.get("/import/<uuid:import_id>/problems.csv")
@writers
@rate_limits.EXPORT
def problems(import_id: uuid.UUID) -> Response:
    if queries.one_import(import_id) is None:
        abort(404)
    batches = (
        [(one.line, one.column_name, one.sentence, one.is_note) for one in batch]
        for batch in queries.problem_batches(import_id)
    )
    return csv_export.download(f"problems-{import_id}.csv", PROBLEM_COLUMNS, batches)


def _to(import_id: uuid.UUID) -> Response:
    return htmx.go_to(url_for("imports.show", import_id=import_id))


def _form_of(row: Import, *, is_sent: bool = False) -> ChoicesForm | None:
    """The form of how it is read; None for an archive, which is read in one way only."""
    if row.choices is None:
        return None
    sheet, choices = Sheet.from_json(row.sheet), kept.choices_from_json(row.choices)
    return forms.choices_form(sheet, choices, only_good_rows=row.only_good_rows, is_sent=is_sent)


def _index(form: UploadForm, status: int = 200) -> Response:
    context = {"form": form, "imports": queries.last_imports(), "max_mb": files.MAX_MB}
    return htmx.render("imports/index.html", "imports/index.html", context, status)


def _page(row: Import, form: ChoicesForm | None = None, status: int = 200) -> Response:
    """The page of an import as it stands; `form` is one that was refused."""
    context: dict[str, Any] = {"row": row, "form": form or _form_of(row), "refused": form}
    context["preview"] = _readable(row.preview or {"counts": {}, "totals": {}, "rows": []})
    context["result"] = _readable(row.result) if row.result else None
    if row.status != Status.RUNNING:
        context |= _found(row)
    return htmx.render("imports/show.html", "imports/_import.html", context, status)


def _found(row: Import) -> dict[str, Any]:
    counts = (row.preview or {}).get("counts", {})
    numbers = [one["number"] for one in (row.preview or {}).get("rows", []) if one.get("number")]
    is_done = row.status == Status.DONE
    is_archive = row.kind == Kind.ARCHIVE
    return {
        "stands_against": archive_import.why_not(db.session) if is_archive and not is_done else None,
        "bad": queries.problems(row.id, are_notes=False) if counts.get("bad_rows") else [],
        "notes": queries.problems(row.id, are_notes=True) if counts.get("notes") else [],
        "before": None if is_done else queries.came_before(row),
        "here": queries.invoices_by_number(numbers) if is_done else {},
        "labels": {one.name: one.label for one in columns.FIELDS.get(Kind(row.kind), ())},
    }


def _readable(kept_json: dict[str, Any]) -> dict[str, Any]:
    """What is kept as JSON, with its amounts and dates as such."""

    def of(one: dict[str, Any]) -> dict[str, Any]:
        days: dict[str, Any] = {
            name: date.fromisoformat(one[name]) for name in ("issue_date", "due_date") if name in one
        }
        amounts = {"total": Decimal(one["total"])} if "total" in one else {}
        return {**one, **days, **amounts}

    totals = {currency: Decimal(total) for currency, total in kept_json["totals"].items()}
    return {**kept_json, "totals": totals, "rows": [of(one) for one in kept_json.get("rows", [])]}
