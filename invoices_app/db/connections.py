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
from sqlalchemy.orm import Session
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

    BEGIN, that statement and the first one are one round trip (libpq's pipeline mode). psycopg waits for its own BEGIN
    even there, so for psycopg it is always in autocommit (made with `autocommit=True`), and BEGIN is sent from here.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cursor_factory = OpeningCursor
        self._opening: Opening | None = None
        self._ahead: list[Opening] = []
        self._is_autocommit = False

    @property
    def autocommit(self) -> bool:
        """Whether statements stand alone, instead of beginning a transaction."""
        return self._is_autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self._is_autocommit = value

    @property
    def must_begin(self) -> bool:
        """Whether the next statement is the first one of a transaction."""
        return not self._is_autocommit and self.info.transaction_status == TransactionStatus.IDLE

    @property
    def begin_statement(self) -> str:
        level = self.isolation_level
        return f"BEGIN ISOLATION LEVEL {level.name.replace('_', ' ')}" if level else "BEGIN"

    def open_with(self, opening: Opening | None) -> None:
        """Send this with the next statement, in place of what was to be sent with it."""
        self._opening = opening

    def send_ahead(self, statement: Opening) -> None:
        """Send this right before the next statement of the transaction, behind its opening: a lock, for instance."""
        self._ahead.append(statement)

    @property
    def has_company(self) -> bool:
        """Whether the next statement does not travel alone."""
        return self._opening is not None or bool(self._ahead)

    def take_opening(self) -> Opening | None:
        """What the next statement takes along; none after it has."""
        opening, self._opening = self._opening, None
        return opening

    def cursor(self, *args: Any, **kwargs: Any) -> Any:
        """A cursor. One that lives on the server cannot share a round trip, so the opening is sent before it."""
        if args or kwargs.get("name"):
            self.open()
        return super().cursor(*args, **kwargs)

    def open(self) -> None:
        """Begin the transaction, and send what travels before its next statement."""
        if self.must_begin:
            psycopg.Cursor(self).execute(self.begin_statement, prepare=False)
        opening, ahead = self.take_opening(), self._ahead
        self._ahead = []
        for statement in (*([opening] if opening else []), *ahead):
            psycopg.Cursor(self).execute(*statement, prepare=True)

    def commit(self) -> None:
        """Commit, within the scope that was set last: what runs at commit asks for it as well."""
        opening, self._ahead = self.take_opening(), []
        if opening is not None and self.info.transaction_status == TransactionStatus.INTRANS:
            psycopg.Cursor(self).execute(*opening, prepare=True)
        super().commit()

    def rollback(self) -> None:
        self._opening, self._ahead = None, []
        super().rollback()


class OpeningCursor(psycopg.Cursor[Any]):
    """A cursor that begins its connection's transaction, and sends the opening of it before its own statement."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        connection = cast("OpeningConnection", self.connection)
        if not connection.has_company:
            connection.open()
            return super().execute(query, params, **options)
        with connection.pipeline():
            connection.open()
            return super().execute(query, params, **options)

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        cast("OpeningConnection", self.connection).open()
        super().executemany(query, params_seq, **options)

    def copy(self, *args: Any, **options: Any) -> Any:
        cast("OpeningConnection", self.connection).open()
        return super().copy(*args, **options)


def init_connections(app: Flask) -> None:
    """Make the connections of the app's pool such that open, and watch it. Its engine must have been made."""
    with app.app_context():
        engine = db.engine
        app.extensions[_ALONE] = engine.execution_options(isolation_level="AUTOCOMMIT")

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _entry: Any, args: list[Any], options: dict[str, Any]) -> OpeningConnection:
        return OpeningConnection.connect(*args, **options, autocommit=True)

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


def send_ahead(session: Session, statement: str, values: Mapping[str, Any]) -> None:
    """Let a statement whose answer nobody reads travel with the next one of the session's transaction."""
    connection = session.connection().connection.driver_connection
    cast("OpeningConnection", connection).send_ahead((statement, values))


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
