"""What people do with several invoices at once. Each is one transaction that changes all of them or none.

Doing it twice is harmless: those that are so already are left as they are, and counted in the outcome.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import wraps
from typing import Concatenate, ParamSpec

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import in_business
from invoices_app.db.transaction import transaction
from invoices_app.invoices import copies, steps
from invoices_app.invoices.models import CREDIT_NOTE, Invoice, InvoiceStatus, LineItem
from invoices_app.invoices.steps import Outcome, Reason
from invoices_app.results import FORM, ActionResult, Invalid, NotFound, Ok

MAX_SELECTION = 500
MAX_COPIED_LINES = 20_000
EMPTY = "Select at least one invoice."
TOO_MANY = f"Select at most {MAX_SELECTION} invoices at once."
TOO_LONG = f"These invoices have more than {MAX_COPIED_LINES:,} lines together: duplicate fewer at once."
ALL_OR_NOTHING = "Nothing was changed."
USUAL_METHOD = "bank_transfer"

Given = ParamSpec("Given")
Ids = Sequence[uuid.UUID]


def _of_selection(
    action: Callable[Concatenate[Ids, Given], ActionResult[Outcome]],
) -> Callable[Concatenate[Ids, Given], ActionResult[Outcome]]:
    """Let an action see every id once, and refuse selections that are empty or too large."""

    @wraps(action)
    def run(ids: Ids, /, *args: Given.args, **kwargs: Given.kwargs) -> ActionResult[Outcome]:
        chosen = list(dict.fromkeys(ids))
        if not chosen or len(chosen) > MAX_SELECTION:
            return Invalid.because(TOO_MANY if chosen else EMPTY)
        return action(chosen, *args, **kwargs)

    return run


@_of_selection
def archive_invoices(ids: Ids) -> ActionResult[Outcome]:
    """Hide these invoices from lists, as one archiving that can be undone as one."""
    with transaction() as session:
        invoices = steps.locked(session, ids)
        return NotFound() if invoices is None else Ok(steps.archive(session, invoices))


@_of_selection
def restore_invoices(ids: Ids) -> ActionResult[Outcome]:
    """Bring these invoices back."""
    with transaction() as session:
        invoices = steps.locked(session, ids)
        return NotFound() if invoices is None else Ok(steps.restore(session, invoices))


@_of_selection
@steps.tried_twice
def issue_invoices(ids: Ids, today: date) -> ActionResult[Outcome]:
    """Give these drafts their numbers, in the order of their dates, and freeze them; the outcome names the numbers."""
    try:
        with transaction() as session:
            invoices = steps.locked(session, ids)
            if invoices is None:
                return NotFound()
            before = [steps.name_of(invoice) for invoice in invoices if invoice.number is not None]
            drafts = [invoice for invoice in invoices if invoice.number is None]
            if not drafts:
                return Ok(Outcome((), before))
            drafts.sort(key=lambda invoice: (invoice.issue_date, invoice.id))
            facts = steps.issue_facts(session, drafts)
            refusal = _refusal((invoice, steps.why_not_issue(invoice, facts, today)) for invoice in drafts)
            if refusal is not None:
                return refusal
            steps.issue(session, drafts, facts)
            return Ok(Outcome([steps.name_of(invoice) for invoice in drafts], before))
    except steps.NumberOutOfOrderError as error:
        return _refused({steps.TOO_EARLY: [error.name]})


@_of_selection
def pay_invoices(ids: Ids, today: date) -> ActionResult[Outcome]:
    """Record that the whole amount due on these invoices came by bank transfer today."""
    with transaction() as session:
        invoices = steps.locked(session, ids)
        if invoices is None:
            return NotFound()
        before = [steps.name_of(invoice) for invoice in invoices if invoice.status is InvoiceStatus.PAID]
        due = [invoice for invoice in invoices if invoice.status is not InvoiceStatus.PAID]
        refusal = _refusal((invoice, _why_not_pay(invoice)) for invoice in due)
        if refusal is not None:
            return refusal
        names = [steps.name_of(invoice) for invoice in due]
        for invoice in due:
            steps.pay(session, invoice, new_id(), invoice.amount_due, today, USUAL_METHOD)
        return Ok(Outcome(names, before))


@_of_selection
def duplicate_invoices(ids: Ids, today: date, token: uuid.UUID | None = None) -> ActionResult[Outcome]:
    """Make a new draft, dated today, from each of these invoices; the outcome names what was copied.

    The same one-time token again, with the same invoices, makes nothing and answers the same.
    """
    with transaction() as session:
        # Not locked: whoever renames a client holds it and waits for its drafts, while a copy must wait for the client.
        statement = select(Invoice).where(in_business(Invoice), Invoice.id.in_(ids)).order_by(Invoice.id)
        sources = session.execute(statement).scalars().all()
        if len(sources) < len(ids):
            return NotFound()
        if _line_count(session, ids) > MAX_COPIED_LINES:
            return Invalid.because(TOO_LONG)
        refusal = _refusal((source, copies.why_not_duplicate(source)) for source in sources)
        if refusal is not None:
            return refusal
        outcome = Outcome([steps.name_of(source) for source in sources])
        twins = {new_id(): source for source in sources}
        # Another selection from the same page is another attempt, so that it is never taken for done already.
        attempt = uuid.uuid5(token, " ".join(sorted(map(str, ids)))) if token else None
        if audit.claim(session, attempt, "invoices", next(iter(twins))) is None:
            copies.duplicate(session, twins, today)
        return Ok(outcome)


def _line_count(session: Session, ids: Ids) -> int:
    counted = select(func.count()).select_from(LineItem).where(in_business(LineItem), LineItem.invoice_id.in_(ids))
    return session.execute(counted).scalar_one()


def _why_not_pay(invoice: Invoice) -> Reason | None:
    """As for one alone, and that money which goes out is not recorded by the dozen."""
    return steps.REFUNDED_ALONE if invoice.type_code == CREDIT_NOTE else steps.why_not_pay(invoice)


def _refusal(found: Iterable[tuple[Invoice, Reason | None]]) -> Invalid | None:
    """All that stands against the selection, each reason with the invoices that it is about; None when nothing does."""
    against: dict[Reason, list[str]] = {}
    for invoice, reason in found:
        if reason is not None:
            against.setdefault(reason, []).append(steps.name_of(invoice))
    return _refused(against) if against else None


def _refused(against: dict[Reason, list[str]]) -> Invalid:
    sentences = [f"{reason.many}: {steps.listed(names)}." for reason, names in against.items()]
    return Invalid({FORM: [*sentences, ALL_OR_NOTHING]})
