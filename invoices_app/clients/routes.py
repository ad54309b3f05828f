"""The client list and the client form. The client page, which shows invoices too, is in `invoices.client_routes`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, url_for

from invoices_app.clients import actions, queries
from invoices_app.clients.actions import Toggled
from invoices_app.clients.forms import ClientForm, EditClientForm, NewClientForm, QuickClientForm
from invoices_app.clients.queries import Choice, ClientFilters
from invoices_app.db.keyset import Place
from invoices_app.results import Conflict, Invalid, Ok
from invoices_app.web import errors, htmx, pagination
from invoices_app.web.access import readers, writers
from invoices_app.web.errors import BadAddress
from invoices_app.web.forms import search_text
from invoices_app.web.remembered import remembered

blueprint = Blueprint("clients", __name__)
CURSOR_KIND = "clients"
LIST_PATH = "/clients"
OPTIONS = "clients/_options.html"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address of the list asks for."""

    filters: ClientFilters
    place: Place


@blueprint.get(LIST_PATH)
@readers
@remembered
def index() -> Response:
    wanted = _wanted(request.args)
    rows_only = htmx.is_fragment() and wanted.place.after is not None
    context = _context(wanted, rows_only=rows_only)
    partial = "clients/_list.html" if rows_only else "clients/_results.html"
    response = htmx.render("clients/index.html", partial, context)
    if htmx.is_fragment():
        shown: dict[str, Any] = {"q": wanted.filters.q or None, "archived": 1 if wanted.filters.archived else None}
        upto = context["upto"] if rows_only else None
        response.headers["HX-Replace-Url"] = url_for("clients.index", **shown, upto=upto)
    return response


@blueprint.get("/clients/new")
@writers
def new() -> Response:
    return _form_page("clients/new.html", NewClientForm())


@blueprint.post("/clients")
@writers
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


@blueprint.get("/clients/search")
@readers
def search() -> Response:
    typed = search_text(request.args)
    found = queries.choices(typed)
    is_new = any(map(str.isalnum, typed)) and not any(choice.is_exact for choice in found)
    return htmx.render("clients/search.html", OPTIONS, {"typed": typed, "choices": found, "is_new": is_new})


@blueprint.post("/clients/quick")
@writers
def create_quickly() -> Response:
    form = QuickClientForm.from_request()
    if not form.validate():
        return errors.answer(Invalid({"name": form.name.errors}))
    match actions.create_client({"name": form.name.data}, form.one_time_token.data):
        case Ok(client_id) if htmx.is_fragment():
            made = queries.client(client_id) or abort(404)
            choice = Choice(made.id, made.name, made.email, made.city)
            return _fragment(OPTIONS, {"choices": [choice], "chosen": client_id})
        case Ok(client_id):
            return htmx.done("Client added.", url_for("clients.edit", client_id=client_id))
        case refusal:
            return errors.answer(refusal)


@blueprint.get("/clients/<uuid:client_id>/edit")
@writers
def edit(client_id: uuid.UUID) -> Response:
    client = queries.client(client_id) or abort(404)
    return _form_page("clients/edit.html", EditClientForm(obj=client), client)


@blueprint.post("/clients/<uuid:client_id>")
@writers
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
@writers
def archive(client_id: uuid.UUID) -> Response:
    match actions.archive_client(client_id):
        case Ok(Toggled(name, None)):
            return _after_toggle(client_id, htmx.Notice(f"{name} had been archived before."))
        case Ok(Toggled(name, archiving_id)):
            undo = url_for("clients.undo_archiving", archiving_id=archiving_id)
            return _after_toggle(client_id, htmx.Notice(f"{name} archived.", undo))
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/clients/<uuid:client_id>/restore")
@writers
def restore(client_id: uuid.UUID) -> Response:
    match actions.restore_client(client_id):
        case Ok(Toggled(name)):
            return _after_toggle(client_id, htmx.Notice(f"{name} is back."))
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/clients/archivings/<uuid:archiving_id>/undo")
@writers
def undo_archiving(archiving_id: uuid.UUID) -> Response:
    match actions.undo_archiving(archiving_id):
        case Ok(Toggled(name)):
            notice, wanted = htmx.Notice(f"{name} is back."), _behind()
            if wanted is None:
                return htmx.done(notice.text, htmx.wanted_url(url_for("clients.index")))
            return _fragment("clients/_changed.html", {**_context(wanted), "notice": notice})
        case refusal:
            return errors.answer(refusal)


def _after_toggle(client_id: uuid.UUID, notice: htmx.Notice) -> Response:
    """Show the row of the list that it was done in as it is now, if it is still there; else go where the form says."""
    wanted = _behind()
    if wanted is None:
        return htmx.done(notice.text, htmx.wanted_url(url_for("clients.show", client_id=client_id)), notice.undo)
    client = queries.client(client_id)
    is_hidden = client is not None and client.archived and not wanted.filters.archived
    context = {"filters": wanted.filters, "counts": queries.counts(wanted.filters), "notice": notice}
    return _fragment("clients/_row_changed.html", {**context, "client": None if is_hidden else client})


def _wanted(args: Mapping[str, str]) -> Wanted:
    """Raises BadAddress for a place that does not exist."""
    return Wanted(_filters(args), pagination.place_of(CURSOR_KIND, args))


def requested_filters() -> ClientFilters:
    """What the request's address asks the list to show."""
    return _filters(request.args)


def _filters(args: Mapping[str, str]) -> ClientFilters:
    return ClientFilters(q=search_text(args), archived=args.get("archived") == "1")


def _behind() -> Wanted | None:
    """What the list on the page behind an htmx request shows; None when there is no such list, or no such request."""
    page = htmx.page_behind()
    if page is None:
        return None
    path, args = page
    try:
        return _wanted(args) if path == LIST_PATH else None
    except BadAddress:
        return None


def _context(wanted: Wanted, *, rows_only: bool = False) -> dict[str, Any]:
    """All that the list's templates need; the rows alone need less."""
    counts = None if rows_only else queries.counts(wanted.filters)
    many_found = counts is None if wanted.filters.q and not rows_only else None
    found = queries.client_page(wanted.filters, wanted.place, many_found=many_found)
    last = pagination.cursor(CURSOR_KIND, found.last_keys) if found.last_keys else None
    cursor = last if found.has_more else None
    return {"page": found, "cursor": cursor, "upto": last, "filters": wanted.filters, "counts": counts}


def _fragment(template: str, context: Mapping[str, Any]) -> Response:
    return Response(render_template(template, **context), mimetype="text/html")


def _form_page(template: str, form: ClientForm, client: object = None, status: int = 200) -> Response:
    return htmx.render(template, "clients/_form.html", {"form": form, "client": client}, status)
