"""Write what a file was read as: clients, invoices with all their parts, counters, in the running transaction.

A portion costs some ten statements, however many lines it has. Nothing is loosened for it: the app's own role writes,
under row-level security, and every trigger and check of the database has its say.
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from invoices_app.accounts import audit
from invoices_app.accounts.models import Business
from invoices_app.clients.models import Client
from invoices_app.db.base import new_id
from invoices_app.db.many import insert_many
from invoices_app.db.tenancy import current_scope, in_business
from invoices_app.imports import incoming
from invoices_app.imports.matching import How, Match, match
from invoices_app.imports.places import Places
from invoices_app.imports.plan import Choices, Planned, PlannedClient, PlannedInvoice
from invoices_app.invoices import rules
from invoices_app.invoices.document import seller_details
from invoices_app.invoices.document_rows import PARTY_FIELDS
from invoices_app.invoices.models import InvoiceStatus
from invoices_app.money import ZERO, minor_units

INVOICES_AT_ONCE = 500
LINES_AT_ONCE = 10_000
CLIENT_DETAILS = (*PARTY_FIELDS[1:], "currency", "payment_terms_days", "notes")

_OF_INVOICE = (
    "currency", "issue_date", "due_date", "delivery_date", "reference", "purchase_order", "notes", "internal_notes",
    "discount_percent",
)  # fmt: skip
_TOTALS = ("subtotal", "discount_amount", "net_total", "tax_total", "total")
_OF_LINE = (
    "description", "item_number", "quantity", "unit", "unit_price", "discount_percent", "tax_category", "tax_rate",
    "exemption_reason", "line_net",
)  # fmt: skip
_OF_TAX = ("category", "rate", "taxable", "tax")
PAID_SOMEHOW = "other"
"""The method of payments of which a file only says that they were made."""


@dataclass(frozen=True, slots=True)
class Written:
    """What an import came to: what it created, and how much of its file was here already.

    `invoices` are drafts and issued ones, `paid` of them are settled, `own_numbers` have a number that fits no series.
    `totals` are those of the created invoices, by currency.
    """

    clients: int = 0
    clients_matched: int = 0
    invoices: int = 0
    drafts: int = 0
    paid: int = 0
    invoices_skipped: int = 0
    own_numbers: int = 0
    lines: int = 0
    payments: int = 0
    totals: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))


def batches(planned: Iterable[Planned]) -> Iterator[list[Planned]]:
    """Portions to match and to write, neither too many things nor too many lines in each."""
    batch: list[Planned] = []
    lines = 0
    for one in planned:
        of_it = len(one.lines) if isinstance(one, PlannedInvoice) else 0
        if batch and (len(batch) >= INVOICES_AT_ONCE or lines + of_it > LINES_AT_ONCE):
            yield batch
            batch, lines = [], 0
        batch.append(one)
        lines += of_it
    if batch:
        yield batch


class Writer:
    """Writes planned things into the current business, and is done with `finish`.

    Everything happens in the running transaction, which its caller begins and commits; whoever raises within it has
    written nothing. It may take minutes, so the caller lets it: `SET LOCAL statement_timeout = 0`, which goes for the
    commit as well. Meanwhile nobody can change number series. People issue as always, unless the file holds numbers
    that lie ahead of a counter: then they wait for the end, so that no number is given twice.

    What is here already is left as it is and counted: writing the same again creates nothing. Raises IntegrityError
    when somebody else creates the same at the same moment.
    """

    def __init__(
        self, session: Session, choices: Choices, *, import_id: uuid.UUID, file_name: str, today: date
    ) -> None:
        self._session, self._import_id, self._file_name = session, import_id, file_name
        incoming.prepare(session)
        self._places = Places(session, today, choices.series)
        business = session.execute(select(Business)).scalar_one()
        self._seller = seller_details(business)
        self._now: datetime = session.execute(select(func.now())).scalar_one()
        self._counts: Counter[str] = Counter()
        self._totals: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)

    def write(self, batch: Sequence[Planned]) -> Written:
        """Write those of a portion that are new; answers what all portions came to so far."""
        # Numbers first: whoever is given one from here on is given a later one, and matching sees those before.
        self._places.reserve([one.number for one in batch if isinstance(one, PlannedInvoice) and one.number])
        matches = match(self._session, batch)
        self._write_clients(batch, matches)
        new = [
            (one, found.client.id)
            for one, found in zip(batch, matches, strict=True)
            if isinstance(one, PlannedInvoice) and found.client and found.client.id
        ]
        self._counts["invoices_skipped"] += sum(isinstance(one, PlannedInvoice) for one in batch) - len(new)
        if new:
            self._write_invoices(new)
        return self._written()

    def finish(self) -> Written:
        """Move the counters on and tell the history; the transaction is ready to be committed."""
        self._places.finish()
        written = self._written()
        told = {"file": self._file_name, "clients": written.clients, "invoices": written.invoices}
        audit.record(self._session, "data.imported", "import", self._import_id, told)
        self._session.flush()
        return written

    def _written(self) -> Written:
        return Written(**self._counts, totals=MappingProxyType(dict(self._totals)))

    def _write_clients(self, batch: Sequence[Planned], matches: Sequence[Match]) -> None:
        new: dict[uuid.UUID, PlannedClient] = {}
        for one, found in zip(batch, matches, strict=True):
            is_client = isinstance(one, PlannedClient)
            client = found if is_client else found.client
            if client and client.id and client.how is How.NEW:
                new[client.id] = one if isinstance(one, PlannedClient) else one.client
            elif is_client:
                self._counts["clients_matched"] += 1
        columns: dict[str, list[Any]] = {
            "id": list(new),
            "name": [client.name for client in new.values()],
            "archived_at": [self._now if client.archived else None for client in new.values()],
            **{name: [_detail(client, name) for client in new.values()] for name in CLIENT_DETAILS},
        }
        business_id = current_scope(self._session).business_id
        insert_many(self._session, Client, columns, {"business_id": business_id, "import_id": self._import_id})
        self._counts["clients"] += len(new)

    def _write_invoices(self, new: Sequence[tuple[PlannedInvoice, uuid.UUID]]) -> None:
        ids = [new_id() for _ in new]
        invoices = [invoice for invoice, _ in new]
        lines, taxes = _lines(ids, invoices), _taxes(ids, invoices)
        payments = _payments(ids, invoices)
        incoming.insert(self._session, self._drafts(ids, new), lines, taxes, payments)
        incoming.arrive(self._session, self._arrived(ids, new))
        incoming.check(self._session)
        self._counts.update(invoices=len(ids), lines=len(lines["id"]), payments=len(payments["id"]))
        for invoice in invoices:
            self._totals[invoice.currency] += invoice.totals.total

    def _drafts(
        self, ids: Sequence[uuid.UUID], new: Sequence[tuple[PlannedInvoice, uuid.UUID]]
    ) -> dict[str, list[Any]]:
        invoices = [invoice for invoice, _ in new]
        return {
            "id": list(ids),
            "client_id": [client_id for _, client_id in new],
            "minor_units": [minor_units(invoice.currency) for invoice in invoices],
            "due_by_hand": [True] * len(new),
            "archived_at": [self._now if invoice.archived else None for invoice in invoices],
            "import_id": [self._import_id] * len(new),
            "imported_as": [invoice.source for invoice in invoices],
            **{name: [getattr(invoice, name) for invoice in invoices] for name in _OF_INVOICE},
            **{name: [getattr(invoice.totals, name) for invoice in invoices] for name in _TOTALS},
        }

    def _arrived(
        self, ids: Sequence[uuid.UUID], new: Sequence[tuple[PlannedInvoice, uuid.UUID]]
    ) -> dict[str, list[Any]]:
        issued = {invoice.number: invoice.issue_date for invoice, _ in new if invoice.number is not None}
        places = self._places.take(issued)
        buyers = self._buyers({client_id for _, client_id in new}) if issued else {}
        rows: list[tuple[Any, ...]] = []
        for invoice_id, (invoice, client_id) in zip(ids, new, strict=True):
            if invoice.number is None:
                self._counts["drafts"] += 1
                rows.append((invoice_id, InvoiceStatus.DRAFT, "", "", None, None, None, None, None, ZERO, None))
                continue
            place = places[invoice.number]
            settled = invoice.paid == invoice.totals.total
            self._counts.update(paid=settled, own_numbers=place.seq is None)
            status = InvoiceStatus.PAID if settled else InvoiceStatus.SENT
            paid_on = invoice.paid_on or invoice.issue_date
            rows.append(
                (
                    invoice_id,
                    status,
                    place.series,
                    place.period,
                    place.seq,
                    invoice.number,
                    self._seller,
                    buyers[client_id],
                    self._now,
                    invoice.paid,
                    paid_on if settled else None,
                )
            )
        return dict(zip(incoming.ARRIVED, map(list, zip(*rows, strict=True)), strict=True))

    def _buyers(self, client_ids: set[uuid.UUID]) -> dict[uuid.UUID, dict[str, str]]:
        """What issued invoices keep of these clients."""
        columns = [getattr(Client, name) for name in PARTY_FIELDS]
        rows = self._session.execute(select(Client.id, *columns).where(in_business(Client), Client.id.in_(client_ids)))
        return {client_id: dict(zip(PARTY_FIELDS, details, strict=True)) for client_id, *details in rows}


def _detail(client: PlannedClient, name: str) -> str | int | None:
    return client.details.get(name, None if name == "payment_terms_days" else "")


def _lines(ids: Sequence[uuid.UUID], invoices: Sequence[PlannedInvoice]) -> dict[str, list[Any]]:
    lines = [line for invoice in invoices for line in invoice.lines]
    owners = [invoice_id for invoice_id, invoice in zip(ids, invoices, strict=True) for _ in invoice.lines]
    return {
        "id": [new_id() for _ in lines],
        "invoice_id": owners,
        "position": [position for invoice in invoices for position in range(1, len(invoice.lines) + 1)],
        "unit_code": [rules.unit_code(line.unit) for line in lines],
        **{name: [getattr(line, name) for line in lines] for name in _OF_LINE},
    }


def _taxes(ids: Sequence[uuid.UUID], invoices: Sequence[PlannedInvoice]) -> dict[str, list[Any]]:
    groups = [group for invoice in invoices for group in invoice.totals.taxes]
    owners = [invoice_id for invoice_id, invoice in zip(ids, invoices, strict=True) for _ in invoice.totals.taxes]
    return {"invoice_id": owners, **{name: [getattr(group, name) for group in groups] for name in _OF_TAX}}


def _payments(ids: Sequence[uuid.UUID], invoices: Sequence[PlannedInvoice]) -> dict[str, list[Any]]:
    paid = [
        (invoice_id, invoice)
        for invoice_id, invoice in zip(ids, invoices, strict=True)
        if invoice.paid and invoice.number is not None
    ]
    return {
        "id": [new_id() for _ in paid],
        "invoice_id": [invoice_id for invoice_id, _ in paid],
        "amount": [invoice.paid for _, invoice in paid],
        "paid_on": [invoice.paid_on or invoice.issue_date for _, invoice in paid],
        "method": [PAID_SOMEHOW] * len(paid),
    }
