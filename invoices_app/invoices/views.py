"""The context of the document's page and of its fragments: one builder for both."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, abort

from invoices_app.invoices import queries
from invoices_app.invoices.document import Document, document
from invoices_app.invoices.drafts import ARCHIVED, FROZEN
from invoices_app.invoices.forms import AddLineForm, EditHeaderForm, EditLineForm, PayForm
from invoices_app.results import Invalid
from invoices_app.web import errors, htmx
from invoices_app.web.access import identity


def document_or_404(invoice_id: uuid.UUID) -> Document:
    """The document of this business with that id; anything else is not found."""
    return document(invoice_id, identity().today()) or abort(404)


def draft_or_refuse(invoice_id: uuid.UUID) -> Document:
    """The document, when it can be edited; otherwise the reason why not is the answer to this request."""
    shown = document_or_404(invoice_id)
    if not shown.editable:
        abort(errors.answer(Invalid.because(ARCHIVED if shown.archived else FROZEN)))
    return shown


def document_context(
    shown: Document,
    *,
    header_form: EditHeaderForm | None = None,
    line_form: tuple[uuid.UUID, EditLineForm] | None = None,
    new_line_form: AddLineForm | None = None,
    pay_form: PayForm | None = None,
) -> dict[str, Any]:
    """All that the document's templates need; a form that was refused takes the place of the fresh one."""
    context: dict[str, Any] = {
        "document": shown,
        "editable": shown.editable,
        "pay_form": pay_form or PayForm(),
    }
    if not shown.editable:
        return context
    line_forms = {line.id: EditLineForm(obj=line) for line in shown.lines}
    if line_form is not None:
        line_forms[line_form[0]] = line_form[1]
    header_form = header_form or EditHeaderForm(obj=shown)
    header_form.offer_clients(shown.client_id)
    return context | {
        "header_form": header_form,
        "line_forms": line_forms,
        "new_line_form": new_line_form or AddLineForm(),
        "usual_tax_rate": shown.usual_tax_rate,
        "next_number": queries.next_number(shown.issue_date),
    }


def show_document(partial: str, context: dict[str, Any], status: int = 200) -> Response:
    """The document's page, or the part of it that htmx swaps."""
    return htmx.render("invoices/show.html", partial, context, status)
