"""The client list and the client form. The client page, which shows invoices too, is in `invoices.client_routes`."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, abort, request, url_for

from invoices_app.clients import actions, queries
from invoices_app.clients.forms import ClientForm, EditClientForm, NewClientForm
from invoices_app.clients.queries import ClientFilters
from invoices_app.results import ActionResult, Conflict, Ok
from invoices_app.web import errors, htmx, pagination
from invoices_app.web.access import signed_in
from invoices_app.web.forms import search_text

blueprint = Blueprint("clients", __name__)


@blueprint.get("/clients")
@signed_in
def index() -> Response:
    filters = ClientFilters(q=search_text(), archived=request.args.get("archived") == "1")
    keys = queries.client_page(filters, pagination.requested_keys("clients", 2))
    context = {"page": pagination.sign("clients", keys), "filters": filters}
    return htmx.render("clients/index.html", "clients/_list.html", context)


@blueprint.get("/clients/new")
@signed_in
def new() -> Response:
    return _form_page("clients/new.html", NewClientForm())


@blueprint.post("/clients")
@signed_in
def create() -> Response:
    form = NewClientForm.from_request()
    if not form.validate():
        return _form_page("clients/new.html", form, status=422)
    values = form.data
    match actions.create_client(values, values.pop("one_time_token")):
        case Ok(client_id):
            return htmx.done("Client added.", url_for("clients.show", client_id=client_id))
        case refusal:
            return errors.answer(refusal)


@blueprint.get("/clients/<uuid:client_id>/edit")
@signed_in
def edit(client_id: uuid.UUID) -> Response:
    client = queries.client(client_id) or abort(404)
    return _form_page("clients/edit.html", EditClientForm(obj=client), client)


@blueprint.post("/clients/<uuid:client_id>")
@signed_in
def update(client_id: uuid.UUID) -> Response:
    client = queries.client(client_id) or abort(404)
    form = EditClientForm.from_request(client)
    if not form.validate():
        return _form_page("clients/edit.html", form, client, 422)
    values = form.data
    match actions.update_client(client_id, values, values.pop("version")):
        case Ok():
            return htmx.done("Client saved.", url_for("clients.show", client_id=client_id))
        case Conflict(message):
            form.form_errors.append(message)
            return _form_page("clients/edit.html", form, queries.client(client_id), 409)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/clients/<uuid:client_id>/archive")
@signed_in
def archive(client_id: uuid.UUID) -> Response:
    return _after_toggle(actions.archive_client(client_id), client_id, "Client archived.")


@blueprint.post("/clients/<uuid:client_id>/restore")
@signed_in
def restore(client_id: uuid.UUID) -> Response:
    return _after_toggle(actions.restore_client(client_id), client_id, "Client restored.")


def _after_toggle(result: ActionResult[uuid.UUID], client_id: uuid.UUID, message: str) -> Response:
    match result:
        case Ok():
            return htmx.done(message, htmx.wanted_url(url_for("clients.show", client_id=client_id)))
        case refusal:
            return errors.answer(refusal)


def _form_page(template: str, form: ClientForm, client: object = None, status: int = 200) -> Response:
    return htmx.render(template, "clients/_form.html", {"form": form, "client": client}, status)
