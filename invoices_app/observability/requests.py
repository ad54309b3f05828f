"""One line per request: what was asked, how it ended, how long it took, what it cost the database."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from flask import Flask, Response, g, request

from invoices_app.config import Settings
from invoices_app.db.tenancy import current_scope
from invoices_app.extensions import db
from invoices_app.observability import actions, statements
from invoices_app.observability.logging import who
from invoices_app.observability.trace import Trace, current

log = structlog.get_logger("request")

UNTOLD = frozenset({"static", "health.healthz", "health.readyz"})
"""Routes that are not worth a line each."""

OUTCOMES = {403: "refused", 404: "not found", 409: "conflict", 429: "refused"}


def outcome_of(status: int) -> str:
    """How a request ended, in one word."""
    if status >= 500:
        return "error"
    return "ok" if status < 400 else OUTCOMES.get(status, "invalid")


def init_requests(app: Flask, settings: Settings) -> None:
    """Watch every request from before the first hook until its answer has been sent."""
    observe = None
    if settings.metrics_port:
        from invoices_app.observability import metrics  # noqa: PLC0415  (memory that is needed for nothing else)

        observe = metrics.observe
    slow_seconds, verbose = settings.slow_query_ms / 1000, settings.log_level == "DEBUG"

    @app.before_request
    def begin() -> None:
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(route=request.endpoint)
        g.trace = Trace(slow_seconds, verbose=verbose)
        current.set(g.trace)

    @app.after_request
    def end(response: Response) -> Response:
        trace: Trace = g.trace
        outcome = outcome_of(response.status_code)
        structlog.contextvars.bind_contextvars(**who())
        done = actions.write(trace, outcome)
        if request.endpoint not in UNTOLD:
            log.info("request", method=request.method, status=response.status_code, outcome=outcome, **trace.figures())
        if observe is not None:
            observe(response.status_code, outcome, time.perf_counter() - trace.started, trace, done)
        trace.scope = current_scope(db.session)
        response.call_on_close(close(app, trace))
        return response


def close(app: Flask, trace: Trace) -> Callable[[], None]:
    """What is left to do when the answer has been sent."""

    def write_slow() -> None:
        current.set(None)
        if trace.slow:
            with app.app_context():  # that of the request has ended
                statements.write_slow(trace)

    return write_slow
