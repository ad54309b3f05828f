"""Migrations: up, all the way down, up again; what they make is what the models say; they never block for long."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, event

from invoices_app import models
from invoices_app.db.processes import wait_until
from tests.support.databases import Database, ServerUrls

LEFTOVERS = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
    EXCEPT ALL SELECT unnest(ARRAY['alembic_version', 'alembic_version_pkc', 'alembic_version', '_alembic_version'])
"""


@pytest.fixture(scope="module")
def empty(server: ServerUrls, worker: str) -> Iterator[Database]:
    """A database without any table."""
    made = server.make_database(f"empty_{worker}", empty=True)
    yield made
    server.drop_database(made)


def drift(database: Database) -> list[Any]:
    with database.owner_transaction() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), models.metadata))


def schema(database: Database) -> list[tuple[Any, ...]]:
    return database.ask(
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
        " WHERE table_schema = 'public' ORDER BY 1, 2"
    )


def test_up_down_and_up_again(empty: Database) -> None:
    empty.migrate()
    first = schema(empty)
    assert drift(empty) == []
    empty.migrate_down()
    assert empty.ask(LEFTOVERS) == []
    empty.migrate()
    assert schema(empty) == first
    assert drift(empty) == []


RULES = """
    SELECT tablename, policyname, qual, with_check FROM pg_policies
    UNION ALL SELECT 'function', proname, pg_get_functiondef(oid), '' FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prokind = 'f'
    UNION ALL SELECT 'trigger', tgname, pg_get_triggerdef(oid), '' FROM pg_trigger WHERE NOT tgisinternal
"""


@pytest.mark.parametrize("revision", ["0018", "0019", "0020", "0022", "0023"])
def test_going_back_brings_the_rules_of_before(empty: Database, revision: str) -> None:
    empty.migrate()
    empty.migrate_down("base")
    empty.migrate(revision)
    before = set(empty.ask(RULES))
    empty.migrate()
    assert set(empty.ask(RULES)) != before
    empty.migrate_down(revision)
    assert set(empty.ask(RULES)) == before


def test_what_people_work_on_is_what_the_models_say(database: Database) -> None:
    assert drift(database) == []


def test_a_migration_that_is_crossed_is_tried_again(empty: Database) -> None:
    """Somebody reads invoices, then payments; the migration locks them the other way round, and gives way."""
    empty.migrate()
    empty.migrate_down("0015")
    with empty.as_superuser() as other, ThreadPoolExecutor(1) as pool:
        other.execute("SET LOCAL deadlock_timeout = '60s'")  # so that it is the migration that notices
        other.execute("SELECT FROM invoices")
        migrating = pool.submit(empty.migrate)
        assert wait_until(lambda: empty.waiting_for_locks() == 1, 10)
        other.execute("SELECT FROM payments")
        assert not migrating.done()
        other.commit()
        migrating.result(30)
    assert drift(empty) == []


def test_migrations_give_up_rather_than_block(empty: Database) -> None:
    """The timeouts are in force while a migration changes the schema."""
    seen: set[tuple[str, str]] = set()

    def look(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "TABLE" in statement:
            shown = (connection.exec_driver_sql(f"SHOW {name}_timeout").scalar_one() for name in ("lock", "statement"))
            seen.add(tuple(shown))

    empty.migrate()
    event.listen(Engine, "before_cursor_execute", look)
    try:
        empty.migrate_down("0003")
    finally:
        event.remove(Engine, "before_cursor_execute", look)
    empty.migrate()
    assert seen == {("4s", "1min")}
