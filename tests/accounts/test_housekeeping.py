"""What has ended goes away by itself: sessions, links, invitations; what lives stays."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from flask import Flask
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from invoices_app import clock, create_app
from invoices_app.accounts import housekeeping
from invoices_app.accounts.housekeeping import Cleared, Housekeeper, housekeeper_of
from invoices_app.accounts.models import AccountToken, UserSession
from invoices_app.db.transaction import transaction
from tests.accounts.test_account import close_database
from tests.support.databases import Database, ServerUrls
from tests.support.factories import make_invitation
from tests.support.people import Cast, make_cast

HOUR = timedelta(hours=1)
TABLES = ("user_sessions", "account_tokens", "invitations")


@pytest.fixture(scope="module")
def empty(server: ServerUrls, worker: str) -> Iterator[Database]:
    """A database where nothing else has ended."""
    made = server.make_database(f"ended_{worker}")
    yield made
    server.drop_database(made)


@pytest.fixture(scope="module")
def app(empty: Database) -> Iterator[Flask]:
    app = create_app(empty.settings)
    yield app
    close_database(app)


@pytest.fixture
def cast(app: Flask, empty: Database) -> Cast:
    """Two people with a session, a link and an invitation each, that have ended and that have not."""
    with empty.as_superuser() as connection:
        for table in TABLES:
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
    cast = make_cast(app)
    for person in (cast.owner, cast.stranger):
        now = clock.now()
        with person.acting(), transaction() as session:
            own = {"user_id": person.user_id, "business_id": person.business_id}
            for ends, used in ((HOUR, -HOUR), (-HOUR, -HOUR), (HOUR, -3 * HOUR)):
                times = {"expires_at": now + ends, "last_used_at": now + used}
                session.add(UserSession(token_hash=uuid.uuid4().bytes * 2, **own, **times))
            for ends in (HOUR, -HOUR):
                token = uuid.uuid4().bytes * 2
                session.add(AccountToken(token_hash=token, user_id=person.user_id, expires_at=now + ends))
        for name in ("new", "old", "forgotten"):
            make_invitation(person, f"{name}@example.com")
    with empty.as_superuser() as connection:
        for name, days in (("old", 29), ("forgotten", 31)):
            expires_at = clock.now() - timedelta(days=days)
            connection.execute(
                "UPDATE invitations SET expires_at = %s WHERE email = %s", [expires_at, f"{name}@example.com"]
            )
    return cast


def left(database: Database) -> list[int]:
    return [database.value(f"SELECT count(*) FROM {table}") for table in TABLES]


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_what_has_ended_goes_in_batches_and_the_rest_stays(
    app: Flask, empty: Database, cast: Cast, capsys: pytest.CaptureFixture[str], batch: int
) -> None:
    assert left(empty) == [6, 4, 6]
    assert housekeeper_of(app).clear(batch) == Cleared(sessions=4, tokens=2, invitations=2)
    assert left(empty) == [2, 2, 4]
    assert housekeeper_of(app).clear(batch) == Cleared()


def test_the_log_says_how_many(app: Flask, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[tuple[str, dict[str, int]]] = []

    class Log:
        def info(self, event: str, **figures: int) -> None:
            lines.append((event, figures))

    monkeypatch.setattr(housekeeping, "log", Log())
    for _ in range(2):
        housekeeper_of(app).clear()
    assert lines == [("expired rows cleared", {"sessions": 4, "tokens": 2, "invitations": 2, "imports": 0})]


def test_it_waits_for_nobody(app: Flask, empty: Database, cast: Cast) -> None:
    """A row that somebody holds is left for the next time."""
    with empty.as_superuser() as connection:
        held = connection.execute(
            "SELECT 1 FROM user_sessions WHERE user_id = %s AND expires_at < now() FOR UPDATE", [cast.owner.user_id]
        )
        assert held.rowcount == 1
        assert housekeeper_of(app).clear().sessions == 3
    assert housekeeper_of(app).clear().sessions == 1


def test_it_runs_by_itself(app: Flask, empty: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "FIRST_SECONDS", 0.0)
    done = threading.Event()

    class Watched(Housekeeper):
        def clear(self, batch: int = housekeeping.BATCH) -> Cleared:
            try:
                return super().clear(batch)
            finally:
                done.set()

    Watched(app).start()
    assert done.wait(20)
    assert left(empty) == [2, 2, 4]


def test_nobody_sees_more_by_it(empty: Database, cast: Cast) -> None:
    """The app's role cannot use what lets the owner see all, and can only clear what has ended."""
    with empty.as_app() as connection:
        connection.execute("SELECT set_config('app.clearing', 'on', true)")
        for table in TABLES:
            rows = connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(table))).fetchall()
            assert rows == []
    with empty.as_app() as connection:
        connection.execute("SELECT clear_expired(1000)")
        assert connection.execute("SELECT current_setting('app.clearing', true)").fetchone() == ("",)
    assert left(empty) == [2, 2, 4]
    with empty.as_app() as connection, pytest.raises(InsufficientPrivilege):
        connection.execute("TRUNCATE user_sessions")


def test_the_owner_may_change_nothing_by_it(empty: Database, cast: Cast) -> None:
    with empty.as_owner() as connection:
        assert connection.execute("SELECT count(*) FROM user_sessions").fetchone() == (0,)
        connection.execute("SELECT set_config('app.clearing', 'on', true)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE user_sessions SET expires_at = now() + interval '1 year'")
