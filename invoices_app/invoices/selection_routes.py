"""What is done with several rows of a list at once, and many documents printed as one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from flask import Response, abort, render_template, request, url_for

from invoices_app.invoices import listing, selection_actions
from invoices_app.invoices.blueprint import blueprint
from invoices_app.invoices.document import documents
from invoices_app.invoices.steps import Outcome
from invoices_app.results import ActionResult, Invalid, Ok
from invoices_app.web import errors, htmx
from invoices_app.web.access import identity, readers, writers
from invoices_app.web.errors import BadAddress
from invoices_app.web.forms import one_time_token, uuid_or_none

MAX_PRINTED = 100
UNREADABLE = "Reload the list and select again: this selection holds something that is no invoice."
TOO_MANY_PRINTED = f"Select at most {MAX_PRINTED} invoices to print at once."


@blueprint.post("/invoices/selection/archive")
@writers
def archive_selection() -> Response:
    result = selection_actions.archive_invoices(_selected())
    return _answer(result, "archived", "had been archived before")


@blueprint.post("/invoices/selection/restore")
@writers
def restore_selection() -> Response:
    return _answer(selection_actions.restore_invoices(_selected()), "restored", "had not been archived")


@blueprint.post("/invoices/selection/issue")
@writers
def issue_selection() -> Response:
    result = selection_actions.issue_invoices(_selected(), identity().today())
    return _answer(result, "issued", "had been issued before")


@blueprint.post("/invoices/selection/pay")
@writers
def pay_selection() -> Response:
    result = selection_actions.pay_invoices(_selected(), identity().today())
    return _answer(result, "marked as paid", "had been paid before")


@blueprint.post("/invoices/selection/duplicate")
@writers
def duplicate_selection() -> Response:
    return _answer(
        selection_actions.duplicate_invoices(_selected(), identity().today(), one_time_token()), "duplicated", ""
    )


@blueprint.post("/invoices/selection/print")
@readers
def print_selection() -> Response:
    """Lead to the printable page, whose address holds the ids and nothing else of the form."""
    ids = _selected()
    if not ids or len(ids) > MAX_PRINTED:
        return errors.answer(Invalid.because(TOO_MANY_PRINTED if ids else selection_actions.EMPTY))
    return htmx.go_to(url_for("invoices.print_many", ids=ids, _anchor="print"))


@blueprint.get("/invoices/print")
@readers
def print_many() -> Response:
    ids = _ids(request.args.getlist("ids"))
    if not ids or len(ids) > MAX_PRINTED:
        raise BadAddress(TOO_MANY_PRINTED if ids else UNREADABLE if ids is None else selection_actions.EMPTY)
    found = documents(ids, identity().today())
    if len(found) < len(ids):
        abort(404)
    body = render_template("invoices/print_many.html", documents=found, editable=False)
    return Response(body, mimetype="text/html")


def _selected() -> Sequence[uuid.UUID]:
    """The ids in the form; what is no id is refused as the answer to this request."""
    ids = _ids(request.form.getlist("ids"))
    return abort(errors.answer(Invalid.because(UNREADABLE))) if ids is None else ids


def _ids(sent: Sequence[str]) -> Sequence[uuid.UUID] | None:
    """The ids in the order in which they were sent, each once; None when one of them is none."""
    ids = [uuid_or_none(text) for text in sent]
    return None if None in ids else [id_ for id_ in dict.fromkeys(ids) if id_]


def _answer(result: ActionResult[Outcome], done: str, before: str) -> Response:
    match result:
        case Ok(outcome):
            return listing.changed(outcome.told(done, before), listing.undo_url(outcome.archiving_id))
        case refusal:
            return errors.answer(refusal)
