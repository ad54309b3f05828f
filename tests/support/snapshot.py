"""The whole content of a database, to prove that nothing was written."""

from __future__ import annotations

from psycopg import sql

from tests.support.databases import Database


def snapshot(database: Database, *, but: frozenset[str] = frozenset()) -> dict[str, tuple[int, int]]:
    """For each table how many rows it has, and a sum over their content and the transactions that wrote them."""
    query = sql.SQL("SELECT count(*), coalesce(sum(hashtextextended(t::text || xmin::text, 0)), 0) FROM {} t")
    with database.as_superuser() as connection:
        tables = [name for name in database.tables() if name not in but]
        rows = {name: connection.execute(query.format(sql.Identifier(name))).fetchone() for name in tables}
    return {name: (int(row[0]), int(row[1])) for name, row in rows.items() if row}
