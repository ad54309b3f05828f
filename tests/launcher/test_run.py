"""`python -m invoices_app run` from its first start to Ctrl-C, with the real app."""

from __future__ import annotations

import os
import re
import signal
import socket
from functools import partial
from pathlib import Path

import psutil
import pytest

from invoices_app import __main__
from invoices_app.db.embedded import EmbeddedPostgres
from invoices_app.db.processes import find, wait_until
from tests.launcher.conftest import SETTINGS_OF_OURS, Launch, Launcher, free_port, mode


@pytest.fixture(scope="module")
def running(launch: Launch, open_folder: Path) -> Launcher:
    """One launcher that is up, for the tests that leave it up."""
    launcher = launch(DATA_DIR=str(open_folder / "running"))
    launcher.wait_until_up()
    return launcher


def postmaster(folder: Path) -> psutil.Process:
    return next(iter(find("postgres", f"-D {folder}/postgres")))


def web_main(launcher: Launcher) -> psutil.Process:
    return next(process for process in launcher.family() if "invoices_app.launcher.web_process" in process.cmdline())


def test_says_where_it_is_and_where_its_mail_goes(running: Launcher, open_folder: Path) -> None:
    assert running.printed == (
        f"Invoices is running at http://127.0.0.1:{running.port}  (Ctrl-C stops it)\n"
        f"No SMTP_URL is set, so mail is kept in {open_folder / 'running' / 'outbox'}\n"
    )
    assert running.is_ready()
    assert mode(open_folder / "running" / "secret_key") == 0o600
    assert re.fullmatch(r"[0-9a-f]{64}\n", (open_folder / "running" / "secret_key").read_text())


def test_workers_never_learn_the_owners_login(running: Launcher) -> None:
    workers = [process for process in running.family() if process.name() != "postgres"]
    assert len(workers) >= 2
    for worker in workers:
        environ = worker.environ()
        assert "DATABASE_URL" not in environ
        assert environ["APP_DATABASE_URL"].startswith("postgresql+psycopg://invoices_app:")
    server = next(process for process in running.family() if process.name() == "postgres")
    assert "SECRET_KEY" not in server.environ()


def test_second_launcher_on_one_folder_says_so(running: Launcher, launch: Launch, open_folder: Path) -> None:
    second = launch(DATA_DIR=str(open_folder / "running"))
    assert second.process.wait(20) == 1
    assert second.printed == ""
    assert f"already running on DATA_DIR {open_folder / 'running'}" in second.complaint
    assert f"(process {running.process.pid})" in second.complaint
    assert running.is_ready()


def test_flask_command_uses_the_running_server(running: Launcher, launch: Launch, open_folder: Path) -> None:
    command = launch("flask", "db", "current", DATA_DIR=str(open_folder / "running"))
    assert command.process.wait(30) == 0, command.complaint
    assert "(head)" in command.printed
    assert running.is_ready()


def import_worker(launcher: Launcher) -> psutil.Process:
    return next(process for process in launcher.family() if "invoices_app.launcher.import_process" in process.cmdline())


def test_what_is_killed_comes_back(running: Launcher, open_folder: Path) -> None:
    for victim, name in (
        (postmaster(open_folder / "running"), "PostgreSQL"),
        (web_main(running), "The web server"),
        (import_worker(running), "The import worker"),
    ):
        said = f"{name} has ended"
        victim.kill()
        assert wait_until(partial(running.has_complained, said), 10)
        assert wait_until(running.is_ready, 20), running.complaint
    assert import_worker(running).is_running()
    assert running.process.poll() is None


def test_sigterm_leaves_no_process_behind(launch: Launch, open_folder: Path) -> None:
    """The other tests end their launchers with SIGINT, as Ctrl-C does."""
    launcher = launch(DATA_DIR=str(open_folder / "stopped"))
    launcher.wait_until_up()
    family = launcher.family()
    assert launcher.end(signal.SIGTERM) == 0
    assert not any(is_up(process) for process in family)
    assert launcher.complaint == ""


def test_sigkill_of_everything_or_of_the_launcher_then_run_again(launch: Launch, open_folder: Path) -> None:
    first = launch(DATA_DIR=str(open_folder / "stopped"))
    first.wait_until_up()
    family = first.family()
    first.process.kill()
    for process in family:
        process.kill()
    first.process.wait(5)
    second = launch(DATA_DIR=str(open_folder / "stopped"), PORT=str(first.port))
    second.wait_until_up()
    assert second.is_ready()
    family = second.family()
    second.process.kill()
    assert wait_until(lambda: not any(is_up(process) for process in family), 15)


def is_up(process: psutil.Process) -> bool:
    """A zombie whose new parent has not looked yet is down."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_given_server_is_used_and_nothing_embedded(launch: Launch, open_folder: Path) -> None:
    with EmbeddedPostgres(open_folder / "given", durable=False) as given:
        owner = given.owner_url.set(drivername="postgres").render_as_string(hide_password=False)
        launcher = launch(DATA_DIR=str(open_folder / "stateless"), DATABASE_URL=owner)
        launcher.wait_until_up()
        assert not (open_folder / "stateless" / "postgres").exists()
        given.stop()
        assert wait_until(lambda: launcher.status() == 503, 10)
        given.start()
        assert wait_until(launcher.is_ready, 20)
        assert launcher.end() == 0


def test_taken_port_is_named(launch: Launch, open_folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        launcher = launch(DATA_DIR=str(open_folder / "unused"), PORT=str(port))
        assert launcher.process.wait(20) == 1
    assert re.fullmatch(rf"Port {port} on 127\.0\.0\.1 cannot be used \(.+\); choose another, .+\n", launcher.complaint)
    assert not (open_folder / "unused" / "postgres").exists()


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"PORT": "eighty"}, "PORT"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"DATABASE_URL": "mysql://db/books"}, "DATABASE_URL"),
        ({"APP_DATABASE_URL": "postgresql://app@db/books"}, "APP_DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://owner:hush@127.0.0.1:1/books"}, "refused"),
        ({"SEED": "maybe"}, "SEED"),
        ({"HOST": "no.such.host.invalid"}, "HOST"),
        ({"DATA_DIR": "/proc/nowhere"}, "DATA_DIR"),
    ],
)
def test_bad_setting_is_one_sentence(
    open_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, str],
    named: str,
) -> None:
    for name in SETTINGS_OF_OURS:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"DATA_DIR": str(open_folder / "bad"), "PORT": str(free_port()), **settings}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(__main__, "stop_on_signals", lambda: None)
    assert __main__.main(["run"]) == 1
    printed, complaint = capsys.readouterr()
    assert printed == ""
    assert named in complaint
    assert complaint.count("\n") == 1
    assert "hush" not in complaint


def test_closed_folder_is_one_sentence_for_root(launch: Launch, open_folder: Path) -> None:
    """Root cannot run PostgreSQL below a closed folder; anybody else can, below a folder of their own."""
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    launcher = launch(DATA_DIR=str(closed / "var"))
    if os.geteuid() == 0:
        assert launcher.process.wait(20) == 1
        assert f"cannot enter the folder {closed};" in launcher.complaint
        assert launcher.complaint.count("\n") == 1
    else:
        launcher.wait_until_up()
        assert launcher.end() == 0
    assert mode(closed) == 0o700
