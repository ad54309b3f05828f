"""What is suggested while someone writes the description of a line."""

from __future__ import annotations

import uuid

from flask import Response, abort, request

from invoices_app.invoices.blueprint import blueprint
from invoices_app.invoices.suggestions import suggestions as lines_for
from invoices_app.web import htmx
from invoices_app.web.access import writers
from invoices_app.web.forms import search_text


@blueprint.get("/invoices/<uuid:invoice_id>/suggestions")
@writers
def suggestions(invoice_id: uuid.UUID) -> Response:
    typed = search_text(request.args)
    found = lines_for(invoice_id, typed)
    if found is None:
        abort(404)
    context = {"typed": typed, "suggestions": found, "invoice_id": invoice_id}
    return htmx.render("invoices/suggestions.html", "invoices/_suggestions.html", context)
