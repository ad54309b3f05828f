"""Backup and restore: the whole database into one file while it is in use, and from there into an empty one."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg import IsolationLevel, sql
from sqlalchemy.engine import URL

from invoices_app import clock
from invoices_app.config import Settings, read_database_url
from invoices_app.db.data_dir import DataDirLock
from invoices_app.db.embedded import EmbeddedPostgres
from invoices_app.launcher import backup_file
from invoices_app.launcher.backup_file import Backup, BackupError, Facts
from invoices_app.launcher.commands import embedded_server
from invoices_app.launcher.database import (
    CONNECT_SECONDS,
    ensure_role,
    find_logins,
    is_known_migration,
    prepare_database,
    run_flask,
)
from invoices_app.launcher.environment import PROJECT_ROOT, read_settings
from invoices_app.launcher.postgres_programs import client

BACKUP_LOGIN = "BACKUP_DATABASE_URL"
BLIND = (
    f"The login {{user}} does not see the rows of every business, so its backup would be empty; set {BACKUP_LOGIN} to "
    "one that does, made by a superuser with: CREATE ROLE invoices_backup LOGIN BYPASSRLS PASSWORD '...' "
    "IN ROLE pg_read_all_data"
)
PATIENT = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c timezone=UTC"
LOCK_WAIT = "30s"
"""How long a dump waits for a migration that is under way."""


def back_up(path: Path) -> str:
    """Write the database as it is at this moment into one file; nobody waits for it. Answers a sentence.

    Raises BackupError, and leaves what was at `path` before, when anything is in the way.
    """
    settings = read_settings(os.environ)
    with ExitStack() as stack:
        login = _all_seeing_login(stack, settings)
        connection = stack.enter_context(_connected(login))
        connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
        ((snapshot,),) = connection.execute("SELECT pg_export_snapshot()").fetchall()
        facts = _facts(connection)
        dump = client("pg_dump", login, facts.server_version).written(
            "--format=custom",
            f"--snapshot={snapshot}",
            f"--lock-wait-timeout={LOCK_WAIT}",
            "--no-privileges",
        )
        manifest = backup_file.write(path, facts, dump)
    return (
        f"{path} is written: businesses {facts.rows['businesses']:,}, invoices {facts.rows['invoices']:,}, "
        f"{manifest.dump_size / 1e6:,.1f} MB. The secret key is not in it; people sign in anew after a restore."
    )


def restore(path: Path) -> str:
    """Bring a backup into an empty database, and to the newest schema; answers a sentence.

    Raises BackupError before anything is written when the file is not whole, or the database not empty.
    """
    settings = replace(read_settings(os.environ), auto_migrate=True)
    with ExitStack() as stack:
        backup = stack.enter_context(backup_file.opened(path))
        facts = backup.manifest.facts
        if not is_known_migration(facts.migration):
            raise BackupError(f"{path} is at migration {facts.migration}, which this version does not know")
        stack.enter_context(DataDirLock(settings.data_dir))
        owner = settings.owner_database_url or stack.enter_context(EmbeddedPostgres(settings.data_dir)).owner_url
        logins = find_logins(settings, owner)
        ensure_role(logins)
        _load(backup, owner)
        with _seeing_all(owner) as connection:
            _compare(facts.rows, _row_counts(connection))
        prepare_database(settings, logins)
        with _connected(owner) as connection:
            connection.execute("ANALYZE")
        with _seeing_all(owner) as connection:
            if connection.execute("SELECT 1 FROM figures_drift() LIMIT 1").fetchone():
                raise BackupError("The figures of the restored businesses do not add up; do not use this database")
        chains = run_flask(settings, logins, "audit", "verify")
    return (
        f"Everything is as it was at {facts.made_at}: businesses {facts.rows['businesses']:,}, "
        f"invoices {facts.rows['invoices']:,}; audit: {chains}."
    )


def _all_seeing_login(stack: ExitStack, settings: Settings) -> URL:
    """A login that row-level security does not bind: the embedded server's superuser, or one that was given."""
    given = read_database_url(os.environ, BACKUP_LOGIN) or settings.owner_database_url
    if given is None:
        return embedded_server(stack, settings).superuser_url
    with _connected(given) as connection:
        query = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        if connection.execute(query).fetchone() != (True,):
            raise BackupError(BLIND.format(user=given.username))
    return given


