"""What moves an invoice on: issue it, record a payment, take the last payment back."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from invoices_app.accounts import audit
from invoices_app.accounts.models import Business
from invoices_app.clients.models import Client
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import in_business
from invoices_app.db.transaction import transaction
from invoices_app.invoices import drafts, rules
from invoices_app.invoices.document import buyer_details, seller_details
from invoices_app.invoices.models import (
    Invoice,
    InvoiceStatus,
    LineItem,
    NumberCounter,
    NumberSeries,
    Payment,
)
from invoices_app.results import ActionResult, Invalid, NotFound, Ok

FURTHEST_AHEAD = timedelta(days=31)


class NumberOutOfOrderError(Exception):
    """A later document of the series was issued already."""


def issue_invoice(invoice_id: uuid.UUID, today: date) -> ActionResult[str]:
    """Give a draft its number and freeze it; the value is the number. Issuing twice is harmless.

    The counter row is locked and bumped as the last step, so that numbers have no gaps (a rollback gives the number
    back) and the lock is held for as short as can be.
    """
    try:
        with transaction() as session:
            invoice = drafts.locked(session, invoice_id)
            if invoice is None:
                return NotFound()
            if invoice.number is not None:
                return Ok(invoice.number)
            refusal = _why_not_issue(session, invoice, today)
            if refusal is not None:
                return refusal
            drafts.recompute(session, invoice)
            seller, buyer = _parties(session, invoice)
            number = _take_number(session, invoice)
            invoice.seller, invoice.buyer = seller, buyer
            invoice.issued_at = func.now()
            invoice.version += 1
            _settle(invoice, invoice.paid_total, invoice.issue_date)
            session.flush()
            audit.record(session, "invoice.issued", "invoice", invoice_id, {"number": number, "total": invoice.total})
            return Ok(number)
    except NumberOutOfOrderError:
        return Invalid.because(
            "An invoice with a later date was issued already, and numbers follow the dates: choose a later issue date.",
            "issue_date",
        )


def pay_invoice(
    invoice_id: uuid.UUID, paid_on: date, amount: Decimal | None, method: str, token: uuid.UUID | None = None
) -> ActionResult[Decimal]:
    """Record a payment, the whole amount due when `amount` is None; the value is what is due after it.

    The same one-time token again records nothing and answers the same.
    """
    with transaction() as session:
        invoice = drafts.locked(session, invoice_id)
        if invoice is None:
            return NotFound()
        payment_id = new_id()
        if audit.claim(session, token, "payment", payment_id) is not None:
            return Ok(invoice.amount_due)
        paid = invoice.amount_due if amount is None else amount
        refusal = _why_not_pay(invoice, paid)
        if refusal is not None:
            session.rollback()
            return refusal
        payment = {
            "id": payment_id,
            "invoice_id": invoice.id,
            "amount": paid,
            "paid_on": paid_on,
            "method": method,
        }
        session.add(Payment(business_id=invoice.business_id, **payment))
        _settle(invoice, invoice.paid_total + paid, paid_on)
        session.flush()
        changes = {"amount": paid, "paid_on": paid_on, "method": method}
        audit.record(session, "invoice.paid", "invoice", invoice_id, changes)
        return Ok(invoice.total - invoice.paid_total)


def reopen_invoice(invoice_id: uuid.UUID) -> ActionResult[Decimal]:
    """Take the last payment back; the value is its amount. The payment stays in the books as void."""
    with transaction() as session:
        invoice = drafts.locked(session, invoice_id)
        if invoice is None:
            return NotFound()
        if invoice.archived_at is not None:
            return Invalid.because(drafts.ARCHIVED)
        last = session.execute(
            select(Payment)
            .where(in_business(Payment), Payment.invoice_id == invoice_id, Payment.voided_at.is_(None))
            .order_by(Payment.id.desc())
            .limit(1)
        ).scalar_one_or_none()
        if last is None:
            return Invalid.because("There is no payment to take back.")
        last.voided_at = func.now()
        _settle(invoice, invoice.paid_total - last.amount, None)
        audit.record(session, "invoice.reopened", "invoice", invoice_id, {"amount": last.amount})
        return Ok(last.amount)


def _why_not_issue(session: Session, invoice: Invoice, today: date) -> Invalid | None:
    if invoice.archived_at is not None:
        return Invalid.because(drafts.ARCHIVED)
    if invoice.issue_date > today + FURTHEST_AHEAD:
        # Numbers follow the dates, so that one mistyped year would lock the series until that year.
        return Invalid.because(
            f"The issue date is more than {FURTHEST_AHEAD.days} days ahead: change it before you issue this invoice.",
            "issue_date",
        )
    has_lines = select(exists().where(in_business(LineItem), LineItem.invoice_id == invoice.id))
    if not session.execute(has_lines).scalar_one():
        return Invalid.because("Add at least one line before you issue this invoice.")
    return None


def _parties(session: Session, invoice: Invoice) -> tuple[dict[str, Any], dict[str, Any]]:
    """Seller and buyer as they are now, to be kept in the invoice."""
    business = session.execute(select(Business).where(Business.id == invoice.business_id)).scalar_one()
    client = session.execute(select(Client).where(in_business(Client), Client.id == invoice.client_id)).scalar_one()
    return seller_details(business), buyer_details(client)


def _why_not_pay(invoice: Invoice, amount: Decimal) -> Invalid | None:
    due = invoice.total - invoice.paid_total
    if invoice.archived_at is not None:
        return Invalid.because(drafts.ARCHIVED)
    if invoice.status is InvoiceStatus.DRAFT:
        return Invalid.because("Issue this invoice before you record a payment.")
    if due == 0:
        return Invalid.because("Nothing is due on this invoice any more.")
    if amount == 0 or (amount > 0) != (due > 0):
        return Invalid.because("Enter an amount above zero." if due > 0 else "Enter an amount below zero.", "amount")
    if not rules.fits_currency(amount, invoice.currency):
        return Invalid.because(f"{invoice.currency} amounts have {invoice.minor_units} decimals.", "amount")
    if abs(amount) > abs(due):
        return Invalid.because(f"Only {round(due, invoice.minor_units)} is due on this invoice.", "amount")
    return None


def _settle(invoice: Invoice, paid_total: Decimal, paid_on: date | None) -> None:
    """The status follows what is due: paid when nothing is, sent otherwise."""
    invoice.paid_total = paid_total
    settled = invoice.total == paid_total
    invoice.status = InvoiceStatus.PAID if settled else InvoiceStatus.SENT
    invoice.paid_on = paid_on if settled else None
    invoice.updated_at = func.now()


def _take_number(session: Session, invoice: Invoice) -> str:
    """Lock and bump the counter, and put the number on the invoice. Raises NumberOutOfOrderError."""
    series = _series(session, invoice.business_id)
    period = rules.number_period(invoice.issue_date, yearly=series.yearly)
    key = {"business_id": invoice.business_id, "series": series.code, "period": period}
    session.flush()
    session.execute(insert(NumberCounter).values(key).on_conflict_do_nothing())
    later = aliased(NumberCounter)
    issued_later = exists().where(
        later.business_id == invoice.business_id,
        later.series == series.code,
        later.last_issue_date > invoice.issue_date,
    )
    seq = session.execute(
        update(NumberCounter)
        .where(*(getattr(NumberCounter, name) == value for name, value in key.items()))
        # Read again under the lock: what a concurrent issue wrote decides, not what this transaction saw before.
        .where(or_(NumberCounter.last_issue_date.is_(None), NumberCounter.last_issue_date <= invoice.issue_date))
        .where(~issued_later)
        .values(next_seq=NumberCounter.next_seq + 1, last_issue_date=invoice.issue_date)
        .returning(NumberCounter.next_seq - 1)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if seq is None:
        raise NumberOutOfOrderError
    invoice.series, invoice.period, invoice.seq = series.code, period, seq
    invoice.number = rules.format_number(series.pattern, seq, invoice.issue_date)
    return invoice.number


def _series(session: Session, business_id: uuid.UUID) -> NumberSeries:
    """The series that numbers invoices, made with its usual pattern when the business has none yet."""
    key = {"business_id": business_id, "code": rules.DEFAULT_SERIES}
    session.execute(insert(NumberSeries).values(**key, pattern=rules.DEFAULT_PATTERN).on_conflict_do_nothing())
    return session.execute(
        select(NumberSeries).where(in_business(NumberSeries), NumberSeries.code == key["code"])
    ).scalar_one()
