"""The invoice list, a new invoice, the document and its header, archive, duplicate and print."""

from __future__ import annotations

import uuid

from flask import Response, abort, render_template, request, url_for

from invoices_app.accounts import queries as account_queries
from invoices_app.clients import queries as client_queries
from invoices_app.invoices import actions, queries
from invoices_app.invoices.blueprint import blueprint
from invoices_app.invoices.forms import EditHeaderForm, NewInvoiceForm
from invoices_app.invoices.queries import InvoiceFilters
from invoices_app.invoices.views import document_context, document_or_404, draft_or_refuse, show_document
from invoices_app.results import ActionResult, Conflict, Invalid, Ok
from invoices_app.web import errors, htmx, pagination
from invoices_app.web.access import identity, signed_in
from invoices_app.web.forms import one_time_token, search_text, uuid_or_none


@blueprint.get("/invoices")
@signed_in
def index() -> Response:
    status = request.args.get("status") or None
    client = request.args.get("client") or None
    if status and status not in queries.STATUSES:
        raise errors.BadAddress(f"There is no such status; there are {', '.join(queries.STATUSES)}.")
    client_id = uuid_or_none(client)
    if client and (client_id is None or client_queries.client(client_id) is None):
        abort(404)
    filters = InvoiceFilters(status, client_id, search_text(), request.args.get("archived") == "1")
    found = queries.invoice_page(filters, pagination.requested_keys("invoices", 2), identity().today())
    context = {"page": pagination.sign("invoices", found), "filters": filters, "counts": None}
    return htmx.render("invoices/index.html", "invoices/_list.html", context)


@blueprint.get("/invoices/new")
@signed_in
def new() -> Response:
    form = NewInvoiceForm()
    form.client_id.data = uuid_or_none(request.args.get("client"))
    form.issue_date.data = identity().today()
    return _new_page(form)


@blueprint.post("/invoices")
@signed_in
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
@signed_in
def show(invoice_id: uuid.UUID) -> Response:
    return show_document("invoices/_document.html", document_context(document_or_404(invoice_id)))


@blueprint.post("/invoices/<uuid:invoice_id>")
@signed_in
def update(invoice_id: uuid.UUID) -> Response:
    shown = draft_or_refuse(invoice_id)
    form = EditHeaderForm.from_request(shown)
    if not form.validate():
        return show_document("invoices/_header_answer.html", document_context(shown, header_form=form), 422)
    values = form.data
    match actions.update_invoice(invoice_id, values, values.pop("version")):
        case Ok() if htmx.is_fragment():
            return show_document("invoices/_header_answer.html", document_context(document_or_404(invoice_id)))
        case Ok():
            return htmx.go_to(url_for("invoices.show", invoice_id=invoice_id))
        case Conflict(message):
            form.form_errors.append(message)
            context = document_context(document_or_404(invoice_id), header_form=form)
            return show_document("invoices/_header_answer.html", context, 409)
        case Invalid(problems):
            form.add_errors(problems)
            return show_document("invoices/_header_answer.html", document_context(shown, header_form=form), 422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/invoices/<uuid:invoice_id>/archive")
@signed_in
def archive(invoice_id: uuid.UUID) -> Response:
    return _after(actions.archive_invoice(invoice_id), "Invoice archived.")


@blueprint.post("/invoices/<uuid:invoice_id>/restore")
@signed_in
def restore(invoice_id: uuid.UUID) -> Response:
    return _after(actions.restore_invoice(invoice_id), "Invoice restored.")


@blueprint.post("/invoices/<uuid:invoice_id>/duplicate")
@signed_in
def duplicate(invoice_id: uuid.UUID) -> Response:
    result = actions.duplicate_invoice(invoice_id, identity().today(), one_time_token())
    return _after(result, "This is the copy, a new draft dated today.")


@blueprint.get("/invoices/<uuid:invoice_id>/print")
@signed_in
def print_page(invoice_id: uuid.UUID) -> Response:
    context = {"document": document_or_404(invoice_id), "editable": False}
    return Response(render_template("invoices/print.html", **context), mimetype="text/html")


def _after(result: ActionResult[uuid.UUID], message: str) -> Response:
    match result:
        case Ok(invoice_id):
            return htmx.done(message, htmx.wanted_url(url_for("invoices.show", invoice_id=invoice_id)))
        case refusal:
            return errors.answer(refusal)


def _new_page(form: NewInvoiceForm, status: int = 200) -> Response:
    form.offer_clients(form.client_id.data)
    form.add_blank_lines()
    context = {"form": form, "usual_tax_rate": account_queries.business().default_tax_rate}
    return htmx.render("invoices/new.html", "invoices/new.html", context, status)
