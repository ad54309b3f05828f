"""Figures for Prometheus, of all workers together."""

from __future__ import annotations

import httpx
import psutil
import pytest

from invoices_app.db.processes import wait_until
from tests.journeys.pages import Visitor
from tests.observability.conftest import Program
from tests.support import plain_http
from tests.support.redis_server import RedisServer


def growth(before: dict[str, float], after: dict[str, float], name: str) -> float:
    return after.get(name, 0) - before.get(name, 0)


def test_what_people_do_is_counted(program: Program) -> None:
    before = program.metrics()
    with Visitor(program.base_url) as visitor:
        page = visitor.register("Counted Ltd", "counted@example.com")
        client = visitor.add_client(name="A Client")
        for _ in range(2):
            page = visitor.write_invoice(client.id, [{"description": "Work", "unit_price": "10"}])
            page = visitor.send(page.form("/issue"))
        visitor.open("/invoices/00000000-0000-0000-0000-000000000000", 404)
        visitor.send(page.form("/logout"))
        form = visitor.open("/login").form("/login")
        visitor.send(form, 422, email="counted@example.com", password="guessed")
    after = program.metrics()
    grown = {name: growth(before, after, name) for name in after}
    assert grown['invoices_actions_total{action="invoice.issued",outcome="ok"}'] == 2
    assert grown['invoices_actions_total{action="session.refused",outcome="invalid"}'] == 1
    assert grown['invoices_requests_total{method="GET",outcome="not found",route="invoices.show"}'] == 1
    assert grown['invoices_requests_total{method="POST",outcome="ok",route="invoices.create"}'] == 2
    assert grown['invoices_request_seconds_count{route="invoices.create"}'] == 2
    assert 0 < grown['invoices_request_seconds_sum{route="invoices.create"}'] < 10
    assert grown["invoices_sql_statements_total"] > 20
    assert 0 < grown["invoices_sql_seconds_total"] < 10
    assert "counted" not in plain_http.get(program.metrics_url).text.lower().replace("invoices_", "")


def test_rate_limits_that_were_met_are_counted(
    program: Program, visitor_of_program: Visitor, redis_server: RedisServer
) -> None:
    redis_server.client.flushall()
    token = visitor_of_program.open("/clients").form("/logout").values["csrf_token"]
    before = program.metrics()
    for _ in range(21):
        answer = visitor_of_program.client.post("/problems", data={"csrf_token": token, "message": "again"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert growth(before, program.metrics(), 'invoices_rate_limited_total{route="problems.report"}') == 1
    limited = program.line(event="request", request_id=answer.headers["X-Request-ID"])
    assert limited["outcome"] == "refused"
    exceeded = program.lines(logger="flask-limiter", request_id=answer.headers["X-Request-ID"])
    assert len(exceeded) == 1
    assert "127.0.0.1" not in str(exceeded)
    redis_server.client.flushall()


def test_connections_in_use_are_those_of_living_workers(program: Program, visitor_of_program: Visitor) -> None:
    """Workers are killed in the middle of a request; its connection is not counted for ever."""
    name = "invoices_pool_in_use"
    assert wait_until(lambda: program.metrics()[name] == 0, 5)
    with program.database.as_superuser() as connection:
        connection.execute("LOCK TABLE clients IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(httpx.TimeoutException):
            visitor_of_program.client.get("/clients", timeout=0.5)
        assert program.metrics()[name] == 1
        killed = workers(program)
        assert len(killed) == 2
        for worker in killed:
            worker.kill()
        assert wait_until(lambda: program.metrics().get(name, 0) == 0, 5)
    assert wait_until(program.is_ready, 20)
    assert program.metrics()["invoices_sql_statements_total"] > 0


def workers(program: Program) -> list[psutil.Process]:
    children = psutil.Process(program.process.pid).children()
    return next(child for child in children if "web_process" in " ".join(child.cmdline())).children()


def test_nobody_else_can_read_them(program: Program) -> None:
    port = int(program.metrics_url.rpartition(":")[2])
    addresses = {found.laddr.ip for found in psutil.net_connections() if found.laddr.port == port}
    assert addresses == {"127.0.0.1"}
    assert plain_http.get(f"{program.base_url}/metrics").status_code == 404
