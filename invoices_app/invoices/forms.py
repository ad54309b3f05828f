"""Forms of invoices: the header, a line, a payment, and a new invoice with its lines."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, Self

from flask import request
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Field, FieldList, FormField
from wtforms.widgets import HiddenInput, TextArea

from invoices_app.accounts import rules as accounts_rules
from invoices_app.accounts.models import TEXT_LENGTH
from invoices_app.clients.queries import client_options
from invoices_app.invoices.models import (
    DESCRIPTION_LENGTH,
    FIRST_YEAR,
    LAST_YEAR,
    MAX_AMOUNT,
    MAX_LINES,
    MAX_QUANTITY,
    MAX_UNIT_PRICE,
    PAYMENT_METHODS,
    REASON_LENGTH,
    REFERENCE_LENGTH,
    SERIES_LENGTH,
    UNIT_LENGTH,
)
from invoices_app.invoices.pasting import rows_of
from invoices_app.invoices.series import UNKNOWN_SERIES
from invoices_app.money import HUNDRED, ZERO
from invoices_app.web.access import identity
from invoices_app.web.forms import (
    AmountField,
    BaseForm,
    ChoiceField,
    DayField,
    IdField,
    LongTextField,
    ParsedField,
    PercentField,
    PlainTextField,
    TokenField,
    VersionField,
    WholeNumberField,
)

BLANK_LINES = 5
NAMED_PROBLEMS = 5
METHOD_LABELS = {method: method.replace("_", " ").capitalize() for method in PAYMENT_METHODS}
UNKNOWN_CLIENT = "Choose one of your clients."


def method_options() -> list[tuple[str, str]]:
    return list(METHOD_LABELS.items())


def day(label: str, **kwargs: Any) -> DayField:
    return DayField(label, first=FIRST_YEAR, last=LAST_YEAR, today=lambda: identity().today(), **kwargs)


def percent(label: str, **kwargs: Any) -> PercentField:
    return PercentField(label, low=ZERO, high=HUNDRED, **kwargs)


class LineForm(BaseForm):
    """A line. Left empty, the quantity is 1, the price 0 and the tax rate the usual one."""

    description = PlainTextField("Description", max_length=DESCRIPTION_LENGTH, needed="Describe what this line is for.")
    quantity = AmountField("Quantity", low=-MAX_QUANTITY, high=MAX_QUANTITY, empty=Decimal(1))
    unit = PlainTextField("Unit", max_length=UNIT_LENGTH)
    unit_price = AmountField("Price", low=ZERO, high=MAX_UNIT_PRICE, empty=ZERO)
    tax_rate = percent("Tax, %")
    discount_percent = percent("Discount, %", empty=ZERO)

    def is_blank(self) -> bool:
        """Whether nothing was written into this line."""
        return not any(field.raw_data and field.raw_data[0].strip() for field in self)


class AddLineForm(LineForm):
    after = IdField("After", unknown="That line is not on this invoice.", widget=HiddenInput())
    one_time_token = TokenField()


class EditLineForm(LineForm):
    version = VersionField()

    @classmethod
    def of_sent(cls, *, versioned: bool = True) -> Self:
        """The form with only those fields that were sent; what was not sent is not changed."""
        form = cls(request.form)
        for name in [field.name for field in form if field.name not in request.form]:
            if name != "version" or not versioned:
                del form[name]
        if not versioned and "version" in form:
            del form["version"]
        return form

    def fields_of_line(self) -> list[Field]:
        return [field for field in self if field.name != "version"]


class RowsField(ParsedField):
    """Lines as text copied from a spreadsheet; the value is a list of lines' values."""

    widget: Any = TextArea()

    def parse(self, text: str) -> list[dict[str, Any]]:
        rows = rows_of(text)
        if len(rows) > MAX_LINES:
            raise ValueError(f"An invoice has at most {MAX_LINES} lines.")
        lines, problems = [], []
        for number, row in enumerate(rows, start=1):
            form = LineForm(MultiDict(row))
            form.validate()
            problems += [
                f"Row {number}, {field.label.text.lower()}: {field.errors[0]}" for field in form if field.errors
            ]
            lines.append(form.data)
        if problems:
            shown, more = problems[:NAMED_PROBLEMS], len(problems) - NAMED_PROBLEMS
            raise ValueError(" ".join([*shown, *([f"And {more} more."] if more > 0 else [])]))
        return lines


