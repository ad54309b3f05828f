"""Backup and restore: rehearsed under load, and refused with a sentence wherever the file or the database is wrong."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from invoices_app import __main__
from invoices_app.db.processes import wait_until
from invoices_app.launcher.backup_file import DUMP, MANIFEST
from invoices_app.launcher.environment import PROJECT_ROOT
from tests.launcher.conftest import SETTINGS_OF_OURS, Launch, mode
from tests.support import live
from tests.support.databases import SECRET_KEY, Database, ServerUrls, connect
from tests.support.web_client import WebClient


def written(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@dataclass
class Command:
    """Runs `python -m invoices_app` in this process, with settings."""

    patch: pytest.MonkeyPatch
    capture: pytest.CaptureFixture[str]
    data_dir: Path

    def __call__(self, *arguments: object, **settings: str) -> tuple[int, str, str]:
        """The exit code, and what was written to stdout and stderr."""
        for name in (*SETTINGS_OF_OURS, "BACKUP_DATABASE_URL"):
            self.patch.delenv(name, raising=False)
        for name, value in {"DATA_DIR": str(self.data_dir), "SECRET_KEY": SECRET_KEY, **settings}.items():
            self.patch.setenv(name, value)
        self.patch.setattr(__main__, "stop_on_signals", lambda: None)
        code = __main__.main(list(map(str, arguments)))
        return (code, *self.capture.readouterr())

    def refused(self, *arguments: object, **settings: str) -> str:
        """The one sentence of a refusal."""
        code, printed, complaint = self(*arguments, **settings)
        assert (code, printed, complaint.count("\n")) == (1, "", 1), (printed, complaint)
        return complaint


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return Command(monkeypatch, capsys, tmp_path / "data")


@pytest.fixture(scope="module")
def source(server: ServerUrls) -> Iterator[Database]:
    """A database on a server of one's own."""
    made = server.make_database("backup_source")
    yield made
    server.drop_database(made)


@pytest.fixture
def logins(source: Database) -> dict[str, str]:
    """The settings of a backup: the owner, and a login that sees the rows of every business."""
    return {"DATABASE_URL": written(source.owner_url), "BACKUP_DATABASE_URL": written(source.superuser_url)}


