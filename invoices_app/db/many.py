"""Rows by the thousand in one statement, written by the app's own role under all policies, triggers and checks.

PostgreSQL takes COPY from nobody whom row-level security binds. So a column of values goes over as one text, and the
database takes it apart: of all ways that it accepts, the one that costs both sides least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import ARRAY, TableValuedAlias, Text, bindparam, column, func, insert, select
from sqlalchemy.orm import Session

from invoices_app.db.base import Base

BETWEEN = "\x1f"
"""Stands between the values; no field takes it (`texts.CONTROL_CHARACTERS`)."""

NOTHING = "\x1e"
"""Stands for NULL."""

Columns = Mapping[str, Sequence[Any]]
"""The values of each column, all columns of the same length."""


def insert_many(session: Session, model: type[Base], columns: Columns, same: Mapping[str, Any] | None = None) -> None:
    """Insert rows of a table; `same` are columns that have one value in all of them."""
    if not next(iter(columns.values()), ()):
        return
    same = same or {}
    statement = _insert(model, tuple(columns), tuple(same))
    session.execute(statement, {**packed(columns), **{f"same_{name}": value for name, value in same.items()}})


def given(model: type[Base], names: Sequence[str], name: str = "given") -> TableValuedAlias:
    """The values of `packed` as rows to select from, each column of the type that it has in `model`."""
    types = {one: _type(model, one) for one in names}
    arrays = [_array(one, kind) for one, kind in types.items()]
    columns = (column(one, kind) for one, kind in types.items())
    return func.unnest(*arrays).table_valued(*columns).render_derived(name)


def packed(columns: Columns) -> dict[str, str]:
    """The parameters of a statement with `given` in it. Raises ValueError when a value holds what stands between."""
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"the columns differ in length: {lengths}")
    return {f"given_{name}": _packed(values) for name, values in columns.items()}


def _packed(values: Sequence[Any]) -> str:
    # One NULL behind them, which is cut off again: of a single empty text string_to_array makes no text at all.
    text = BETWEEN.join([*map(_text, values), NOTHING])
    if text.count(BETWEEN) != len(values) or text.count(NOTHING) != 1 + sum(value is None for value in values):
        raise ValueError("a value holds a control character")
    return text


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value.value if isinstance(value, Enum) else value
    if value is None:
        return NOTHING
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


@cache
def _insert(model: type[Base], names: tuple[str, ...], same: tuple[str, ...]) -> sa.Insert:
    rows = given(model, names)
    constant = [bindparam(f"same_{name}", type_=_type(model, name)) for name in same]
    return insert(_table(model)).from_select(
        [*names, *same], select(*(rows.c[name] for name in names), *constant), include_defaults=False
    )


def _array(name: str, kind: Any) -> Any:
    values = bindparam(f"given_{name}", type_=Text)
    texts = func.string_to_array(values, sa.text("chr(31)"), sa.text("chr(30)"), type_=ARRAY(Text))
    return func.trim_array(sa.cast(texts, ARRAY(kind)), sa.text("1"), type_=ARRAY(kind))


def _type(model: type[Base], name: str) -> Any:
    """The type of a column; of a text no length, since a cast to one would cut it silently."""
    kind = _table(model).c[name].type
    return Text() if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum) else kind


def _table(model: type[Base]) -> sa.Table:
    return cast("sa.Table", model.__table__)
