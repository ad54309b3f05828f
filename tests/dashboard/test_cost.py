"""The dashboard costs the same with ten invoices and with a thousand: as many statements, each from an index."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from invoices_app.dashboard import queries
from invoices_app.dashboard.queries import BestClient
from invoices_app.extensions import db
from tests.support.databases import Database
from tests.support.factories import archive, line, make_client, make_issued, today
from tests.support.people import Person, make_owner
from tests.support.statements import CountStatements

MANY_CLIENTS = 300
READ = re.compile(r"actual .*rows=([\d.]+) loops=(\d+)")
PASSED_OVER = re.compile(r"Rows Removed by .*: (\d+)")
# The first client rises by 5,000; all others but a hundred of them change by as much as is said.
UNSETTLED_ONES = """
    INSERT INTO business_figures (business_id, client_id, figure, archived, currency, day, tally, amount)
    SELECT business_id, id, 'invoiced', false, 'GBP', %(day)s, 0, CASE name WHEN 'Client 1' THEN 5000 ELSE %(by)s END
    FROM clients WHERE business_id = %(business)s AND (substr(name, 8)::int > 101 OR name = 'Client 1')
"""
UNSETTLED = "SELECT count(*) FROM business_figures WHERE business_id = %s AND NOT settled"

# Late, due soon and paid ones, and old drafts, in turn: each as often as the others.
INVOICES = """
    INSERT INTO invoices (
        business_id, id, client_id, status, series, period, seq, number, currency, minor_units, issue_date, due_date,
        seller, buyer, issued_at, subtotal, net_total, total, paid_total, paid_on, created_at
    )
    SELECT %(business)s, uuidv7(), client.id, status::invoice_status, CASE WHEN issued THEN 'OLD' ELSE '' END,
           CASE WHEN issued THEN '2020' ELSE '' END, CASE WHEN issued THEN n END, CASE WHEN issued THEN 'OLD-' || n END,
           'GBP', 2, %(today)s::date - 60, %(today)s::date + CASE n %% 4 WHEN 1 THEN -1 - n %% 50 ELSE n %% 7 END,
           CASE WHEN issued THEN '{}'::jsonb END, CASE WHEN issued THEN '{"name": "A"}'::jsonb END,
           CASE WHEN issued THEN now() END, 10, 10, 10, CASE status WHEN 'paid' THEN 10 ELSE 0 END,
           CASE status WHEN 'paid' THEN %(today)s::date END, now() - interval '30 days'
    FROM (
        SELECT n, n %% 4 > 0 AS issued, (ARRAY['draft', 'sent', 'sent', 'paid'])[1 + n %% 4] AS status
        FROM generate_series(1, %(count)s) n
    ) planned
    JOIN (SELECT id, row_number() OVER (ORDER BY id) AS place FROM clients) client
        ON client.place = 1 + n %% %(clients)s
"""


def furnish(app: Flask, database: Database, count: int) -> Person:
    """A business with that many invoices, a quarter of them in each state, and a client for each ten."""
    person = make_owner(app, "Ada Owner", f"{count} invoices")
    values = {"business": person.business_id, "today": today(), "count": count, "clients": max(1, count // 10)}
    with database.as_owner(person.business_id) as owner:
        owner.execute(
            "INSERT INTO clients (business_id, id, name)"
            " SELECT %(business)s, uuidv7(), 'Client ' || n FROM generate_series(1, %(clients)s) n",
            values,
        )
        owner.execute("ALTER TABLE invoices DISABLE TRIGGER totals_add_up")
        owner.execute(INVOICES, values)
        owner.execute("ALTER TABLE invoices ENABLE TRIGGER totals_add_up")
    return person


@pytest.fixture(scope="module")
def small(app: Flask, database: Database) -> Person:
    return furnish(app, database, 10)


@pytest.fixture(scope="module")
def large(app: Flask, database: Database) -> Person:
    return furnish(app, database, 1000)


def test_three_statements_however_many_invoices(
    small: Person, large: Person, count_statements: CountStatements
) -> None:
    for person in (small, large):
        person.browser.open("/")
        with count_statements() as statements:
            page = person.browser.get("/")
        # the session, the figures and best clients, what is to do
        assert len(statements) == 3, "\n".join(statements)
        assert page.row_ids("invoice")
    assert len(page.row_ids("invoice")) == queries.TO_DO_ROWS


@contextmanager
def told() -> Iterator[list[tuple[str, Any]]]:
    """The statements that the block sends, with their parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        seen.append((statement, values))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def plan_of(person: Person, ask: Callable[[], object], explain: str = "EXPLAIN") -> str:
    """How the app's role, bound by row-level security, runs the last statement of `ask`."""
    with person.acting():
        with told() as statements:
            ask()
        statement, values = statements[-1]
        cursor = db.session.connection().connection.cursor()
        cursor.execute(f"{explain} {statement}", values)
        return "\n".join(row[0] for row in cursor.fetchall())


def conditions(plan: str, index: str) -> list[str]:
    """The index conditions of each scan of this index."""
    return re.findall(rf"{index}\b(?! on \w+ \w+ on).*\n\s+Index Cond: (.*)", plan)


def test_what_is_to_do_is_read_from_indexes(large: Person, database: Database) -> None:
    analyse(database)
    plan = plan_of(large, lambda: queries.to_do(today()))
    assert "Seq Scan" not in plan, plan
    late, soon = conditions(plan, "ix_invoices_business_id_shelf_due_date")
    (drafts,) = conditions(plan, "ix_invoices_business_id_shelf_issue_date")
    for condition in (late, soon, drafts):
        assert "business_id =" in condition
        assert "shelf =" in condition
    assert "due_date <" in late
    assert "due_date >=" in soon
    assert "issue_date <=" in drafts


