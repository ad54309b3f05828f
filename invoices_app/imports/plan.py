"""What an import means to create, as values: made by reading a file, shown on the preview, and written by one action.

Nothing here knows a file or the database. Reading answers these one by one, so that memory does not grow with the file.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from invoices_app.invoices.rules import Totals
from invoices_app.money import ZERO


class Kind(enum.StrEnum):
    """What a file holds."""

    CLIENTS = "clients"
    INVOICES = "invoices"
    ARCHIVE = "archive"


class Arrival(enum.StrEnum):
    """How invoices come in: as drafts without a number, or issued, with money due or paid in full.

    `AS_TOLD` goes by the file's own status, and by what was paid where it says so; it is offered when the file has one.
    """

    DRAFT = "draft"
    SENT = "sent"
    PAID = "paid"
    AS_TOLD = "file"


class DateOrder(enum.StrEnum):
    """How dates of digits alone are read; those with a year first or with a month's name need no choice."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person decides on the preview, for rows that do not say it themselves.

    `columns` leads from a field (see `columns.FIELDS`) to the place of its column, 0 for the first. `series` is the
    code of the number series whose numbers the file holds, '' to go by their patterns. `without_client` names the
    client of rows that name none, '' when such rows are bad.
    """

    kind: Kind
    columns: Mapping[str, int]
    tax_rate: Decimal
    currency: str
    status: Arrival
    date_order: DateOrder
    decimal_mark: str
    series: str = ""
    without_client: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row does not come in, or what is noted about one that does (`is_note`).

    `line` counts the lines of the file from 1, the header being the first; `column` is its name in the file, '' for the
    whole row. `sentence` is shown to people as it is.
    """

    line: int
    column: str
    sentence: str
    is_note: bool = False


@dataclass(frozen=True, slots=True)
class PlannedClient:
    """A client to be found among those that are there, or to be created. `details` are columns of `Client` by name.

    `source_id` is what the file calls it, '' when it only has a name.
    """

    line: int
    name: str
    source_id: str = ""
    details: Mapping[str, str | int | None] = field(default_factory=dict)
    archived: bool = False


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """A line item, every value checked against its column; `line_net` is the calculator's."""

    line: int
    description: str
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal
    tax_category: str
    line_net: Decimal
    unit: str = ""
    discount_percent: Decimal = ZERO
    item_number: str = ""
    exemption_reason: str = ""


@dataclass(frozen=True, slots=True)
class PlannedInvoice:
    """An invoice with its lines in their order and its totals, computed by `rules.compute`, checked against the file's.

    `source` is what the file calls it, by which it is known when the same file comes again: its number, or what stands
    for one in a draft. `number` is the same, None for a draft. `paid` is what was paid of it, on `paid_on`: nothing, a
    part, or all.
    """

    line: int
    source: str
    number: str | None
    client: PlannedClient
    currency: str
    issue_date: date
    due_date: date
    lines: tuple[PlannedLine, ...]
    totals: Totals
    paid: Decimal = ZERO
    paid_on: date | None = None
    delivery_date: date | None = None
    reference: str = ""
    purchase_order: str = ""
    notes: str = ""
    internal_notes: str = ""
    discount_percent: Decimal = ZERO
    archived: bool = False


Planned = PlannedClient | PlannedInvoice
