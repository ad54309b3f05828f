"""Businesses with thousands of invoices, made by SQL in a database of their own.

A plugin: a test module that says `pytest_plugins = ["tests.support.crowd"]` has its fixtures. Such modules belong to
the xdist group `GROUP`, so that the crowd of a run is made once.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Engine, event

from invoices_app import create_app
from invoices_app.extensions import db
from tests.support.databases import Database, ServerUrls
from tests.support.factories import today
from tests.support.people import Person, make_owner
from tests.support.plans import Plan

GROUP = "crowd"
HUNDRED_THOUSAND = 100_000
INVOICES_A_CLIENT = 50
INVOICES_A_DAY = 60
AMOUNTS = 50
RARE = 1000
"""One line in so many says "needle", and one in ten "straw"."""

CLIENTS = """
    INSERT INTO clients (business_id, id, name, email, city, archived_at)
    SELECT %(business_id)s, uuidv7(),
           'Customer ' || n || ' ' || (ARRAY['Söhne', 'Łódź', 'Ångström', 'Partners'])[1 + n %% 4],
           'post@customer-' || n || '.example', 'Bath', CASE WHEN n %% 10 = 3 THEN now() END
    FROM generate_series(1, %(clients)s) n
"""
# Of twenty invoices one is a draft, two are sent, the others are paid; one in ten is archived. Dates, amounts and
# clients are each shared by many, so that orders have equal keys.
INVOICES = f"""
    INSERT INTO invoices (
        business_id, id, client_id, status, series, period, seq, number, currency, minor_units, issue_date, due_date,
        reference, seller, buyer, issued_at, archived_at, subtotal, net_total, tax_total, total, paid_total, paid_on
    )
    SELECT %(business_id)s, uuidv7(), client.id, status::invoice_status, CASE WHEN issued THEN 'OLD' ELSE '' END,
           CASE WHEN issued THEN '2020' ELSE '' END, CASE WHEN issued THEN n END,
           CASE WHEN issued THEN 'OLD-2020-' || lpad(n::text, 6, '0') END,
           CASE n %% 5 WHEN 0 THEN 'EUR' ELSE 'GBP' END, 2, issue_date, issue_date + 60 * (n %% 2), 'Order ' || n,
           CASE WHEN issued THEN '{{"name": "Crowd Ltd"}}'::jsonb END,
           CASE WHEN issued THEN jsonb_build_object('name', client.name) END, CASE WHEN issued THEN now() END,
           CASE WHEN n %% 10 = 3 THEN now() END, amount, amount, amount / 5, amount * 1.2,
           CASE status WHEN 'paid' THEN amount * 1.2 ELSE 0 END, CASE status WHEN 'paid' THEN issue_date + 14 END
    FROM (
        SELECT n, n %% 20 > 0 AS issued, 10.00 * (1 + n %% {AMOUNTS}) AS amount,
               %(today)s::date - 15 - (%(size)s - n) / {INVOICES_A_DAY} AS issue_date,
               CASE WHEN n %% 20 = 0 THEN 'draft' WHEN n %% 20 < 3 THEN 'sent' ELSE 'paid' END AS status
        FROM generate_series(1, %(size)s) n
    ) planned
    JOIN (SELECT row_number() OVER (ORDER BY id) AS place, id, name FROM clients) client
        ON client.place = 1 + n / 2 %% %(clients)s
    ORDER BY n
"""
LINES = """
    INSERT INTO line_items (
        business_id, id, invoice_id, position, description, quantity, unit_price, tax_category, tax_rate, line_net
    )
    SELECT business_id, uuidv7(), id, 1,
           'Advice on matter ' || right(reference, 2) || CASE WHEN reference LIKE '%%000' THEN ' needle' ELSE '' END
               || CASE WHEN reference LIKE '%%7' THEN ' straw' ELSE '' END,
           1, subtotal, 'S', 20, subtotal
    FROM invoices
"""
TAXES = """
    INSERT INTO invoice_taxes (business_id, invoice_id, category, rate, taxable, tax)
    SELECT business_id, id, 'S', 20, net_total, tax_total FROM invoices
"""
PAYMENTS = """
    INSERT INTO payments (business_id, id, invoice_id, amount, paid_on, method)
    SELECT business_id, uuidv7(), id, total, paid_on, 'card' FROM invoices WHERE status = 'paid'
"""


def fill(database: Database, business_id: uuid.UUID, size: int) -> None:
    """Give an empty business that many invoices, each with a line, as its owner would have entered them.

    Only what is checked or indexed row by row a second time is switched off meanwhile: every document adds up, and the
    lines' trigger indexes the words of the whole invoice.
    """
    values = {
        "business_id": business_id,
        "size": size,
        "clients": max(1, size // INVOICES_A_CLIENT),
        "today": today(),
    }
    with database.as_owner(business_id) as owner:
        owner.execute("SET LOCAL app.maintenance = 'on'")  # their lines come after they are issued
        _switch(owner, "DISABLE")
        for statement, table in (
            (CLIENTS, "clients"),
            (INVOICES, "invoices"),
            (LINES, ""),
            (TAXES, ""),
            (PAYMENTS, ""),
        ):
            owner.execute(statement, values)
            if table:  # else the planner thinks that the business has no rows, and takes any index for their keys
                owner.execute(f"ANALYZE {table}".encode())
        _switch(owner, "ENABLE")
    with psycopg.connect(_plain(database), autocommit=True) as superuser:
        superuser.execute("VACUUM ANALYZE")


def _switch(owner: psycopg.Connection, how: str) -> None:
    for trigger in ("totals_add_up", "keep_invoice_search_insert"):
        owner.execute(f"ALTER TABLE invoices {how} TRIGGER {trigger}".encode())


def _plain(database: Database) -> str:
    return database.superuser_url.set(drivername="postgresql").render_as_string(hide_password=False)


@dataclass
class Crowd:
    """A database with an app of its own, and businesses of any size in it."""

    database: Database
    app: Flask
    made: dict[int, Person] = field(default_factory=dict)

    def of(self, size: int) -> Person:
        """The owner of a business with that many invoices, made when first asked for. Leave its rows as they are."""
        if size not in self.made:
            person = make_owner(self.app, f"Owner {size}", f"{size} invoices")
            fill(self.database, person.business_id, size)
            self.made[size] = person
        return self.made[size]

    def plan_of(self, person: Person, call: Callable[[], object]) -> Plan:
        """How the last statement of a query runs for this person, as the app's own role."""
        sent: list[tuple[str, Any]] = []

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
            sent.append((statement, parameters))

        with person.acting():
            event.listen(Engine, "before_cursor_execute", note)
            try:
                call()
            finally:
                event.remove(Engine, "before_cursor_execute", note)
        statement, parameters = sent[-1]
        with self.database.as_app(person.business_id, person.user_id) as connection:
            explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
            ((found,),) = connection.execute(explain.encode(), parameters).fetchall()
        return Plan.of(found[0]["Plan"])

    @cached_property
    def hundred_thousand(self) -> Person:
        return self.of(HUNDRED_THOUSAND)


@pytest.fixture(scope="session")
def crowd(server: ServerUrls, worker: str) -> Iterator[Crowd]:
    """Large businesses, apart from the database of the other tests, which look at all of its rows again and again."""
    database = server.make_database(f"crowd_{worker}")
    app = create_app(database.settings)
    yield Crowd(database, app)
    with app.app_context():
        db.engine.dispose()
    server.drop_database(database)
