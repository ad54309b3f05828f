"""One failing request, followed by its id: from the page to the log, to the SQL log, to Sentry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.journeys.pages import Visitor
from tests.observability.conftest import RELEASE, Program
from tests.support.browser import HTMX

SECRET = "Confidential Customer"


@contextmanager
def without_clients(program: Program) -> Iterator[None]:
    """The table of clients is away for a while, as after a migration that went wrong."""
    with program.database.as_superuser() as connection:
        connection.execute("ALTER TABLE clients RENAME TO clients_away")
    try:
        yield
    finally:
        with program.database.as_superuser() as connection:
            connection.execute("ALTER TABLE clients_away RENAME TO clients")


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "alert"])
def test_from_the_page_to_sentry(program: Program, visitor_of_program: Visitor, *, htmx: bool) -> None:
    with without_clients(program):
        answer = visitor_of_program.client.get("/clients", params={"q": SECRET}, headers=HTMX if htmx else {})
    assert answer.status_code == 500
    request_id, event_id = re.findall(r"<code>([0-9a-f]{32})</code>", answer.text)
    assert request_id == answer.headers["X-Request-ID"]
    assert ("HX-Retarget" in answer.headers) == htmx

    request = program.line(event="request", request_id=request_id)
    expected = {"method": "GET", "route": "clients.index", "status": 500, "outcome": "error", "level": "info"}
    assert {name: request[name] for name in expected} == expected
    assert {"user", "business", "milliseconds", "sql_statements", "sql_milliseconds"} <= request.keys()

    error = program.line(event="unhandled error", request_id=request_id)
    assert error["sentry_event"] == event_id
    assert error["user"] == request["user"]
    assert "in index" in error["exception"]
    assert 'UndefinedTable: relation "clients" does not exist' in error["exception"]

    failed = program.line(event="statement failed", request_id=request_id)
    assert "FROM clients" in failed["sql"]
    assert failed["sqlstate"] == "42P01"
    assert failed["backend"] > 0
    assert program.lines(event="statement", request_id=request_id)

    event = program.sentry.event(event_id)
    assert event["tags"]["request_id"] == request_id
    assert event["tags"]["business"] == request["business"]
    assert event["user"] == {"id": request["user"]}
    assert (event["release"], event["environment"]) == (RELEASE, "test")
    assert event["transaction"] == "clients.index"
    assert event["request"] == {"method": "GET", "url": f"{program.base_url}/clients"}
    assert any("FROM clients" in crumb["message"] for crumb in event["breadcrumbs"]["values"])
    assert [value["type"] for value in event["exception"]["values"]] == ["UndefinedTable", "ProgrammingError"]
    assert SECRET not in program.text
    assert SECRET.encode() not in program.sentry.raw
