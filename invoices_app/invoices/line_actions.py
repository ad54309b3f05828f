"""What people do with the lines of a draft.

Every action makes the document's figures right in its transaction, in a fixed number of statements however many lines
there are, keeps what undoes it, and answers the sheet as the page that it came from needs it.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import in_business
from invoices_app.db.transaction import transaction
from invoices_app.invoices import cell_edits, drafts, edits
from invoices_app.invoices.document import Sheet
from invoices_app.invoices.edits import LINE_FIELDS, Edit, Origin
from invoices_app.invoices.models import CREDIT_NOTE, MAX_LINES, DraftEdit, Invoice, InvoiceStatus, LineItem
from invoices_app.results import ActionResult, Conflict, Invalid, NotFound, Ok

TOO_MANY = f"An invoice has at most {MAX_LINES} lines."
NOTHING_TO_REPEAT = "There is no other invoice for this client to take lines from."
NOTHING_TO_UNDO = "There is nothing of yours to undo here."


@drafts.within_limits
def add_lines(
    invoice_id: uuid.UUID,
    rows: Sequence[Mapping[str, Any]],
    origin: Origin,
    after: uuid.UUID | None = None,
    token: uuid.UUID | None = None,
) -> ActionResult[Sheet]:
    """Add lines, at least one, behind the line `after` or at the end.

    The same one-time token again adds nothing and answers the first line that it made.
    """
    with transaction() as session:
        invoice = drafts.locked_draft(session, invoice_id)
        if not isinstance(invoice, Invoice):
            return invoice
        position = _place_behind(session, invoice, after)
        if position is None:
            return NotFound()
        return _insert(session, invoice, origin, Insertion(rows, position, token))


@drafts.within_limits
def repeat_lines(invoice_id: uuid.UUID, origin: Origin, token: uuid.UUID | None = None) -> ActionResult[Sheet]:
    """Add the lines of the newest other invoice for the same client, an issued one if there is any."""
    with transaction() as session:
        invoice = drafts.locked_draft(session, invoice_id)
        if not isinstance(invoice, Invoice):
            return invoice
        those = (in_business(Invoice), Invoice.client_id == invoice.client_id, Invoice.id != invoice.id)
        newest = select(Invoice).where(*those, Invoice.subtotal != 0, Invoice.type_code != CREDIT_NOTE)
        newest = newest.order_by(Invoice.status == InvoiceStatus.DRAFT, Invoice.issue_date.desc(), Invoice.id.desc())
        source = session.execute(newest.limit(1)).scalar_one_or_none()
        if source is None:
            return Invalid.because(NOTHING_TO_REPEAT)
        rows = [_values(line) for line in drafts.lines_of(session, source)]
        position = drafts.line_count(session, invoice) + 1
        return _insert(session, invoice, origin, Insertion(rows, position, token))


@drafts.within_limits
def change_line(
    invoice_id: uuid.UUID, line_id: uuid.UUID, values: Mapping[str, Any], version: int, origin: Origin
) -> ActionResult[Sheet]:
    """Write these fields of a line, unless someone else changed it since `version`.

    What is there already is no change, whatever the version: an answer that was lost may be asked for again.
    """
    with transaction() as session:
        found, around = cell_edits.read(session, invoice_id, line_id)
        invoice = drafts.editable(found)
        if not isinstance(invoice, Invoice):
            return invoice
        if around is None:
            return _gone(session, invoice, line_id)
        line, values = around.line, dict(values)
        if "tax_rate" in values and values["tax_rate"] is None:
            values["tax_rate"] = drafts.usual_tax_rate(session, invoice)
        changes = audit.difference(line, values)
        if changes and line.version != version:
            who = edits.last_editor(session, invoice, line_id)
            return Conflict(f"{who} changed this line while you worked on it.")
        if changes:
            before = edits.kept(line, changes)
            drafts.change_line(line, values, line.tax_rate, invoice.currency)
            told = {"line": line_id, "of": line.description, **changes}
            undo = {"line": str(line_id), "values": before}
            around = cell_edits.write(session, origin, around, Edit("line.changed", told, [line_id], undo))
        return Ok(cell_edits.follow(session, origin, around))


@drafts.within_limits
def delete_line(invoice_id: uuid.UUID, line_id: uuid.UUID, origin: Origin) -> ActionResult[Sheet]:
    """Take a line off a draft; its values stay in the history. Deleting twice is harmless."""
    with transaction() as session:
        invoice = drafts.locked_draft(session, invoice_id)
        if not isinstance(invoice, Invoice):
            return invoice
        line = drafts.line_of(session, invoice, line_id)
        if line is None:
            gone = isinstance(_gone(session, invoice, line_id), Conflict)
            return Ok(edits.follow(session, invoice, origin, [line_id])) if gone else NotFound()
        told = {"line": line_id, "of": line.description, **_values(line)}
        kept = _take_off(session, invoice, [line])
        drafts.recompute(session, invoice)
        undo = {"lines": kept}
        edits.record(session, invoice, origin, Edit("line.deleted", told, [line_id], undo, moved=True))
        return Ok(edits.follow(session, invoice, origin, [line_id]))


def move_line(invoice_id: uuid.UUID, line_id: uuid.UUID, position: int, origin: Origin) -> ActionResult[Sheet]:
    """Put a line at `position`, counted from 1; beyond the end means the end."""
    with transaction() as session:
        invoice = drafts.locked_draft(session, invoice_id)
        if not isinstance(invoice, Invoice):
            return invoice
        line = drafts.line_of(session, invoice, line_id)
        if line is None:
            return _gone(session, invoice, line_id)
        before = line.position
        if _move(session, invoice, line, position):
            told = {"line": line_id, "of": line.description, "position": [before, line.position]}
            undo = {"move": str(line_id), "position": before}
            edits.record(session, invoice, origin, Edit("line.moved", told, [line_id], undo, moved=True))
        return Ok(edits.follow(session, invoice, origin, [line_id], moved=True))


@drafts.within_limits
def duplicate_line(
    invoice_id: uuid.UUID, line_id: uuid.UUID, origin: Origin, token: uuid.UUID | None = None
) -> ActionResult[Sheet]:
    """Put a copy of a line right behind it."""
    with transaction() as session:
        invoice = drafts.locked_draft(session, invoice_id)
        if not isinstance(invoice, Invoice):
            return invoice
        line = drafts.line_of(session, invoice, line_id)
        if line is None:
            return _gone(session, invoice, line_id)
        insertion = Insertion([_values(line)], line.position + 1, token, "line.duplicated")
        return _insert(session, invoice, origin, insertion)


@drafts.within_limits
def put_back(
    invoice_id: uuid.UUID, line_id: uuid.UUID, values: Mapping[str, Any], origin: Origin
) -> ActionResult[Sheet]:
    """Bring a line back that somebody took off, with these fields changed. Doing it twice is harmless."""
    with transaction() as session:
        invoice = drafts.locked_draft(session, invoice_id)
        if not isinstance(invoice, Invoice):
            return invoice
        if drafts.line_of(session, invoice, line_id) is not None:
            return Ok(edits.follow(session, invoice, origin, [line_id], moved=True))
        stored = edits.removal_of(session, invoice, line_id)
        if stored is None:
            return NotFound()
        if drafts.line_count(session, invoice) >= MAX_LINES:
            return Invalid.because(TOO_MANY)
        [line] = _put_lines_back(session, invoice, [stored])
        drafts.change_line(line, values, line.tax_rate, invoice.currency)
        drafts.recompute(session, invoice)
        told = {"line": line_id, "of": line.description, **values}
        undo = {"remove": [str(line_id)]}
        edits.record(session, invoice, origin, Edit("line.restored", told, [line_id], undo, moved=True))
        return Ok(edits.follow(session, invoice, origin, [line_id], moved=True))


@drafts.within_limits
def undo(invoice_id: uuid.UUID, origin: Origin) -> ActionResult[Sheet]:
    """Take back the person's newest edit of this draft, unless someone else has edited the same since."""
    with transaction() as session:
        invoice = drafts.locked_draft(session, invoice_id)
        if not isinstance(invoice, Invoice):
            return invoice
        edit = edits.to_undo(session, invoice)
        if edit is None or edit.undo is None:
            return Invalid.because(NOTHING_TO_UNDO)
        who = edits.in_the_way(session, invoice, edit)
        if who is not None:
            return Conflict(f"{who} has changed the same since, so your edit was not undone.")
        taken_back = _take_back(session, invoice, edit.undo)
        if invoice.id in edit.touched:
            drafts.reprice(session, invoice)
        else:
            drafts.recompute(session, invoice)
        edit.undone = True
        told = {"undone": edit.action, "revision": edit.revision}
        kept = {"lines": taken_back.removed} if taken_back.removed else None
        undone = Edit("edit.undone", told, edit.touched, kept, moved=taken_back.moved, final=True)
        edits.record(session, invoice, origin, undone)
        return Ok(edits.follow(session, invoice, origin, edit.touched, moved=taken_back.moved))


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What an undo did: whether lines came, went or changed places, and those that it took off, as they were."""

    moved: bool
    removed: Sequence[Mapping[str, Any]] = ()


def _take_back(session: Session, invoice: Invoice, undo: Mapping[str, Any]) -> TakenBack:
    """Write what an edit kept for this."""
    match undo:
        case {"lines": list(stored)}:
            _put_lines_back(session, invoice, stored)
            return TakenBack(moved=True)
        case {"remove": list(ids)}:
            those = LineItem.id.in_([uuid.UUID(line_id) for line_id in ids])
            statement = select(LineItem).where(in_business(LineItem), LineItem.invoice_id == invoice.id, those)
            removed = _take_off(session, invoice, session.execute(statement).scalars().all())
            return TakenBack(moved=True, removed=removed)
        case {"move": str(line_id), "position": int(position)}:
            line = drafts.line_of(session, invoice, uuid.UUID(line_id))
            return TakenBack(moved=line is not None and _move(session, invoice, line, position))
        case {"line": str(line_id), "values": dict(values)}:
            line = drafts.line_of(session, invoice, uuid.UUID(line_id))
            if line is not None:
                drafts.change_line(line, edits.values_of(values), line.tax_rate, invoice.currency)
                line.version += 1
            return TakenBack(moved=False)
        case {"header": dict(values)}:
            for name, value in edits.values_of(values).items():
                setattr(invoice, name, value)
            invoice.version += 1
            return TakenBack(moved=False)
    raise AssertionError(f"an edit of an unknown kind: {sorted(undo)}")


@dataclass(frozen=True, slots=True)
class Insertion:
    """Lines to add: their values, the position of the first, and the one-time token that they may use up."""

    rows: Sequence[Mapping[str, Any]]
    position: int
    token: uuid.UUID | None
    action: str = "line.added"


def _insert(session: Session, invoice: Invoice, origin: Origin, insertion: Insertion) -> ActionResult[Sheet]:
    """Insert lines, once for a token."""
    rows, position, action = insertion.rows, insertion.position, insertion.action
    ids = [new_id() for _ in rows]
    made = audit.claim(session, insertion.token, "line", ids[0])
    if made is not None:
        return Ok(edits.follow(session, invoice, origin, [made], moved=True))
    if drafts.line_count(session, invoice) + len(rows) > MAX_LINES:
        session.rollback()  # the token made nothing, so it is not used up
        return Invalid.because(TOO_MANY)
    usual_rate = drafts.usual_tax_rate(session, invoice)
    drafts.make_room(session, invoice, position, len(rows))
    for line_id, place, row in zip(ids, range(position, position + len(rows)), rows, strict=True):
        line = drafts.new_line(invoice, place, row, usual_rate)
        line.id = line_id
        session.add(line)
    drafts.recompute(session, invoice)
    if len(rows) == 1:
        told = {"line": ids[0], "of": rows[0]["description"], **rows[0]}
    else:
        action, told = "line.pasted", {"lines": [row["description"] for row in rows]}
    undo = {"remove": [str(line_id) for line_id in ids]}
    edits.record(session, invoice, origin, Edit(action, told, ids, undo, moved=True))
    return Ok(edits.follow(session, invoice, origin, ids, moved=True))


def _place_behind(session: Session, invoice: Invoice, after: uuid.UUID | None) -> int | None:
    """The position behind that line, the end when there is none; None when the line is not on this draft."""
    if after is None:
        return drafts.line_count(session, invoice) + 1
    line = drafts.line_of(session, invoice, after)
    return line.position + 1 if line is not None else None


def _take_off(session: Session, invoice: Invoice, lines: Sequence[LineItem]) -> list[dict[str, Any]]:
    """Delete these lines and close the gaps; answers them as they were."""
    kept = [edits.kept_line(line) for line in lines]
    for line in sorted(lines, key=lambda line: -line.position):
        position = line.position
        session.delete(line)
        session.flush()
        drafts.make_room(session, invoice, position + 1, -1)
    return kept


def _put_lines_back(session: Session, invoice: Invoice, stored: Sequence[Mapping[str, Any]]) -> list[LineItem]:
    """Insert lines that were taken off, where they stood or at the end."""
    lines = []
    end = drafts.line_count(session, invoice) + 1
    for was in sorted(stored, key=lambda line: line["position"]):
        position = min(was["position"], end)
        drafts.make_room(session, invoice, position, 1)
        line = edits.line_from(invoice, was, position)
        drafts.price_line(line, invoice.currency)
        session.add(line)
        session.flush()
        lines.append(line)
        end += 1
    return lines


def _move(session: Session, invoice: Invoice, line: LineItem, position: int) -> bool:
    """Put a line elsewhere and close the gap that it leaves; answers whether it was elsewhere before."""
    before, after = line.position, min(position, drafts.line_count(session, invoice))
    if after == before:
        return False
    if after > before:
        drafts.make_room(session, invoice, before + 1, -1, last=after)
    else:
        drafts.make_room(session, invoice, after, 1, last=before - 1)
    line.position = after
    session.flush()
    return True


def _gone(session: Session, invoice: Invoice, line_id: uuid.UUID) -> Conflict | NotFound:
    """Why a line is not there: somebody took it off, or this draft never had it."""
    statement = select(DraftEdit.revision).where(
        in_business(DraftEdit), DraftEdit.invoice_id == invoice.id, DraftEdit.touched.contains([line_id])
    )
    if session.execute(statement.limit(1)).first() is None:
        return NotFound()
    who = edits.last_editor(session, invoice, line_id)
    return Conflict(f"{who} deleted this line while you worked on it.", gone=True)


def _values(line: LineItem) -> dict[str, Any]:
    return {name: getattr(line, name) for name in LINE_FIELDS}
