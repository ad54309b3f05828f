"""What moves an invoice on: issue it, record a payment, take the last payment back."""

from __future__ import annotations

import uuid
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select

from invoices_app.accounts import audit
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import in_business
from invoices_app.db.transaction import transaction
from invoices_app.invoices import drafts, edits, rules, steps
from invoices_app.invoices.models import CREDIT_NOTE, SET_OFF, Invoice, Payment
from invoices_app.results import ActionResult, Conflict, Invalid, NotFound, Ok


@steps.tried_twice
def issue_invoice(invoice_id: uuid.UUID, today: date, seen: int | None = None) -> ActionResult[str]:
    """Give a draft its number and freeze it; the value is the number. Issuing twice is harmless, and needs no token.

    A draft that somebody else has edited since the revision `seen` is not issued unseen.
    """
    try:
        with transaction() as session:
            invoice = drafts.locked(session, invoice_id)
            if invoice is None:
                return NotFound()
            if invoice.number is None:
                who = edits.edited_by_others(session, invoice, seen)
                if who is not None:
                    return Conflict(f"{who} has changed this invoice since you opened it: look at it again first.")
                facts = steps.issue_facts(session, [invoice])
                reason = steps.why_not_issue(invoice, facts, today)
                if reason is not None:
                    return reason.invalid()
                steps.issue(session, [invoice], facts)
            return Ok(steps.name_of(invoice))
    except steps.NumberOutOfOrderError:
        return steps.TOO_EARLY.invalid()


def pay_invoice(
    invoice_id: uuid.UUID, paid_on: date, amount: Decimal | None, method: str, token: uuid.UUID | None = None
) -> ActionResult[Decimal]:
    """Record a payment, the whole amount due when `amount` is None; the value is what is due after it.

    On a credit note amounts are what is paid back. The same one-time token again records nothing and answers the same.
    """
    with transaction() as session:
        invoice = drafts.locked(session, invoice_id)
        if invoice is None:
            return NotFound()
        payment_id = new_id()
        if audit.claim(session, token, "payment", payment_id) is not None:
            return Ok(invoice.amount_due)
        paid = invoice.amount_due if amount is None else amount * steps.direction(invoice)
        refusal = _why_not_pay(invoice, paid)
        if refusal is not None:
            session.rollback()
            return refusal
        steps.pay(session, invoice, payment_id, paid, paid_on, method)
        return Ok(invoice.total - invoice.paid_total)


def reopen_invoice(invoice_id: uuid.UUID) -> ActionResult[Decimal]:
    """Take the last payment back; the value is its amount. The payment stays in the books as void."""
    with transaction() as session:
        invoice = drafts.locked(session, invoice_id)
        if invoice is None:
            return NotFound()
        if invoice.archived_at is not None:
            return Invalid.because(drafts.ARCHIVED)
        credit_note = steps.credit_note_of(session, invoice)
        if credit_note is not None:
            return Invalid.because(f"This invoice was credited by {credit_note.number}, so its payments stay.")
        last = session.execute(
            select(Payment)
            .where(in_business(Payment), Payment.invoice_id == invoice_id, Payment.voided_at.is_(None))
            .where(Payment.method != SET_OFF)
            .order_by(Payment.id.desc())
            .limit(1)
        ).scalar_one_or_none()
        if last is None:
            return Invalid.because("There is no payment to take back.")
        last.voided_at = func.now()
        steps.settle(invoice, invoice.paid_total - last.amount, None)
        audit.record(session, "invoice.reopened", "invoice", invoice_id, {"amount": last.amount})
        return Ok(last.amount)


def _why_not_pay(invoice: Invoice, amount: Decimal) -> Invalid | None:
    """What stands against a payment of this amount, of which the person sees what `direction` makes of it."""
    due = invoice.total - invoice.paid_total
    reason = steps.why_not_pay(invoice)
    if reason is not None:
        return reason.invalid()
    this = "credit note" if invoice.type_code == CREDIT_NOTE else "invoice"
    if due == 0:
        return Invalid.because(f"Nothing is due on this {this} any more.")
    shown_due = due * steps.direction(invoice)
    if amount == 0 or (amount > 0) != (due > 0):
        return Invalid.because(f"Enter an amount {'above' if shown_due > 0 else 'below'} zero.", "amount")
    if not rules.fits_currency(amount, invoice.currency):
        return Invalid.because(f"{invoice.currency} amounts have {invoice.minor_units} decimals.", "amount")
    if abs(amount) > abs(due):
        return Invalid.because(f"Only {round(shown_due, invoice.minor_units)} is due on this {this}.", "amount")
    return None
