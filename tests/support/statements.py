"""Counting SQL statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import Engine, event

CountStatements = Callable[[], AbstractContextManager[list[str]]]
"""The fixture `count_statements`."""


@contextmanager
def counted() -> Iterator[list[str]]:
    """Every statement that any engine of this process sends while the block runs."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)
