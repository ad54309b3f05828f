"""Making the database ready for the app: version, role, migrations, privileges."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from invoices_app.config import Settings
from invoices_app.db import connections_needed, roles, scope_keys
from invoices_app.db.data_dir import StartupError
from invoices_app.launcher.environment import PROJECT_ROOT, Logins, owner_environment

MINIMUM_VERSION = 150_000
CONNECTIONS_FOR_OTHERS = 10
"""Room beside the workers' connections: the launcher's own, a command, a backup, somebody who looks after it."""

CONNECT_SECONDS = 10

CONNECTIONS_ALLOWED = text(
    """
    SELECT least(
        current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0),
        nullif((SELECT datconnlimit FROM pg_database WHERE datname = current_database()), -1),
        nullif((SELECT rolconnlimit FROM pg_roles WHERE rolname = :role), -1)
    )
    """
)


def find_logins(settings: Settings, owner: URL) -> Logins:
    """The owner's login with the app's: the one that was given, or one that follows from the secret key."""
    if settings.database_url is not None:
        return Logins(owner, settings.database_url, generated=False)
    return Logins(owner, roles.app_login(owner, settings.secret_key), generated=True)


def prepare_database(settings: Settings, logins: Logins) -> None:
    """Bring schema, role and privileges to this version. Raises StartupError with the reason when it cannot."""
    ensure_role(logins)
    check_connections(settings, logins)
    if not _is_migrated(settings, logins):
        run_flask(settings, logins, "db", "upgrade")
    open_to_app(settings, logins)


def ensure_role(logins: Logins) -> None:
    """Check the server's version and make the app's role, or check the one that was given."""
    with _owner_connection(logins) as connection:
        _check_version(connection)
        if logins.generated:
            roles.ensure_app_role(connection, str(logins.app.username), str(logins.app.password))
        else:
            roles.check_app_role(connection, str(logins.app.username))


def check_connections(settings: Settings, logins: Logins) -> None:
    """Raise StartupError when the workers could ask for more connections than the server gives to the app's role.

    Better now than under load, when the ones that get none would answer 503. The server, the database and the role may
    each have a limit (-1: none), and the server keeps some of its connections for superusers.
    """
    with _owner_connection(logins) as connection:
        allowed = connection.execute(CONNECTIONS_ALLOWED, {"role": str(logins.app.username)}).scalar_one()
    needed = connections_needed(settings.web_concurrency)
    if needed > allowed:
        each = connections_needed(1) - connections_needed(0)
        room = max(1, (allowed - connections_needed(0)) // each)
        raise StartupError(
            f"WEB_CONCURRENCY={settings.web_concurrency} needs up to {needed} database connections, but the database "
            f"allows {allowed}; lower WEB_CONCURRENCY to {room} or raise the limit"
        )


def open_to_app(settings: Settings, logins: Logins) -> None:
    """Give the app's role its privileges, and let the database believe the scopes that this secret key signs."""
    with _owner_connection(logins) as connection:
        roles.grant(connection, str(logins.app.username))
        scope_keys.install(connection, settings.secret_key)


def run_flask(settings: Settings, logins: Logins, *arguments: str) -> str:
    """Run a flask command with the owner's login; what it has to say, which is the last line of its output.

    Raises StartupError with that line when it fails.
    """
    done = subprocess.run(
        flask_command(*arguments),
        cwd=PROJECT_ROOT,
        env=owner_environment(settings, logins),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    last_line = (done.stdout.strip().splitlines() or ["it left no message"])[-1]
    if done.returncode != 0:
        raise StartupError(
            f"`flask {' '.join(arguments)}` failed: {last_line} "
            f"(all of it: python -m invoices_app flask {' '.join(arguments)})"
        )
    return last_line


def flask_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "flask", "--app", "wsgi", *arguments]


@contextmanager
def _owner_connection(logins: Logins) -> Iterator[Connection]:
    """One transaction with the owner's login; a server that cannot be reached is a StartupError."""
    engine = create_engine(
        logins.owner, poolclass=NullPool, connect_args={"connect_timeout": CONNECT_SECONDS}, hide_parameters=True
    )
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        reason = (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[-1].strip()
        where = logins.owner.render_as_string(hide_password=True)
        raise StartupError(f"The database {where} refused: {reason}") from None


def _is_migrated(settings: Settings, logins: Logins) -> bool:
    """Whether the newest migration is already in: asking is a second faster than letting flask find nothing to do.

    Raises StartupError for a schema that a newer version has made, and for an older one that AUTO_MIGRATE leaves alone.
    """
    newest = _migrations().get_current_head()
    with _owner_connection(logins) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and not is_known_migration(found):
        raise StartupError(
            f"The database is at migration {found}, which this version ({newest}) does not know; "
            "start the version that made it, or restore a backup from before"
        )
    if found != newest and not settings.auto_migrate:
        raise StartupError(
            f"The database is at migration {found}, this version needs {newest}, and AUTO_MIGRATE is 0; "
            "run `make migrate` first"
        )
    return found == newest


def is_known_migration(revision: str) -> bool:
    """Whether this version can bring a schema at that migration to its own."""
    return revision in {script.revision for script in _migrations().walk_revisions()}


def _migrations() -> ScriptDirectory:
    return ScriptDirectory(str(PROJECT_ROOT / "migrations"))


def _check_version(connection: Connection) -> None:
    number = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
    if number < MINIMUM_VERSION:
        raise StartupError(
            f"The database server is PostgreSQL {number // 10_000}; Invoices needs PostgreSQL "
            f"{MINIMUM_VERSION // 10_000} or newer"
        )
