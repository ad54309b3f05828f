"""Businesses with any number of invoices, by COPY, to see how the app behaves with a million of them.

What these invoices are made of is in `bulk_rows`. Everything that triggers would do a row at a time is done here for
all rows at once, and comes out the same: a test asks the database's own checks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import Connection, Engine, NullPool, create_engine, text

from invoices_app import clock
from invoices_app.accounts import actions as account_actions
from invoices_app.accounts import queries as account_queries
from invoices_app.accounts.actions import Browser, Registration
from invoices_app.accounts.audit import record
from invoices_app.config import Settings
from invoices_app.dashboard import bulk_rows
from invoices_app.dashboard.demo import demo_password
from invoices_app.db.tenancy import Scope, current_scope, enter
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.invoices.document import seller_details
from invoices_app.results import Ok

LARGEST_SHARE = 10
"""The first business holds a tenth of all invoices: 100,000 of a million."""

INVOICES_AT_A_TIME = 20_000

TABLES = (
    "clients", "invoices", "line_items", "invoice_taxes", "payments", "number_series", "number_counters",
    "search_documents",
)  # fmt: skip
KEPT_TRIGGERS = {
    "clients": "keep_client_figures_insert",
    "invoices": "keep_invoice_figures_insert",
    "payments": "keep_payment_figures_insert",
}
"""They run once for a COPY. Those of search are replaced by a statement; the others check one row at a time."""

_INDEX_INVOICES = text("""
    INSERT INTO search_documents (business_id, kind, entity_id, document)
    SELECT i.business_id, 'invoice', i.id, search_document(
        search_key(i.business_id, 'invoice'),
        concat_ws(' ', i.number, substring(i.number, '[0-9].*'), i.reference, i.client_name, i.client_name, (
            SELECT string_agg(l.description, ' ' ORDER BY l.position) FROM line_items l
            WHERE l.business_id = i.business_id AND l.invoice_id = i.id
        ))
    )
    FROM invoices i
    WHERE i.business_id = CAST(:business_id AS uuid) AND i.id BETWEEN CAST(:first AS uuid) AND CAST(:last AS uuid)
""")
_INDEX_CLIENTS = text("""
    INSERT INTO search_documents (business_id, kind, entity_id, document)
    SELECT c.business_id, 'client', c.id, search_document(
        search_key(c.business_id, 'client'), concat_ws(' ', c.name, c.email, c.city, c.postal_code)
    )
    FROM clients c WHERE c.business_id = CAST(:business_id AS uuid)
