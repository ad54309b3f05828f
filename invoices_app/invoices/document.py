"""The document: everything that stands on the sheet, for the editor, the issued view and the print alike."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from invoices_app.accounts.models import Business
from invoices_app.accounts.postal import address_lines
from invoices_app.accounts.rules import SheetLogo, sheet_logo
from invoices_app.clients.models import Client
from invoices_app.db.tenancy import in_business
from invoices_app.extensions import db
from invoices_app.invoices import document_rows, rules
from invoices_app.invoices.document_rows import (
    PARTY_FIELDS,
    PAYEE_FIELDS,
    PLAIN_FIELDS,
    DocumentLine,
    DocumentPayment,
    DocumentRow,
    Related,
)
from invoices_app.invoices.models import CREDIT_NOTE, Invoice, LineItem
from invoices_app.money import ZERO

_VAT_COUNTRIES = frozenset([
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
])  # fmt: skip
_GST_COUNTRIES = frozenset(["AU", "IN", "NZ", "SG"])


@dataclass(frozen=True, slots=True)
class Party:
    """The seller or the buyer as printed; `address_lines` without empty ones, the country by its name."""

    name: str
    legal_name: str
    address_lines: Sequence[str]
    email: str
    phone: str
    tax_id: str
    registration_number: str
    country: str


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice with all that is printed on it. Amounts are in `currency`, as stored; nothing is computed here.

    Those of a credit note are without the sign that they are stored with. `paid_total` is money alone, and `set_off`
    what a credit note has settled besides. `preceding` is what this one credits or replaces, `credited_by` and
    `replaced_by` what followed it.
    """

    id: uuid.UUID
    client_id: uuid.UUID
    type_code: int
    number: str | None
    status: str
    shown_status: str
    version: int
    archived: bool
    currency: str
    issue_date: date
    due_date: date
    paid_on: date | None
    reference: str
    purchase_order: str
    notes: str
    discount_percent: Decimal
    subtotal: Decimal
    discount_amount: Decimal
    net_total: Decimal
    tax_total: Decimal
    total: Decimal
    paid_total: Decimal
    amount_due: Decimal
    set_off: Decimal
    preceding: Related | None
    credited_by: Related | None
    replaced_by: Related | None
    logo: SheetLogo | None
    seller: Party
    buyer: Party
    tax_word: str
    usual_tax_rate: Decimal
    iban: str
    bic: str
    account_name: str
    payment_details: str
    lines: Sequence[DocumentLine]
    taxes: Sequence[rules.TaxGroup]
    payments: Sequence[DocumentPayment]
    revision: int
    due_by_hand: bool
    wanted_series: str | None

    @property
    def editable(self) -> bool:
        """Only a draft that is not archived can be changed."""
        return self.status == "draft" and not self.archived

    @property
    def is_credit_note(self) -> bool:
        return self.type_code == CREDIT_NOTE

    @property
    def correctable(self) -> bool:
        """Whether a credit note can take this back."""
        return self.status != "draft" and not (self.archived or self.is_credit_note or self.credited_by)

    @property
    def status_word(self) -> str:
        due = -self.amount_due if self.is_credit_note else self.amount_due
        return rules.status_word(self.shown_status, self.type_code, due, is_credited=self.credited_by is not None)

    @property
    def payment_terms_days(self) -> int:
        return (self.due_date - self.issue_date).days


@dataclass(frozen=True, slots=True)
class Sheet:
    """What an open page needs to catch up with a draft: its head and figures, and the lines that have changed.

    `document` holds those lines alone, or all of them when `whole`. `behind` says after which line (None: the first)
    each stands, when lines may have changed places. `gone` are lines that were taken off, `header` says whether the
    header has changed.
    """

    document: Document
    behind: Mapping[uuid.UUID, uuid.UUID | None]
    gone: Collection[uuid.UUID]
    whole: bool
    header: bool


def sheet(
    invoice_id: uuid.UUID,
    today: date,
    line_ids: Collection[uuid.UUID] | None,
    *,
    placed: bool = False,
    header: bool = False,
) -> Sheet:
    """The document with these lines (None: all), told where they stand when `placed`. The document exists."""
    [found] = documents([invoice_id], today, line_ids)
    changed = {line.id for line in found.lines}
    behind = _behind(invoice_id, changed) if placed and line_ids is not None else {}
    return Sheet(found, behind, set(line_ids or ()) - changed, line_ids is None, header)


