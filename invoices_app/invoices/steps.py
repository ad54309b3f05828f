"""The steps of an invoice's life, on locked invoices inside a running transaction: one of them or a whole selection.

What a step needs to know it reads for all of its invoices at once, so that many cost few statements.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import wraps
from itertools import groupby
from typing import Any, ParamSpec, TypeVar

import structlog
from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from invoices_app.accounts import audit
from invoices_app.accounts.models import Business
from invoices_app.clients.models import Client
from invoices_app.db import constraints
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import in_business
from invoices_app.invoices import drafts, rules
from invoices_app.invoices.document import buyer_details, seller_details
from invoices_app.invoices.models import (
    CREDIT_NOTE,
    DraftEdit,
    Invoice,
    InvoiceStatus,
    LineItem,
    NumberCounter,
    NumberSeries,
    Payment,
)
from invoices_app.results import FORM, Invalid

NUMBER_CONSTRAINTS = frozenset({"uq_invoices_business_id_number", "uq_invoices_business_id_series_period_seq"})
FURTHEST_AHEAD = timedelta(days=31)
NAMED_AT_MOST = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a step cannot be taken: the sentence about one invoice, and the words before the names of several."""

    one: str
    many: str
    field: str = FORM

    def invalid(self) -> Invalid:
        return Invalid.because(self.one, self.field)


