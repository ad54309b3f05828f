"""The dashboard, and the button that fills an empty one with a demo."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, url_for

from invoices_app.dashboard import demo, queries
from invoices_app.invoices.queries import due_now, recent
from invoices_app.results import Ok
from invoices_app.web import errors, htmx
from invoices_app.web.access import identity, signed_in

blueprint = Blueprint("dashboard", __name__)
ROWS = 8


@blueprint.get("/")
@signed_in
def index() -> Response:
    today = identity().today()
    due = due_now(today, ROWS)
    shown = {invoice.id for invoice in due}
    latest = [invoice for invoice in recent(today, ROWS + len(due)) if invoice.id not in shown][:ROWS]
    context = {
        "figures": queries.figures(today),
        "due_now": due,
        "recent": latest,
        "is_empty": not due and not latest,
    }
    return Response(render_template("dashboard/index.html", **context), mimetype="text/html")


@blueprint.post("/demo", endpoint="demo")
@signed_in
def fill_with_demo() -> Response:
    match demo.fill(identity().today()):
        case Ok(count):
            return htmx.done(f"{count} demo invoices are here. Look around.", url_for("dashboard.index"))
        case refusal:
            return errors.answer(refusal)
