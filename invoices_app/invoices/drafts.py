"""What the actions on a draft share: lock it, change it, and make its figures right again.

Locks are taken in one order everywhere: the invoice first, then its lines and payments, the number counter last.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from invoices_app.accounts.models import Business
from invoices_app.db.tenancy import in_business
from invoices_app.invoices import rules
from invoices_app.invoices.models import MAX_AMOUNT, Invoice, InvoiceStatus, InvoiceTax, LineItem
from invoices_app.results import ActionResult, Invalid, NotFound

FROZEN = "This invoice was issued and is frozen; it cannot be edited any more."
ARCHIVED = "This invoice is archived; restore it to work on it."
TOO_LARGE = f"With this an amount of the invoice would be larger than {MAX_AMOUNT:,}."

Given = ParamSpec("Given")
Value = TypeVar("Value")


class AmountTooLargeError(Exception):
    """A figure of the document does not fit into the database."""


def within_limits(action: Callable[Given, ActionResult[Value]]) -> Callable[Given, ActionResult[Value]]:
    """Let an action that makes a figure too large change nothing, and say so."""

    @wraps(action)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> ActionResult[Value]:
        try:
            return action(*args, **kwargs)
        except AmountTooLargeError:
            return Invalid.because(TOO_LARGE)

    return run


def locked(session: Session, invoice_id: uuid.UUID) -> Invoice | None:
    """The invoice, locked until the end of the transaction."""
    statement = select(Invoice).where(in_business(Invoice), Invoice.id == invoice_id).with_for_update()
    return session.execute(statement).scalar_one_or_none()


def locked_draft(session: Session, invoice_id: uuid.UUID) -> Invoice | Invalid | NotFound:
    """The invoice, locked, when it can be edited; otherwise the reason why not."""
    invoice = locked(session, invoice_id)
    if invoice is None:
        return NotFound()
    if invoice.status is not InvoiceStatus.DRAFT:
        return Invalid.because(FROZEN)
    return Invalid.because(ARCHIVED) if invoice.archived_at else invoice


def lines_of(session: Session, invoice: Invoice) -> Sequence[LineItem]:
    """The invoice's lines in their order."""
    statement = select(LineItem).where(in_business(LineItem), LineItem.invoice_id == invoice.id)
    return session.execute(statement.order_by(LineItem.position)).scalars().all()


def new_line(invoice: Invoice, position: int, values: dict[str, Any], usual_rate: Decimal) -> LineItem:
    """A line from the values of a form; a tax rate that was left empty is the usual one."""
    line = LineItem(business_id=invoice.business_id, invoice_id=invoice.id, position=position)
    line.line_net = Decimal(0)
    change_line(line, values, usual_rate)
    return line


def change_line(line: LineItem, values: dict[str, Any], usual_rate: Decimal) -> None:
    """Write a form's values into a line; its net is made right by `recompute`."""
    for name, value in values.items():
        setattr(line, name, usual_rate if name == "tax_rate" and value is None else value)
    line.tax_category = rules.tax_category(line.tax_rate)
    line.unit_code = rules.unit_code(line.unit)


def usual_tax_rate(session: Session, invoice: Invoice) -> Decimal:
    """The rate of lines that name none: the business's."""
    return session.execute(select(Business.default_tax_rate).where(Business.id == invoice.business_id)).scalar_one()


def recompute(session: Session, invoice: Invoice) -> None:
    """Compute every figure of the document from its lines and store them; only what changed is written.

    Raises AmountTooLargeError, which `within_limits` turns into a sentence.
    """
    session.flush()
    lines = lines_of(session, invoice)
    totals = rules.compute([_rule_line(line) for line in lines], invoice.currency, invoice.discount_percent)
    if max(map(abs, (*totals.line_nets, totals.subtotal, totals.net_total, totals.total))) > MAX_AMOUNT:
        raise AmountTooLargeError
    for line, net in zip(lines, totals.line_nets, strict=True):
        if line.line_net != net:
            line.line_net = net
    for name in ("subtotal", "discount_amount", "net_total", "tax_total", "total"):
        setattr(invoice, name, getattr(totals, name))
    invoice.updated_at = func.now()
    session.execute(delete(InvoiceTax).where(in_business(InvoiceTax), InvoiceTax.invoice_id == invoice.id))
    session.add_all(
        InvoiceTax(
            business_id=invoice.business_id,
            invoice_id=invoice.id,
            category=group.category,
            rate=group.rate,
            taxable=group.taxable,
            tax=group.tax,
        )
        for group in totals.taxes
    )
    session.flush()


def _rule_line(line: LineItem) -> rules.Line:
    return rules.Line(line.quantity, line.unit_price, line.tax_rate, line.tax_category, line.discount_percent)
