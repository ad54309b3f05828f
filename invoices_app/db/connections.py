"""Connections: how a transaction begins, whether one that waited is still alive, and statements that stand alone.

A round trip to the database costs about as much as a simple statement, so none is made that tells nothing: the scope of
a transaction travels with its first statement, and a connection that was in use a moment ago is not asked whether it
lives.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Self, cast

import psycopg
from flask import Flask, current_app
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, Executable, Row, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from invoices_app.extensions import db

UNASKED_SECONDS = 1.0
"""So long after its last use a connection is taken for alive."""

_USED_AT = "used_at"
_ALONE = "alone"

Opening = tuple[str, Mapping[str, Any]]
"""A statement with its values that a transaction begins with, and whose answer nobody reads."""


class OpeningConnection(psycopg.Connection[Any]):
    """A connection whose transactions can begin with a statement that travels with the first one that asks something.

    In one round trip (libpq's pipeline mode), behind that of BEGIN.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cursor_factory = OpeningCursor
        self._opening: Opening | None = None

    def open_with(self, opening: Opening | None) -> None:
        """Send this with the next statement, in place of what was to be sent with it."""
        self._opening = opening

    def take_opening(self) -> Opening | None:
        """What the next statement takes along; none after it has."""
        opening, self._opening = self._opening, None
        return opening

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """A cursor. One that lives on the server cannot share a round trip, so the opening is sent before it."""
        if (args or kwargs.get("name")) and (opening := self.take_opening()) is not None:
            super().cursor().execute(*opening, prepare=True)
        return super().cursor(*args, **kwargs)

    def commit(self) -> None:
        """Commit, within the scope that was set last: what runs at commit asks for it as well."""
        opening = self.take_opening()
        if opening is not None and self.info.transaction_status == TransactionStatus.INTRANS:
            psycopg.Cursor(self).execute(*opening, prepare=True)
        super().commit()

    def rollback(self) -> None:
        self._opening = None
        super().rollback()


class OpeningCursor(psycopg.Cursor[Any]):
    """A cursor that sends the opening of its connection's transaction before its own statement."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        connection = cast("OpeningConnection", self.connection)
        opening = connection.take_opening()
        if opening is None:
            return super().execute(query, params, **options)
        with connection.pipeline():
            psycopg.Cursor(connection).execute(*opening, prepare=True)
            return super().execute(query, params, **options)

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        connection = cast("OpeningConnection", self.connection)
        if (opening := connection.take_opening()) is not None:
            psycopg.Cursor(connection).execute(*opening, prepare=True)
        super().executemany(query, params_seq, **options)


def init_connections(app: Flask) -> None:
    """Make the connections of the app's pool such that open, and watch it. Its engine must have been made."""
    with app.app_context():
        engine = db.engine
        app.extensions[_ALONE] = engine.execution_options(isolation_level="AUTOCOMMIT")

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _entry: Any, args: list[Any], options: dict[str, Any]) -> OpeningConnection:
        return OpeningConnection.connect(*args, **options)

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