def test_the_best_clients_are_read_from_indexes(app: Flask, database: Database) -> None:
    person = crowded(app, database)
    analyse(database)
    plan = plan_of(person, lambda: queries.overview(today()))
    assert "Seq Scan on business_figures" not in plan, plan
    (best,) = conditions(plan, "ix_business_figures_business_id_top")
    for column in ("business_id", "day", "currency"):
        assert column in best
    reads = re.findall(
        r"(?:Index|Index Only) Scan (?:using \S+ on business_figures|on ix_business_figures).*\n(.*)", plan
    )
    assert len(reads) >= 2, plan
    assert all("Index Cond: " in read and "business_id =" in read for read in reads), plan


def crowded(app: Flask, database: Database) -> Person:
    """A business with a settled figure for each of many clients, of 1, 2, 3 and so on."""
    person = make_owner(app, "Ada Owner", "A crowd")
    day = this_year()
    with database.as_owner(person.business_id) as connection:
        connection.execute(
            "INSERT INTO clients (business_id, id, name)"
            " SELECT %s, uuidv7(), 'Client ' || n FROM generate_series(1, %s) n",
            [person.business_id, MANY_CLIENTS],
        )
        connection.execute(
            "INSERT INTO business_figures"
            " (business_id, client_id, figure, archived, currency, day, tally, amount, settled)"
            " SELECT business_id, id, 'invoiced'::figure_kind, false, 'GBP', %s, 1, substr(name, 8)::int, true"
            " FROM clients WHERE business_id = %s"
            " UNION ALL SELECT %s, NULL, 'invoiced'::figure_kind, false, 'GBP', %s, 1, 1, true",
            [day, person.business_id, person.business_id, day],
        )
    return person


def best(person: Person) -> list[tuple[str, Decimal]]:
    with person.acting():
        _, found = queries.overview(today())
        return [(client.name, client.amount) for client in found]


def test_the_best_clients_are_exact_with_two_hundred_unsettled_figures(app: Flask, database: Database) -> None:
    """The settled first fall below others, far more of them than are shown, and one of the last rises to the top."""
    person = crowded(app, database)
    assert best(person) == [(f"Client {300 - place}", 300 - place) for place in range(5)]
    with database.as_owner(person.business_id) as connection:
        connection.execute(UNSETTLED_ONES, {"business": person.business_id, "day": this_year(), "by": -250})
    assert database.value(UNSETTLED, person.business_id) == 201  # one is the number of clients
    expected = [("Client 1", Decimal(5001))] + [(f"Client {number}", Decimal(number)) for number in (101, 100, 99, 98)]
    assert best(person) == expected
    analyse(database)
    settle(person)
    assert database.value(UNSETTLED, person.business_id) < 50
    assert best(person)[0] == ("Client 1", Decimal(5001))
    assert best(person) == expected


def test_figures_of_a_business_that_the_planner_does_not_know_are_settled(app: Flask, database: Database) -> None:
    """It is new, beside others that have been analysed: the planner takes its hundreds of figures for one."""
    crowded(app, database)
    analyse(database)
    person = crowded(app, database)
    with database.as_owner(person.business_id) as connection:
        connection.execute("SET LOCAL statement_timeout = '2s'")
        connection.execute(UNSETTLED_ONES, {"business": person.business_id, "day": this_year(), "by": 1})
        connection.execute("SELECT settle_figures(%s)", [person.business_id])
    assert database.value(UNSETTLED, person.business_id) == 0


def test_the_dashboard_of_a_business_that_the_planner_does_not_know(app: Flask, database: Database) -> None:
    """No figure is read once for each of the others."""
    crowded(app, database)
    analyse(database)
    person = crowded(app, database)
    with database.as_owner(person.business_id) as connection:
        connection.execute(UNSETTLED_ONES, {"business": person.business_id, "day": this_year(), "by": 1})
    plan = plan_of(person, lambda: queries.overview(today()), "EXPLAIN (ANALYZE, BUFFERS)")
    assert max(looked_at(plan)) <= 5 * (2 * MANY_CLIENTS), plan


def looked_at(plan: str) -> list[float]:
    """How many rows each step of an executed plan looked at, those that it passed over too, in all of its rounds."""
    found = []
    for step in plan.split("->"):
        for rows, loops in READ.findall(step):
            found.append((float(rows) + sum(map(int, PASSED_OVER.findall(step)))) * int(loops))
    return found


def settle(person: Person) -> None:
    """Write once more: too many figures have gathered, so they are settled."""
    make_client(person, "One more")


def analyse(database: Database) -> None:
    with database.as_superuser() as connection:
        connection.execute("ANALYZE")


def this_year() -> date:
    return today().replace(month=1, day=1)


def test_a_currency_that_only_archived_invoices_have(owner: Person) -> None:
    """They were invoiced last year, before the twelve months, so no figure but the best clients knows the currency."""
    client_id = make_client(owner, "Early Bird")
    long_ago = date(today().year - 1, 1, 1)
    invoice_id = make_issued(
        owner, [line(tax_rate=0)], client_id=client_id, issue_date=long_ago, due_date=long_ago, currency="USD"
    )
    archive(owner, invoice_id)
    with owner.acting():
        _, found = queries.overview(today())
    assert found == [BestClient(long_ago, "USD", client_id, "Early Bird", Decimal(100))]
    owner.browser.get("/")
