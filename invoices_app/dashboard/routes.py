"""The dashboard, and the button that fills an empty one with a demo."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, url_for

from invoices_app.dashboard import demo, queries
from invoices_app.dashboard.chart import draw
from invoices_app.invoices.figures import first_month
from invoices_app.results import Ok
from invoices_app.web import errors, htmx
from invoices_app.web.access import identity, readers, writers
from invoices_app.web.remembered import remembered

blueprint = Blueprint("dashboard", __name__)


@blueprint.get("/")
@readers
@remembered
def index() -> Response:
    today = identity().today()
    kept, best = queries.overview(today)
    first = first_month(today)
    charts = {money.currency: draw(first, money.invoiced, money.received) for money in kept.currencies}
    context = {
        "figures": kept.currencies,
        "counts": kept.live,
        "best": best,
        "charts": charts,
        "issued": [money for money in kept.currencies if any(money.ageing) or not charts[money.currency].is_blank],
        "to_do": queries.to_do(today),
        "is_empty": not kept.live["all"] and not kept.archived["all"],
    }
    return Response(render_template("dashboard/index.html", **context), mimetype="text/html")


@blueprint.post("/demo", endpoint="demo")
@writers
def fill_with_demo() -> Response:
    match demo.fill(identity().today()):
        case Ok(count):
            return htmx.done(f"{count} demo invoices are here. Look around.", url_for("dashboard.index"))
        case refusal:
            return errors.answer(refusal)
