"""The client page. It stands here because it shows the client's invoices, and features look only downward."""

from __future__ import annotations

import uuid

from flask import Response, abort

from invoices_app.clients import queries as client_queries
from invoices_app.clients.routes import blueprint
from invoices_app.invoices import listing
from invoices_app.web.access import readers
from invoices_app.web.remembered import remembered


@blueprint.get("/clients/<uuid:client_id>")
@readers
@remembered
def show(client_id: uuid.UUID) -> Response:
    client = client_queries.client(client_id) or abort(404)
    return listing.show(listing.requested(client), "clients/show.html", client=client)
