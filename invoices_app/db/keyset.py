"""Keyset pages: a list goes on behind the sort keys of its last row, at the same cost however deep."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import BindParameter, ColumnElement, Integer, Select, bindparam, or_, select, tuple_, union_all

from invoices_app.extensions import db

ROWS_PER_PAGE = 25
MAX_RESTORED_ROWS = 1000
"""Someone who comes back to a list finds what they had loaded, up to so many rows."""

LIMIT = bindparam("limit", type_=Integer)

Row = TypeVar("Row")
Keys = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a list: behind the row with the keys `after`, or everything up to the row with the keys `upto`."""

    after: Keys | None = None
    upto: Keys | None = None


START = Place()


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[Row]):
    """Rows, the sort keys of the last one, and whether others come before and behind them."""

    rows: Sequence[Row]
    last_keys: Keys | None
    has_more: bool
    starts_late: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """An order by one column, equal ones by id, in one direction; the column is neither null nor a numeric."""

    column: Any
    id_column: Any
    descending: bool = False

    def keys(self, row: Any) -> Keys:
        """The place of a row that has `sort_key` and `id`, as text."""
        key = row.sort_key.isoformat() if isinstance(row.sort_key, date) else str(row.sort_key)
        return key, str(row.id)

    def values(self, keys: Keys) -> dict[str, Any]:
        """The parameters of a statement that goes on at the place of `keys`."""
        kind = self.column.type.python_type
        key = kind.fromisoformat(keys[0]) if kind is date else kind(keys[0])
        return {"place_key": key, "place_id": uuid.UUID(keys[1])}

    def select_key(self) -> Any:
        return self.column.label("sort_key")

    def sorted(self, columns: Any, *, backwards: bool) -> list[Any]:
        """The ORDER BY for `sort_key` and `id` among `columns`."""
        down = self.descending != backwards
        return [column.desc() if down else column for column in (columns["sort_key"], columns["id"])]

    def beyond(self, *, backwards: bool) -> ColumnElement[bool]:
        """The condition that a row lies behind the place in the parameters; backwards, before it or there."""
        place = tuple_(bindparam("place_key", type_=self.column.type), bindparam("place_id", type_=self.id_column.type))
        columns = tuple_(self.column, self.id_column)
        if backwards:
            return columns >= place if self.descending else columns <= place
        return columns < place if self.descending else columns > place


class Walk(enum.Enum):
    """Which rows of a list a statement selects."""

    FROM_START = "from the start"
    BEHIND = "behind a place"
    BACK_FROM = "back from a place, which is the first"


@dataclass(frozen=True, slots=True)
class Sieve:
    """Of the rows that an index has in order, those that are `wanted`, a condition on an id, among the first `most`."""

    wanted: Callable[[Any], ColumnElement[bool]]
    most: BindParameter[int] | None = None


def walk(branches: Sequence[Select[Any]], order: Order, way: Walk, sieve: Sieve | None = None) -> Select[Any]:
    """A statement for rows of the list that `branches` are together, each of which an index has in this order.

    They select `id` and `order.select_key()`. Its parameters are those of the branches, `limit`, and `order.values()`.
    """
    backwards = way is Walk.BACK_FROM
    parts = []
    for branch in branches:
        part = _in_order(branch, order, way)
        if sieve:
            rows = part.limit(sieve.most).subquery()
            part = select(rows).where(sieve.wanted(rows.c.id)).order_by(*order.sorted(rows.c, backwards=backwards))
        parts.append(part.limit(LIMIT))
    if len(parts) == 1:
        return parts[0]
    merged = union_all(*parts).subquery()
    return select(merged).order_by(*order.sorted(merged.c, backwards=backwards)).limit(LIMIT)


def goes_on(branches: Sequence[Select[Any]], order: Order, way: Walk, most: BindParameter[int]) -> Select[Any]:
    """A statement that tells whether one of `branches` has more than `most` rows on that way."""
    return select(or_(*[_in_order(branch, order, way).offset(most).limit(1).exists() for branch in branches]))


def _in_order(branch: Select[Any], order: Order, way: Walk) -> Select[Any]:
    backwards = way is Walk.BACK_FROM
    part = branch if way is Walk.FROM_START else branch.where(order.beyond(backwards=backwards))
    named = {column.key: column for column in part.selected_columns}
    return part.order_by(*order.sorted(named, backwards=backwards))


class Statement(Protocol):
    """The statement that walks a list one way, and its parameters but for `limit` and the place."""

    def __call__(self, way: Walk) -> tuple[Select[Any], Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Cautious:
    """A statement that looks at so many rows only, one that tells whether there are more, and one for all of them."""

    first: Statement
    goes_on: Statement
    whole: Statement


def fetch_page(
    statement: Statement | Cautious, order: Order, place: Place, make_row: Callable[[Any], Row]
) -> KeysetPage[Row]:
    """The page at `place`. One row more than wanted tells whether others follow."""
    backwards = place.upto is not None
    wanted = MAX_RESTORED_ROWS if backwards else ROWS_PER_PAGE
    found = _fetch(statement, order, place, wanted + 1)
    shown, more = found[:wanted], len(found) > wanted
    if backwards:
        shown.reverse()
    last_keys = order.keys(shown[-1]) if shown else None
    rows = [make_row(row) for row in shown]
    return KeysetPage(rows, last_keys, has_more=backwards or more, starts_late=backwards and more)


def batch(statement: Statement | Cautious, order: Order, after: Keys | None, size: int) -> list[Any]:
    """The next `size` raw rows behind `after`, to walk a whole list at a constant cost in memory."""
    return _fetch(statement, order, Place(after=after), size)


def _fetch(statement: Statement | Cautious, order: Order, place: Place, limit: int) -> list[Any]:
    if isinstance(statement, Cautious):
        found = _fetch(statement.first, order, place, limit)
        if len(found) == limit or not _fetch(statement.goes_on, order, place, 1)[0][0]:
            return found
        return _fetch(statement.whole, order, place, limit)
    keys = place.after or place.upto
    way = Walk.FROM_START if keys is None else Walk.BEHIND if place.after else Walk.BACK_FROM
    selected, values = statement(way)
    parameters = {**values, "limit": limit, **(order.values(keys) if keys else {})}
    return list(db.session.execute(selected, parameters))
