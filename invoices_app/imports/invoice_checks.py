"""What an invoice of a file must hold to come in, and what becomes of its status: pure, on values by field.

Each check raises BadInvoiceError, which names the field and says in a sentence what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from invoices_app.imports.cells import shown
from invoices_app.imports.line_rows import LineRow
from invoices_app.imports.plan import Arrival
from invoices_app.invoices import rules
from invoices_app.invoices.models import CREDIT_NOTE, MAX_AMOUNT
from invoices_app.invoices.rules import Totals
from invoices_app.money import ZERO, minor_units, quantize

_CREDITS = ("credit", "gutschrift", "storno", "refund")
_PURCHASES = ("bill", "purchase", "expense")
_STATED = {
    "total": "total",
    "tax_total": "tax",
    "net_total": "net total",
    "subtotal": "sum of the lines",
    "discount_amount": "discount",
}
"""The sums that a file can state, the one that says most first."""


class BadInvoiceError(Exception):
    """Why an invoice does not come in: the field that says so, '' for the whole, and a sentence; and of which line."""

    def __init__(self, field: str, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.field, self.line = field, line


def check_kind(found: Mapping[str, Any]) -> None:
    """Credit notes and bills of suppliers are no invoices of one's own."""
    if "type_code" not in found:
        return
    kind = str(found["type_code"]).casefold()
    if kind == str(CREDIT_NOTE) or any(word in kind for word in _CREDITS):
        raise BadInvoiceError(
            "type_code",
            "This is a credit note, and those do not come in by themselves. Open the invoice that it takes back and"
            " choose “Correct”.",
        )
    if any(word in kind for word in _PURCHASES):
        raise BadInvoiceError("type_code", "This is a supplier's bill and none of your invoices.")


def check_cancellation(found: Mapping[str, Any], lines: Sequence[LineRow]) -> None:
    """A number that begins with C and nothing but negative quantities take another invoice back."""
    number = found.get("number", "")
    if number[:1] in {"C", "c"} and lines and all(item.line.quantity < 0 for item in lines):
        raise BadInvoiceError(
            "number",
            f"{shown(number)} is a cancellation: its number begins with C and its quantities are negative. It is not"
            " turned around into an invoice. Open the invoice that it cancels and choose “Correct”.",
        )


def check_sums(found: Mapping[str, Any], lines: Sequence[LineRow], totals: Totals, currency: str) -> None:
    """What the file states must be what the calculator finds, to the last decimal of the currency."""
    for item, net in zip(lines, totals.line_nets, strict=True):
        stated = item.values.get("line_net")
        if stated is not None and stated != net and quantize(stated, currency) != net:
            sentence = f"The file says that this line comes to {_amount(stated, currency)}; quantity times price"
            raise BadInvoiceError("line_net", f"{sentence} less discount is {_amount(net, currency)}.", item.at)
    for name, called in _STATED.items():
        stated, computed = found.get(name), getattr(totals, name)
        if stated is not None and stated != computed:
            sentence = f"The file says that the {called} is {_amount(stated, currency)}; from the lines it is"
            raise BadInvoiceError(name, f"{sentence} {_amount(computed, currency)}.")
    largest = max(map(abs, (*totals.line_nets, totals.subtotal, totals.total)))
    if largest > MAX_AMOUNT:
        raise BadInvoiceError("total", f"It comes to more than {_amount(MAX_AMOUNT, currency)}.")
    if totals.total < 0:
        raise BadInvoiceError(
            "total",
            f"It comes to {_amount(totals.total, currency)}, and no invoice comes to less than zero. Open the invoice"
            " that it takes back and choose “Correct”.",
        )


def is_issued(found: Mapping[str, Any], lines: Sequence[LineRow], status: Arrival) -> bool:
    """Whether it comes in issued, and has what that needs: a number and a line."""
    told = found.get("status", Arrival.SENT) if status is Arrival.AS_TOLD else status
    if told is Arrival.DRAFT:
        return False
    if "number" not in found:
        raise BadInvoiceError("number", "This row has no invoice number, and only drafts do without.")
    if not lines:
        raise BadInvoiceError("", "This invoice has no line, and only drafts do without.")
    return True


def paid(found: Mapping[str, Any], total: Decimal, currency: str, status: Arrival) -> Decimal:
    """What was paid of an issued invoice: by what was chosen, or by what the file tells."""
    if status is not Arrival.AS_TOLD:
        return total if status is Arrival.PAID else ZERO
    is_paid = found.get("status") is Arrival.PAID
    if "paid_total" in found:
        amount: Decimal = found["paid_total"]
    elif "amount_due" in found:
        amount = total - found["amount_due"]
    else:
        amount = total if is_paid else ZERO
    if not rules.fits_currency(amount, currency) or not 0 <= amount <= total:
        raise BadInvoiceError(
            "paid_total",
            f"{_amount(amount, currency)} was paid of {_amount(total, currency)}: what was paid lies between nothing"
            " and the total.",
        )
    if is_paid and amount != total:
        sentence = f"It is called paid, but of {_amount(total, currency)} only {_amount(amount, currency)} was."
        raise BadInvoiceError("status", sentence)
    return amount


def due_date(found: Mapping[str, Any], terms_days: int) -> date:
    """The day that the file names, or the terms of the business after the date."""
    issued: date = found["issue_date"]
    due: date = found.get("due_date") or rules.due_date(issued, terms_days)
    if due < issued:
        raise BadInvoiceError("due_date", f"It is due on {due}, before its date, {issued}.")
    return due


def _amount(amount: Decimal, currency: str) -> str:
    digits = max(minor_units(currency), -int(amount.normalize().as_tuple().exponent))
    return f"{amount:,.{digits}f} {currency}"
