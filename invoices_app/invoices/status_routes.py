"""Issue, pay, reopen: the steps of an invoice's life."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

from flask import Response, url_for

from invoices_app.invoices import status_actions
from invoices_app.invoices.blueprint import blueprint
from invoices_app.invoices.document import Document
from invoices_app.invoices.forms import PayForm
from invoices_app.invoices.views import ACTIONS, document_context, document_or_404, known_revision, show_document
from invoices_app.results import Invalid, Ok
from invoices_app.web import errors, htmx
from invoices_app.web.access import identity, writers

A_DAY = timedelta(days=1)
"""It may be tomorrow already where the payment came in."""


@blueprint.post("/invoices/<uuid:invoice_id>/issue")
@writers
def issue(invoice_id: uuid.UUID) -> Response:
    match status_actions.issue_invoice(invoice_id, identity().today(), known_revision()):
        case Ok(number):
            return htmx.done(f"Issued as {number}.", url_for("invoices.show", invoice_id=invoice_id))
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/invoices/<uuid:invoice_id>/pay")
@writers
def pay(invoice_id: uuid.UUID) -> Response:
    shown = document_or_404(invoice_id)
    form = PayForm.from_request()
    if not form.validate():
        return show_document(ACTIONS, document_context(shown, form), 422)
    paid_on = form.paid_on.data or identity().today()
    if paid_on > identity().today() + A_DAY:
        form.add_errors({"paid_on": ["A payment cannot lie in the future."]})
        return show_document(ACTIONS, document_context(shown, form), 422)
    token = form.one_time_token.data
    match status_actions.pay_invoice(invoice_id, paid_on, form.amount.data, form.method.data, token):
        case Ok(due):
            message = _told_of_payment(shown, due)
            return htmx.done(message, url_for("invoices.show", invoice_id=invoice_id))
        case Invalid(problems) if "amount" in problems:
            form.add_errors(problems)
            return show_document(ACTIONS, document_context(shown, form), 422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/invoices/<uuid:invoice_id>/reopen")
@writers
def reopen(invoice_id: uuid.UUID) -> Response:
    match status_actions.reopen_invoice(invoice_id):
        case Ok():
            return htmx.done("The last payment was taken back.", url_for("invoices.show", invoice_id=invoice_id))
        case refusal:
            return errors.answer(refusal)


def _told_of_payment(shown: Document, due: Decimal) -> str:
    """What was recorded, with as much still `due` after it."""
    if shown.is_credit_note:
        return "Part refund recorded." if due else "Refund recorded."
    return "Part payment recorded." if due else "Marked as paid."