def _behind(invoice_id: uuid.UUID, line_ids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, uuid.UUID | None]:
    """After which line each of these stands, None for the first."""
    placed = (
        select(LineItem.id, func.lag(LineItem.id).over(order_by=LineItem.position).label("behind"))
        .where(in_business(LineItem), LineItem.invoice_id == invoice_id)
        .subquery()
    )
    found = db.session.execute(select(placed).where(placed.c.id.in_(line_ids)))
    return {row.id: row.behind for row in found}


def document(invoice_id: uuid.UUID, today: date) -> Document | None:
    """The document, or None when this business has no such invoice."""
    return next(iter(documents([invoice_id], today)), None)


def documents(
    ids: Sequence[uuid.UUID], today: date, line_ids: Collection[uuid.UUID] | None = None
) -> Sequence[Document]:
    """The documents with these ids, in this order, without those that this business does not have.

    One statement, however many documents and lines. With `line_ids`, they hold those of their lines alone.
    """
    made = {row.invoice.id: of_row(row, today) for row in document_rows.rows(ids, line_ids)}
    return [made[invoice_id] for invoice_id in ids if invoice_id in made]


def of_row(row: DocumentRow, today: date) -> Document:
    """The document that a row makes."""
    invoice, seller = row.invoice, row.seller
    payments = row.payments if invoice.number is not None else ()
    shown = Document(
        **{name: getattr(invoice, name) for name in PLAIN_FIELDS},
        status=invoice.status.value,
        shown_status=rules.shown_status(invoice.status, invoice.due_date, invoice.amount_due, today),
        archived=invoice.archived_at is not None,
        logo=sheet_logo(*row.logo),
        seller=_party(seller),
        buyer=_party(row.buyer),
        tax_word=_tax_word(seller["country"]),
        usual_tax_rate=row.usual_tax_rate,
        **{name: seller[name] for name in PAYEE_FIELDS},
        lines=row.lines,
        taxes=row.taxes,
        payments=payments,
        set_off=sum((part.amount for part in payments if part.is_set_off), ZERO),
        **_relations(invoice, row.related),
    )
    return _as_printed(shown)


def _relations(invoice: Invoice, related: Sequence[Related]) -> dict[str, Any]:
    found: dict[str, Any] = {"preceding": None, "credited_by": None, "replaced_by": None}
    for one in related:
        is_before = one.id == invoice.preceding_invoice_id
        follows = "credited_by" if one.type_code == CREDIT_NOTE else "replaced_by"
        found["preceding" if is_before else follows] = one
    return found


def _as_printed(shown: Document) -> Document:
    """The sheet says what was paid in money alone, so that a credit note changes no invoice that was printed.

    A credit note says without a sign what it takes back: its type turns its amounts around.
    """
    if shown.set_off:
        paid_total = shown.paid_total - shown.set_off
        paid = {"paid_total": paid_total, "amount_due": shown.total - paid_total, "paid_on": None}
        shown = replace(shown, **paid if not shown.is_credit_note else {"paid_total": paid_total})
    if not shown.is_credit_note:
        return shown
    negated = {name: -getattr(shown, name) for name in _SIGNED}
    lines = [replace(line, quantity=-line.quantity, line_net=-line.line_net) for line in shown.lines]
    taxes = [replace(tax, taxable=-tax.taxable, tax=-tax.tax) for tax in shown.taxes]
    payments = [replace(payment, amount=-payment.amount) for payment in shown.payments]
    return replace(shown, **negated, lines=lines, taxes=taxes, payments=payments)


_SIGNED = (
    "subtotal", "discount_amount", "net_total", "tax_total", "total", "paid_total", "amount_due", "set_off",
)  # fmt: skip


def seller_details(business: Business) -> dict[str, Any]:
    """What an issued invoice keeps of its seller (BG-4), of where to pay (BG-16), and which logo it bears."""
    details = {name: getattr(business, name) for name in (*PARTY_FIELDS, *PAYEE_FIELDS)}
    return {**details, "logo_id": str(business.logo_id) if business.logo_id else None}


def buyer_details(client: Client) -> dict[str, Any]:
    """What an issued invoice keeps of its buyer (BG-7)."""
    return {name: getattr(client, name) for name in PARTY_FIELDS}


def _party(details: Mapping[str, Any]) -> Party:
    return Party(
        name=details["name"],
        legal_name=details["legal_name"],
        address_lines=address_lines(details),
        email=details["email"],
        phone=details["phone"],
        tax_id=details["tax_id"],
        registration_number=details["registration_number"],
        country=details["country"],
    )


def _tax_word(country: str) -> str:
    """What the tax is called where the seller is."""
    if country in _VAT_COUNTRIES:
        return "VAT"
    return "GST" if country in _GST_COUNTRIES else "Tax"