@pytest.fixture(scope="module")
def good_backup(source: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup that is as it should be."""
    folder = tmp_path_factory.mktemp("backup")
    with pytest.MonkeyPatch.context() as patch:
        for name in SETTINGS_OF_OURS:
            patch.delenv(name, raising=False)
        patch.setenv("DATA_DIR", str(folder / "data"))
        patch.setenv("BACKUP_DATABASE_URL", written(source.superuser_url))
        patch.setattr(__main__, "stop_on_signals", lambda: None)
        assert __main__.main(["backup", str(folder / "good")]) == 0
    return folder / "good"


# ---- The rehearsal ----


@dataclass
class Writer:
    """Someone who issues one invoice after the other; `issued` holds those whose answer has come."""

    client: WebClient
    client_id: str
    issued: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def work(self) -> None:
        while not self.is_over.is_set():
            invoice_id = self.client.add_invoice(self.client_id, len(self.issued) + 1)
            self.client.issue(invoice_id)
            self.issued.append(invoice_id)

    def has_issued(self, count: int) -> bool:
        return len(self.issued) >= count

    @contextmanager
    def working(self) -> Iterator[None]:
        thread = threading.Thread(target=self.work)
        thread.start()
        try:
            yield
        finally:
            self.is_over.set()
            thread.join(30)


def rows_of(client: WebClient, ids: set[str]) -> list[bytes]:
    """The rows of the export, as they are, that belong to these invoices."""
    rows = client.get("/invoices.csv").content.splitlines(keepends=True)
    return [row for row in rows if row[:36].decode("utf-8", "replace") in ids]


def test_a_backup_under_load_comes_back_and_goes_on(
    source: Database, launch: Launch, open_folder: Path, logins: dict[str, str], command: Command
) -> None:
    """From a given server, while somebody writes, into an embedded one; and from there, while it runs, once more."""
    file, data_dir = open_folder / "invoices.backup", str(open_folder / "restored")
    with live.running(source) as app, WebClient(app.base_url) as client:
        email = client.register("Rehearsal Ltd")
        writer = Writer(client, client.add_client("A Client"))
        with writer.working():
            assert wait_until(partial(writer.has_issued, 10), 20)
            acknowledged = set(writer.issued)
            code, printed, complaint = command("flask", "backup", file, **logins)
            assert code == 0, complaint
            count = len(writer.issued)
            assert wait_until(partial(writer.has_issued, count + 2), 10), "nobody waits for a backup"
        before = rows_of(client, acknowledged)
    assert len(before) == len(acknowledged)
    assert mode(file) == 0o600
    assert str(file) in printed

    restored = launch("restore", str(file), DATA_DIR=data_dir)
    assert restored.process.wait(60) == 0, restored.complaint
    assert "0 broken" in restored.printed
    again = launch(DATA_DIR=data_dir, RATELIMIT_ENABLED="0")
    again.wait_until_up()
    with WebClient(f"http://127.0.0.1:{again.port}") as client:
        client.sign_in(email)
        assert rows_of(client, acknowledged) == before
        client.issue(client.add_invoice(client.add_client("Another")))
        rows = client.get("/invoices.csv").text.splitlines()[1:]
    numbers = sorted(int(row.split(",")[1].rsplit("-", 1)[1]) for row in rows if ",draft," not in row)
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > len(acknowledged)

    code, _, complaint = command("backup", open_folder / "second", DATA_DIR=data_dir)
    assert code == 0, complaint
    first, second = (json.loads(zipfile.ZipFile(path).read(MANIFEST)) for path in (file, open_folder / "second"))
    assert second["facts"]["rows"]["invoices"] >= first["facts"]["rows"]["invoices"] + 1
    assert "stop it first" in command.refused("restore", file, DATA_DIR=data_dir)


# ---- Into a server of one's own ----


@pytest.fixture
def other_owner(server: ServerUrls) -> Iterator[Database]:
    """An empty database that belongs to somebody else."""
    empty = server.make_database("backup_target", empty=True)
    owner = empty.owner_url.set(username="someone", password="else")
    with connect(server.superuser, autocommit=True) as superuser:
        superuser.execute("CREATE ROLE someone LOGIN CREATEROLE PASSWORD 'else'")
        superuser.execute("ALTER DATABASE backup_target OWNER TO someone")
    yield Database(owner, empty.superuser_url)
    with connect(server.superuser, autocommit=True) as superuser:
        superuser.execute("DROP DATABASE backup_target WITH (FORCE)")
        superuser.execute("DROP ROLE backup_target_app, someone")


@pytest.fixture
def old_backup(server: ServerUrls, tmp_path: Path, command: Command) -> Iterator[Path]:
    """A backup of an earlier schema."""
    old = server.make_database("backup_old", empty=True)
    old.migrate("0011")
    code, _, complaint = command("backup", tmp_path / "old", BACKUP_DATABASE_URL=written(old.superuser_url))
    assert code == 0, complaint
    yield tmp_path / "old"
    server.drop_database(old)


def test_an_older_schema_into_an_empty_database_of_another_owner(
    other_owner: Database, source: Database, old_backup: Path, command: Command
) -> None:
    """It comes out as if it had been made there by this version; and never into a database that holds anything."""
    settings = {"DATABASE_URL": written(other_owner.owner_url)}
    code, _, complaint = command("restore", old_backup, **settings)
    assert code == 0, complaint
    migration = "SELECT version_num FROM alembic_version"
    forced = "SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class WHERE relkind = 'r' ORDER BY 1"
    policies = "SELECT tablename, policyname, qual, with_check FROM pg_policies ORDER BY 1, 2"
    grants = """SELECT table_name, privilege_type FROM information_schema.role_table_grants
        WHERE grantee = current_database() || '_app' ORDER BY 1, 2"""
    for query in (migration, forced, policies, grants):
        assert other_owner.ask(query) == source.ask(query)
    assert other_owner.value("SELECT count(*) FROM pg_policies WHERE 'invoices_owner' = ANY (roles)") == 0
    with other_owner.as_owner() as bound:
        assert bound.execute("SELECT count(*) FROM businesses").fetchone() == (0,)
    assert "is not empty" in command.refused("restore", old_backup, **settings)


def test_rows_that_do_not_come_out_are_missed(
    server: ServerUrls, good_backup: Path, tmp_path: Path, command: Command
) -> None:
    def claim_more(manifest: dict[str, Any]) -> None:
        manifest["facts"]["rows"]["invoices"] += 1

    empty = server.make_database("backup_short", empty=True)
    file = rewritten(good_backup, tmp_path / "short", claim_more)
    assert "do not hold what" in command.refused("restore", file, DATABASE_URL=written(empty.owner_url))
    server.drop_database(empty)


def test_an_owner_that_sees_no_rows_makes_no_empty_backup(source: Database, tmp_path: Path, command: Command) -> None:
    told = command.refused("backup", tmp_path / "blind", DATABASE_URL=written(source.owner_url))
    assert "BACKUP_DATABASE_URL" in told
    assert not (tmp_path / "blind").exists()


def test_nothing_to_back_up(server: ServerUrls, tmp_path: Path, command: Command) -> None:
    empty = server.make_database("backup_nothing", empty=True)
    told = command.refused("backup", tmp_path / "x", BACKUP_DATABASE_URL=written(empty.superuser_url))
    assert "nothing in this database yet" in told
    server.drop_database(empty)


# ---- Files that are not as they should be ----


def rewritten(good: Path, path: Path, change: Any) -> Path:
    """A backup with another manifest."""
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(path, "w") as copy:
        copy.writestr(DUMP, archive.read(DUMP))
        manifest = json.loads(archive.read(MANIFEST))
        change(manifest)
        copy.writestr(MANIFEST, json.dumps(manifest))
    return path


def test_files_that_are_no_whole_backup(good_backup: Path, tmp_path: Path, command: Command) -> None:
    """Each is refused before anything is started or written."""
    content = good_backup.read_bytes()
    middle = len(content) // 2
    for name, found, told in (
        ("missing", None, "There is no file"),
        ("empty", b"", "is not a backup"),
        ("text", b"Dear backup", "is not a backup"),
        ("truncated", content[:middle], "is not complete"),
        ("altered", content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :], "its checksum is wrong"),
    ):
        path = tmp_path / name
        if found is not None:
            path.write_bytes(found)
        complaint = command.refused("restore", path)
        assert str(path) in complaint
        assert told in complaint
    assert "cannot be read" in command.refused("restore", tmp_path)
    assert not (tmp_path / "data" / "postgres").exists()


def test_manifests_that_do_not_fit(good_backup: Path, tmp_path: Path, command: Command) -> None:
    changes: dict[str, tuple[dict[str, Any], str]] = {
        "swapped": ({"dump_sha256": "0" * 64}, "its checksum is wrong"),
        "newer": ({"format": 2, "more": 1}, "newer version"),
        "foreign": ({"facts": {}}, "is not a backup"),
    }
    for name, (values, told) in changes.items():
        assert told in command.refused(
            "restore", rewritten(good_backup, tmp_path / name, lambda m, v=values: m.update(v))
        )
    future = rewritten(good_backup, tmp_path / "future", lambda manifest: manifest["facts"].update(migration="9999"))
    assert "migration 9999, which this version does not know" in command.refused("restore", future)
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("letter.txt", "Dear backup")
    assert "is not a backup" in command.refused("restore", other)


def test_a_backup_that_cannot_be_written_leaves_nothing(
    source: Database, tmp_path: Path, command: Command, logins: dict[str, str]
) -> None:
    """The limit of a file's size stands for a full disk: the write fails in the midst of it."""
    before = tmp_path / "kept" / "last"
    before.parent.mkdir()
    before.write_text("the backup of yesterday")
    done = subprocess.run(
        [sys.executable, "-B", "-m", "invoices_app", "backup", before],  # its bytecode would be cut off as well
        cwd=PROJECT_ROOT,
        env={"PATH": "/usr/bin", "DATA_DIR": str(tmp_path / "data"), "SECRET_KEY": SECRET_KEY, **logins},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"The backup {before} cannot be written: " in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in before.parent.iterdir()] == ["last"]
    assert before.read_text() == "the backup of yesterday"
    told = command.refused("backup", tmp_path / "nowhere" / "file", **logins)
    assert "No such file or directory" in told
    shutil.rmtree(before.parent)
