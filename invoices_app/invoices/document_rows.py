"""The rows that documents are made of: one statement, however many documents, lines, tax groups and payments.

What belongs to an invoice comes along with it as JSON, numbers as text, so that a page costs one round trip.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, Literal, TypeVar

from sqlalchemy import (
    ARRAY,
    UUID,
    ColumnElement,
    Numeric,
    ScalarSelect,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased, load_only

from invoices_app.accounts.models import Business, Logo
from invoices_app.clients.models import Client
from invoices_app.db.tenancy import given_business, in_given_business
from invoices_app.extensions import db
from invoices_app.invoices import rules
from invoices_app.invoices.models import SET_OFF, Invoice, InvoiceTax, LineItem, Payment

Part = TypeVar("Part")

PLAIN_FIELDS = (
    "id", "client_id", "type_code", "number", "version", "currency", "issue_date", "due_date", "paid_on", "reference",
    "purchase_order", "notes", "discount_percent", "subtotal", "discount_amount", "net_total", "tax_total", "total",
    "paid_total", "amount_due", "revision", "due_by_hand", "wanted_series",
)  # fmt: skip
"""What a document shows of its invoice as it is."""
PARTY_FIELDS = (
    "name", "legal_name", "contact_name", "email", "phone", "address_line1", "address_line2", "city", "region",
    "postal_code", "country", "tax_id", "tax_number", "registration_number", "electronic_address",
    "electronic_address_scheme",
)  # fmt: skip
PAYEE_FIELDS = ("iban", "bic", "account_name", "payment_details")
SELLER_FIELDS = (*PARTY_FIELDS, *PAYEE_FIELDS, "logo_id")

_LOADED = (*PLAIN_FIELDS, "status", "archived_at", "preceding_invoice_id", "seller", "buyer")


@dataclass(frozen=True, slots=True)
class DocumentLine:
    id: uuid.UUID
    position: int
    version: int
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    discount_percent: Decimal
    tax_rate: Decimal
    tax_category: str
    line_net: Decimal


@dataclass(frozen=True, slots=True)
class DocumentPayment:
    id: uuid.UUID
    paid_on: date
    amount: Decimal
    method: str
    voided: bool

    @property
    def is_set_off(self) -> bool:
        """Whether no money moved, and a credit note settled it."""
        return self.method == SET_OFF

    @property
    def method_label(self) -> str:
        return self.method.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Related:
    """Another document that this one refers to (BG-3), or that refers to it."""

    id: uuid.UUID
    type_code: int
    number: str | None
    issue_date: date


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """An invoice, of which what a document shows is loaded, with all that belongs to it.

    `seller` and `buyer` are what it says of them: as they are today in a draft, as they were then once it is issued.
    """

    invoice: Invoice
    seller: Mapping[str, Any]
    buyer: Mapping[str, Any]
    usual_tax_rate: Decimal
    logo: tuple[uuid.UUID | None, int | None, int | None]
    lines: Sequence[DocumentLine]
    taxes: Sequence[rules.TaxGroup]
    payments: Sequence[DocumentPayment]
    related: Sequence[Related]


def rows(ids: Sequence[uuid.UUID], line_ids: Collection[uuid.UUID] | None = None) -> Sequence[DocumentRow]:
    """The invoices of this business with these ids, in no order; with `line_ids` they hold those lines alone."""
    values = {**given_business(), "ids": list(ids), "line_ids": None if line_ids is None else list(line_ids)}
    which = "every" if line_ids is None else "given"
    return [row_of(found) for found in db.session.execute(statement(which), values)]


def row_of(found: Sequence[Any]) -> DocumentRow:
    """What `statement` finds."""
    invoice, seller, buyer, usual_tax_rate, *logo, lines, taxes, payments, related = found
    logo_id, width, height = logo
    return DocumentRow(
        invoice,
        invoice.seller or dict(zip(SELLER_FIELDS, seller, strict=True)),
        invoice.buyer or dict(zip(PARTY_FIELDS, buyer, strict=True)),
        usual_tax_rate,
        (logo_id, width, height),
        _parts(_line, lines),
        _parts(_tax, taxes),
        _parts(_payment, payments),
        _parts(_related, related),
    )


def _parts(make: Callable[..., Part], found: Sequence[Sequence[Any]] | None) -> list[Part]:
    return [make(*values) for values in found or ()]


def _line(line_id: str, position: int, version: int, description: str, *rest: Any) -> DocumentLine:
    quantity, unit, unit_price, discount_percent, tax_rate, tax_category, line_net = rest
    return DocumentLine(
        uuid.UUID(line_id), position, version, description, Decimal(quantity), unit, Decimal(unit_price),
        Decimal(discount_percent), Decimal(tax_rate), tax_category, Decimal(line_net),
    )  # fmt: skip


def _tax(category: str, rate: str, taxable: str, tax: str) -> rules.TaxGroup:
    return rules.TaxGroup(category, Decimal(rate), Decimal(taxable), Decimal(tax))


def _payment(payment_id: str, paid_on: str, amount: str, method: str, voided: bool) -> DocumentPayment:  # noqa: FBT001
    return DocumentPayment(uuid.UUID(payment_id), date.fromisoformat(paid_on), Decimal(amount), method, voided)


def _related(other_id: str, type_code: int, number: str | None, issue_date: str) -> Related:
    return Related(uuid.UUID(other_id), type_code, number, date.fromisoformat(issue_date))


_IS_DRAFT = Invoice.number.is_(None)
# A draft bears the logo of today, an issued invoice the one that its seller's details name, when they name one.
_LOGO_ID = case(
    (_IS_DRAFT, Business.logo_id),
    else_=cast(func.jsonb_extract_path_text(Invoice.seller, "logo_id"), UUID),
)


@cache
def statement(which: Literal["every", "given", "no"]) -> Select[Any]:
    """The invoices in `ids`, with every line, those in `line_ids`, or none; without lines it is for drafts, unpaid.

    Built once, since building takes longer than running.
    """
    lines = _of_invoice(LineItem, [getattr(LineItem, name) for name in DocumentLine.__dataclass_fields__])
    if which == "given":
        lines = lines.where(LineItem.id == func.any(bindparam("line_ids", type_=ARRAY(UUID(as_uuid=True)))))
    taxes = _of_invoice(InvoiceTax, [InvoiceTax.category, InvoiceTax.rate, InvoiceTax.taxable, InvoiceTax.tax])
    payments = _of_invoice(
        Payment, [Payment.id, Payment.paid_on, Payment.amount, Payment.method, Payment.voided_at.is_not(None)]
    )
    return (
        select(Invoice, _today(Business, SELLER_FIELDS), _today(Client, PARTY_FIELDS), Business.default_tax_rate)
        .add_columns(Logo.id, Logo.width, Logo.height)
        .add_columns(null() if which == "no" else lines.scalar_subquery())
        .add_columns(taxes.scalar_subquery(), null() if which == "no" else payments.scalar_subquery())
        .add_columns(_everything_related())
        .join(Client, (Client.business_id == Invoice.business_id) & (Client.id == Invoice.client_id))
        .join(Business, Business.id == Invoice.business_id)
        .outerjoin(Logo, (Logo.business_id == Invoice.business_id) & (Logo.id == _LOGO_ID))
        .where(in_given_business(Invoice))
        .where(Invoice.id == func.any(bindparam("ids", type_=ARRAY(UUID(as_uuid=True)))))
        .options(load_only(*(getattr(Invoice, name) for name in _LOADED)))
    )


_ORDER = {
    LineItem: (LineItem.position,),
    InvoiceTax: (InvoiceTax.category, InvoiceTax.rate),
    Payment: (Payment.id,),
}


def _today(model: Any, names: Sequence[str]) -> ColumnElement[Any]:
    """What a draft says of its seller or buyer, as a list; nothing once it is issued, since then it says so itself."""
    return case((_IS_DRAFT, _as_list([getattr(model, name) for name in names])))


def _of_invoice(model: Any, columns: Sequence[Any]) -> Select[Any]:
    """The parts of an invoice in their order, each a list of its columns."""
    one = aggregate_order_by(_as_list(columns), *_ORDER[model])
    return select(func.json_agg(one)).where(
        in_given_business(model), model.business_id == Invoice.business_id, model.invoice_id == Invoice.id
    )


def _everything_related() -> ScalarSelect[Any]:
    """What an invoice refers to and what refers to it, each found by an index."""
    other = aliased(Invoice)
    columns = _as_list([other.id, other.type_code, other.number, other.issue_date])
    is_related = or_(other.id == Invoice.preceding_invoice_id, other.preceding_invoice_id == Invoice.id)
    return select(func.json_agg(columns)).where(other.business_id == Invoice.business_id, is_related).scalar_subquery()


def _as_list(columns: Sequence[Any]) -> Any:
    """Columns as a JSON list; numbers with decimals as text, which JSON's own are not exact in."""
    return func.json_build_array(*(cast(one, Text) if isinstance(one.type, Numeric) else one for one in columns))
