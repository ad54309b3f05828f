"""What the actions on a draft share: lock it, change it, and make its figures right again.

Locks are taken in one order everywhere: the invoice first, then its lines and payments, the number counter last.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import ColumnElement, delete, false, func, literal, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from invoices_app.accounts.models import Business
from invoices_app.db.tenancy import in_business
from invoices_app.invoices import rules
from invoices_app.invoices.models import MAX_AMOUNT, MAX_LINES, Invoice, InvoiceStatus, InvoiceTax, LineItem
from invoices_app.money import ZERO, quantize
from invoices_app.results import ActionResult, Invalid, NotFound

FROZEN = "This invoice was issued and is frozen; it cannot be edited any more."
ARCHIVED = "This invoice is archived; restore it to work on it."
TOO_LARGE = f"With this an amount of the invoice would be larger than {MAX_AMOUNT:,}."

EMPTY_LINE: Mapping[str, Any] = {
    "quantity": Decimal(1), "unit": "", "unit_price": ZERO, "tax_rate": None, "discount_percent": ZERO,
}  # fmt: skip
"""What a line has where its form says nothing."""

FIGURES = ("subtotal", "discount_amount", "net_total", "tax_total", "total")
"""What an invoice keeps of its `rules.Totals`."""

Group = tuple[str, Decimal]
"""A tax group by its category and rate."""

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
    return editable(locked(session, invoice_id))


def editable(invoice: Invoice | None) -> Invoice | Invalid | NotFound:
    """The invoice, when it can be edited; otherwise the reason why not."""
    if invoice is None:
        return NotFound()
    if invoice.status is not InvoiceStatus.DRAFT:
        return Invalid.because(FROZEN)
    return Invalid.because(ARCHIVED) if invoice.archived_at else invoice


def lines_of(session: Session, invoice: Invoice) -> Sequence[LineItem]:
    """The invoice's lines in their order."""
    statement = select(LineItem).where(*_of(invoice)).order_by(LineItem.position)
    return session.execute(statement).scalars().all()


def line_of(session: Session, invoice: Invoice, line_id: uuid.UUID) -> LineItem | None:
    """The line with that id, when the invoice has it."""
    return session.execute(select(LineItem).where(*_of(invoice), LineItem.id == line_id)).scalar_one_or_none()


def line_count(session: Session, invoice: Invoice) -> int:
    return session.execute(select(func.count()).select_from(LineItem).where(*_of(invoice))).scalar_one()


def new_line(invoice: Invoice, position: int, values: Mapping[str, Any], usual_rate: Decimal) -> LineItem:
    """A line from the values of a form; a tax rate that was left empty is the usual one. Raises AmountTooLargeError."""
    line = LineItem(business_id=invoice.business_id, invoice_id=invoice.id, position=position)
    change_line(line, {**EMPTY_LINE, **values}, usual_rate, invoice.currency)
    return line


def change_line(line: LineItem, values: Mapping[str, Any], usual_rate: Decimal, currency: str) -> None:
    """Write a form's values into a line, and the net that follows from them. Raises AmountTooLargeError."""
    for name, value in values.items():
        setattr(line, name, usual_rate if name == "tax_rate" and value is None else value)
    line.tax_category = rules.tax_category(line.tax_rate)
    line.unit_code = rules.unit_code(line.unit)
    price_line(line, currency)


def price_line(line: LineItem, currency: str) -> None:
    """Make the line's net right. Raises AmountTooLargeError."""
    facts = rules.Line(line.quantity, line.unit_price, line.tax_rate, line.tax_category, line.discount_percent)
    net = rules.line_net(facts, currency)
    if abs(net) > MAX_AMOUNT:
        raise AmountTooLargeError
    if line.line_net is None or line.line_net != net:
        line.line_net = net


def add_with_lines(session: Session, made: Sequence[tuple[Invoice, Sequence[LineItem]]]) -> None:
    """Insert new drafts, each with its lines, its figures and its tax groups. Raises AmountTooLargeError.

    The figures are known before anything is written, so that nothing is written twice.
    """
    taxes = [tax for invoice, lines in made for tax in _taxes_of_new(invoice, lines)]
    session.add_all(invoice for invoice, _ in made)
    session.flush()  # the models know of no relationship that would put the invoices first
    session.add_all(line for _, lines in made for line in lines)
    session.add_all(taxes)


