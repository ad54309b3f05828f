"""The import worker as a process of its own: killed in the middle, cancelled in the middle, two at once."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest
from flask import Flask

from invoices_app.db.processes import find, wait_until
from invoices_app.imports import files, jobs
from invoices_app.imports.progress import GIVEN_UP
from invoices_app.launcher.environment import Logins, app_environment
from invoices_app.launcher.import_worker import ImportWorker
from tests.support.databases import Database
from tests.support.imports import bring, count, csv_bytes, id_of, some_invoices, start, state
from tests.support.people import Cast, Person

PATIENCE = 60.0
WRITTEN = ("clients", "invoices", "line_items", "invoice_taxes", "payments")

Work = Callable[[], psutil.Process]


@pytest.fixture
def work(database: Database, tmp_path: Path) -> Iterator[Work]:
    """Start a worker on the database of the tests; each call another one."""
    logins = Logins(database.owner_url, database.app_url, generated=True)
    environ = app_environment(database.settings, logins)
    environ |= {"DATA_DIR": str(tmp_path), "LOG_LEVEL": "INFO", "APP_ENV": "test"}
    started: list[ImportWorker] = []

    def start_one() -> psutil.Process:
        before = set(find_workers())
        worker = ImportWorker(environ)
        worker.start()
        started.append(worker)
        (process,) = set(find_workers()) - before
        return process

    yield start_one
    for worker in started:
        worker.stop()


def find_workers() -> list[psutil.Process]:
    mine = psutil.Process().children()
    return [process for process in find("python", ImportWorker.module) if process in mine] or [
        process for process in mine if ImportWorker.module in " ".join(process.cmdline())
    ]


@contextmanager
def in_the_middle(database: Database, workers: int = 1) -> Iterator[Callable[[], None]]:
    """Whoever writes payments waits until the block ends: invoices and lines are written then, and not committed.

    What is yielded waits until that many workers do.
    """
    with database.as_superuser() as holder:
        holder.execute("LOCK TABLE payments IN SHARE MODE")
        yield lambda: wait_for(lambda: database.waiting_for_locks() == workers)


def wait_for(condition: Callable[[], bool]) -> None:
    assert wait_until(condition, PATIENCE)


def rows_in(database: Database, person: Person) -> dict[str, int]:
    query = "SELECT count(*) FROM {} WHERE business_id = %s"
    return {table: database.value(query.format(table), person.business_id) for table in WRITTEN}


def started(person: Person, invoices: int = 40, first: int = 1) -> uuid.UUID:
    """An import of paid invoices that waits for a worker."""
    import_id = id_of(bring(person.browser, csv_bytes(some_invoices(invoices, first))))
    start(person.browser, import_id, status="paid")
    return import_id


def status_of(database: Database, import_id: uuid.UUID) -> tuple[str, int]:
    ((status, attempts),) = database.ask("SELECT status, attempts FROM imports WHERE id = %s", import_id)
    return status, attempts


def is_done(database: Database, import_id: uuid.UUID) -> bool:
    return status_of(database, import_id)[0] == "done"


def test_it_works_at_once_and_says_so(owner: Person, database: Database, work: Work) -> None:
    worker = work()
    wait_for(lambda: bool(worker.net_connections("unix")))
    import_id = started(owner)
    wait_for(partial(is_done, database, import_id))
    page = owner.browser.get(f"/import/{import_id}")
    assert [count(page, name) for name in ("invoices_created", "clients_created")] == [40, 2]
    assert status_of(database, import_id) == ("done", 1)
    assert rows_in(database, owner)["payments"] == 40
    assert worker.memory_info().rss < 200 * 2**20


def test_killed_in_the_middle_nothing_is_there_and_another_does_it(
    owner: Person, database: Database, work: Work
) -> None:
    before = rows_in(database, owner)
    with in_the_middle(database) as wait:
        first = work()
        import_id = started(owner)
        wait()
        assert state(owner.browser.get(f"/import/{import_id}")) == "running"
        first.send_signal(signal.SIGKILL)
        first.wait(PATIENCE)
        assert rows_in(database, owner) == before
        assert status_of(database, import_id) == ("running", 1)
    wait_for(lambda: database.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0)
    assert rows_in(database, owner) == before
    with in_the_middle(database) as wait:
        work()
        wait()
        page = owner.browser.get(f"/import/{import_id}")
        assert state(page) == "running"
        assert "It was interrupted, and has begun again from the start" in page.words()
    wait_for(partial(is_done, database, import_id))
    page = owner.browser.get(f"/import/{import_id}")
    assert "It was interrupted on the way and began again; nothing came in twice." in page.words()
    assert rows_in(database, owner) == {
        "clients": 2, "invoices": 40, "line_items": 80, "invoice_taxes": 40, "payments": 40
    }  # fmt: skip


def test_cancelled_in_the_middle_nothing_is_there_and_it_can_begin_again(
    owner: Person, database: Database, work: Work
) -> None:
    before = rows_in(database, owner)
    with in_the_middle(database) as wait:
        work()
        import_id = started(owner)
        wait()
        owner.browser.get(f"/import/{import_id}")
        owner.browser.submit(f"/import/{import_id}/cancel")
        assert "Being cancelled" in owner.browser.get(f"/import/{import_id}").words()
    wait_for(lambda: status_of(database, import_id)[0] == "failed")
    page = owner.browser.get(f"/import/{import_id}")
    assert "Cancelled It was cancelled, and nothing of it was kept." in page.words()
    assert rows_in(database, owner) == before
    start(owner.browser, import_id)
    wait_for(partial(is_done, database, import_id))
    assert rows_in(database, owner)["invoices"] == 40


def test_two_workers_share_businesses_and_never_one(cast: Cast, database: Database, work: Work) -> None:
    with in_the_middle(database, workers=2) as wait:
        work()
        work()
        one, other = started(cast.owner), started(cast.stranger)
        wait()
        next_one = started(cast.owner, first=100)
        assert [status_of(database, import_id)[1] for import_id in (one, other, next_one)] == [1, 1, 0]
    for import_id in (one, other, next_one):
        wait_for(partial(is_done, database, import_id))
        assert status_of(database, import_id) == ("done", 1)
    assert [rows_in(database, person)["invoices"] for person in (cast.owner, cast.stranger)] == [80, 40]


def test_the_third_interruption_is_the_last(owner: Person, database: Database, work: Work) -> None:
    import_id = started(owner)
    with database.as_superuser() as connection:
        connection.execute("UPDATE imports SET attempts = 3 WHERE id = %s", [import_id])
    work()
    wait_for(lambda: status_of(database, import_id)[0] == "failed")
    page = owner.browser.get(f"/import/{import_id}")
    assert GIVEN_UP in page.words()
    assert rows_in(database, owner)["invoices"] == 0
    start(owner.browser, import_id)
    wait_for(partial(is_done, database, import_id))


def test_it_ends_with_its_parent_and_leaves_no_file(
    app: Flask, owner: Person, database: Database, work: Work, tmp_path: Path
) -> None:
    with in_the_middle(database) as wait:
        worker = work()
        import_id = started(owner)
        wait()
        assert [path.name for path in (tmp_path / jobs.FOLDER).iterdir()] == [str(import_id)]
        assert (tmp_path / jobs.FOLDER / str(import_id)).stat().st_mode & 0o777 == 0o600
    wait_for(partial(is_done, database, import_id))
    assert list((tmp_path / jobs.FOLDER).iterdir()) == []
    assert worker.is_running()


def test_a_defect_is_told_and_the_next_import_has_its_turn(
    app: Flask, cast: Cast, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, good = started(cast.owner), started(cast.stranger)
    with database.as_superuser() as connection:
        connection.execute("UPDATE imports SET sheet = '{}' WHERE id = %s", [broken])
    jobs.work(app)
    assert [status_of(database, one)[0] for one in (broken, good)] == ["failed", "done"]
    page = cast.owner.browser.get("/import")
    assert jobs.UNFORESEEN in page.words()


def test_nothing_of_an_import_is_seen_without_its_business(owner: Person, database: Database) -> None:
    """The worker's scope sees what waits, and no file, no problem and no import that does not wait."""
    waiting, preview = started(owner), id_of(bring(owner.browser, csv_bytes(some_invoices(1))))
    assert files.is_read_at_once(1, 1)
    with owner.app.app_context():
        assert waiting in {one.id for one in jobs.waiting()}
        assert preview not in {one.id for one in jobs.waiting()}
    with database.as_app() as connection:
        connection.execute("SELECT set_config('app.delivering', 'on', true)")
        for table in ("imports", "import_parts", "import_problems"):
            assert connection.execute(f"SELECT * FROM {table}".encode()).fetchall() == []
        assert isinstance(connection, psycopg.Connection)
