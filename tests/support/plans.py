"""How statements run: EXPLAIN ANALYZE put before each that the app sends, on its own connection, in its own scope.

So the role, row-level security, the transaction and the parameters are those of the real request. Each statement that
reads is explained twice: planned for its parameters, and as a connection runs it that has prepared it long ago.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection, sql
from sqlalchemy import Engine, event

from tests.support.audited import writes_of

_PARAMETER = re.compile(r"%(?:\((\w+)\)s|%)")
_READS = re.compile(r"\s*(WITH|SELECT|\()\b", re.IGNORECASE)
_SETTING = re.compile(r"\s*SELECT (pg_catalog\.)?set_config\b", re.IGNORECASE)
_ANALYZE = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "
PLANNED_AFRESH = 5
"""So often PostgreSQL plans a prepared statement for its parameters, before it may keep one plan for all of them."""


@dataclass(frozen=True)
class Scan:
    """What was read of one table by one step of a plan, in all of its rounds."""

    kind: str
    table: str
    index: str
    condition: str
    rows: int
    passed_over: int
    """Rows that were read and then dropped by a filter."""


@dataclass(frozen=True)
class Plan:
    """What a statement did, by EXPLAIN ANALYZE."""

    rows_read: int
    """Rows that scans came upon, whether they were wanted or not."""
    sorted_rows: int
    """Rows that went into sorts."""
    indexes: frozenset[str]
    buffers: int
    scans: tuple[Scan, ...]
    text: str = field(repr=False)

    @classmethod
    def of(cls, node: dict[str, Any]) -> Plan:
        nodes = list(_nodes(node))
        scans = tuple(_scan(scan) for scan in nodes if "Relation Name" in scan and "Scan" in scan["Node Type"])
        into_sorts = sum(_rows(child) for sort in nodes if "Sort" in sort["Node Type"] for child in sort["Plans"])
        indexes = frozenset(scan["Index Name"] for scan in nodes if "Index Name" in scan)
        buffers = node.get("Shared Hit Blocks", 0) + node.get("Shared Read Blocks", 0)
        read = sum(scan.rows + scan.passed_over for scan in scans)
        return cls(read, into_sorts, indexes, buffers, scans, json.dumps(node, indent=1))

    def scans_of(self, kind: str) -> list[Scan]:
        return [scan for scan in self.scans if scan.kind == kind]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)


def _scan(node: dict[str, Any]) -> Scan:
    indexed = next((found for found in _nodes(node) if "Index Name" in found), {})
    condition = indexed.get("Index Cond", "")
    passed_over = _passed_over(node)
    rows = round(node.get("Actual Rows", 0) * node.get("Actual Loops", 0))
    return Scan(node["Node Type"], node["Relation Name"], indexed.get("Index Name", ""), condition, rows, passed_over)


def _rows(node: dict[str, Any]) -> int:
    return round(node.get("Actual Rows", 0) * node.get("Actual Loops", 0)) + _passed_over(node)


def _passed_over(node: dict[str, Any]) -> int:
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return round(removed * node.get("Actual Loops", 0))


@dataclass(frozen=True)
class Explained:
    """A statement that was sent, and its plans: for its parameters, and when it was prepared long ago."""

    statement: str
    plans: tuple[Plan, ...]
    without_seq_scans: Plan | None
    """Had sequential scans been forbidden, only planned: tells whether there is an index, where a table is small."""


@contextmanager
def explained() -> Iterator[list[Explained]]:
    """Every statement that any engine of this process sends while the block runs, explained just before it runs."""
    seen: list[Explained] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if _SETTING.match(statement):
            return
        if _READS.match(statement) and not writes_of(statement):
            seen.append(_explain_read(cursor.connection, statement, parameters or {}))
        elif writes_of(statement) and not _rest[1]:
            seen.append(_explain_write(cursor.connection, statement, parameters or {}))

    event.listen(Engine, "before_cursor_execute", explain)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", explain)


def _explain_read(connection: Connection, statement: str, values: dict[str, Any]) -> Explained:
    plans = [_plan(connection, _ANALYZE + statement, values)]
    without = None
    if "FOR UPDATE" not in statement:
        plans.append(_plan_of_prepared(connection, statement, values))
    if any(plan.scans_of("Seq Scan") for plan in plans):
        without = _plan_without_seq_scans(connection, statement, values)
    return Explained(statement, tuple(plans), without)


def _explain_write(connection: Connection, statement: str, values: dict[str, Any]) -> Explained:
    """It is carried out by EXPLAIN, and taken back."""
    connection.execute("SAVEPOINT explained")
    plan = _plan(connection, _ANALYZE + statement, values)
    connection.execute("ROLLBACK TO explained")
    connection.execute("RELEASE explained")
    without = _plan_without_seq_scans(connection, statement, values) if plan.scans_of("Seq Scan") else None
    return Explained(statement, (plan,), without)


def _plan(connection: Connection, explain: str, values: Any = None) -> Plan:
    ((found,),) = connection.execute(explain.encode(), values, prepare=False).fetchall()
    return Plan.of(found[0]["Plan"])


def _plan_without_seq_scans(connection: Connection, statement: str, values: dict[str, Any]) -> Plan:
    connection.execute("SET enable_seqscan = off")
    try:
        return _plan(connection, f"EXPLAIN (FORMAT JSON) {statement}", values)
    finally:
        connection.execute("RESET enable_seqscan")


def _plan_of_prepared(connection: Connection, statement: str, values: dict[str, Any]) -> Plan:
    """By PostgreSQL's own choice, at the execution after the last one that is planned afresh in any case."""
    names: list[str] = []

    def place(found: re.Match[str]) -> str:
        if found[1] is None:
            return "%"
        if found[1] not in names:
            names.append(found[1])
        return f"${names.index(found[1]) + 1}"

    numbered = _PARAMETER.sub(place, statement)
    connection.execute(f"PREPARE explained AS {numbered}".encode())
    given = sql.SQL(", ").join(sql.Literal(values[name]) for name in names)
    execute = sql.SQL("EXECUTE explained({})" if names else "EXECUTE explained").format(given)
    for _ in range(PLANNED_AFRESH):
        connection.execute(sql.SQL("EXPLAIN ") + execute)
    plan = _plan(connection, _ANALYZE + execute.as_string(connection))
    connection.execute("DEALLOCATE explained")
    return plan