def _taxes_of_new(invoice: Invoice, lines: Sequence[LineItem]) -> Iterator[InvoiceTax]:
    """Give a new draft the figures that follow from its lines; its tax groups."""
    nets: dict[Group, Decimal] = defaultdict(lambda: ZERO)
    for line in lines:
        nets[line.tax_category, line.tax_rate] += line.line_net
    for group in figures(invoice, nets).taxes:
        amounts = {name: getattr(group, name) for name in ("category", "rate", "taxable", "tax")}
        yield InvoiceTax(business_id=invoice.business_id, invoice_id=invoice.id, **amounts)


def make_room(session: Session, invoice: Invoice, first: int, by: int, last: int = MAX_LINES) -> None:
    """Move the lines at the positions `first` to `last` on by that many places, by one statement."""
    statement = update(LineItem).where(*_of(invoice), LineItem.position.between(first, last))
    session.execute(statement.values(position=LineItem.position + by).execution_options(synchronize_session=False))


def usual_tax_rate(session: Session, invoice: Invoice) -> Decimal:
    """The rate of lines that name none: the business's."""
    return session.execute(select(Business.default_tax_rate).where(Business.id == invoice.business_id)).scalar_one()


def recompute(session: Session, invoice: Invoice) -> None:
    """Make the document's figures right from the nets of its lines, in a few statements however many lines there are.

    Raises AmountTooLargeError, which `within_limits` turns into a sentence.
    """
    session.flush()
    sums, stored = _groups(session, invoice)
    _write_taxes(session, invoice, figures(invoice, sums).taxes, stored)


def figures(invoice: Invoice, nets: Mapping[Group, Decimal]) -> rules.Totals:
    """Give the invoice the figures that follow from the nets of its lines by group. Raises AmountTooLargeError."""
    by_group = {key: quantize(net, invoice.currency) for key, net in nets.items()}
    totals = rules.totals(by_group, invoice.currency, invoice.discount_percent)
    if max(map(abs, (totals.subtotal, totals.net_total, totals.total))) > MAX_AMOUNT:
        raise AmountTooLargeError
    for name in FIGURES:
        setattr(invoice, name, getattr(totals, name))
    return totals


def by_group(taxes: Sequence[rules.TaxGroup]) -> dict[Group, tuple[Decimal, Decimal]]:
    """What is taxable in each group, and its tax."""
    return {(one.category, one.rate): (one.taxable, one.tax) for one in taxes}


def reprice(session: Session, invoice: Invoice) -> None:
    """As `recompute`, after the currency has changed: every line is rounded anew."""
    for line in lines_of(session, invoice):
        price_line(line, invoice.currency)
    recompute(session, invoice)


def _groups(
    session: Session, invoice: Invoice
) -> tuple[Mapping[Group, Decimal], Mapping[Group, tuple[Decimal, Decimal]]]:
    """By tax category and rate, in one statement: the nets of the lines, and net and tax of the groups as stored."""
    group = (LineItem.tax_category, LineItem.tax_rate)
    of_lines = select(true(), *group, func.sum(LineItem.line_net), literal(ZERO)).where(*_of(invoice))
    stored = select(false(), InvoiceTax.category, InvoiceTax.rate, InvoiceTax.taxable, InvoiceTax.tax)
    stored = stored.where(in_business(InvoiceTax), InvoiceTax.invoice_id == invoice.id)
    rows = session.execute(of_lines.group_by(*group).union_all(stored)).all()
    return (
        {(category, rate): net for of_line, category, rate, net, _ in rows if of_line},
        {(category, rate): (taxable, tax) for of_line, category, rate, taxable, tax in rows if not of_line},
    )


def _write_taxes(
    session: Session,
    invoice: Invoice,
    groups: Sequence[rules.TaxGroup],
    stored: Mapping[Group, tuple[Decimal, Decimal]],
) -> None:
    """Make the stored tax groups those of the document; only what changed is written."""
    wanted = by_group(groups)
    of_invoice = {"business_id": invoice.business_id, "invoice_id": invoice.id}
    changed = [
        {**of_invoice, "category": category, "rate": rate, "taxable": taxable, "tax": tax}
        for (category, rate), (taxable, tax) in wanted.items()
        if stored.get((category, rate)) != (taxable, tax)
    ]
    if changed:
        statement = insert(InvoiceTax).values(changed)
        new = {"taxable": statement.excluded.taxable, "tax": statement.excluded.tax}
        session.execute(statement.on_conflict_do_update(index_elements=[*of_invoice, "category", "rate"], set_=new))
    if gone := list(stored.keys() - wanted.keys()):
        those = (in_business(InvoiceTax), InvoiceTax.invoice_id == invoice.id)
        session.execute(delete(InvoiceTax).where(*those, tuple_(InvoiceTax.category, InvoiceTax.rate).in_(gone)))


def _of(invoice: Invoice) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return in_business(LineItem), LineItem.invoice_id == invoice.id
