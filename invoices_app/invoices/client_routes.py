"""The client page. It stands here because it shows the client's invoices, and features look only downward."""

from __future__ import annotations

import uuid

from flask import Response, abort, render_template

from invoices_app.clients import queries as client_queries
from invoices_app.clients.routes import blueprint
from invoices_app.invoices import queries
from invoices_app.invoices.queries import InvoiceFilters
from invoices_app.web import pagination
from invoices_app.web.access import identity, signed_in


@blueprint.get("/clients/<uuid:client_id>")
@signed_in
def show(client_id: uuid.UUID) -> Response:
    client = client_queries.client(client_id) or abort(404)
    filters = InvoiceFilters(client=client_id)
    found = queries.invoice_page(filters, None, identity().today())
    context = {"client": client, "invoices": pagination.sign("invoices", found), "filters": filters}
    return Response(render_template("clients/show.html", **context), mimetype="text/html")
