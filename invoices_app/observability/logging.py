"""Structured logs: one line an event, JSON or pretty, on standard error; libraries' own lines among them.

Every line that is written while a request runs bears its id, route, person and business.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from flask import g, has_request_context
from flask_login import current_user

from invoices_app.config import LogFormat, Settings
from invoices_app.observability import actions
from invoices_app.observability.scrubbing import scrub, stack_of

Event = MutableMapping[str, Any]


def configure_logging(settings: Settings) -> None:
    """From now on structlog and `logging` write to standard error as `settings` says."""
    level = getattr(logging, settings.log_level)
    structlog.configure(
        processors=[actions.hold, _drop_below(level), *context(), *rendering(settings.log_format)],
        wrapper_class=structlog.make_filtering_bound_logger(min(level, logging.INFO)),  # actions are counted, too
        logger_factory=lambda *_names: structlog.WriteLogger(sys.stderr),  # the standard error of that moment
        cache_logger_on_first_use=False,
    )
    handler = StandardError()
    handler.setFormatter(formatter(settings.log_format))
    root = logging.getLogger()
    root.handlers = [*(other for other in root.handlers if not isinstance(other, StandardError)), handler]
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("flask-limiter").setLevel(max(level, logging.INFO))


def server_logging(settings: Settings) -> dict[str, Any]:
    """The same for the web server's own lines, as `logging.config.dictConfig` takes it."""
    handler = {"()": "invoices_app.observability.logging.StandardError", "formatter": "ours"}
    return {
        "formatters": {"ours": {"()": formatter, "log_format": settings.log_format}},
        "handlers": {"ours": handler},
        "loggers": {name: {"handlers": ["ours"], "propagate": False} for name in ("_granian", "granian.access")},
    }


class StandardError(logging.Handler):
    """Writes each line at once and whole to the standard error of that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            structlog.WriteLogger(sys.stderr).msg(self.format(record))
        except Exception:  # as every handler of `logging` does
            self.handleError(record)


def formatter(log_format: LogFormat) -> structlog.stdlib.ProcessorFormatter:
    """Renders the lines of `logging` as ours are."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.add_logger_name, *context(), _clean],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering(log_format)],
    )


def context() -> list[Any]:
    """The processors that say when and for whom a line was written."""
    return [
        structlog.contextvars.merge_contextvars,
        _add_person,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def rendering(log_format: LogFormat) -> list[Any]:
    """The processors that make a text of a line; an exception's stack without what people typed."""
    stack = structlog.processors.ExceptionRenderer(lambda error: stack_of(error[1]) if error[1] else "")
    if log_format == "json":
        return [stack, structlog.processors.JSONRenderer()]
    colors = sys.stderr.isatty()
    return [
        stack,
        structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback),
    ]


def who() -> dict[str, str]:
    """Ids of the person and the business behind the running request, as far as it is known by now."""
    if has_request_context() and "_login_user" in g and current_user.is_authenticated:
        return {"user": str(current_user.user_id), "business": str(current_user.business_id)}
    return {}


def _add_person(_logger: Any, _method: str, event: Event) -> Event:
    for name, value in who().items():
        event.setdefault(name, value)
    return event


def _clean(_logger: Any, _method: str, event: Event) -> Event:
    event["event"] = scrub(str(event["event"]))
    return event


def _drop_below(level: int) -> Any:
    def drop(_logger: Any, method: str, event: Event) -> Event:
        if getattr(logging, method.upper(), logging.ERROR) < level:
            raise structlog.DropEvent
        return event

    return drop
