"""What an import writes in a second, with every policy, trigger and check on, beside a bare COPY of the same rows.

The bare one goes into tables with the same columns, checks and indexes, without foreign keys, triggers and policies,
and makes neither words to find nor figures.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from psycopg import sql
from sqlalchemy.engine import URL

from invoices_app import create_app
from invoices_app.config import Settings
from invoices_app.db.roles import app_login
from invoices_app.db.tenancy import Scope, settings_of
from invoices_app.extensions import db
from invoices_app.imports.plan import PlannedClient, PlannedInvoice, PlannedLine
from invoices_app.invoices import rules
from tests.bench.results import Result
from tests.support.databases import connect
from tests.support.people import make_owner
from tests.support.planned import write

LINES = 20
CLIENTS = 4300
TABLES = ("clients", "invoices", "line_items", "invoice_taxes", "payments")


def case(owner_url: URL, secret_key: str, invoices: int) -> Result:
    """Lines a second of an import of so many invoices into a new business, and of COPY."""
    app = create_app(Settings(secret_key=secret_key, database_url=app_login(owner_url, secret_key)))
    person = make_owner(app, "Ida Importer", "Imports Ltd")
    planned = list(_planned(invoices))
    begun = time.perf_counter()
    write(person, planned)
    ours = time.perf_counter() - begun
    bare = copied(owner_url, secret_key, person.business_id)
    with app.app_context():
        db.engine.dispose()
    rows = invoices * LINES
    return Result(f"import of {rows:,} lines : COPY", rows / ours, rows / bare, "/s")


def _planned(invoices: int) -> Iterator[PlannedInvoice]:
    for number in range(invoices):
        facts = [rules.Line(Decimal(1 + place), Decimal(number % 997) / 100, Decimal(20)) for place in range(LINES)]
        totals = rules.compute(facts, "GBP")
        lines = tuple(
            PlannedLine(
                1, f"Set of {number % 89} hanging owls {place}", one.quantity, one.unit_price, one.tax_rate, "S", net
            )
            for place, (one, net) in enumerate(zip(facts, totals.line_nets, strict=True))
        )
        day = date(2011, 1, 1) + timedelta(days=number % 365)
        client = PlannedClient(1, f"Client {number * 7919 % CLIENTS}")
        name = str(536365 + number)
        yield PlannedInvoice(1, name, name, client, "GBP", day, day, lines, totals, paid=totals.total)


def copied(owner_url: URL, secret_key: str, business_id: uuid.UUID) -> float:
    """The seconds that COPY takes for the rows of a business; nothing of it stays."""
    seconds = 0.0
    with connect(owner_url) as connection:
        for key, value in settings_of(Scope(None, business_id), secret_key).items():
            setting = {"until": "scope_until"}.get(key, key)
            connection.execute("SELECT set_config(%s, %s, true)", [f"app.{setting}", value])
        for table in TABLES:
            name, twin = sql.Identifier(table), sql.Identifier(f"copied_{table}")
            columns = connection.execute(
                "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
                " WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'",
                [table],
            ).fetchone()
            assert columns is not None
            listed = sql.SQL(columns[0])
            with connection.cursor() as cursor:
                with cursor.copy(sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(listed, name)) as out:
                    rows = [bytes(part) for part in out]
                cursor.execute(sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(twin, name))
                begun = time.perf_counter()
                with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(twin, listed)) as into:
                    for part in rows:
                        into.write(part)
                seconds += time.perf_counter() - begun
        connection.rollback()
    return seconds
