"""An archive becomes the data of a business that has none yet: what it exports afterwards are the same bytes.

Written as any import is, by the app's own role with all checks of the database on. Rows get new ids in the order of the
archive, which is that in which they were made.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from types import MappingProxyType
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy import exists, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.accounts.models import Business, Logo
from invoices_app.clients.models import Client
from invoices_app.db import constraints
from invoices_app.db.base import new_id
from invoices_app.db.many import insert_many
from invoices_app.db.tenancy import in_business
from invoices_app.imports import archive_format as form
from invoices_app.imports import incoming
from invoices_app.imports.archive_format import Column, Table
from invoices_app.imports.archive_reading import Archive, ArchiveRefusedError, Row, open_archive
from invoices_app.imports.writing import INVOICES_AT_ONCE, LINES_AT_ONCE, Written
from invoices_app.invoices import rules
from invoices_app.invoices.models import OWN_NUMBERS, Invoice, InvoiceStatus, NumberCounter, NumberSeries
from invoices_app.money import ZERO, currency_codes, minor_units

__all__ = ["Archive", "ArchiveRefusedError", "open_archive", "why_not", "write"]

NOT_EMPTY = (
    "An archive goes into a business without clients, invoices and number series, which this one has: "
    "register a new business for it."
)
IN_PIECES = "This archive does not fit together, so nothing of it was imported: the database refused it ({})."

MOST_PARTS = 10_000
"""What one invoice may have of lines, tax groups or payments: what it can have, and some more."""

_PARTS = (form.LINES, form.TAXES, form.PAYMENTS)
_OF_DRAFT = frozenset(column.name for column in form.INVOICES.own) - set(incoming.ARRIVED)
_NUMBER = form.INVOICES.header.index("number")


def why_not(session: Session) -> str | None:
    """What stands against importing an archive into the current business, in a sentence; None when it is empty."""
    is_filled = [exists().where(in_business(model)) for model in (Client, Invoice, NumberSeries)]
    return NOT_EMPTY if any(session.execute(select(*is_filled)).one()) else None


def write(
    session: Session,
    archive: Archive,
    *,
    import_id: uuid.UUID,
    file_name: str,
    told: Callable[[int], None] = lambda _count: None,
) -> Written:
    """Write all of an archive into the current business; `told` hears how many invoices are written so far.

    As with `writing.Writer` the caller begins the transaction, lets it take its time and commits. Raises
    ArchiveRefusedError when the business is not empty or the archive does not fit together: nothing of it must be
    committed then. Every check has been made when this returns.
    """
    try:
        incoming.prepare(session)
        business = session.execute(select(Business).with_for_update(key_share=True)).scalar_one()
        refusal = why_not(session)
        if refusal is not None:
            raise ArchiveRefusedError(refusal)
        written = _Writing(session, archive, business.id, import_id).write(business, told)
        changes = {"file": file_name, "clients": written.clients, "invoices": written.invoices}
        audit.record(session, "business.imported", "import", import_id, changes)
        session.flush()
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    except (IntegrityError, DataError) as error:
        raise ArchiveRefusedError(IN_PIECES.format(constraints.name_of(error) or "a value")) from error
    return written


class _Writing:
    """One archive on its way into one business: what its keys have become, and what was written so far."""

    def __init__(self, session: Session, archive: Archive, business_id: uuid.UUID, import_id: uuid.UUID) -> None:
        self._session, self._archive = session, archive
        self._business_id, self._import_id = business_id, import_id
        self._logos: dict[str, uuid.UUID | None] = {"": None}
        self._clients: list[uuid.UUID] = []
        self._counts: Counter[str] = Counter()
        self._totals: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)

    def write(self, business: Business, told: Callable[[int], None]) -> Written:
        self._write_logos()
        self._write_settings(business)
        self._write_series()
        self._write_clients()
        for portion in self._portions():
            self._write_invoices(portion)
            told(self._counts["invoices"])
        return Written(**self._counts, totals=MappingProxyType(dict(self._totals)))

    def _write_logos(self) -> None:
        from invoices_app.accounts import logo  # noqa: PLC0415  (8 MB, for a thing that people do once)

        for name in self._archive.logos:
            try:
                picture = logo.as_written(self._archive.logo(name))
            except logo.UnusableLogoError:
                raise ArchiveRefusedError(f"{name} is no picture that can be a logo.") from None
            values = {"png": picture.png, "width": picture.width, "height": picture.height, "sha256": picture.sha256}
            self._session.execute(
                insert(Logo).values(business_id=self._business_id, id=new_id(), **values).on_conflict_do_nothing()
            )
        rows = self._session.execute(select(Logo.sha256, Logo.id).where(in_business(Logo)))
        self._logos |= {form.logo_name(sha256): logo_id for sha256, logo_id in rows}

    def _logo(self, name: str) -> uuid.UUID | None:
        if name not in self._logos:
            raise ArchiveRefusedError(f"{name or 'A logo'} is missing in this archive.")
        return self._logos[name]

    def _write_settings(self, business: Business) -> None:
        [row] = self._archive.rows(form.SETTINGS)
        values = _named(form.SETTINGS, row)
        if values["time_zone"] not in available_timezones():
            raise ArchiveRefusedError("settings.csv, row 1: time_zone is not known here.")
        _check_currency(form.SETTINGS, 1, values["currency"])
        business.logo_id = self._logo(values.pop("logo"))
        business.version += 1
        for name, value in values.items():
            setattr(business, name, value)
        self._session.flush()

    def _write_series(self) -> None:
        for row in self._archive.rows(form.SERIES):
            values = _named(form.SERIES, row)
            if problem := rules.pattern_problem(values["pattern"], yearly=values["yearly"]):
                raise ArchiveRefusedError(f"number_series.csv: {values['pattern']} is no pattern. {problem}")
            self._session.add(NumberSeries(business_id=self._business_id, **values))
        self._session.flush()
        for row in self._archive.rows(form.COUNTERS):
            self._session.add(NumberCounter(business_id=self._business_id, **_named(form.COUNTERS, row)))
        self._session.flush()

    def _write_clients(self) -> None:
        rows = self._archive.rows(form.CLIENTS)
        while portion := list(islice(rows, INVOICES_AT_ONCE)):
            columns = _columns(form.CLIENTS, portion)
            for place, currency in enumerate(columns["currency"], start=len(self._clients) + 1):
                _check_currency(form.CLIENTS, place, currency or "EUR")
            ids = [new_id() for _ in portion]
            self._clients += ids
            same = {"business_id": self._business_id, "import_id": self._import_id}
            insert_many(self._session, Client, {"id": ids, **columns}, same)
        self._counts["clients"] = len(self._clients)

    def _portions(self) -> Iterator[_Portion]:
        """The invoices with their parts, as many as are written at once."""
        lines, taxes, payments = (_Parts(self._archive.rows(table), table) for table in _PARTS)
        portion = _Portion()
        for row in self._archive.rows(form.INVOICES):
            of_it = lines.of(row[0])
            if portion.rows and (
                len(portion.rows) >= INVOICES_AT_ONCE or len(portion.lines) + len(of_it) > LINES_AT_ONCE
            ):
                yield portion
                portion = _Portion()
            portion.rows.append(row)
            portion.lines += of_it
            portion.taxes += taxes.of(row[0])
            portion.payments += payments.of(row[0])
        if portion.rows:
            yield portion
        for parts in (lines, taxes, payments):
            parts.end()

    def _write_invoices(self, portion: _Portion) -> None:
        columns = _columns(form.INVOICES, portion.rows)
        ids = {row[0]: new_id() for row in portion.rows}
        lines, taxes, payments = (
            {"invoice_id": [ids[row[0]] for row in rows], **_columns(table, rows)}
            for table, rows in zip(_PARTS, (portion.lines, portion.taxes, portion.payments), strict=True)
        )
        for parts in (lines, payments):
            parts["id"] = [new_id() for _ in parts["invoice_id"]]
        drafts = {name: columns[name] for name in form.INVOICES.header if name in _OF_DRAFT}
        drafts["id"] = list(ids.values())
        drafts["client_id"] = [self._clients[row[1] - 1] for row in portion.rows]
        drafts["preceding_invoice_id"] = self._preceding(portion, ids)
        drafts["minor_units"] = [
            _check_currency(form.INVOICES, row[0], currency)
            for row, currency in zip(portion.rows, columns["currency"], strict=True)
        ]
        drafts["import_id"] = [self._import_id] * len(ids)
        incoming.insert(self._session, drafts, lines, taxes, payments)
        arrived = {name: columns[name] for name in incoming.ARRIVED if name in columns}
        arrived |= {"id": drafts["id"], "seller": self._sellers(columns), "buyer": _parties(form.BUYER, columns)}
        incoming.arrive(self._session, arrived)
        incoming.check(self._session)
        self._count(columns, len(lines["id"]), len(payments["id"]))

    def _preceding(self, portion: _Portion, ids: Mapping[int, uuid.UUID]) -> list[uuid.UUID | None]:
        """What the invoices refer to by a number: an earlier one, of this portion or of those before."""
        named = [row[2] for row in portion.rows]
        known = {row[_NUMBER]: ids[row[0]] for row in portion.rows if row[_NUMBER]}
        if elsewhere := {number for number in named if number} - known.keys():
            found = select(Invoice.number, Invoice.id).where(in_business(Invoice), Invoice.number.in_(elsewhere))
            known |= {str(row.number): row.id for row in self._session.execute(found)}
        for row in portion.rows:
            if row[2] and row[2] not in known:
                raise ArchiveRefusedError(f"invoices.csv, row {row[0]}: it refers to {row[2]}, which is not there.")
        return [known[number] if number else None for number in named]

    def _sellers(self, columns: Mapping[str, list[Any]]) -> list[dict[str, Any] | None]:
        sellers = _parties(form.SELLER, columns)
        for seller in sellers:
            if seller is not None:
                logo_id = self._logo(seller.pop("logo"))
                seller["logo_id"] = str(logo_id) if logo_id else None
        return sellers

    def _count(self, columns: Mapping[str, list[Any]], lines: int, payments: int) -> None:
        status = Counter(columns["status"])
        self._counts.update(
            invoices=len(columns["status"]),
            drafts=status[InvoiceStatus.DRAFT.value],
            paid=status[InvoiceStatus.PAID.value],
            own_numbers=columns["series"].count(OWN_NUMBERS),
            lines=lines,
            payments=payments,
        )
        for currency, total in zip(columns["currency"], columns["total"], strict=True):
            self._totals[currency] += total


@dataclass(slots=True)
class _Portion:
    """Some invoices, and the rows that belong to them."""

    rows: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    taxes: list[Row] = field(default_factory=list)
    payments: list[Row] = field(default_factory=list)


class _Parts:
    """Rows that belong to invoices, in the order of these, taken for one invoice after the other."""

    def __init__(self, rows: Iterator[Row], table: Table) -> None:
        self._rows, self._table = rows, table
        self._next = next(rows, None)

    def of(self, invoice: int) -> list[Row]:
        taken: list[Row] = []
        while self._next is not None and self._next[0] == invoice:
            taken.append(self._next)
            self._next = next(self._rows, None)
            if len(taken) > MOST_PARTS:
                raise ArchiveRefusedError(f"{self._table.file}: invoice {invoice} has more than {MOST_PARTS:,} rows.")
        return taken

    def end(self) -> None:
        """All of them are taken: each names an invoice that there is, and they are in their order."""
        assert self._next is None  # noqa: S101  (Archive.rows sees to it)


def _named(table: Table, row: Row) -> dict[str, Any]:
    return dict(zip(table.header, row, strict=True))


def _columns(table: Table, rows: Sequence[Row]) -> dict[str, list[Any]]:
    """The columns of some rows but for their keys."""
    return {
        column.name: [row[place] for row in rows]
        for place, column in enumerate(table.columns)
        if column not in table.keys
    }


def _parties(form_of_party: Sequence[Column], columns: Mapping[str, list[Any]]) -> list[dict[str, Any] | None]:
    """What each issued invoice keeps of a party; None for drafts."""
    names = [column.name for column in form_of_party]
    kept = zip(*(columns[name] for name in names), strict=True)
    return [
        None
        if status == InvoiceStatus.DRAFT
        else {name.split("_", 1)[1]: value for name, value in zip(names, row, strict=True)}
        for status, row in zip(columns["status"], kept, strict=True)
    ]


def _check_currency(table: Table, row: int, currency: str) -> int:
    """The decimals of a currency; raises ArchiveRefusedError when there is no such currency."""
    if currency not in currency_codes():
        raise ArchiveRefusedError(f"{table.file}, row {row}: there is no currency {currency}.")
    return minor_units(currency)
