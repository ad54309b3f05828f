"""The number of SQL statements of a page: a constant, the same at 3 and at 300 rows or lines."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from flask import Flask

from tests.support.databases import Database
from tests.support.factories import issue, line, make_client, make_invoice
from tests.support.people import Person, make_owner

# Each begins with one that finds the session and enters its business.
BUDGETS = {
    "/invoices": 2,
    "/invoices?archived=1&status=draft&q=a": 2,
    "/clients": 2,
    "/clients?q=a&archived=1": 2,
    "/clients/{client}": 3,
    "/clients/{client}/edit": 2,
    "/": 4,
    "/invoices/new": 3,
    "/invoices/{draft}": 8,
    "/invoices/{issued}": 5,
    "/invoices/{draft}/print": 5,
    "/invoices/{issued}/print": 5,
    "/settings/business": 2,
    "/healthz": 0,
    "/readyz": 1,
    "/static/css/app.css": 0,
}

Counter = Callable[[], AbstractContextManager[list[str]]]


def furnish(app: Flask, database: Database, count: int) -> tuple[Person, dict[str, uuid.UUID]]:
    """A business with that many clients, invoices, and lines on each of two of them."""
    person = make_owner(app, "Ada Owner", f"{count} of each")
    client_id = make_client(person)
    lines = [line(f"Line {number}") for number in range(count)]
    draft, issued = (make_invoice(person, lines, client_id) for _ in range(2))
    issue(person, issued)
    with database.as_app(person.business_id, person.user_id) as connection:
        connection.execute(
            "INSERT INTO invoices (business_id, id, client_id, currency, minor_units, issue_date, due_date)"
            " SELECT %s, gen_random_uuid(), %s, 'GBP', 2, '2026-01-01'::date + n, '2026-03-01'::date + n"
            " FROM generate_series(1, %s) n",
            [person.business_id, client_id, count],
        )
        connection.execute(
            "INSERT INTO clients (business_id, id, name) SELECT %s, gen_random_uuid(), 'Client ' || n"
            " FROM generate_series(1, %s) n",
            [person.business_id, count],
        )
    return person, {"client": client_id, "draft": draft, "issued": issued}


@pytest.fixture(scope="module", params=[3, 300])
def business(request: pytest.FixtureRequest, app: Flask, database: Database) -> tuple[Person, dict[str, uuid.UUID]]:
    return furnish(app, database, request.param)


@pytest.mark.parametrize(("path", "budget"), BUDGETS.items())
def test_statements_of_a_page(
    business: tuple[Person, dict[str, uuid.UUID]], count_statements: Counter, path: str, budget: int
) -> None:
    person, ids = business
    url = path.format(**ids)
    assert person.browser.open(url).status_code == 200
    with count_statements() as statements:
        assert person.browser.open(url).status_code == 200
    assert len(statements) == budget, "\n".join(statements)
