"""Edits of a draft: counted, kept so that they can be undone, and told to other pages that show the draft."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.accounts.models import User
from invoices_app.db.tenancy import current_scope, in_business
from invoices_app.invoices.document import Sheet, sheet
from invoices_app.invoices.models import DraftEdit, Invoice, LineItem

MOST_TO_FOLLOW = 100
"""A page that is more edits behind gets all lines anew."""

LINE_FIELDS = ("description", "quantity", "unit", "unit_price", "tax_rate", "discount_percent")
_KEPT_OF_LINE = (
    *LINE_FIELDS, "item_number", "unit_code", "tax_category", "exemption_reason", "position", "version",
)  # fmt: skip
COLUMNS = (
    "business_id", "invoice_id", "revision", "actor_id", "page", "action", "touched", "moved", "undo", "undone",
)  # fmt: skip
_DECIMALS = frozenset({"quantity", "unit_price", "tax_rate", "discount_percent"})
_DATES = frozenset({"issue_date", "due_date"})
_IDS = frozenset({"client_id"})


@dataclass(frozen=True, slots=True)
class Origin:
    """The open page that an edit comes from.

    `page` tells it from others, `seen` is the revision that it shows; both None without JavaScript. `today` is the
    calendar date of its business.
    """

    today: date
    page: uuid.UUID | None = None
    seen: int | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: what the history tells, what it touched (the invoice's own id: its header), and what undoes it.

    `moved` says that lines came, went or changed places. `final` edits cannot be undone: an undo itself, which keeps
    the lines that it took off for the person who was writing in them.
    """

    action: str
    changes: Mapping[str, Any]
    touched: Sequence[uuid.UUID]
    undo: Mapping[str, Any] | None = None
    moved: bool = False
    final: bool = False


def record(session: Session, invoice: Invoice, origin: Origin, edit: Edit) -> None:
    """Count an edit of the locked draft, keep what undoes it, and write it into the history."""
    invoice.revision += 1
    invoice.updated_at = func.now()
    session.add(DraftEdit(**entry(session, invoice, origin, edit)))
    audit.record(session, edit.action, "invoice", invoice.id, edit.changes)
    session.flush()


def entry(session: Session, invoice: Invoice, origin: Origin, edit: Edit) -> dict[str, Any]:
    """The row of an edit that has been counted: a value for each of `COLUMNS`."""
    return {
        "business_id": invoice.business_id,
        "invoice_id": invoice.id,
        "revision": invoice.revision,
        "actor_id": current_scope(session).user_id,
        "page": origin.page,
        "action": edit.action,
        "touched": list(edit.touched),
        "moved": edit.moved,
        "undo": edit.undo,
        "undone": edit.final,
    }


def follow(
    session: Session, invoice: Invoice, origin: Origin, own: Collection[uuid.UUID] = (), *, moved: bool = False
) -> Sheet:
    """What a page needs to show the draft as it is now: the lines in `own`, and those that others have edited since.

    Read under the draft's lock, so that all of it belongs to one revision.
    """
    touched, whole = set(own), False
    if origin.seen is not None and origin.seen < invoice.revision:
        later = session.execute(
            select(DraftEdit.page, DraftEdit.touched, DraftEdit.moved)
            .where(*_of(invoice), DraftEdit.revision > origin.seen)
            .order_by(DraftEdit.revision.desc())
            .limit(MOST_TO_FOLLOW + 1)
        ).all()
        whole = len(later) > MOST_TO_FOLLOW
        for page, ids, has_moved in later:
            if page is None or page != origin.page:
                touched.update(ids)
                moved = moved or has_moved
    header = invoice.id in touched
    return sheet(invoice.id, origin.today, None if whole else touched - {invoice.id}, placed=moved, header=header)


