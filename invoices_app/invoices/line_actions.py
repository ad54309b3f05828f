"""What people do with the lines of a draft. Every action makes the document's figures right in its transaction."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.db.base import new_id
from invoices_app.db.transaction import transaction
from invoices_app.invoices import drafts
from invoices_app.invoices.models import MAX_LINES, Invoice, LineItem
from invoices_app.results import ActionResult, Conflict, Invalid, NotFound, Ok

TOO_MANY = f"An invoice has at most {MAX_LINES} lines."


@drafts.within_limits
def add_line(
    invoice_id: uuid.UUID,
    values: dict[str, Any],
    after: uuid.UUID | None = None,
    token: uuid.UUID | None = None,
) -> ActionResult[uuid.UUID]:
    """Add a line behind the line `after`, or at the end; the value is its id."""
    with transaction() as session:
        invoice = drafts.locked_draft(session, invoice_id)
        if not isinstance(invoice, Invoice):
            return invoice
        line_id = new_id()
        made = audit.claim(session, token, "line", line_id)
        if made is not None:
            return Ok(made)
        lines = list(drafts.lines_of(session, invoice))
        index = len(lines) if after is None else next((i for i, line in enumerate(lines, 1) if line.id == after), None)
        if index is None or len(lines) >= MAX_LINES:
            session.rollback()  # the token made nothing, so it is not used up
            return NotFound() if index is None else Invalid.because(TOO_MANY)
        line = drafts.new_line(invoice, index + 1, values, drafts.usual_tax_rate(session, invoice))
        line.id = line_id
        session.add(line)
        lines.insert(index, line)
        _renumber(lines)
        drafts.recompute(session, invoice)
        audit.record(session, "line.added", "invoice", invoice_id, {"line": line_id, **values})
        return Ok(line_id)


@drafts.within_limits
def change_line(
    invoice_id: uuid.UUID, line_id: uuid.UUID, values: dict[str, Any], version: int
) -> ActionResult[uuid.UUID]:
    """Change a line, unless someone else did since `version`."""
    with transaction() as session:
        found = _locked_line(session, invoice_id, line_id)
        if not isinstance(found, tuple):
            return found
        invoice, _lines, line = found
        if line.version != version:
            return Conflict("Someone else changed this line while you worked on it.")
        changes = audit.difference(line, values)
        if changes:
            drafts.change_line(line, values, drafts.usual_tax_rate(session, invoice))
            line.version += 1
            drafts.recompute(session, invoice)
            audit.record(session, "line.changed", "invoice", invoice_id, {"line": line_id, **changes})
        return Ok(line_id)


@drafts.within_limits
def delete_line(invoice_id: uuid.UUID, line_id: uuid.UUID) -> ActionResult[uuid.UUID]:
    """Take a line off a draft; its values stay in the history."""
    with transaction() as session:
        found = _locked_line(session, invoice_id, line_id)
        if not isinstance(found, tuple):
            return found
        invoice, lines, line = found
        audit.record(session, "line.deleted", "invoice", invoice_id, {"line": line_id, **_values(line)})
        lines.remove(line)
        session.delete(line)
        session.flush()
        _renumber(lines)
        drafts.recompute(session, invoice)
        return Ok(line_id)


def move_line(invoice_id: uuid.UUID, line_id: uuid.UUID, position: int) -> ActionResult[uuid.UUID]:
    """Put a line at `position`, counted from 1; beyond the end means the end."""
    with transaction() as session:
        found = _locked_line(session, invoice_id, line_id)
        if not isinstance(found, tuple):
            return found
        invoice, lines, line = found
        before = line.position
        lines.remove(line)
        lines.insert(position - 1, line)
        _renumber(lines)
        if line.position != before:
            drafts.recompute(session, invoice)
            audit.record(
                session,
                "line.moved",
                "invoice",
                invoice_id,
                {"line": line_id, "position": [before, line.position]},
            )
        return Ok(line_id)


@drafts.within_limits
def duplicate_line(
    invoice_id: uuid.UUID, line_id: uuid.UUID, token: uuid.UUID | None = None
) -> ActionResult[uuid.UUID]:
    """Put a copy of a line right behind it; the value is the copy's id."""
    with transaction() as session:
        found = _locked_line(session, invoice_id, line_id)
        if not isinstance(found, tuple):
            return found
        invoice, lines, line = found
        copy_id = new_id()
        made = audit.claim(session, token, "line", copy_id)
        if made is not None:
            return Ok(made)
        if len(lines) >= MAX_LINES:
            session.rollback()
            return Invalid.because(TOO_MANY)
        copy = drafts.new_line(invoice, line.position + 1, _values(line), line.tax_rate)
        copy.id = copy_id
        session.add(copy)
        lines.insert(line.position, copy)
        _renumber(lines)
        drafts.recompute(session, invoice)
        audit.record(session, "line.duplicated", "invoice", invoice_id, {"line": line_id, "copy": copy_id})
        return Ok(copy_id)


def _locked_line(
    session: Session, invoice_id: uuid.UUID, line_id: uuid.UUID
) -> tuple[Invoice, list[LineItem], LineItem] | Invalid | NotFound:
    invoice = drafts.locked_draft(session, invoice_id)
    if not isinstance(invoice, Invoice):
        return invoice
    lines = list(drafts.lines_of(session, invoice))
    line = next((line for line in lines if line.id == line_id), None)
    return (invoice, lines, line) if line is not None else NotFound()


def _values(line: LineItem) -> dict[str, Any]:
    names = ("description", "quantity", "unit", "unit_price", "tax_rate", "discount_percent")
    return {name: getattr(line, name) for name in names}


def _renumber(lines: list[LineItem]) -> None:
    for position, line in enumerate(lines, start=1):
        if line.position != position:
            line.position = position
