"""What people do with invoices as a whole: create, edit the header, duplicate, archive, restore."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.accounts.models import Business
from invoices_app.clients.models import Client
from invoices_app.db import constraints
from invoices_app.db.base import new_id
from invoices_app.db.tenancy import in_business
from invoices_app.db.transaction import transaction
from invoices_app.invoices import copies, drafts, edits, rules, series, steps
from invoices_app.invoices.document import Sheet
from invoices_app.invoices.edits import Edit, Origin
from invoices_app.invoices.models import Invoice
from invoices_app.invoices.steps import Outcome
from invoices_app.money import ZERO, minor_units
from invoices_app.results import ActionResult, Conflict, Invalid, NotFound, Ok

UNKNOWN_CLIENT = "Choose one of your clients."
ARCHIVED_CLIENT = "This client is archived; restore it to write invoices for it."
_IMPLIED = ("minor_units", "due_by_hand")
DUE_BEFORE_ISSUE = "The due date cannot be before the issue date."


@drafts.within_limits
def create_invoice(
    header: Mapping[str, Any], lines: Sequence[dict[str, Any]], today: date, token: uuid.UUID | None = None
) -> ActionResult[uuid.UUID]:
    """Make a draft; the value is its id. What the header leaves out comes from the client or the business.

    The same one-time token again answers the invoice that it made.
    """
    with transaction() as session:
        invoice_id = new_id()
        made = audit.claim(session, token, "invoice", invoice_id)
        if made is not None:
            return Ok(made)
        business, client = _business_and_client(session, header["client_id"])
        if client is None or client.archived:
            session.rollback()
            return Invalid.because(ARCHIVED_CLIENT if client else UNKNOWN_CLIENT, "client_id")
        issue_date = header.get("issue_date") or today
        invoice = Invoice(business_id=business.id, id=invoice_id, client_id=client.id, issue_date=issue_date)
        invoice.due_by_hand = header.get("due_date") is not None
        invoice.due_date = header.get("due_date") or rules.due_date(issue_date, _terms(client, business))
        if invoice.due_date < issue_date:
            session.rollback()
            return Invalid.because(DUE_BEFORE_ISSUE, "due_date")
        invoice.currency = header.get("currency") or client.currency or business.currency
        invoice.minor_units = minor_units(invoice.currency)
        invoice.reference = header.get("reference") or ""
        invoice.notes = header.get("notes") or business.invoice_notes
        invoice.discount_percent = header.get("discount_percent") or ZERO
        made_of = [
            drafts.new_line(invoice, position, line, business.default_tax_rate)
            for position, line in enumerate(lines, start=1)
        ]
        drafts.add_with_lines(session, [(invoice, made_of)])
        audit.record(session, "invoice.created", "invoice", invoice_id, {"client": client.id, "total": invoice.total})
        return Ok(invoice_id)


@drafts.within_limits
def update_invoice(
    invoice_id: uuid.UUID, values: Mapping[str, Any], version: int, origin: Origin
) -> ActionResult[Sheet]:
    """Write these fields of a draft's header, unless someone else changed it since `version`.

    A due date follows the client's terms until it is chosen by hand, and again when it is emptied; a currency that is
    emptied is the client's or the business's usual one. What is there already is no change, whatever the version.
    """
    try:
        with transaction() as session:
            invoice = drafts.locked_draft(session, invoice_id)
            if not isinstance(invoice, Invoice):
                return invoice
            client = _client(session, values.get("client_id", invoice.client_id))
            if client is None or (client.archived and client.id != invoice.client_id):
                return Invalid.because(ARCHIVED_CLIENT if client else UNKNOWN_CLIENT, "client_id")
            if values.get("wanted_series") and not series.exists(values["wanted_series"]):
                return Invalid.because(series.UNKNOWN_SERIES, "wanted_series")
            values = _filled(session, invoice, values, client)
            changes = audit.difference(invoice, values)
            if changes and invoice.version != version:
                who = edits.last_editor(session, invoice, invoice.id)
                return Conflict(f"{who} changed this heading while you worked on it.")
            if changes:
                _change_header(session, invoice, values, changes, origin)
            return Ok(edits.follow(session, invoice, origin, [invoice.id]))
    except IntegrityError as error:
        return constraints.explain(error)


def duplicate_invoice(invoice_id: uuid.UUID, today: date, token: uuid.UUID | None = None) -> ActionResult[uuid.UUID]:
    """Make a new draft, dated today, with the same client, header and lines; the value is its id."""
    with transaction() as session:
        source = session.execute(
            select(Invoice).where(in_business(Invoice), Invoice.id == invoice_id)
        ).scalar_one_or_none()
        if source is None:
            return NotFound()
        copy_id = new_id()
        made = audit.claim(session, token, "invoice", copy_id)
        if made is not None:
            return Ok(made)
        reason = copies.why_not_duplicate(source)
        if reason is not None:
            session.rollback()
            return reason.invalid()
        copies.duplicate(session, {copy_id: source}, today)
        return Ok(copy_id)


def archive_invoice(invoice_id: uuid.UUID) -> ActionResult[Outcome]:
    """Hide an invoice from lists. It stays numbered and in the history; archiving twice is harmless."""
    with transaction() as session:
        invoice = drafts.locked(session, invoice_id)
        return NotFound() if invoice is None else Ok(steps.archive(session, [invoice]))


def restore_invoice(invoice_id: uuid.UUID) -> ActionResult[Outcome]:
    """Bring an archived invoice back; restoring twice is harmless."""
    with transaction() as session:
        invoice = drafts.locked(session, invoice_id)
        return NotFound() if invoice is None else Ok(steps.restore(session, [invoice]))


def undo_archiving(archiving_id: uuid.UUID) -> ActionResult[Outcome]:
    """Bring back what one archiving hid, as far as it is hidden still; undoing twice is harmless.

    An invoice that was archived anew since belongs to that archiving.
    """
    with transaction() as session:
        statement = select(Invoice).where(in_business(Invoice), Invoice.archiving_id == archiving_id)
        invoices = session.execute(statement.order_by(Invoice.id).with_for_update()).scalars().all()
        return Ok(steps.restore(session, invoices)) if invoices else NotFound()


def _business_and_client(session: Session, client_id: uuid.UUID) -> tuple[Business, Client | None]:
    this_client = (Client.business_id == Business.id) & (Client.id == client_id)
    business, client = session.execute(select(Business, Client).outerjoin(Client, this_client)).one()
    return business, client


def _client(session: Session, client_id: uuid.UUID) -> Client | None:
    return session.execute(select(Client).where(in_business(Client), Client.id == client_id)).scalar_one_or_none()


def _filled(session: Session, invoice: Invoice, values: Mapping[str, Any], client: Client) -> dict[str, Any]:
    """The header's values with the usual ones where they were left empty, and what follows from them."""
    filled = dict(values)
    if "due_date" in filled and filled["due_date"] != invoice.due_date:
        filled["due_by_hand"] = filled["due_date"] is not None
    issue_date = filled.get("issue_date", invoice.issue_date)
    dated = issue_date != invoice.issue_date or client.id != invoice.client_id
    follows = not filled.get("due_by_hand", invoice.due_by_hand)
    emptied = "due_date" in filled and filled["due_date"] is None
    if "currency" in filled or (follows and (dated or emptied)):
        business = session.execute(select(Business)).scalar_one()
        if follows and (dated or emptied):
            filled["due_date"] = rules.due_date(issue_date, _terms(client, business))
        if "currency" in filled:
            filled["currency"] = filled["currency"] or client.currency or business.currency
            filled["minor_units"] = minor_units(filled["currency"])
    return filled


def _change_header(
    session: Session, invoice: Invoice, values: Mapping[str, Any], changes: Mapping[str, Any], origin: Origin
) -> None:
    before = edits.kept(invoice, changes)
    for name, value in values.items():
        setattr(invoice, name, value)
    invoice.version += 1
    if "currency" in changes:
        drafts.reprice(session, invoice)
    else:
        drafts.recompute(session, invoice)
    told = {name: change for name, change in changes.items() if name not in _IMPLIED}
    undo = {"header": before}
    edits.record(session, invoice, origin, Edit("invoice.changed", told, [invoice.id], undo))


def _terms(client: Client, business: Business) -> int:
    return business.payment_terms_days if client.payment_terms_days is None else client.payment_terms_days
