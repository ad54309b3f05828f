"""SQL under watch: how many statements a request sends and how long they take, which were slow, and which failed.

Statements are logged with the names of their parameters, never with the values.
"""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection, ExceptionContext, ExecutionContext
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from invoices_app.db.tenancy import Scope, set_scope
from invoices_app.observability.scrubbing import message_of
from invoices_app.observability.trace import Slow, Trace, current, milliseconds

log = structlog.get_logger("sql")

LONGEST_STATEMENT = 2000
PLAN_TIMEOUT = "1s"
PLAN_EVERY_SECONDS = 60.0
"""So often at most the plan of one statement is asked for."""

_STARTED = "_trace_started"
_one_plan_at_once = threading.Lock()
_planned_at: dict[str, float] = {}


@event.listens_for(Engine, "before_cursor_execute")
def _before(
    _connection: Connection,
    _cursor: Any,
    _sql: str,
    _parameters: Any,
    context: ExecutionContext,
    _many: bool,  # noqa: FBT001
) -> None:
    setattr(context, _STARTED, time.perf_counter())


@event.listens_for(Engine, "after_cursor_execute")
def _after(
    connection: Connection,
    _cursor: Any,
    sql: str,
    parameters: Any,
    context: ExecutionContext,
    many: bool,  # noqa: FBT001
) -> None:
    trace = current.get()
    if trace is None:
        return
    seconds = time.perf_counter() - getattr(context, _STARTED)
    trace.statements += 1
    trace.sql_seconds += seconds
    if trace.verbose:
        log.debug("statement", sql=readable(sql), milliseconds=milliseconds(seconds))
    if seconds >= trace.slow_seconds:
        trace.slow.append(Slow(connection.engine, sql, parameters, seconds, many))


@event.listens_for(Engine, "handle_error")
def _failed(context: ExceptionContext) -> None:
    """What the database refused: expected where a constraint has the last word, a warning elsewhere."""
    if context.statement is None or context.is_pre_ping:
        return
    error = context.original_exception
    started = getattr(context.execution_context, _STARTED, None)
    write = log.info if isinstance(context.sqlalchemy_exception, IntegrityError) else log.warning
    write(
        "statement failed",
        sql=readable(context.statement),
        milliseconds=milliseconds(time.perf_counter() - started) if started else None,
        error=message_of(error),
        sqlstate=getattr(error, "sqlstate", None),
        backend=_backend(context.connection),
    )


def write_slow(trace: Trace) -> None:
    """Log the slow statements of a request that has been answered, with the shapes of their plans."""
    for slow in trace.slow:
        log.warning(
            "slow query",
            sql=readable(slow.statement),
            milliseconds=milliseconds(slow.seconds),
            plan=None if slow.many else _plan(slow, trace.scope),
        )
    trace.slow.clear()


def readable(sql: str) -> str:
    """A statement in one line, of bounded length."""
    return " ".join(sql.split())[:LONGEST_STATEMENT]


def shape(node: dict[str, Any]) -> str:
    """The tree of a plan: what it does with which table and index, without conditions, which hold values."""
    words = [str(node.get("Node Type", "?"))]
    if index := node.get("Index Name"):
        words.append(f"using {index}")
    if table := node.get("Relation Name"):
        words.append(f"on {table}")
    below = ", ".join(shape(child) for child in node.get("Plans", []))
    return " ".join(words) + (f" ({below})" if below else "")


def _plan(slow: Slow, scope: Scope) -> str | None:
    """The plan's shape, now and then for each statement, one at a time; None when it was not asked for or got.

    Asked for in a transaction of its own, in the same tenant's scope, that can change nothing: it shall never be the
    reason why a request fails or waits.
    """
    key = hashlib.sha256(slow.statement.encode()).hexdigest()
    now = time.monotonic()
    if now - _planned_at.get(key, -PLAN_EVERY_SECONDS) < PLAN_EVERY_SECONDS:
        return None
    if not _one_plan_at_once.acquire(blocking=False):
        return None
    try:
        if len(_planned_at) > 1000:
            _planned_at.clear()
        _planned_at[key] = now
        return _ask_for_plan(slow, scope)
    except Exception as error:  # a plan is a courtesy
        return f"none: {message_of(error)}"
    finally:
        _one_plan_at_once.release()


def _ask_for_plan(slow: Slow, scope: Scope) -> str:
    with Session(slow.engine) as session:
        set_scope(session, scope)
        connection = session.connection()
        connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{PLAN_TIMEOUT}'")
        found = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {slow.statement}", slow.parameters).scalar_one()
        return shape(found[0]["Plan"])[:LONGEST_STATEMENT]


def _backend(connection: Connection | None) -> int | None:
    """The process of the server that worked for us: its own log names it at each line."""
    with suppress(Exception):
        if connection is not None:
            return int(connection.connection.driver_connection.info.backend_pid)  # type: ignore[union-attr]
    return None
