"""One structured line per request and per action, with the request's id, person and business on each."""

from __future__ import annotations

import logging
import sys
import time
from typing import Any

import structlog
from flask import Flask, Response, g, request
from flask_login import current_user

from invoices_app.config import Settings

log = structlog.get_logger("request")


def init_logging(app: Flask, settings: Settings) -> None:
    """Configure structlog (JSON or pretty) on standard error and log every request but static files and health."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if settings.log_format == "json":
        tail: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        tail = [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    structlog.configure(
        processors=[*shared, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, settings.log_level)),
        logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr),  # the standard error of that moment
        cache_logger_on_first_use=False,
    )

    @app.before_request
    def start() -> None:
        g.started = time.perf_counter()
        structlog.contextvars.clear_contextvars()

    @app.after_request
    def finish(response: Response) -> Response:
        if request.endpoint in {"static", "health.healthz", "health.readyz"}:
            return response
        if "_login_user" in g and current_user.is_authenticated:
            structlog.contextvars.bind_contextvars(
                user=str(current_user.user_id), business=str(current_user.business_id)
            )
        log.info(
            "request",
            request_id=g.get("request_id", ""),
            method=request.method,
            route=request.endpoint,
            status=response.status_code,
            milliseconds=round((time.perf_counter() - g.get("started", time.perf_counter())) * 1000, 1),
        )
        return response
