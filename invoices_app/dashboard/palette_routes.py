"""The command palette, and the page of all shortcuts."""

from __future__ import annotations

from flask import Response, request, url_for

from invoices_app.accounts import actions as account_actions
from invoices_app.clients import queries as client_queries
from invoices_app.dashboard.routes import blueprint
from invoices_app.invoices import queries as invoice_queries
from invoices_app.results import Ok
from invoices_app.web import errors, htmx
from invoices_app.web.access import identity, readers
from invoices_app.web.forms import search_text

FOUND_OF_EACH = 5


@blueprint.get("/palette")
@readers
def palette() -> Response:
    typed = search_text(request.args)
    context = {
        "typed": typed,
        "clients": client_queries.find(typed, FOUND_OF_EACH) if typed else [],
        "invoices": invoice_queries.find(typed, identity().today(), FOUND_OF_EACH) if typed else [],
    }
    return htmx.render("dashboard/palette.html", "dashboard/_palette.html", context)


@blueprint.get("/shortcuts")
@readers
def shortcuts() -> Response:
    return htmx.render("dashboard/shortcuts.html", "dashboard/_shortcuts.html", {})


@blueprint.post("/shortcuts", endpoint="switch_shortcuts")
@readers
def switch() -> Response:
    match account_actions.use_single_keys(on=request.form.get("single_keys") == "1"):
        case Ok(on):
            message = "Single-key shortcuts are on." if on else "Single-key shortcuts are off."
            return htmx.done(message, htmx.wanted_url(url_for("dashboard.shortcuts")))
        case refusal:
            return errors.answer(refusal)
