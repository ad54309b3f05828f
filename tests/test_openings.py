"""A transaction's scope travels with its first statement, whatever kind that is, and never with one of another."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from flask import Flask
from psycopg.pq import TransactionStatus
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from invoices_app.accounts import audit
from invoices_app.clients.models import Client
from invoices_app.db.connections import OpeningConnection
from invoices_app.db.tenancy import NOBODY, Scope, set_scope
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from tests.support.databases import Database
from tests.support.factories import make_client
from tests.support.people import Cast, Person

BUSINESS = text("SELECT current_business_id()")


def driver() -> OpeningConnection:
    """The connection of the running session, in a transaction that nothing was asked in yet."""
    connection = db.session.connection().connection.driver_connection
    assert isinstance(connection, OpeningConnection)
    return connection


def test_begin_scope_and_statement_are_one_round_trip(owner: Person) -> None:
    """As libpq itself notes it: each time that something goes out after something came back is a trip of its own."""
    with owner.acting(), tempfile.TemporaryDirectory() as folder:
        connection, log = driver(), Path(folder) / "trace"
        assert connection.info.transaction_status == TransactionStatus.IDLE
        with log.open("w") as file:
            connection.pgconn.trace(file.fileno())
            try:
                assert db.session.scalar(BUSINESS) == owner.business_id
            finally:
                connection.pgconn.untrace()
        directions = "".join(line.split("\t")[1] for line in log.read_text().splitlines())
    assert re.fullmatch("F+B+", directions)


def test_a_cursor_on_the_server_sees_its_business(owner: Person, stranger: Person) -> None:
    make_client(owner), make_client(stranger)
    with owner.acting():
        rows = db.session.execute(select(Client.business_id), execution_options={"yield_per": 1})
        assert set(rows.scalars()) == {owner.business_id}


def test_many_rows_at_once_are_written_into_their_business(owner: Person) -> None:
    with owner.acting(), transaction() as session:
        values = [{"business_id": owner.business_id, "name": name} for name in ("One", "Two")]
        connection = session.connection()
        connection.execute(insert(Client).inline(), values)
        audit.record(session, "client.created", "client", owner.business_id)
    with owner.acting():
        assert set(db.session.execute(select(Client.name)).scalars()) == {"One", "Two"}


def test_a_first_statement_that_is_refused_is_refused_as_ever(owner: Person) -> None:
    with owner.acting():
        with pytest.raises(IntegrityError, match="ck_clients_name_filled"):
            db.session.execute(insert(Client).values(business_id=owner.business_id, name=""))
        db.session.rollback()
        assert db.session.scalar(BUSINESS) == owner.business_id


def test_a_scope_that_nothing_was_asked_in_is_left_behind(app: Flask, cast: Cast) -> None:
    for end in ("commit", "rollback"):
        with cast.owner.acting():
            connection = driver()
            getattr(db.session, end)()
            assert connection.take_opening() is None
    with app.app_context():
        assert db.session.scalar(BUSINESS) is None


def test_another_scope_counts_from_the_next_statement_on(app: Flask, cast: Cast) -> None:
    with cast.owner.acting():
        assert db.session.scalar(BUSINESS) == cast.owner.business_id
        set_scope(db.session, Scope(business_id=cast.stranger.business_id))
        assert db.session.scalar(BUSINESS) == cast.stranger.business_id
        set_scope(db.session, NOBODY)
        assert db.session.scalar(BUSINESS) is None


def test_what_runs_at_commit_runs_in_the_scope_that_was_set_last(app: Flask, owner: Person, database: Database) -> None:
    """The chain of audit events is made at commit, and refuses events of another business."""
    with app.app_context(), transaction() as session:
        set_scope(session, Scope(owner.user_id, owner.business_id))
        audit.record(session, "client.created", "client", owner.business_id)
        session.flush()
        set_scope(session, NOBODY)
        set_scope(session, Scope(owner.user_id, owner.business_id))
    found = database.ask(
        "SELECT count(*) FROM audit_events WHERE business_id = %s AND seq IS NOT NULL", owner.business_id
    )
    assert found == [(1,)]
