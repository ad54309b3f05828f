"""The history of an invoice, and of a client: who did what, when, from what to what."""

from __future__ import annotations

import uuid

from flask import Response, abort, request, url_for

from invoices_app.clients.routes import blueprint as clients
from invoices_app.invoices import history as histories
from invoices_app.invoices import history_words
from invoices_app.invoices.blueprint import blueprint
from invoices_app.invoices.history import History
from invoices_app.web import htmx, pagination
from invoices_app.web.access import identity, readers

CURSOR_KIND = "history"


@blueprint.get("/invoices/<uuid:invoice_id>/history")
@readers
def history(invoice_id: uuid.UUID) -> Response:
    place = pagination.place_of(CURSOR_KIND, request.args)
    found = histories.of_invoice(invoice_id, place) or abort(404)
    here, back = (url_for(f"invoices.{name}", invoice_id=invoice_id) for name in ("history", "show"))
    return _show(found, here, back, "invoice")


@clients.get("/clients/<uuid:client_id>/history")
@readers
def client_history(client_id: uuid.UUID) -> Response:
    place = pagination.place_of(CURSOR_KIND, request.args)
    found = histories.of_client(client_id, place) or abort(404)
    here, back = (url_for(f"clients.{name}", client_id=client_id) for name in ("client_history", "show"))
    return _show(found, here, back, "client")


def _show(found: History, url: str, back: str, kind: str) -> Response:
    """The page, or its next entries alone, and the address that leads back to them."""
    last = pagination.cursor(CURSOR_KIND, found.page.last_keys) if found.page.last_keys else None
    context = {
        "subject": found.subject,
        "entries": history_words.entries(found, identity().time_zone),
        "starts_late": found.page.starts_late or "cursor" in request.args,
        "url": url,
        "older": f"{url}?cursor={last}" if found.page.has_more else None,
        "back": back,
        "kind": kind,
    }
    response = htmx.render("invoices/history.html", "invoices/_events.html", context)
    if htmx.is_fragment() and last:
        response.headers["HX-Replace-Url"] = f"{url}?upto={last}"
    return response
