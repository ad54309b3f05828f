"""The database: engine, tenancy, transactions. `init_db` binds them to an app."""

from __future__ import annotations

from inspect import iscoroutinefunction

from flask import Flask
from sqlalchemy.exc import DBAPIError

import invoices_app.db.tenancy  # noqa: F401  (it listens to the begin of every transaction)
from invoices_app.config import WORKER_THREADS, Settings, SettingsError
from invoices_app.db.connections import init_connections
from invoices_app.db.roles import app_login
from invoices_app.db.transaction import end_reading
from invoices_app.extensions import db

STATEMENT_TIMEOUT_MS = 15_000
LOCK_TIMEOUT_MS = 5_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
CONNECTIONS_TO_SPARE = 2
"""Beside one for each thread of a worker: for mail, and for the plan of a slow statement, asked for afterwards."""

CONNECTIONS_OF_IMPORTS = 3
"""Of an import worker: the import itself, how far it is, and a slow statement's plan."""


def init_db(app: Flask, settings: Settings) -> None:
    """Make the engine, with the app's own login, and Flask-Migrate where there is a login that may migrate.

    Raises SettingsError when neither the app's login nor an owner's login to derive it from is set.
    """
    url = settings.database_url
    if url is None and settings.owner_database_url is not None:
        url = app_login(settings.owner_database_url, settings.secret_key)
    if url is None:
        raise SettingsError("DATABASE_URL is not set; `make run` starts with a PostgreSQL of its own")
    options = (
        f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS} -c timezone=UTC"
    )
    app.config["SQLALCHEMY_ENGINES"] = {
        "default": {
            "url": url,
            "pool_size": settings.worker_threads,
            "max_overflow": CONNECTIONS_TO_SPARE,
            "pool_timeout": 5,
            "pool_use_lifo": True,  # the one that was used last has the statements of late prepared
            "pool_recycle": 1800,
            "hide_parameters": True,  # they hold what people typed, and errors go to logs
            "connect_args": {"options": options, "connect_timeout": 5, "application_name": "invoices"},
        }
    }
    app.config["SQLALCHEMY_SESSION_OPTIONS"] = {}
    db.init_app(app)
    _forget_coroutines(app)
    init_connections(app)
    app.teardown_appcontext(_close_session)
    if settings.owner_database_url is not None:
        # Workers never migrate and do without it: Alembic is 10 MB.
        from flask_migrate import Migrate  # noqa: PLC0415

        Migrate(app, db, directory=f"{app.root_path}/../migrations")


def connections_needed(workers: int) -> int:
    """How many connections at most that many workers open, and the import worker beside them."""
    return workers * (WORKER_THREADS + CONNECTIONS_TO_SPARE) + CONNECTIONS_OF_IMPORTS


def _forget_coroutines(app: Flask) -> None:
    """Take away the extension's end of a request for asynchronous sessions, of which there are none.

    Flask runs a coroutine on a thread and an event loop of its own, made for each request: an eighth of its time.
    """
    endings = app.teardown_appcontext_funcs
    app.teardown_appcontext_funcs = [ending for ending in endings if not iscoroutinefunction(ending)]


def _close_session(error: BaseException | None) -> None:
    """Close the session before the extension does, which runs after this.

    A connection that was lost after the answer was made is thrown away: all that counts was committed before, and an
    error here would put a bare 500 in the answer's place.
    """
    try:
        if error is None:
            end_reading(db.session)
        db.session.close()
    except DBAPIError:
        db.session.invalidate()
