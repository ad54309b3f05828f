"""Statements above SLOW_QUERY_MS are logged with the shape of their plan, and never with a value."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from invoices_app.observability.statements import shape
from tests.journeys.pages import Visitor
from tests.observability.conftest import Program

SEARCHED = "Peculiar Person"


@pytest.fixture(scope="module")
def slow(program: Program) -> tuple[dict[str, Any], dict[str, Any]]:
    """The log's line of a slow search, and of its request: the table was locked for a while."""
    with Visitor(program.base_url) as visitor:
        visitor.register("Slow Ltd")
        answers: list[Any] = []
        search = threading.Thread(target=lambda: answers.append(visitor.open(f"/clients?q={SEARCHED}")))
        with program.database.as_superuser() as connection:
            connection.execute("LOCK TABLE clients IN ACCESS EXCLUSIVE MODE")
            search.start()
            time.sleep(0.4)
        search.join()
    request_id = answers[0].response.headers["X-Request-ID"]
    return program.line(event="slow query", request_id=request_id), program.request_of(answers[0])


def test_the_line_says_what_and_how(slow: tuple[dict[str, Any], dict[str, Any]], program: Program) -> None:
    line, request = slow
    assert line["level"] == "warning"
    assert "FROM clients" in line["sql"]
    assert 200 < line["milliseconds"] < 5000
    assert "on clients" in line["plan"] or "using" in line["plan"]
    assert {name: line[name] for name in ("user", "business", "route")} == {
        "user": request["user"],
        "business": request["business"],
        "route": "clients.index",
    }
    assert request["sql_milliseconds"] >= line["milliseconds"]


def test_no_value_is_told(slow: tuple[dict[str, Any], dict[str, Any]], program: Program) -> None:
    line, _ = slow
    assert "peculiar" not in str(line).lower()
    assert line["business"] not in line["sql"] + line["plan"]


def test_it_is_counted(slow: tuple[dict[str, Any], dict[str, Any]], program: Program) -> None:
    assert program.metrics()["invoices_slow_queries_total"] >= 1


def test_shape_leaves_conditions_out() -> None:
    scan = {"Node Type": "Index Scan", "Index Name": "ix", "Relation Name": "clients", "Index Cond": "(id = 'x')"}
    plan = {"Node Type": "Limit", "Plans": [{"Node Type": "Sort", "Sort Key": ["name"], "Plans": [scan]}]}
    assert shape(plan) == "Limit (Sort (Index Scan using ix on clients))"
