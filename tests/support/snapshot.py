"""A whole database, to prove that nothing was written."""

from __future__ import annotations

from psycopg import sql

from tests.support.databases import Database

TABLE = sql.SQL("SELECT {}, count(*), coalesce(sum(xmin::text::bigint), 0) FROM {}")


def snapshot(database: Database, *, but: frozenset[str] = frozenset()) -> dict[str, tuple[int, int]]:
    """For each table how many rows it has, and the sum of the transactions that wrote them.

    Whatever is written comes from a transaction that is younger than all that wrote before. So with as many rows as
    before the sum is the same only when each row is the very same: their content need not be read.
    """
    names = [name for name in database.tables() if name not in but]
    query = sql.SQL(" UNION ALL ").join(TABLE.format(name, sql.Identifier(name)) for name in names)
    return {str(name): (int(rows), int(written)) for name, rows, written in database.ask(query.as_string())}