""")
_SETTLE = text("SELECT settle_figures(CAST(:business_id AS uuid))")
_PEOPLE = text("SELECT count(*) FROM users WHERE email LIKE 'bulk-%@example.com'")


@dataclass(frozen=True, slots=True)
class Share:
    """One of the businesses to come, and how many invoices it shall hold."""

    place: int
    invoices: int

    @property
    def email(self) -> str:
        return f"bulk-{self.place}@example.com"


@dataclass(frozen=True, slots=True)
class Business:
    """One that was registered: its id, the seller on its invoices as JSON, and what it shall hold."""

    id: str
    seller: str
    share: Share


def shares(invoices: int, businesses: int, first: int = 1) -> list[Share]:
    """How the invoices are spread: a tenth in the first of several businesses, the rest evenly."""
    if businesses == 1:
        return [Share(first, invoices)]
    largest = invoices // LARGEST_SHARE
    each, over = divmod(invoices - largest, businesses - 1)
    sizes = [largest, *(each + (place < over) for place in range(businesses - 1))]
    return [Share(first + place, size) for place, size in enumerate(sizes)]


def make_businesses(invoices: int, businesses: int, told: Callable[[int], None]) -> list[Share]:
    """Register as many businesses and fill them; `told` hears of every portion of invoices. Answers what was made.

    Each business is one transaction of the tables' owner, during which others wait: not for a busy installation.
    Raises LookupError when the owner's login is not known.
    """
    settings: Settings = current_app.config["SETTINGS"]
    if settings.owner_database_url is None:
        raise LookupError("Seeding by the thousand needs the owner's login; python -m invoices_app flask sets it.")
    engine = create_engine(settings.owner_database_url, poolclass=NullPool)
    wanted = shares(invoices, businesses, _first_free_place(engine))
    for share in wanted:
        scope, seller = _register(share)
        with engine.begin() as owner:
            enter(owner, scope)
            _open(owner)
            _fill(owner, Business(str(scope.business_id), seller, share), told)
            _close(owner)
    return wanted


def _first_free_place(engine: Engine) -> int:
    """Places go on behind those of an earlier seeding; the owner sees all accounts only while this asks."""
    with engine.begin() as owner:
        owner.execute(text("ALTER TABLE users NO FORCE ROW LEVEL SECURITY"))
        found: int = owner.execute(_PEOPLE).scalar_one()
        owner.execute(text("ALTER TABLE users FORCE ROW LEVEL SECURITY"))
    return found + 1


def _fill(owner: Connection, business: Business, told: Callable[[int], None]) -> None:
    """Everything of one business, a portion of invoices at a time, so that memory does not grow with their number."""
    today, share = clock.today(bulk_rows.TIME_ZONE), business.share
    clients = bulk_rows.clients(business.id, share.invoices)
    _copy(owner, "clients", bulk_rows.CLIENT_COLUMNS, (client.row for client in clients))
    owner.execute(_INDEX_CLIENTS, {"business_id": business.id})
    counters = bulk_rows.Counters()
    for start in range(0, share.invoices, INVOICES_AT_A_TIME):
        places = range(start, min(start + INVOICES_AT_A_TIME, share.invoices))
        plans = (bulk_rows.Plan(place, share.invoices, today) for place in places)
        invoices = [bulk_rows.invoice(business.id, business.seller, clients, plan, counters) for plan in plans]
        _copy(owner, "invoices", bulk_rows.INVOICE_COLUMNS, (one.row for one in invoices))
        _copy(owner, "line_items", bulk_rows.LINE_COLUMNS, (line for one in invoices for line in one.lines))
        _copy(owner, "invoice_taxes", bulk_rows.TAX_COLUMNS, (one.tax for one in invoices))
        _copy(owner, "payments", bulk_rows.PAYMENT_COLUMNS, (one.payment for one in invoices if one.payment))
        owner.execute(_INDEX_INVOICES, {"business_id": business.id, "first": invoices[0].id, "last": invoices[-1].id})
        told(len(invoices))
    _copy(owner, "number_series", bulk_rows.SERIES_COLUMNS, [bulk_rows.series(business.id)])
    _copy(owner, "number_counters", bulk_rows.COUNTER_COLUMNS, counters.rows(business.id))
    owner.execute(_SETTLE, {"business_id": business.id})


def _register(share: Share) -> tuple[Scope, str]:
    """A person with a business, through the same action as at the door; its scope, and the seller on its invoices."""
    registration = Registration("Sam Bulk", share.email, demo_password(), f"Bulk {share.place} Ltd", "EUR")
    result = account_actions.register(registration, Browser("flask seed", ""))
    if not isinstance(result, Ok) or account_queries.enter_session(result.value) is None:
        raise RuntimeError(f"{share.email} cannot be registered: {result}")
    seller = json.dumps(seller_details(account_queries.business()))
    scope = current_scope(db.session)
    with transaction() as session:
        assert scope.business_id is not None  # noqa: S101  (enter_session set it)
        record(session, "business.seeded", "business", scope.business_id, {"invoices": share.invoices})
    return scope, seller


def _open(owner: Connection) -> None:
    """The owner writes by COPY, which row-level security and the triggers of single rows stand in the way of."""
    for table in TABLES:
        owner.execute(text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
        owner.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        if kept := KEPT_TRIGGERS.get(table):
            owner.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER {kept}"))


def _close(owner: Connection) -> None:
    for table in TABLES:
        owner.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        owner.execute(text(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"))


def _copy(owner: Connection, table: str, columns: Iterable[str], rows: Iterable[str]) -> None:
    """Write rows, each a line in the text form of COPY."""
    driver: Any = owner.connection.driver_connection
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write(row)