@contextmanager
def _connected(login: URL) -> Iterator[psycopg.Connection]:
    """One transaction; a server that refuses is a BackupError."""
    url = login.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS, options=PATIENT) as connection:
            yield connection
    except psycopg.Error as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BackupError(f"The database {login.render_as_string()} refused: {reason}") from None


def _facts(connection: psycopg.Connection) -> Facts:
    found = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'alembic_version'").fetchone()
    migration = connection.execute("SELECT version_num FROM alembic_version").fetchone() if found else None
    if found is None or migration is None:
        raise BackupError("There is nothing in this database yet; start Invoices first")
    return Facts(
        app_version=tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]["version"],
        migration=migration[0],
        owner=found[0],
        server_version=connection.info.server_version // 10_000,
        made_at=clock.now().isoformat(timespec="seconds"),
        rows=_row_counts(connection),
    )


def _row_counts(connection: psycopg.Connection) -> dict[str, int]:
    counts = {}
    for table in _tables(connection):
        query = sql.SQL("SELECT count(*) FROM public.{}").format(sql.Identifier(table))
        ((counts[table],),) = connection.execute(query).fetchall()
    return counts


def _tables(connection: psycopg.Connection) -> list[str]:
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    return [table for (table,) in rows]


def _load(backup: Backup, owner: URL) -> None:
    """Restore the dump, whole or not at all, into a database that must be empty."""
    with _connected(owner) as connection:
        if connection.execute(
            "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " UNION ALL SELECT 1 FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        ).fetchone():
            raise BackupError(
                f"The database {owner.render_as_string()} is not empty, and nothing in it is overwritten; "
                "choose a new DATA_DIR, or an empty database"
            )
        version = connection.info.server_version // 10_000
    facts = backup.manifest.facts
    with _role_named(facts.owner, owner):
        program = client("pg_restore", owner, max(version, facts.server_version))
        program.read(backup.dump(), "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")


@contextmanager
def _role_named(name: str, owner: URL) -> Iterator[None]:
    """Let policies name the owner that the database had; at the end they name the one that it has."""
    with _connected(owner) as connection:
        made = not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
        if made:
            connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
    try:
        yield
        if name != owner.username:
            _hand_over_policies(name, owner)
    finally:
        if made:
            with _connected(owner) as connection:
                connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def _hand_over_policies(name: str, owner: URL) -> None:
    with _connected(owner) as connection:
        query = "SELECT policyname, schemaname, tablename FROM pg_policies WHERE %s = ANY (roles)"
        for policy, schema, table in connection.execute(query, [name]).fetchall():
            alter = sql.SQL("ALTER POLICY {} ON {} TO CURRENT_USER")
            connection.execute(alter.format(sql.Identifier(policy), sql.Identifier(schema, table)))


@contextmanager
def _seeing_all(owner: URL) -> Iterator[psycopg.Connection]:
    """The owner's look at the rows of every business of a database that nobody uses yet.

    Row-level security is lifted in a transaction that is rolled back, so that nobody else ever finds it lifted.
    """
    with _connected(owner) as connection, connection.transaction(force_rollback=True):
        for table in _tables(connection):
            connection.execute(
                sql.SQL("ALTER TABLE public.{} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(table))
            )
        yield connection


def _compare(expected: dict[str, int], found: dict[str, int]) -> None:
    wrong = [
        f"{table} {found.get(table, 0):,} instead of {count:,}"
        for table, count in expected.items()
        if found.get(table) != count
    ]
    if wrong:
        raise BackupError(f"The restored tables do not hold what the backup says: {', '.join(wrong)}; do not use them")
