"""Forms of imports: the file, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request
from wtforms import BooleanField, FileField

from invoices_app.accounts import rules as accounts_rules
from invoices_app.accounts.models import NAME_LENGTH
from invoices_app.imports import columns, files
from invoices_app.imports.csv_file import Sheet
from invoices_app.imports.plan import Arrival, Choices, DateOrder, Kind
from invoices_app.invoices import series
from invoices_app.invoices.series import UNKNOWN_SERIES
from invoices_app.money import HUNDRED, ZERO
from invoices_app.web.access import identity
from invoices_app.web.forms import BaseForm, ChoiceField, PercentField, PlainTextField, TokenField, required

COLUMN = "column_"
COLUMN_LABEL_LENGTH = 60
UNKNOWN = "Choose one from the list."
KINDS = [(Kind.INVOICES.value, "Invoices, one row a line item"), (Kind.CLIENTS.value, "Clients, one row each")]
ARRIVALS = [
    (Arrival.DRAFT.value, "Drafts, without a number"),
    (Arrival.SENT.value, "Sent, their total still due"),
    (Arrival.PAID.value, "Paid in full"),
    (Arrival.AS_TOLD.value, "As each row of the file says"),
]
DATE_ORDERS = [
    (DateOrder.DAY_FIRST.value, "Day first: 31/12/2026"),
    (DateOrder.MONTH_FIRST.value, "Month first: 12/31/2026"),
]
DECIMAL_MARKS = [(".", "Point: 1,234.50"), (",", "Comma: 1.234,50")]


class UploadForm(BaseForm):
    """Made from `request.files`, and from `request.form` for its one-time token."""

    file = FileField("Your file", validators=required(files.NO_FILE))
    one_time_token = TokenField()


def series_options() -> list[tuple[str, str]]:
    known = series.every(identity().today())
    return [("", "Whichever each number fits"), *((one.code, f"{one.code}: {one.pattern}") for one in known)]


class ChoicesForm(BaseForm):
    """How a file is read. Made by `choices_form`, which adds a field for each column to be found."""

    kind = ChoiceField("It holds", options=lambda: KINDS, unknown=UNKNOWN, needed=UNKNOWN)
    status = ChoiceField("Invoices come in as", options=lambda: ARRIVALS, unknown=UNKNOWN, needed=UNKNOWN)
    tax_rate = PercentField("Tax, %, where the file says none", low=ZERO, high=HUNDRED, needed="Enter a tax rate.")
    currency = ChoiceField(
        "Currency, where the file says none",
        options=accounts_rules.currency_options,
        unknown="Choose a currency from the list.",
        needed="Choose a currency from the list.",
    )
    date_order = ChoiceField("Dates of digits", options=lambda: DATE_ORDERS, unknown=UNKNOWN, needed=UNKNOWN)
    decimal_mark = ChoiceField("Decimal mark", options=lambda: DECIMAL_MARKS, unknown=UNKNOWN, needed=UNKNOWN)
    series = ChoiceField("Number series", options=series_options, unknown=UNKNOWN_SERIES, empty="")
    without_client = PlainTextField("Client for rows that name none", max_length=NAME_LENGTH)
    only_good_rows = BooleanField("Leave out the rows that cannot come in")

    fields_of_file: tuple[str, ...] = ()
    """The names of the fields for columns, in their order."""

    def choices(self) -> Choices:
        """What was chosen; the form is valid."""
        found = {name.removeprefix(COLUMN): self[name].data for name in self.fields_of_file}
        return Choices(
            kind=Kind(self.kind.data),
            columns={name: int(place) for name, place in found.items() if place},
            tax_rate=self.tax_rate.data,
            currency=self.currency.data,
            status=Arrival(self.status.data),
            date_order=DateOrder(self.date_order.data),
            decimal_mark=self.decimal_mark.data,
            series=self.series.data or "",
            without_client=self.without_client.data or "",
        )


def choices_form(sheet: Sheet, choices: Choices, *, only_good_rows: bool, is_sent: bool) -> ChoicesForm:
    """The form of a file, as it was sent when `is_sent`: what was not sent keeps what was chosen before."""
    places = [("", "–"), *((str(place), _heading(sheet, place)) for place in range(len(sheet.header)))]
    names, fields = [], {}
    for one in columns.FIELDS[choices.kind]:
        names.append(COLUMN + one.name)
        fields[names[-1]] = ChoiceField(one.label, options=lambda: places, unknown=UNKNOWN, empty="")
    made = type("ChoicesOfFileForm", (ChoicesForm,), {**fields, "fields_of_file": tuple(names)})
    data = {**_as_data(choices), "only_good_rows": only_good_rows}
    form: ChoicesForm = made(request.form if is_sent else None, data=data)
    return form


def _as_data(choices: Choices) -> Mapping[str, Any]:
    chosen = {COLUMN + name: str(place) for name, place in choices.columns.items()}
    plain = ("currency", "decimal_mark", "series", "without_client", "tax_rate")
    return {
        **chosen,
        **{name: getattr(choices, name) for name in plain},
        **{name: getattr(choices, name).value for name in ("kind", "status", "date_order")},
    }


def _heading(sheet: Sheet, place: int) -> str:
    heading = sheet.header[place]
    return heading[:COLUMN_LABEL_LENGTH] or f"Column {place + 1}, without a heading"