ARCHIVED = Reason(drafts.ARCHIVED, "Restore what is archived before you work on it")
FAR_AHEAD = Reason(
    f"The issue date is more than {FURTHEST_AHEAD.days} days ahead: change it before you issue this invoice.",
    f"The issue date is more than {FURTHEST_AHEAD.days} days ahead, so change it first",
    "issue_date",
)
NO_LINES = Reason("Add at least one line before you issue this invoice.", "Add at least one line before you issue")
TOO_EARLY = Reason(
    "An invoice with a later date was issued already, and numbers follow the dates: choose a later issue date.",
    "An invoice with a later date was issued already, so choose a later issue date",
    "issue_date",
)
NOT_ISSUED = Reason("Issue this invoice before you record a payment.", "Issue the drafts before you mark them paid")
REFUNDED_ALONE = Reason(
    "Record the refund on the credit note's own page.",
    "Refunds are recorded on the page of each credit note, so leave these out",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done to invoices, by the names that people know them by; `before` names those that were so already.

    `archiving_id` is what an archiving is undone by, None when there is nothing to undo.
    """

    done: Sequence[str]
    before: Sequence[str] = ()
    archiving_id: uuid.UUID | None = None

    def told(self, done: str, before: str) -> str:
        """The outcome in a sentence or two: "2 archived: X and Y. 1 had been archived before."."""
        told = []
        if len(self.done) == 1:
            told.append(f"{_as_first_word(self.done[0])} {done}.")
        elif self.done:
            told.append(f"{len(self.done)} {done}: {listed(self.done)}.")
        if self.before:
            alone = len(self.before) == 1 and not self.done
            told.append(f"{_as_first_word(self.before[0]) if alone else len(self.before)} {before}.")
        return " ".join(told)

    def back(self) -> str:
        """The sentence that says what was brought back."""
        names = self.done or self.before
        return f"{_as_first_word(names[0])} is back." if len(names) == 1 else f"{len(names)} invoices are back."


class NumberOutOfOrderError(Exception):
    """A later document of the series was issued while this one waited for its number; `name` says which this is."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


Given = ParamSpec("Given")
Value = TypeVar("Value")


def tried_twice(action: Callable[Given, Value]) -> Callable[Given, Value]:
    """Run an action that gives numbers once more when it meets one that is taken.

    A counter stands above all numbers of its series, so only a change of its pattern at the same moment can do that. A
    second time is a bug: the error goes on, and is reported with the request's id.
    """

    @wraps(action)
    def run(*args: Given.args, **kwargs: Given.kwargs) -> Value:
        try:
            return action(*args, **kwargs)
        except IntegrityError as error:
            if constraints.name_of(error) not in NUMBER_CONSTRAINTS:
                raise
            log.warning("number taken", constraint=constraints.name_of(error))
        return action(*args, **kwargs)

    return run


def name_of(invoice: Invoice) -> str:
    """What people call an invoice within a sentence: its number, or "draft for A Client"."""
    return invoice.number or f"draft for {invoice.client_name}"


def listed(names: Sequence[str]) -> str:
    """Some names as a list: "A", "A and B", "A, B, C, D, E and 3 more"."""
    shown, more = list(names[:NAMED_AT_MOST]), len(names) - NAMED_AT_MOST
    last = f"{more} more" if more > 0 else shown.pop()
    return f"{', '.join(shown)} and {last}" if shown else last


def locked(session: Session, ids: Sequence[uuid.UUID]) -> Sequence[Invoice] | None:
    """The invoices with these ids, by id, locked until the end of the transaction; None when one does not exist.

    Everyone locks several in the order of their ids, so that nobody waits for somebody who waits for them.
    """
    statement = select(Invoice).where(in_business(Invoice), Invoice.id.in_(ids))
    found = session.execute(statement.order_by(Invoice.id).with_for_update()).scalars().all()
    return found if len(found) == len(set(ids)) else None


def archive(session: Session, invoices: Sequence[Invoice]) -> Outcome:
    """Hide these from lists as one archiving; those that are hidden already stay as they are."""
    live = [invoice for invoice in invoices if invoice.archived_at is None]
    hidden = [name_of(invoice) for invoice in invoices if invoice.archived_at is not None]
    if not live:
        return Outcome((), hidden)
    archiving_id = new_id()
    names = [name_of(invoice) for invoice in live]
    _write(session, live, {"archived_at": func.now(), "archiving_id": archiving_id}, "invoice.archived")
    return Outcome(names, hidden, archiving_id)


def restore(session: Session, invoices: Sequence[Invoice]) -> Outcome:
    """Show these in lists again. They keep the id of their archiving, so that undoing it once more is harmless."""
    hidden = [invoice for invoice in invoices if invoice.archived_at is not None]
    live = [name_of(invoice) for invoice in invoices if invoice.archived_at is None]
    names = [name_of(invoice) for invoice in hidden]
    if hidden:
        _write(session, hidden, {"archived_at": None}, "invoice.restored")
    return Outcome(names, live)


@dataclass(frozen=True, slots=True)
class IssueFacts:
    """What issuing needs to know: who bills whom, which drafts have lines, the series by their codes.

    `counters` are those that there are, by series and period, each with the latest date that has a number.
    """

    seller: dict[str, Any]
    buyers: Mapping[uuid.UUID, dict[str, Any]]
    with_lines: Container[uuid.UUID]
    series: Mapping[str, NumberSeries]
    counters: Mapping[tuple[str, str], date | None]

    def series_of(self, invoice: Invoice) -> NumberSeries:
        """The series that a draft names, else the default one."""
        default = next(series for series in self.series.values() if series.is_default)
        return self.series[invoice.wanted_series] if invoice.wanted_series else default

    def latest(self, code: str) -> date | None:
        """The latest date that has a number in the series `code`."""
        return max((day for (series, _), day in self.counters.items() if series == code and day), default=None)


def issue_facts(session: Session, invoices: Sequence[Invoice]) -> IssueFacts:
    """The facts for these drafts of the current business, of which there is at least one."""
    ids = [invoice.id for invoice in invoices]
    business = session.execute(select(Business).where(Business.id == invoices[0].business_id)).scalar_one()
    those = Client.id.in_({invoice.client_id for invoice in invoices})
    clients = session.execute(select(Client).where(in_business(Client), those)).scalars()
    filled = select(LineItem.invoice_id).where(in_business(LineItem), LineItem.invoice_id.in_(ids)).distinct()
    series = {series.code: series for series in every_series(session, business.id)}
    counters = select(NumberCounter.series, NumberCounter.period, NumberCounter.last_issue_date)
    return IssueFacts(
        seller_details(business),
        {client.id: buyer_details(client) for client in clients},
        set(session.execute(filled).scalars()),
        series,
        {(code, period): day for code, period, day in session.execute(counters.where(in_business(NumberCounter)))},
    )


def why_not_issue(invoice: Invoice, facts: IssueFacts, today: date) -> Reason | None:
    """What stands against issuing this draft. What others issue meanwhile, `issue` alone can tell."""
    if invoice.archived_at is not None:
        return ARCHIVED
    if invoice.issue_date > today + FURTHEST_AHEAD:
        # Numbers follow the dates, so that one mistyped year would lock the series until that year.
        return FAR_AHEAD
    if invoice.id not in facts.with_lines:
        return NO_LINES
    latest = facts.latest(facts.series_of(invoice).code)
    return TOO_EARLY if latest is not None and invoice.issue_date < latest else None


def issue(session: Session, invoices: Sequence[Invoice], facts: IssueFacts) -> None:
    """Freeze these drafts, which are in the order of their dates, and number them. Raises NumberOutOfOrderError.

    The counter rows are locked and bumped last, so that numbers have no gaps (a rollback gives them back) and the
    locks are held for as short as can be.
    """
    for invoice in invoices:
        drafts.recompute(session, invoice)
    these = DraftEdit.invoice_id.in_([invoice.id for invoice in invoices])
    session.execute(delete(DraftEdit).where(in_business(DraftEdit), these))
    counters = {invoice.id: _counter(facts.series_of(invoice), invoice) for invoice in invoices}
    _open_counters(session, invoices[0].business_id, set(counters.values()) - facts.counters.keys())
    # Everyone takes the counters of several series in one order; sorting keeps the order of the dates within each.
    ordered = sorted(invoices, key=lambda invoice: counters[invoice.id])
    for (code, period), group in groupby(ordered, key=lambda invoice: counters[invoice.id]):
        series, numbered = facts.series[code], list(group)
        for seq, invoice in enumerate(numbered, start=_take_seqs(session, series, period, numbered)):
            invoice.series, invoice.period, invoice.seq = series.code, period, seq
            invoice.number = rules.format_number(series.pattern, seq, invoice.issue_date)
            invoice.seller, invoice.buyer = facts.seller, facts.buyers[invoice.client_id]
            invoice.issued_at = func.now()
            invoice.version += 1
            settle(invoice, invoice.paid_total, invoice.issue_date)
    for invoice in invoices:
        changes = {"number": invoice.number, "total": invoice.total}
        audit.record(session, "invoice.issued", "invoice", invoice.id, changes)


def direction(invoice: Invoice) -> int:
    """What turns stored amounts into those on the sheet: a credit note shows what it takes back without a sign."""
    return -1 if invoice.type_code == CREDIT_NOTE else 1


def credit_note_of(session: Session, invoice: Invoice) -> Invoice | None:
    """The credit note that takes this invoice back."""
    of_it = (in_business(Invoice), Invoice.preceding_invoice_id == invoice.id, Invoice.type_code == CREDIT_NOTE)
    return session.execute(select(Invoice).where(*of_it)).scalar_one_or_none()


def why_not_pay(invoice: Invoice) -> Reason | None:
    """What stands against any payment for this invoice."""
    if invoice.archived_at is not None:
        return ARCHIVED
    return NOT_ISSUED if invoice.status is InvoiceStatus.DRAFT else None


def pay(session: Session, invoice: Invoice, payment_id: uuid.UUID, amount: Decimal, paid_on: date, method: str) -> None:
    """Record a payment for an invoice that nothing stands against."""
    payment = {"id": payment_id, "invoice_id": invoice.id, "amount": amount, "paid_on": paid_on, "method": method}
    session.add(Payment(business_id=invoice.business_id, **payment))
    settle(invoice, invoice.paid_total + amount, paid_on)
    changes = {"amount": amount, "paid_on": paid_on, "method": method}
    audit.record(session, "invoice.paid", "invoice", invoice.id, changes)


def settle(invoice: Invoice, paid_total: Decimal, paid_on: date | None) -> None:
    """The status follows what is due: paid when nothing is, sent otherwise."""
    invoice.paid_total = paid_total
    settled = invoice.total == paid_total
    invoice.status = InvoiceStatus.PAID if settled else InvoiceStatus.SENT
    invoice.paid_on = paid_on if settled else None
    invoice.updated_at = func.now()


def _write(session: Session, invoices: Sequence[Invoice], values: dict[str, Any], action: str) -> None:
    """Write the same into all of these by one statement, and an audit event for each."""
    ids = [invoice.id for invoice in invoices]
    statement = update(Invoice).where(in_business(Invoice), Invoice.id.in_(ids)).values(values)
    session.execute(statement.execution_options(synchronize_session=False))
    for invoice_id in ids:
        audit.record(session, action, "invoice", invoice_id)


def _as_first_word(name: str) -> str:
    return name[:1].upper() + name[1:]


def _counter(series: NumberSeries, invoice: Invoice) -> tuple[str, str]:
    """The series and the period whose counter numbers an invoice."""
    return series.code, rules.number_period(invoice.issue_date, yearly=series.yearly)


def _open_counters(session: Session, business_id: uuid.UUID, counters: set[tuple[str, str]]) -> None:
    """Make these counters unless somebody did meanwhile, and the usual series for its first, in everyone's order."""
    if not counters:
        return
    if any(code == rules.DEFAULT_SERIES for code, _period in counters):
        store_usual_series(session, business_id)
    keys = [{"business_id": business_id, "series": code, "period": period} for code, period in sorted(counters)]
    session.execute(insert(NumberCounter).values(keys).on_conflict_do_nothing())


def _take_seqs(session: Session, series: NumberSeries, period: str, invoices: Sequence[Invoice]) -> int:
    """Lock and bump the counter for all of these; answers the place of the first. Raises NumberOutOfOrderError."""
    first, last = invoices[0], invoices[-1]
    key = {"business_id": series.business_id, "series": series.code, "period": period}
    later = aliased(NumberCounter)
    issued_later = exists().where(
        later.business_id == series.business_id,
        later.series == series.code,
        later.last_issue_date > first.issue_date,
    )
    seq = session.execute(
        update(NumberCounter)
        .where(*(getattr(NumberCounter, name) == value for name, value in key.items()))
        # Read again under the lock: what a concurrent issue wrote decides, not what this transaction saw before.
        .where(or_(NumberCounter.last_issue_date.is_(None), NumberCounter.last_issue_date <= first.issue_date))
        .where(~issued_later)
        .values(next_seq=NumberCounter.next_seq + len(invoices), last_issue_date=last.issue_date)
        .returning(NumberCounter.next_seq - len(invoices))
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if seq is None:
        raise NumberOutOfOrderError(name_of(first))
    return seq


def every_series(session: Session, business_id: uuid.UUID, *, for_change: bool = False) -> Sequence[NumberSeries]:
    """The series of a business by their codes; the usual one, not stored yet, when there is none.

    `for_change` locks them, so that one person at a time changes series; issuing goes on meanwhile.
    """
    statement = select(NumberSeries).where(in_business(NumberSeries)).order_by(NumberSeries.code)
    if for_change:
        statement = statement.with_for_update(key_share=True)
    found = session.execute(statement).scalars().all()
    return found or [NumberSeries(**_usual_series(business_id))]


def store_usual_series(session: Session, business_id: uuid.UUID) -> None:
    """Make the usual series, as the default one, unless there is one by now."""
    session.execute(insert(NumberSeries).values(**_usual_series(business_id)).on_conflict_do_nothing())


def store_usual_series_if_none(session: Session, business_id: uuid.UUID) -> None:
    """Make the usual series when the business has none at all."""
    if not session.execute(select(NumberSeries.code).where(in_business(NumberSeries)).limit(1)).one_or_none():
        store_usual_series(session, business_id)


def _usual_series(business_id: uuid.UUID) -> dict[str, Any]:
    usual = {"code": rules.DEFAULT_SERIES, "pattern": rules.DEFAULT_PATTERN, "yearly": True, "is_default": True}
    return {"business_id": business_id, **usual}