def last_editor(session: Session, invoice: Invoice, touched: uuid.UUID) -> str:
    """Who edited a line last (the header: the invoice's own id), as a sentence begins; also when the line is gone."""
    statement = (
        select(User.id, User.name)
        .join(DraftEdit, DraftEdit.actor_id == User.id)
        .where(*_of(invoice), DraftEdit.touched.contains([touched]))
        .order_by(DraftEdit.revision.desc())
        .limit(1)
    )
    found = session.execute(statement).one_or_none()
    if found is None:
        return "Someone else"
    return "You, in another window," if found.id == current_scope(session).user_id else str(found.name)


def edited_by_others(session: Session, invoice: Invoice, seen: int | None) -> str | None:
    """Who else has edited a draft since the revision `seen`; None when nobody has, or when that is not known."""
    if seen is None or seen >= invoice.revision:
        return None
    statement = select(User.name).join(DraftEdit, DraftEdit.actor_id == User.id)
    statement = statement.where(*_of(invoice), ~_by_me(session), DraftEdit.revision > seen)
    return session.execute(statement.order_by(DraftEdit.revision.desc()).limit(1)).scalar_one_or_none()


def to_undo(session: Session, invoice: Invoice) -> DraftEdit | None:
    """The person's newest edit of this draft that is not undone yet."""
    statement = select(DraftEdit).where(*_of(invoice), _by_me(session), ~DraftEdit.undone, DraftEdit.undo.is_not(None))
    return session.execute(statement.order_by(DraftEdit.revision.desc()).limit(1)).scalar_one_or_none()


def in_the_way(session: Session, invoice: Invoice, edit: DraftEdit) -> str | None:
    """Who has edited since what undoing `edit` would overwrite; None when nobody else did."""
    statement = (
        select(User.name)
        .join(DraftEdit, DraftEdit.actor_id == User.id)
        .where(*_of(invoice), ~_by_me(session), ~DraftEdit.undone, DraftEdit.revision > edit.revision)
        .where(DraftEdit.touched.overlap(edit.touched))
        .limit(1)
    )
    return session.execute(statement).scalar_one_or_none()


def removal_of(session: Session, invoice: Invoice, line_id: uuid.UUID) -> Mapping[str, Any] | None:
    """The line as it was when it was taken off; None when this draft never had it."""
    statement = select(DraftEdit.undo).where(
        *_of(invoice), DraftEdit.touched.contains([line_id]), DraftEdit.undo.has_key("lines")
    )
    undo = session.execute(statement.order_by(DraftEdit.revision.desc()).limit(1)).scalar_one_or_none()
    return next((line for line in undo["lines"] if line["id"] == str(line_id)), None) if undo else None


def kept_line(line: LineItem) -> dict[str, Any]:
    """A line as JSON, whole, so that it can come back."""
    return {"id": str(line.id), **kept(line, _KEPT_OF_LINE)}


def kept(row: LineItem | Invoice, names: Collection[str]) -> dict[str, Any]:
    """Some fields of a row as JSON."""
    return {name: _plain(getattr(row, name)) for name in names}


def values_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The values that `kept` wrote."""
    return {name: _value(name, value) for name, value in stored.items()}


def line_from(invoice: Invoice, stored: Mapping[str, Any], position: int) -> LineItem:
    """The line that `kept_line` wrote, for that position; its version is a new one."""
    values = values_of({name: stored[name] for name in _KEPT_OF_LINE})
    values |= {"position": position, "version": values["version"] + 1}
    line = LineItem(business_id=invoice.business_id, id=uuid.UUID(stored["id"]), invoice_id=invoice.id)
    for name, value in values.items():
        setattr(line, name, value)
    return line


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal | date | uuid.UUID) else value


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _DECIMALS:
        return Decimal(value)
    if name in _DATES:
        return date.fromisoformat(value)
    return uuid.UUID(value) if name in _IDS else value


def _by_me(session: Session) -> ColumnElement[bool]:
    return DraftEdit.actor_id == current_scope(session).user_id


def _of(invoice: Invoice) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return in_business(DraftEdit), DraftEdit.invoice_id == invoice.id
