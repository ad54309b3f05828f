"""A folder that PostgreSQL's own user can reach, and launchers to start in it."""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from invoices_app.db.processes import wait_until
from invoices_app.launcher.environment import PROJECT_ROOT

PATIENCE_SECONDS = 60.0
SETTINGS_OF_OURS = {
    "APP_DATABASE_URL",
    "APP_ENV",
    "DATABASE_URL",
    "DATA_DIR",
    "HOST",
    "LOG_FORMAT",
    "PORT",
    "SECRET_KEY",
    "SEED",
    "WEB_CONCURRENCY",
}


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A new folder that every user may enter; pytest's own are closed, as is everything in them."""
    folder = Path(tempfile.mkdtemp(prefix="invoices-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@dataclass
class Launcher:
    """A running `python -m invoices_app`, with what it has printed."""

    process: subprocess.Popen[bytes]
    port: int
    out: Path
    err: Path

    @property
    def printed(self) -> str:
        return self.out.read_text()

    @property
    def complaint(self) -> str:
        return self.err.read_text()

    def has_complained(self, words: str) -> bool:
        return words in self.complaint

    def wait_until_up(self) -> None:
        wait_until(lambda: "\n" in self.printed or self.process.poll() is not None, PATIENCE_SECONDS)
        assert self.process.poll() is None, self.complaint

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS)

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def status(self) -> int:
        """Status of /readyz, 0 when nobody answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()

    def is_ready(self) -> bool:
        return self.status() == 200


Launch = Callable[..., Launcher]


@pytest.fixture(scope="module")
def launch(open_folder: Path) -> Iterator[Launch]:
    """Start `python -m invoices_app run` with settings; whatever still runs at the end is stopped."""
    started: list[Launcher] = []

    def start(*arguments: str, **settings: str) -> Launcher:
        environ = {name: value for name, value in os.environ.items() if name not in SETTINGS_OF_OURS}
        port = settings.setdefault("PORT", str(free_port()))
        out, err = (open_folder / f"{len(started)}.{stream}" for stream in ("out", "err"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "invoices_app", *(arguments or ("run",))],
                cwd=PROJECT_ROOT,
                env={**environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
            )
        launcher = Launcher(process, int(port) if port.isdigit() else 0, out, err)
        started.append(launcher)
        return launcher

    yield start
    for launcher in started:
        launcher.end()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def permissions(*folders: Path) -> dict[Path, tuple[int, int, int]]:
    """Mode and owner of each folder and of every folder above it."""
    every = {step for folder in folders for step in (folder, *folder.parents)}
    return {path: (path.stat().st_mode, path.stat().st_uid, path.stat().st_gid) for path in every}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