class PasteForm(BaseForm):
    rows = RowsField("Rows from a spreadsheet", needed="Paste at least one row.")
    after = IdField("After", unknown="That line is not on this invoice.", widget=HiddenInput())
    one_time_token = TokenField()


class MoveLineForm(BaseForm):
    position = WholeNumberField(low=1, high=MAX_LINES, needed="Say where the line should go.")


class CurrencyField(ChoiceField):
    """A currency by its ISO 4217 code, in capitals or not."""

    def parse(self, text: str) -> str:
        return super().parse(text.upper())


class TotalsForm(BaseForm):
    """What of a document's header stands beside its totals."""

    currency = CurrencyField(
        "Currency", options=accounts_rules.currency_options, unknown="Choose a currency from the list."
    )
    discount_percent = percent("Discount, %", empty=ZERO)


class HeaderForm(TotalsForm):
    """The header of a document. A due date left empty follows the client's terms; +30 counts from the issue date."""

    client_id = IdField("Bill to", unknown=UNKNOWN_CLIENT, needed=UNKNOWN_CLIENT)
    issue_date = day("Issued", needed="Enter the date of the invoice.")
    due_date = day("Due", counts_from="issue_date")
    reference = PlainTextField("Reference", max_length=REFERENCE_LENGTH)
    notes = LongTextField("Notes", max_length=TEXT_LENGTH)

    def offer_clients(self, chosen: uuid.UUID | None = None, *, every: bool = False) -> None:
        """Fill the list of clients to choose from: the chosen one and those used lately, or `every` one."""
        self.client_id.options = list(client_options(chosen, every=every))


class SeriesField(ParsedField):
    """The code of a number series, or nothing for the usual one; whether there is such a series, the action tells."""

    def parse(self, text: str) -> str:
        if len(text) > SERIES_LENGTH or not (text.isascii() and text.isprintable()):
            raise ValueError(UNKNOWN_SERIES)
        return text


class EditHeaderForm(HeaderForm):
    wanted_series = SeriesField("Number series")
    version = VersionField()

    def sent(self) -> list[Field]:
        """The fields that were sent; what was not sent is not changed."""
        return [field for field in self if field.raw_data and field.name != "version"]


class LineList(FieldList):  # type: ignore[type-arg]  # generic for the checker only
    """The lines of a form; names with an index that is no plain number are not ours and do not count."""

    def _extract_indices(self, prefix: str, formdata: Any) -> Iterator[int]:
        ours = re.compile(rf"{re.escape(prefix)}-([0-9]{{1,9}})-")
        indices = (int(found.group(1)) for found in map(ours.match, formdata) if found)
        return islice(dict.fromkeys(indices), MAX_LINES + 1)  # one too many is enough to refuse them all


class NewInvoiceForm(HeaderForm):
    """A new draft. An issue date left empty is today; lines that nothing was written into do not count."""

    issue_date = day("Issued")
    due_date = day("Due", counts_from="issue_date")
    lines = LineList(FormField(LineForm))
    one_time_token = TokenField()

    def add_blank_lines(self) -> None:
        while len(self.lines.entries) < BLANK_LINES:
            self.lines.append_entry()

    def validate(self, extra_validators: Any = None) -> bool:
        entries = self.lines.entries
        self.lines.entries = [entry for entry in entries if not entry.form.is_blank()]
        valid = bool(super().validate(extra_validators))
        if len(self.lines.entries) > MAX_LINES:
            self.form_errors.append(f"An invoice has at most {MAX_LINES} lines.")
            valid = False
        return valid


class PayForm(BaseForm):
    """A payment: today and the whole amount due unless the form says otherwise."""

    paid_on = day("Paid on")
    amount = AmountField("Amount", low=-MAX_AMOUNT, high=MAX_AMOUNT, digits=3)
    method = ChoiceField("Method", options=method_options, unknown="Choose how it was paid.", empty=PAYMENT_METHODS[0])
    one_time_token = TokenField()


class CorrectForm(BaseForm):
    """A correction: the reason stands on the credit note, and a draft opens unless only that is wanted."""

    reason = PlainTextField("Reason", max_length=REASON_LENGTH)
    without_draft = BooleanField("Only the credit note, no new draft")
    one_time_token = TokenField()
