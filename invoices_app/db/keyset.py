"""Keyset pages: a list goes on behind the sort keys of its last row, at the same cost however deep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select

from invoices_app.extensions import db

ROWS_PER_PAGE = 25

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[Row]):
    """Up to `ROWS_PER_PAGE` rows, and the sort keys of the last one when more follow."""

    rows: Sequence[Row]
    next_keys: tuple[str, ...] | None


def fetch_page(
    statement: Select[Any], make_row: Callable[[Any], Row], keys: Callable[[Any], tuple[str, ...]]
) -> KeysetPage[Row]:
    """Run an ordered statement for one page; one row more than a page tells whether another follows."""
    found = db.session.execute(statement.limit(ROWS_PER_PAGE + 1)).all()
    shown = found[:ROWS_PER_PAGE]
    return KeysetPage([make_row(row) for row in shown], keys(shown[-1]) if len(found) > ROWS_PER_PAGE else None)
