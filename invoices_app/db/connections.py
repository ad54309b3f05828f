"""Connections: whether one that waited is still alive, and statements that are a transaction of their own.

A round trip to the database costs about as much as a simple statement, so none is made that tells nothing: a
connection that was in use a moment ago is not asked whether it lives.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from flask import Flask, current_app
from sqlalchemy import Engine, Executable, Row, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from invoices_app.extensions import db

UNASKED_SECONDS = 1.0
"""So long after its last use a connection is taken for alive."""

_USED_AT = "used_at"
_ALONE = "alone"


def init_connections(app: Flask) -> None:
    """Watch the app's pool. Its engine must have been made."""
    with app.app_context():
        engine = db.engine
        app.extensions[_ALONE] = engine.execution_options(isolation_level="AUTOCOMMIT")

    @event.listens_for(engine, "checkin")
    def note_use(_connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask_whether_it_lives(connection: Any, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        used_at = entry.info.get(_USED_AT)
        if used_at is None or time.monotonic() - used_at < UNASKED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError from error  # the pool takes another one


def alone(statement: Executable, values: Mapping[str, Any]) -> Row[Any] | None:
    """The one row, or none, of a statement that reads, without a transaction around it: one round trip.

    A connection that turns out to be dead is replaced once, since reading twice does no harm.
    """
    engine: Engine = current_app.extensions[_ALONE]
    try:
        return _row(engine, statement, values)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        return _row(engine, statement, values)


def _row(engine: Engine, statement: Executable, values: Mapping[str, Any]) -> Row[Any] | None:
    with engine.connect() as connection:
        return connection.execute(statement, values).one_or_none()
