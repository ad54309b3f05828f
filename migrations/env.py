"""Alembic's environment: migrations run as the owner, with short lock and statement timeouts.

A migration that cannot get its lock quickly gives up instead of holding up the people who are working.
Afterwards the app's role is granted exactly what `invoices_app.db.roles` lists.
"""

from __future__ import annotations

from alembic import context
from flask import current_app
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from invoices_app import models
from invoices_app.config import Settings
from invoices_app.db import roles

LOCK_TIMEOUT = "4s"
STATEMENT_TIMEOUT = "60s"

settings: Settings = current_app.config["SETTINGS"]


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
        if settings.database_url is None:
            roles.ensure_app_role(connection, role, str(app_login.password))
        roles.grant(connection, role)
        connection.commit()
    engine.dispose()


run()
