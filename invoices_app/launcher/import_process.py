"""The import worker's own process. Run as `python -m invoices_app.launcher.import_process`.

Most of the time there is nothing to import, so it waits as a small program that knows no feature, asking twice a second
by one statement of an index that is mostly empty. Only when something waits does it load the app. When that has been
idle for a while the process becomes the small program again, which gives back all that an import has taken.
"""

from __future__ import annotations

import importlib
import os
import sys
import time

import psycopg
import structlog

from invoices_app.config import Settings, SettingsError
from invoices_app.db.tenancy import Scope, settings_of
from invoices_app.observability.logging import configure_logging

LOOK_SECONDS = 0.5
AWAY_SECONDS = 2.0
IDLE_SECONDS = 30.0
CONNECT_SECONDS = 5

_SCOPE = (
    "SELECT set_config('app.delivering', %(delivering)s, true), set_config('app.scope_until', %(until)s, true),"
    " set_config('app.signature', %(signature)s, true), set_config('app.business_id', '', true),"
    " set_config('app.user_id', '', true), set_config('app.login_email', '', true)"
)
# What another worker is at is locked by it (`imports/jobs.py`), and no reason to wake up.
_WAITS = (
    "SELECT EXISTS (SELECT FROM (SELECT DISTINCT business_id FROM imports WHERE status = 'running') AS waiting"
    " WHERE pg_try_advisory_xact_lock(hashtextextended(business_id::text, 23)))"
)

log = structlog.get_logger("import_worker")


def main() -> None:
    """Wait for something to import, import it, and begin anew as a process that holds nothing."""
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as problem:
        sys.exit(str(problem))
    configure_logging(settings)
    wait_for_work(settings)
    importlib.import_module("invoices_app.imports.jobs").work_until_idle(settings, IDLE_SECONDS)
    os.execv(sys.executable, [sys.executable, "-m", "invoices_app.launcher.import_process"])  # noqa: S606


def wait_for_work(settings: Settings) -> None:
    """Come back when an import waits for a worker. A database that is away is asked again."""
    assert settings.database_url is not None, "the launcher gives it"  # noqa: S101
    url = settings.database_url.set(drivername="postgresql").render_as_string(hide_password=False)
    is_away = False
    while True:
        try:
            with psycopg.connect(
                url, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="invoices import"
            ) as connection:
                is_away = False
                while not _waits(connection, settings.secret_key):
                    time.sleep(LOOK_SECONDS)
                return
        except psycopg.Error as error:
            if not is_away:
                log.warning("imports wait for the database", reason=type(error).__name__)
            is_away = True
            time.sleep(AWAY_SECONDS)


def _waits(connection: psycopg.Connection, secret_key: str) -> bool:
    with connection.transaction():
        connection.execute(_SCOPE, settings_of(Scope(delivering=True), secret_key))
        found = connection.execute(_WAITS).fetchone()
    return bool(found and found[0])


if __name__ == "__main__":
    main()
