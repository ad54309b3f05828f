"""The lines of a draft: add, paste, change, delete, move, duplicate, undo. Each answers what has changed."""

from __future__ import annotations

import uuid

from flask import Response, request, url_for

from invoices_app.invoices import line_actions
from invoices_app.invoices.blueprint import blueprint
from invoices_app.invoices.document import Sheet
from invoices_app.invoices.forms import AddLineForm, EditLineForm, MoveLineForm, PasteForm
from invoices_app.invoices.views import (
    EDITED,
    document_context,
    header_or_refuse,
    line_or_refuse,
    origin,
    show_document,
    show_edit,
    show_line_clash,
)
from invoices_app.results import ActionResult, Conflict, FieldErrors, Invalid, NotFound, Ok
from invoices_app.web import errors, htmx
from invoices_app.web.access import writers
from invoices_app.web.forms import one_time_token

PASTE = "invoices/_paste.html"


@blueprint.post("/invoices/<uuid:invoice_id>/lines")
@writers
def add_line(invoice_id: uuid.UUID) -> Response:
    form = AddLineForm.from_request()
    if not form.validate():
        return _refused_new_line(invoice_id, form)
    values = form.data
    after, token = values.pop("after"), values.pop("one_time_token")
    match line_actions.add_lines(invoice_id, [values], origin(), after, token):
        case Ok(sheet):
            own = None if after or not sheet.document.lines else sheet.document.lines[-1].id
            return show_edit(sheet, own)
        case Invalid(problems):
            form.add_errors(problems)
            return _refused_new_line(invoice_id, form)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/invoices/<uuid:invoice_id>/lines/paste")
@writers
def paste_lines(invoice_id: uuid.UUID) -> Response:
    form = PasteForm.from_request()
    if not form.validate():
        return _refused_paste(invoice_id, form)
    match line_actions.add_lines(invoice_id, form.rows.data, origin(), form.after.data, form.one_time_token.data):
        case Ok(sheet):
            count = len(form.rows.data)
            told = "One line pasted." if count == 1 else f"{count} lines pasted."
            return show_edit(sheet, notice=_undoable(invoice_id, told))
        case Invalid(problems):
            form.add_errors(problems)
            return _refused_paste(invoice_id, form)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/invoices/<uuid:invoice_id>/lines/repeat")
@writers
def repeat_lines(invoice_id: uuid.UUID) -> Response:
    result = line_actions.repeat_lines(invoice_id, origin(), one_time_token())
    return _after(result, invoice_id, "The lines of the last invoice were added.")


@blueprint.post("/invoices/<uuid:invoice_id>/lines/<uuid:line_id>")
@writers
def change_line(invoice_id: uuid.UUID, line_id: uuid.UUID) -> Response:
    form = EditLineForm.of_sent()
    if not form.validate():
        return _refused_line(invoice_id, line_id, {})
    values = form.data
    match line_actions.change_line(invoice_id, line_id, values, values.pop("version"), origin()):
        case Ok(sheet):
            return show_edit(sheet, line_id)
        case Conflict() as conflict:
            return show_line_clash(invoice_id, line_id, form, conflict)
        case Invalid() as refusal:
            return _refused_line(invoice_id, line_id, refusal.errors)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/invoices/<uuid:invoice_id>/lines/<uuid:line_id>/restore")
@writers
def put_line_back(invoice_id: uuid.UUID, line_id: uuid.UUID) -> Response:
    form = EditLineForm.of_sent(versioned=False)
    if not form.validate():
        return errors.answer(Invalid({field.name: field.errors for field in form}))
    return _after(line_actions.put_back(invoice_id, line_id, form.data, origin()), invoice_id, "The line is back.")


@blueprint.post("/invoices/<uuid:invoice_id>/lines/<uuid:line_id>/delete")
@writers
def delete_line(invoice_id: uuid.UUID, line_id: uuid.UUID) -> Response:
    return _after(line_actions.delete_line(invoice_id, line_id, origin()), invoice_id, "Line deleted.")


@blueprint.post("/invoices/<uuid:invoice_id>/lines/<uuid:line_id>/move")
@writers
def move_line(invoice_id: uuid.UUID, line_id: uuid.UUID) -> Response:
    form = MoveLineForm(request.form)
    if not form.validate():
        _, line = line_or_refuse(invoice_id, line_id)
        return errors.answer(Invalid({"position": form.position.errors}) if line else NotFound())
    return _after(line_actions.move_line(invoice_id, line_id, form.position.data, origin()), invoice_id)


@blueprint.post("/invoices/<uuid:invoice_id>/lines/<uuid:line_id>/duplicate")
@writers
def duplicate_line(invoice_id: uuid.UUID, line_id: uuid.UUID) -> Response:
    return _after(line_actions.duplicate_line(invoice_id, line_id, origin(), one_time_token()), invoice_id)


@blueprint.post("/invoices/<uuid:invoice_id>/undo")
@writers
def undo(invoice_id: uuid.UUID) -> Response:
    match line_actions.undo(invoice_id, origin()):
        case Ok(sheet):
            return show_edit(sheet, notice=htmx.Notice("Undone."))
        case refusal:
            return errors.answer(refusal)


def _after(result: ActionResult[Sheet], invoice_id: uuid.UUID, told: str = "") -> Response:
    match result:
        case Ok(sheet):
            return show_edit(sheet, notice=_undoable(invoice_id, told) if told else None)
        case refusal:
            return errors.answer(refusal)


def _undoable(invoice_id: uuid.UUID, told: str) -> htmx.Notice:
    return htmx.Notice(told, url_for("invoices.undo", invoice_id=invoice_id))


def _refused_line(invoice_id: uuid.UUID, line_id: uuid.UUID, problems: FieldErrors) -> Response:
    """The line with what was typed into it, and why that is not taken."""
    shown, line = line_or_refuse(invoice_id, line_id)
    if line is None:
        return errors.answer(NotFound())
    form = EditLineForm.from_request(line)
    form.validate()
    form.add_errors(problems)
    context = document_context(shown, form, line_id)
    sheet = Sheet(shown, {}, (), whole=False, header=False)
    return show_document(EDITED, context | {"sheet": sheet, "own": line_id}, 422)


def _refused_new_line(invoice_id: uuid.UUID, form: AddLineForm) -> Response:
    context = document_context(header_or_refuse(invoice_id), form)
    return show_document("invoices/_new_line.html", context | {"refused": htmx.is_fragment()}, 422)


def _refused_paste(invoice_id: uuid.UUID, form: PasteForm) -> Response:
    response = show_document(PASTE, document_context(header_or_refuse(invoice_id), form), 422)
    if htmx.is_fragment():
        response.headers.update({"HX-Retarget": "#paste", "HX-Reswap": "outerHTML"})
    return response
