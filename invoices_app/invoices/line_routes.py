"""The lines of a draft: add, change, delete, move, duplicate. Each answers the row or rows, and the totals."""

from __future__ import annotations

import uuid

from flask import Response, abort, request, url_for

from invoices_app.invoices import line_actions
from invoices_app.invoices.blueprint import blueprint
from invoices_app.invoices.forms import AddLineForm, EditLineForm, MoveLineForm
from invoices_app.invoices.views import document_context, document_or_404, draft_or_refuse, show_document
from invoices_app.results import ActionResult, Conflict, Invalid, Ok
from invoices_app.web import errors, htmx
from invoices_app.web.access import signed_in
from invoices_app.web.forms import one_time_token

LINE = "invoices/_line_answer.html"
LINES = "invoices/_lines_answer.html"


@blueprint.post("/invoices/<uuid:invoice_id>/lines")
@signed_in
def add_line(invoice_id: uuid.UUID) -> Response:
    shown = draft_or_refuse(invoice_id)
    form = AddLineForm.from_request()
    if not form.validate():
        return show_document(LINES, document_context(shown, new_line_form=form), 422)
    values = form.data
    after, token = values.pop("after"), values.pop("one_time_token")
    match line_actions.add_line(invoice_id, values, after, token):
        case Invalid(problems):
            form.add_errors(problems)
            return show_document(LINES, document_context(shown, new_line_form=form), 422)
        case result:
            return _lines_after(result, invoice_id)


@blueprint.post("/invoices/<uuid:invoice_id>/lines/<uuid:line_id>")
@signed_in
def change_line(invoice_id: uuid.UUID, line_id: uuid.UUID) -> Response:
    shown = draft_or_refuse(invoice_id)
    line = next((line for line in shown.lines if line.id == line_id), None) or abort(404)
    form = EditLineForm.from_request(line)
    if not form.validate():
        context = document_context(shown, line_form=(line_id, form))
        return show_document(LINE, context | {"line": line}, 422)
    values = form.data
    match line_actions.change_line(invoice_id, line_id, values, values.pop("version")):
        case Ok() if htmx.is_fragment():
            context = document_context(document_or_404(invoice_id))
            line = next(line for line in context["document"].lines if line.id == line_id)
            return show_document(LINE, context | {"line": line})
        case Ok():
            return htmx.go_to(url_for("invoices.show", invoice_id=invoice_id))
        case Conflict(message):
            form.form_errors.append(message)
            context = document_context(document_or_404(invoice_id), line_form=(line_id, form))
            return show_document(LINE, context | {"line": line}, 409)
        case Invalid(problems):
            form.add_errors(problems)
            return show_document(LINE, document_context(shown, line_form=(line_id, form)) | {"line": line}, 422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/invoices/<uuid:invoice_id>/lines/<uuid:line_id>/delete")
@signed_in
def delete_line(invoice_id: uuid.UUID, line_id: uuid.UUID) -> Response:
    return _lines_after(line_actions.delete_line(invoice_id, line_id), invoice_id)


@blueprint.post("/invoices/<uuid:invoice_id>/lines/<uuid:line_id>/move")
@signed_in
def move_line(invoice_id: uuid.UUID, line_id: uuid.UUID) -> Response:
    document_or_404(invoice_id)
    form = MoveLineForm(request.form)
    if not form.validate():
        return errors.answer(Invalid({"position": form.position.errors}))
    return _lines_after(line_actions.move_line(invoice_id, line_id, form.position.data), invoice_id)


@blueprint.post("/invoices/<uuid:invoice_id>/lines/<uuid:line_id>/duplicate")
@signed_in
def duplicate_line(invoice_id: uuid.UUID, line_id: uuid.UUID) -> Response:
    return _lines_after(line_actions.duplicate_line(invoice_id, line_id, one_time_token()), invoice_id)


def _lines_after(result: ActionResult[uuid.UUID], invoice_id: uuid.UUID) -> Response:
    match result:
        case Ok() if htmx.is_fragment():
            return show_document(LINES, document_context(document_or_404(invoice_id)))
        case Ok():
            return htmx.go_to(url_for("invoices.show", invoice_id=invoice_id, _anchor="invoice-lines"))
        case refusal:
            return errors.answer(refusal)
