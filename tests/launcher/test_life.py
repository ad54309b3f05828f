"""A graceful life: what is under way is finished, and what is in the way is said in a sentence."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from psycopg import sql
from sqlalchemy.engine import URL

from invoices_app import __main__
from invoices_app.db.processes import wait_until
from invoices_app.launcher.environment import PROJECT_ROOT
from tests.journeys.pages import Page, Visitor
from tests.launcher.conftest import SETTINGS_OF_OURS, Launch, free_port
from tests.support import plain_http
from tests.support.databases import SECRET_KEY, Database, ServerUrls


@pytest.fixture(scope="module")
def given(server: ServerUrls, worker: str) -> Iterator[Database]:
    """A database of this module on the server of all tests."""
    database = server.make_database(f"life_{worker}")
    yield database
    server.drop_database(database)


def login(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def test_sigterm_lets_what_is_under_way_finish(launch: Launch, open_folder: Path, given: Database) -> None:
    """A client is being saved, and waits for a lock, when the program is told to stop."""
    launcher = launch(DATA_DIR=str(open_folder / "life"), DATABASE_URL=login(given.owner_url), SECRET_KEY=SECRET_KEY)
    launcher.wait_until_up()
    base_url = f"http://127.0.0.1:{launcher.port}"
    answers: list[Page] = []
    with Visitor(base_url) as visitor:
        visitor.client.follow_redirects = False
        visitor.post("/register", register_form(visitor), 303)
        form = visitor.open("/clients/new").form("/clients")
        save = threading.Thread(target=lambda: answers.append(visitor.send(form, 303, name="Saved at the last moment")))
        with given.as_superuser() as connection:
            connection.execute("LOCK TABLE clients IN ACCESS EXCLUSIVE MODE")
            save.start()
            assert wait_until(lambda: given.waiting_for_locks() == 1, 10)
            launcher.process.send_signal(signal.SIGTERM)
            assert wait_until(lambda: is_refused(base_url), 5), "nobody new comes in"
            time.sleep(0.3)
            assert launcher.process.poll() is None, "it waits"
        save.join(10)
        assert answers[0].status == 303
    assert launcher.process.wait(15) == 0
    assert launcher.complaint.count("[error") == 0
    assert given.value("SELECT count(*) FROM clients WHERE name = 'Saved at the last moment'") == 1


def register_form(visitor: Visitor) -> dict[str, str]:
    form = visitor.open("/register").form("/register")
    return form.filled(
        {"name": "Ada", "email": "ada@example.com", "password": "a sentence to sign in", "business_name": "Ltd"}
    )


def is_refused(base_url: str) -> bool:
    try:
        plain_http.get(f"{base_url}/healthz", timeout=1)
    except httpx.TransportError:
        return True
    return False


Start = Callable[..., str]


@pytest.fixture
def complaint(open_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Start:
    """Start the program with settings that it cannot start with; answers what it says."""

    def start(**settings: str) -> str:
        for name in SETTINGS_OF_OURS:
            monkeypatch.delenv(name, raising=False)
        for name, value in {"DATA_DIR": str(open_folder / "no"), "PORT": str(free_port()), **settings}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(__main__, "stop_on_signals", lambda: None)
        assert __main__.main(["run"]) == 1
        printed, said = capsys.readouterr()
        assert printed == ""
        assert said.count("\n") == 1
        return said.strip()

    return start


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"METRICS_PORT": "99999"}, "METRICS_PORT must be a whole number from 0 to 65535, not '99999'"),
        ({"SENTRY_DSN": "sentry"}, "SENTRY_DSN is not the address that Sentry shows for a project"),
        ({"SENTRY_SAMPLE_RATE": "2"}, "SENTRY_SAMPLE_RATE must be a number from 0 to 1, such as 0.25, not '2'"),
        ({"SENTRY_TRACES_SAMPLE_RATE": "nan"}, "SENTRY_TRACES_SAMPLE_RATE must be a number from 0 to 1"),
        ({"SLOW_QUERY_MS": "1s"}, "SLOW_QUERY_MS must be a whole number"),
        ({"AUTO_MIGRATE": "no"}, "AUTO_MIGRATE must be one of 0, 1, not 'no'"),
        ({"RATELIMIT_STORAGE_URI": "valkey://127.0.0.1"}, "RATELIMIT_STORAGE_URI cannot be used; it reads redis://"),
        ({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY=2 needs RATELIMIT_STORAGE_URI, such as redis://127.0.0.1: a Redis"),
        ({"RATELIMIT_STORAGE_URI": "nothing://"}, "RATELIMIT_STORAGE_URI cannot be used; it reads redis://"),
        (
            {"TRUSTED_HOSTS": "a.example, http://b"},
            "TRUSTED_HOSTS must be host names with commas between them; 'http://b'",
        ),
        ({"MIN_FREE_MB": "1000000000"}, "Invoices does not start: only "),
    ],
)
def test_bad_settings(complaint: Start, settings: dict[str, str], sentence: str) -> None:
    assert complaint(**settings).startswith(sentence)


def test_more_workers_than_connections(complaint: Start, given: Database) -> None:
    """The server of the tests takes 100 connections and keeps 3 of them for superusers."""
    asked = {"DATABASE_URL": login(given.owner_url), "SECRET_KEY": SECRET_KEY, "RATELIMIT_ENABLED": "0"}
    said = complaint(WEB_CONCURRENCY="20", **asked)
    assert said == (
        "WEB_CONCURRENCY=20 needs up to 123 database connections, but the database allows 97; "
        "lower WEB_CONCURRENCY to 15 or raise the limit"
    )
    with given.as_superuser() as connection:
        role = sql.Identifier(str(given.app_url.username))
        connection.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT 9").format(role))
    assert "the database allows 9; lower WEB_CONCURRENCY to 1 " in complaint(WEB_CONCURRENCY="2", **asked)


def test_a_taken_port_of_the_metrics(complaint: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert complaint(METRICS_PORT=str(port)).startswith(f"Port {port} on 127.0.0.1 cannot be used")
    port = free_port()
    assert f"METRICS_PORT and PORT are both {port}" in complaint(METRICS_PORT=str(port), PORT=str(port))


def test_migrations_that_are_missing_or_unknown(complaint: Start, given: Database) -> None:
    newest = max((PROJECT_ROOT / "migrations" / "versions").glob("0*.py")).name.partition("_")[0]
    settings = {"DATABASE_URL": login(given.owner_url), "SECRET_KEY": SECRET_KEY}
    with given.as_superuser() as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0003'")
    said = complaint(**settings, AUTO_MIGRATE="0")
    assert said.startswith(f"The database is at migration 0003, this version needs {newest}, and AUTO_MIGRATE is 0;")
    with given.as_superuser() as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert complaint(**settings).startswith(
        f"The database is at migration 9999, which this version ({newest}) does not know; start the version"
    )
    with given.as_superuser() as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", [newest])
