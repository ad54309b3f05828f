"""Correct an issued invoice: credit it, and go on with a draft that puts it right."""

from __future__ import annotations

import uuid

from flask import Response, url_for

from invoices_app.invoices import correction_actions
from invoices_app.invoices.blueprint import blueprint
from invoices_app.invoices.forms import CorrectForm
from invoices_app.invoices.views import ACTIONS, document_context, document_or_404, show_document
from invoices_app.results import Ok
from invoices_app.web import errors, htmx
from invoices_app.web.access import identity, writers


@blueprint.post("/invoices/<uuid:invoice_id>/correct")
@writers
def correct(invoice_id: uuid.UUID) -> Response:
    shown = document_or_404(invoice_id)
    form = CorrectForm.from_request()
    if not form.validate():
        return show_document(ACTIONS, document_context(shown, form), 422)
    with_draft = not form.without_draft.data
    token, reason = form.one_time_token.data, form.reason.data or ""
    match correction_actions.correct_invoice(invoice_id, identity().today(), reason, token, with_draft=with_draft):
        case Ok(made):
            next_step = "Put it right in this draft and issue it." if made.draft_id else "This is the credit note."
            message = f"{shown.number} was credited by {made.number}. {next_step}"
            return htmx.done(message, url_for("invoices.show", invoice_id=made.opens))
        case refusal:
            return errors.answer(refusal)
