"""Figures for Prometheus. All workers write into files of one folder; the launcher adds them up and shows them.

Imported only where METRICS_PORT is set. No label holds anything that people choose, so their number is bounded.
"""

from __future__ import annotations

from typing import Any

from flask import request
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy import Pool, event

from invoices_app.observability.trace import Trace

REQUESTS = Counter("invoices_requests", "Requests by route and outcome", ["method", "route", "outcome"])
SECONDS = Histogram("invoices_request_seconds", "Time until the answer was ready", ["route"])
ACTIONS = Counter("invoices_actions", "Actions, such as invoice.issued and session.refused", ["action", "outcome"])
LIMITED = Counter("invoices_rate_limited", "Requests that met a rate limit", ["route"])
STATEMENTS = Counter("invoices_sql_statements", "SQL statements of requests")
SQL_SECONDS = Counter("invoices_sql_seconds", "Time that requests spent in SQL statements")
SLOW = Counter("invoices_slow_queries", "Statements above SLOW_QUERY_MS")
IN_USE = Gauge("invoices_pool_in_use", "Database connections that requests hold now", multiprocess_mode="livesum")


def observe(status: int, outcome: str, seconds: float, trace: Trace, actions: list[tuple[str, str]]) -> None:
    """Count a request that has been answered, with its actions."""
    route = request.endpoint or "none"
    method = request.method if request.method in {"GET", "HEAD", "POST", "OPTIONS"} else "other"
    REQUESTS.labels(method, route, outcome).inc()
    SECONDS.labels(route).observe(seconds)
    for name, ended in actions:
        ACTIONS.labels(name, ended).inc()
    if status == 429:
        LIMITED.labels(route).inc()
    STATEMENTS.inc(trace.statements)
    SQL_SECONDS.inc(trace.sql_seconds)
    SLOW.inc(len(trace.slow))


@event.listens_for(Pool, "checkout")
def _lend(*_details: Any) -> None:
    IN_USE.inc()


@event.listens_for(Pool, "checkin")
def _take_back(*_details: Any) -> None:
    IN_USE.dec()
