"""Take an issued invoice back by a credit note, and open a draft to put it right: nothing that was issued is edited."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import in_business
from invoices_app.db.transaction import transaction
from invoices_app.invoices import copies, drafts, steps
from invoices_app.invoices.models import (
    CREDIT_NOTE,
    SET_OFF,
    Invoice,
    InvoiceStatus,
    LineItem,
    Payment,
)
from invoices_app.results import ActionResult, Conflict, Invalid, NotFound, Ok

IS_DRAFT = "This is a draft: change it as it is."
IS_CREDIT_NOTE = "A credit note cannot be corrected: write a new invoice instead."
DATED_LATER = (
    "An invoice with a later date was issued at this moment, and numbers follow the dates: correct this invoice again."
)
_MIRRORED = (
    "business_id", "client_id", "currency", "minor_units", "discount_percent", "reference", "purchase_order",
    "delivery_date", "wanted_series",
)  # fmt: skip
_MIRRORED_OF_LINE = (
    "business_id", "position", "description", "item_number", "unit", "unit_code", "unit_price", "discount_percent",
    "tax_category", "tax_rate", "exemption_reason",
)  # fmt: skip
_CARRIED_ON = ("purchase_order", "delivery_date")


@dataclass(frozen=True, slots=True)
class Correction:
    """What a correction made: the credit note, its number, and the draft to put right, if one was wanted."""

    credit_note_id: uuid.UUID
    number: str
    draft_id: uuid.UUID | None

    @property
    def opens(self) -> uuid.UUID:
        """What the person goes on with."""
        return self.draft_id or self.credit_note_id


@steps.tried_twice
def correct_invoice(
    invoice_id: uuid.UUID, today: date, reason: str = "", token: uuid.UUID | None = None, *, with_draft: bool = True
) -> ActionResult[Correction]:
    """Issue a credit note over all of an invoice, and open a draft copy of it unless only the credit note is wanted.

    What is still due on the invoice and what the credit note owes settle each other; what was paid already is due to
    the client on the credit note. The same one-time token again makes nothing and answers the same.
    """
    try:
        with transaction() as session:
            invoice = drafts.locked(session, invoice_id)
            if invoice is None:
                return NotFound()
            note_id = new_id()
            made = audit.claim(session, token, "credit note", note_id)
            if made is not None:
                return Ok(_made_before(session, made))
            refusal = _why_not_correct(session, invoice)
            if refusal is not None:
                session.rollback()  # the token made nothing, so it is not used up
                return refusal
            return Ok(_correct(session, invoice, note_id, today, reason, with_draft=with_draft))
    except steps.NumberOutOfOrderError:
        return Conflict(DATED_LATER)


def _why_not_correct(session: Session, invoice: Invoice) -> Invalid | Conflict | None:
    if invoice.status is InvoiceStatus.DRAFT:
        return Invalid.because(IS_DRAFT)
    if invoice.type_code == CREDIT_NOTE:
        return Invalid.because(IS_CREDIT_NOTE)
    if invoice.archived_at is not None:
        return steps.ARCHIVED.invalid()
    credit_note = steps.credit_note_of(session, invoice)
    return Conflict(f"{invoice.number} was credited by {credit_note.number} already.") if credit_note else None


def _correct(
    session: Session, invoice: Invoice, note_id: uuid.UUID, today: date, reason: str, *, with_draft: bool
) -> Correction:
    """Make and issue the credit note. Its number is the last thing that is waited for. Raises NumberOutOfOrderError."""
    facts = steps.issue_facts(session, [invoice])
    issue_date = max(today, facts.latest(facts.series_of(invoice).code) or today)  # numbers follow the dates
    note = _mirror(session, invoice, note_id, issue_date, reason)
    draft = _replacement(session, invoice, issue_date) if with_draft else None
    left = invoice.total - invoice.paid_total
    for settled, amount in ((invoice, left), (note, -left)):
        if amount:
            payment = {"amount": amount, "paid_on": issue_date, "method": SET_OFF}
            session.add(Payment(business_id=settled.business_id, id=new_id(), invoice_id=settled.id, **payment))
    if left:
        steps.settle(invoice, invoice.total, issue_date)
    # A mirror bears the parties of the document that it takes back, whatever has become of them since.
    parties: dict[str, Any] = {"seller": invoice.seller, "buyers": {invoice.client_id: invoice.buyer}}
    steps.issue(session, [note], replace(facts, **parties))
    steps.settle(note, -left, issue_date)
    told = {"credit_note": note.id, "draft": draft.id if draft else None, "set_off": left, "reason": reason}
    audit.record(session, "invoice.credited", "invoice", invoice.id, told)
    told = {"from": invoice.id, "set_off": -left, "reason": reason}
    audit.record(session, "invoice.credits", "invoice", note.id, told)
    return Correction(note.id, str(note.number), draft.id if draft else None)


def _mirror(session: Session, invoice: Invoice, note_id: uuid.UUID, issue_date: date, reason: str) -> Invoice:
    """The credit note before it is issued: what the invoice says, with quantities and amounts negated."""
    note = Invoice(id=note_id, type_code=CREDIT_NOTE, preceding_invoice_id=invoice.id, notes=reason)
    for name in _MIRRORED:
        setattr(note, name, getattr(invoice, name))
    note.issue_date = note.due_date = issue_date
    lines = []
    for line in drafts.lines_of(session, invoice):
        values = {name: getattr(line, name) for name in _MIRRORED_OF_LINE}
        negated = {"quantity": -line.quantity, "line_net": -line.line_net}
        lines.append(LineItem(id=new_id(), invoice_id=note.id, **negated, **values))
    drafts.add_with_lines(session, [(note, lines)])
    return note


def _replacement(session: Session, invoice: Invoice, issue_date: date) -> Invoice:
    """The draft to put the invoice right, which refers to it."""
    [draft] = copies.duplicate(session, {new_id(): invoice}, issue_date)
    draft.preceding_invoice_id = invoice.id
    for name in _CARRIED_ON:
        setattr(draft, name, getattr(invoice, name))
    return draft


def _made_before(session: Session, note_id: uuid.UUID) -> Correction:
    note = session.execute(select(Invoice).where(in_business(Invoice), Invoice.id == note_id)).scalar_one()
    followed = select(Invoice.id).where(in_business(Invoice), Invoice.type_code != CREDIT_NOTE)
    draft_id = session.execute(
        followed.where(Invoice.preceding_invoice_id == note.preceding_invoice_id)
    ).scalar_one_or_none()
    return Correction(note.id, str(note.number), draft_id)
