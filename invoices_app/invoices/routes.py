"""The invoice list, a new invoice, the document and its header, archive, duplicate and print."""

from __future__ import annotations

import uuid

from flask import Response, render_template, request, url_for

from invoices_app.accounts import queries as account_queries
from invoices_app.invoices import actions, listing, queries
from invoices_app.invoices.blueprint import blueprint
from invoices_app.invoices.document import Document, Sheet
from invoices_app.invoices.forms import EditHeaderForm, NewInvoiceForm
from invoices_app.invoices.views import (
    document_context,
    document_or_404,
    header_or_refuse,
    origin,
    show_document,
    show_edit,
    show_header_clash,
)
from invoices_app.results import Conflict, Invalid, Ok
from invoices_app.web import errors, htmx
from invoices_app.web.access import identity, readers, writers
from invoices_app.web.forms import one_time_token, uuid_or_none
from invoices_app.web.remembered import remembered


@blueprint.get("/invoices")
@readers
@remembered
def index() -> Response:
    return listing.show(listing.requested(), "invoices/index.html")


@blueprint.get("/invoices/new")
@writers
def new() -> Response:
    form = NewInvoiceForm()
    form.client_id.data = uuid_or_none(request.args.get("client"))
    form.issue_date.data = identity().today()
    return _new_page(form)


@blueprint.post("/invoices")
@writers
def create() -> Response:
    form = NewInvoiceForm.from_request()
    if not form.validate():
        return _new_page(form, 422)
    header = form.data
    lines, token = header.pop("lines"), header.pop("one_time_token")
    match actions.create_invoice(header, lines, identity().today(), token):
        case Ok(invoice_id):
            return htmx.go_to(url_for("invoices.show", invoice_id=invoice_id))
        case Invalid(problems):
            form.add_errors(problems)
            return _new_page(form, 422)
        case refusal:
            return errors.answer(refusal)


@blueprint.get("/invoices/<uuid:invoice_id>")
@readers
@remembered
def show(invoice_id: uuid.UUID) -> Response:
    return show_document("invoices/_document.html", document_context(document_or_404(invoice_id)))


@blueprint.post("/invoices/<uuid:invoice_id>")
@writers
def update(invoice_id: uuid.UUID) -> Response:
    shown = header_or_refuse(invoice_id)
    form = EditHeaderForm.from_request(shown)
    if not form.validate():
        return _refused_header(shown, form)
    values = {field.name: field.data for field in form.sent()}
    match actions.update_invoice(invoice_id, values, form.version.data, origin()):
        case Ok(sheet):
            return show_edit(sheet, of_header=True)
        case Conflict() as conflict:
            return show_header_clash(invoice_id, form, conflict)
        case Invalid(problems):
            form.add_errors(problems)
            return _refused_header(shown, form)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/invoices/<uuid:invoice_id>/archive")
@writers
def archive(invoice_id: uuid.UUID) -> Response:
    match actions.archive_invoice(invoice_id):
        case Ok(outcome):
            message = outcome.told("archived", "had been archived before")
            return _after_toggle(invoice_id, message, listing.undo_url(outcome.archiving_id))
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/invoices/<uuid:invoice_id>/restore")
@writers
def restore(invoice_id: uuid.UUID) -> Response:
    match actions.restore_invoice(invoice_id):
        case Ok(outcome):
            return _after_toggle(invoice_id, outcome.back())
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/invoices/archivings/<uuid:archiving_id>/undo")
@writers
def undo_archiving(archiving_id: uuid.UUID) -> Response:
    match actions.undo_archiving(archiving_id):
        case Ok(outcome):
            return listing.changed(outcome.back())
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/invoices/<uuid:invoice_id>/duplicate")
@writers
def duplicate(invoice_id: uuid.UUID) -> Response:
    match actions.duplicate_invoice(invoice_id, identity().today(), one_time_token()):
        case Ok(copy_id):
            wanted = htmx.wanted_url(url_for("invoices.show", invoice_id=copy_id))
            return htmx.done("This is the copy, a new draft dated today.", wanted)
        case refusal:
            return errors.answer(refusal)


@blueprint.get("/invoices/<uuid:invoice_id>/print")
@readers
def print_page(invoice_id: uuid.UUID) -> Response:
    context = {"document": document_or_404(invoice_id), "editable": False}
    return Response(render_template("invoices/print.html", **context), mimetype="text/html")


def _refused_header(shown: Document, form: EditHeaderForm) -> Response:
    """The heading with what was typed into it, and why that is not taken."""
    sheet = Sheet(shown, {}, (), whole=False, header=False)
    context = document_context(shown, form) | {"sheet": sheet, "own": None}
    return show_document("invoices/_header_answer.html", context, 422)


def _after_toggle(invoice_id: uuid.UUID, message: str, undo: str = "") -> Response:
    """Show the row of the list that it was done in as it is now, if it is still there; else go where the form says."""
    shown = listing.behind()
    if shown is None:
        return htmx.done(message, htmx.wanted_url(url_for("invoices.show", invoice_id=invoice_id)), undo)
    row = queries.invoice_row(invoice_id, identity().today())
    is_hidden = row is not None and row.archived and not shown.filters.archived
    return listing.row_changed(shown, None if is_hidden else row, htmx.Notice(message, undo))


def _new_page(form: NewInvoiceForm, status: int = 200) -> Response:
    form.offer_clients(form.client_id.data, every="every-client" in request.args)
    form.add_blank_lines()
    chosen = dict(form.client_id.options).get(str(form.client_id.data), "")
    context = {"form": form, "client_name": chosen, "usual_tax_rate": account_queries.business().default_tax_rate}
    return htmx.render("invoices/new.html", "invoices/new.html", context, status)
