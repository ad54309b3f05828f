"""One PostgreSQL server for a run, and databases on it that are ready for the app.

The server is started once by the controller. A template database is migrated once; every database of a test worker
is a copy of it, and the app works on it through its own role, bound by row-level security as in production.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import flask_migrate
import psycopg
from psycopg import sql
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.engine import URL, make_url

from invoices_app import create_app
from invoices_app.config import Settings
from invoices_app.db import roles
from invoices_app.db.embedded import SYSTEM_TEMP, EmbeddedPostgres
from invoices_app.db.tenancy import Scope, settings_of

SECRET_KEY = "a secret key that only tests use, 0123456789abcdef"
TEMPLATE = "template_of_tests"
MOST_THREADS = 12
"""Of tests in which several people act at once within one process."""

PASSABLE = 0o711
"""The server's own system user must be able to enter the folder of its data."""


class TestServer:
    """The server of this run, in a folder below the system's temp folder that goes away with it."""

    __test__ = False

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="invoices-tests-", dir=SYSTEM_TEMP))
        self._folder.chmod(PASSABLE)
        self._postgres = EmbeddedPostgres(self._folder, durable=False)

    def start(self) -> ServerUrls:
        """Start it and migrate the template; answers its logins."""
        self._postgres.start()
        urls = ServerUrls(self._postgres.owner_url, self._postgres.superuser_url)
        urls.make_template()
        return urls

    def stop(self) -> None:
        self._postgres.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(frozen=True)
class ServerUrls:
    """The logins of the server: of its owner, and of its superuser, who sees through row-level security."""

    owner: URL
    superuser: URL

    @classmethod
    def read(cls, texts: list[str]) -> ServerUrls:
        return cls(*map(make_url, texts))

    def write(self) -> list[str]:
        return [url.render_as_string(hide_password=False) for url in (self.owner, self.superuser)]

    def make_template(self) -> None:
        self._execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
        Database(self.owner.set(database=TEMPLATE), self.superuser.set(database=TEMPLATE)).migrate()

    def make_database(self, name: str, *, empty: bool = False) -> Database:
        """A migrated database, or an empty one."""
        template = "template1" if empty else TEMPLATE
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        database = Database(self.owner.set(database=name), self.superuser.set(database=name))
        if not empty:
            database.admit_app()
        return database

    def drop_database(self, database: Database) -> None:
        _close_seeing(database.superuser_url)
        name = sql.Identifier(str(database.owner_url.database))
        with connect(self.superuser, autocommit=True) as connection:  # nobody else may end an autovacuum there
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))

    def _execute(self, statement: sql.Composed) -> None:
        with connect(self.owner, autocommit=True) as connection:
            connection.execute(statement)


@dataclass(frozen=True)
class Database:
    """A database with its three logins."""

    owner_url: URL
    superuser_url: URL

    @property
    def app_url(self) -> URL:
        """The app's own login."""
        return roles.app_login(self.owner_url, SECRET_KEY)

    @property
    def settings(self) -> Settings:
        """Settings of an app on this database that knows nothing but its own login."""
        return Settings(
            secret_key=SECRET_KEY,
            database_url=self.app_url,
            app_env="test",
            worker_threads=MOST_THREADS,
            ratelimit_enabled=False,
            remember_pages=False,  # tests write as no action does: without an audit event
            log_format="pretty",
            log_level="WARNING",
        )

    @property
    def owner_settings(self) -> Settings:
        """Settings of the commands that migrate."""
        return replace(self.settings, database_url=None, owner_database_url=self.owner_url)

    def migrate(self, revision: str = "head") -> None:
        with create_app(self.owner_settings).app_context():
            flask_migrate.upgrade(revision=revision)

    def migrate_down(self, revision: str = "base") -> None:
        with create_app(self.owner_settings).app_context():
            flask_migrate.downgrade(revision=revision)

    def admit_app(self) -> None:
        """Make the app's role of this database and grant it what it may do here."""
        with self.owner_transaction() as connection:
            roles.ensure_app_role(connection, str(self.app_url.username), str(self.app_url.password))
            roles.grant(connection, str(self.app_url.username))

    @contextmanager
    def owner_transaction(self) -> Iterator[Connection]:
        """A transaction with the owner's login, through SQLAlchemy."""
        engine = create_engine(self.owner_url, poolclass=NullPool)
        with engine.begin() as connection:
            yield connection

    def as_app(self, business_id: Any = None, user_id: Any = None) -> psycopg.Connection:
        """A connection of the app's role, its first transaction in the scope of a business, or of none."""
        return _scoped(connect(self.app_url), business_id, user_id)

    def as_owner(self, business_id: Any = None) -> psycopg.Connection:
        """The same for the owner of the tables, whom row-level security binds as well."""
        return _scoped(connect(self.owner_url), business_id)

    def as_superuser(self) -> psycopg.Connection:
        """A connection that sees all."""
        return connect(self.superuser_url)

    def tables(self) -> list[str]:
        rows = self.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [name for (name,) in rows]

    def waiting_for_locks(self) -> int:
        """How many connections to this database wait for a lock now."""
        return int(
            self.value(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
        )

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """The rows of a query that sees all."""
        connection = _seeing(self.superuser_url)
        try:
            return connection.execute(query.encode(), values).fetchall()
        except psycopg.OperationalError:
            if not connection.broken:
                raise
            return _seeing(self.superuser_url).execute(query.encode(), values).fetchall()

    def value(self, query: str, *values: Any) -> Any:
        """The one value that a query answers, seeing all."""
        ((found,),) = self.ask(query, *values)
        return found


def connect(url: URL, *, autocommit: bool = False) -> psycopg.Connection:
    login = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(login, autocommit=autocommit)


_all_seeing: dict[URL, psycopg.Connection] = {}
_opening = threading.Lock()


def _seeing(url: URL) -> psycopg.Connection:
    """The superuser's connection of this process that is asked again and again: to open one takes longer than to ask.

    Each statement is a transaction of its own, and nothing is prepared, since tests change tables as well.
    """
    with _opening:
        found = _all_seeing.get(url)
        if found is None or found.closed:
            found = _all_seeing[url] = connect(url, autocommit=True)
            found.prepare_threshold = None
        return found


@atexit.register
def _close_seeing(*urls: URL) -> None:
    """Close these connections, or all."""
    for url in urls or list(_all_seeing):
        if url in _all_seeing:
            _all_seeing.pop(url).close()


def _scoped(connection: psycopg.Connection, business_id: Any, user_id: Any = None) -> psycopg.Connection:
    """Within the scope as the app itself would set it: signed."""
    if business_id is not None or user_id is not None:
        for name, value in settings_of(Scope(user_id, business_id), SECRET_KEY).items():
            setting = {"until": "scope_until"}.get(name, name)
            connection.execute("SELECT set_config(%s, %s, true)", [f"app.{setting}", value])
    return connection
