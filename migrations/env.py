"""Alembic's environment: migrations run as the owner, with short lock and statement timeouts.

A migration that cannot get its lock quickly, or meets a transaction of the app crosswise, is rolled back instead of
holding up the people who are working, and tried again a moment later. Afterwards the app's role is granted exactly
what `invoices_app.db.roles` lists.
"""

from __future__ import annotations

import time

import structlog
from alembic import context
from flask import current_app
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from invoices_app import models
from invoices_app.config import Settings
from invoices_app.db import roles, scope_keys

LOCK_TIMEOUT = "4s"
STATEMENT_TIMEOUT = "60s"
ATTEMPTS = 8
PAUSE_SECONDS = 0.5
IN_THE_WAY = frozenset({"40P01", "55P03"})
"""What PostgreSQL calls a deadlock, and a lock that was not to be had in time."""

log = structlog.get_logger("migrations")

settings: Settings = current_app.config["SETTINGS"]


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=models.metadata,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


def migrate_patiently(connection: Connection) -> None:
    """Each migration is a transaction of its own: a further attempt goes on behind the last one that was done."""
    for attempt in range(1, ATTEMPTS):
        try:
            return migrate(connection)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) not in IN_THE_WAY:
                raise
            connection.rollback()
            log.warning("migration tried again", attempt=attempt, reason=type(error.orig).__name__)
        time.sleep(PAUSE_SECONDS * attempt)
    return migrate(connection)


def run() -> None:
    url = settings.owner_database_url
    if url is None:
        raise SystemExit("Migrations need the owner's login in DATABASE_URL; `make migrate` sets it.")
    app_login = settings.database_url or roles.app_login(url, settings.secret_key)
    role = str(app_login.username)
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'"))
        connection.commit()
        migrate_patiently(connection)
        if settings.database_url is None:
            roles.ensure_app_role(connection, role, str(app_login.password))
        roles.grant(connection, role)
        scope_keys.install(connection, settings.secret_key)
        connection.commit()
    engine.dispose()


run()
