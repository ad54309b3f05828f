"""The rows of an archive, read in the order of their keys within one snapshot, some thousand at a time."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import aliased

from invoices_app.accounts.models import Business, Logo
from invoices_app.clients.models import Client
from invoices_app.db.tenancy import in_business
from invoices_app.extensions import db
from invoices_app.imports import archive_format as form
from invoices_app.imports.archive_format import Table, logo_name
from invoices_app.invoices.models import Invoice, InvoiceTax, LineItem, NumberCounter, NumberSeries, Payment

AT_ONCE = 1000

Row = list[str]


@dataclass(slots=True)
class Keys:
    """What stands for ids in the archive. Those of clients are kept, those of invoices are counted anew for each file.

    `used` are the files of logos that the business or a document bears; others are left behind.
    """

    logos: Mapping[uuid.UUID, str] = field(default_factory=dict)
    clients: dict[uuid.UUID, int] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    first_date: date | None = None
    last_date: date | None = None

    def logo(self, logo_id: uuid.UUID | None) -> str:
        """The file of a logo, which is part of the archive from now on."""
        if logo_id is None:
            return ""
        self.used.add(self.logos[logo_id])
        return self.logos[logo_id]

    def note_date(self, day: date) -> None:
        self.first_date = min(day, self.first_date or day)
        self.last_date = max(day, self.last_date or day)


def begin() -> Keys:
    """Begin the transaction that all is read in, and know the logos. Nothing that others write meanwhile is seen."""
    db.session.rollback()
    db.session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
    known = db.session.execute(select(Logo.id, Logo.sha256).where(in_business(Logo)))
    return Keys({row.id: logo_name(row.sha256) for row in known})


def tables(keys: Keys) -> Iterator[tuple[Table, Iterator[Sequence[Row]]]]:
    """Each file of rows with its batches of rows, to be read one after the other."""
    yield form.SETTINGS, _settings(keys)
    yield form.SERIES, _plain(form.SERIES, NumberSeries.code.collate("C"))
    yield form.COUNTERS, _plain(form.COUNTERS, NumberCounter.series.collate("C"), NumberCounter.period.collate("C"))
    yield form.CLIENTS, _clients(keys)
    yield form.INVOICES, _invoices(keys)
    yield form.LINES, _parts(form.LINES, LineItem.position)
    yield form.TAXES, _parts(form.TAXES, InvoiceTax.category.collate("C"), InvoiceTax.rate)
    yield form.PAYMENTS, _parts(form.PAYMENTS, Payment.id)


def logos(keys: Keys) -> Iterator[tuple[str, bytes]]:
    """The pictures that are part of the archive by now, by their names."""
    for logo_id, name in sorted(keys.logos.items(), key=lambda item: item[1]):
        if name in keys.used:
            yield name, db.session.execute(select(Logo.png).where(in_business(Logo), Logo.id == logo_id)).scalar_one()


def _own(table: Table) -> list[Any]:
    return [getattr(table.model, column.name) for column in table.own]


def _cells(table: Table, values: Sequence[Any], digits: int = 0) -> Row:
    return [column.write(value, digits) for column, value in zip(table.columns, values, strict=True)]


def _settings(keys: Keys) -> Iterator[Sequence[Row]]:
    row = db.session.execute(select(*_own(form.SETTINGS), Business.logo_id)).one()
    yield [_cells(form.SETTINGS, [*row[:-1], keys.logo(row.logo_id)])]


def _plain(table: Table, *order: Any) -> Iterator[Sequence[Row]]:
    found = db.session.execute(select(*_own(table)).where(in_business(table.model)).order_by(*order))
    yield [_cells(table, row) for row in found]


def _clients(keys: Keys) -> Iterator[Sequence[Row]]:
    statement = select(Client.id, *_own(form.CLIENTS)).where(in_business(Client)).order_by(Client.id).limit(AT_ONCE)
    last = uuid.UUID(int=0)
    while rows := db.session.execute(statement.where(Client.id > last)).all():
        last = rows[-1].id
        for row in rows:
            keys.clients[row.id] = len(keys.clients) + 1
        yield [_cells(form.CLIENTS, [keys.clients[row.id], *row[1:]]) for row in rows]


def _numbered() -> Iterator[dict[uuid.UUID, tuple[int, int]]]:
    """The invoices in the order in which they were made: of each its key, and the decimals of its currency."""
    statement = select(Invoice.id, Invoice.minor_units).where(in_business(Invoice)).order_by(Invoice.id).limit(AT_ONCE)
    last, count = uuid.UUID(int=0), 0
    while rows := db.session.execute(statement.where(Invoice.id > last)).all():
        last = rows[-1].id
        yield {row.id: (count + place, row.minor_units) for place, row in enumerate(rows, start=1)}
        count += len(rows)


def _invoices(keys: Keys) -> Iterator[Sequence[Row]]:
    preceding = aliased(Invoice)
    refers = (preceding.business_id == Invoice.business_id) & (preceding.id == Invoice.preceding_invoice_id)
    statement = (
        select(Invoice.id, Invoice.client_id, Invoice.seller, Invoice.buyer, preceding.number, *_own(form.INVOICES))
        .outerjoin(preceding, refers)
        .where(in_business(Invoice))
        .order_by(Invoice.id)
    )
    dated = 5 + form.INVOICES.header.index("issue_date") - len(form.INVOICES.keys)
    for batch in _numbered():
        cells = []
        for row in db.session.execute(statement.where(Invoice.id.between(*_ends(batch)))):
            key, digits = batch[row.id]
            keys.note_date(row[dated])
            values = [key, keys.clients[row.client_id], row[4], *row[5:], *_parties(row.seller, row.buyer, keys)]
            cells.append(_cells(form.INVOICES, values, digits))
        yield cells


def _parties(seller: Mapping[str, Any] | None, buyer: Mapping[str, Any] | None, keys: Keys) -> list[str]:
    """The details that an issued invoice keeps of its parties, as the columns want them; a draft has none yet."""
    if seller is None or buyer is None:
        return [""] * (len(form.SELLER) + len(form.BUYER))
    logo_id = seller.get("logo_id")
    return [
        *(seller.get(column.name.removeprefix("seller_"), "") for column in form.SELLER[:-1]),
        keys.logo(uuid.UUID(logo_id) if logo_id else None),
        *(buyer.get(column.name.removeprefix("buyer_"), "") for column in form.BUYER),
    ]


def _parts(table: Table, *order: Any) -> Iterator[Sequence[Row]]:
    """Rows of invoices, in the order of these: fetched as they are wanted, since an invoice may have a thousand."""
    model = table.model
    statement = select(model.invoice_id, *_own(table)).where(in_business(model)).order_by(model.invoice_id, *order)
    for batch in _numbered():
        found = db.session.execute(
            statement.where(model.invoice_id.between(*_ends(batch))), execution_options={"yield_per": AT_ONCE}
        )
        for rows in found.partitions():
            yield [_cells(table, [batch[row[0]][0], *row[1:]], batch[row[0]][1]) for row in rows]


def _ends(batch: Mapping[uuid.UUID, Any]) -> tuple[uuid.UUID, uuid.UUID]:
    ids = list(batch)
    return ids[0], ids[-1]
