"""Whoever changes what pages show writes an audit event: its number is how a remembered page is found to be old.

Watched in every request that any test sends to the app of this process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask import Flask, Response, request
from sqlalchemy import Engine, event

SHOWN = ("clients", "invoices", "line_items", "invoice_taxes", "payments", "number_series", "number_counters", "logos")
"""The tables that remembered pages are made of, but for what the identity tells of a business and its person."""

_WRITES = re.compile(r"(?<!FOR )(?<!DO )\b(?:INSERT INTO|UPDATE|DELETE FROM) (\w+)")
"""Of a statement that writes one table, or several by its WITH."""

_written: ContextVar[set[str] | None] = ContextVar("written", default=None)


def writes_of(statement: str) -> list[str]:
    """The tables that a statement writes."""
    return _WRITES.findall(statement)


@contextmanager
def watched(app: Flask) -> Iterator[None]:
    """Fail a request of `app` that is answered well, has written a shown table, and no audit event."""

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        tables = _written.get()
        if tables is None or "DO NOTHING" in statement:  # what everybody takes for there already, written out
            return
        tables.update(writes_of(statement))

    def begin() -> None:
        _written.set(set())

    def end(response: Response) -> Response:
        written = _written.get() or set()
        _written.set(None)
        silent = written & set(SHOWN) and "audit_events" not in written
        assert not (silent and response.status_code < 400), f"{request.path} wrote {written} and no audit event"
        return response

    event.listen(Engine, "before_cursor_execute", note)
    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    app.after_request_funcs.setdefault(None, []).insert(0, end)
    try:
        yield
    finally:
        event.remove(Engine, "before_cursor_execute", note)
