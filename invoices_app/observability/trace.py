"""What the running request has done so far: the figures of its log lines."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from invoices_app.db.tenancy import NOBODY, Scope


@dataclass(slots=True)
class Slow:
    """A statement that took long, with all that is needed to ask for its plan. Its parameters are never written."""

    engine: Engine
    statement: str
    parameters: Any
    seconds: float
    many: bool


@dataclass(slots=True)
class Action:
    """What an action has said of itself; `figures` are known when its transaction is committed."""

    event: dict[str, Any]
    figures: dict[str, Any] | None = None


@dataclass(slots=True)
class Trace:
    """Times are of `time.perf_counter`. `mark` is where the transaction began: time, statements, SQL seconds."""

    slow_seconds: float
    verbose: bool = False
    started: float = field(default_factory=time.perf_counter)
    statements: int = 0
    sql_seconds: float = 0.0
    mark: tuple[float, int, float] = (0.0, 0, 0.0)
    actions: list[Action] = field(default_factory=list)
    slow: list[Slow] = field(default_factory=list)
    scope: Scope = NOBODY

    def figures(self, since: tuple[float, int, float] | None = None) -> dict[str, Any]:
        """Duration, SQL statements and their time, of the whole request or since a mark, as log lines give them."""
        started, statements, sql_seconds = since or (self.started, 0, 0.0)
        return {
            "milliseconds": milliseconds(time.perf_counter() - started),
            "sql_statements": self.statements - statements,
            "sql_milliseconds": milliseconds(self.sql_seconds - sql_seconds),
        }

    def set_mark(self) -> None:
        self.mark = (time.perf_counter(), self.statements, self.sql_seconds)


current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
