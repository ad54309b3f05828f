"""The app as `make run` starts it, and ways to kill parts of it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from invoices_app.db.embedded import EmbeddedPostgres
from invoices_app.db.processes import wait_until
from invoices_app.launcher.environment import PROJECT_ROOT
from tests.launcher.conftest import SETTINGS_OF_OURS, free_port
from tests.support import plain_http

PATIENCE_SECONDS = 120.0
CALM_ANSWERS = 10
"""So many good answers in a row mean that the app is up again."""

LOOK_SECONDS = 0.03
SETTLE_SECONDS = 0.3
"""How long it may take until a kill can be felt."""

EXPECTED = (
    "database unavailable",
    "has ended; starting it again",
    "Unexpected exit from worker",
    "Worker crash loop detected",
    "is running at",
)

VICTIMS = {"worker": 8, "postmaster": 4, "database session": 3, "web server": 2, "import worker": 1, "app": 3}
"""What is killed, and how often beside the others."""


@dataclass
class App:
    """`python -m invoices_app run` on a data folder, with a PostgreSQL of its own."""

    data_dir: Path
    workers: int
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def postgres(self) -> EmbeddedPostgres:
        """For its logins only: it is the app that starts it."""
        return EmbeddedPostgres(self.data_dir)

    @property
    def log(self) -> Path:
        return self.data_dir / "drill.log"

    def complaints(self) -> list[str]:
        """What the app logged, but for that its database was away, which is what the drill does to it."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if line.strip() and not any(word in line for word in EXPECTED)]

    def start(self) -> None:
        self.data_dir.mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "invoices_app", "run"],
                cwd=PROJECT_ROOT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def environment(self) -> dict[str, str]:
        environ = {name: value for name, value in os.environ.items() if name not in SETTINGS_OF_OURS}
        settings = {"DATA_DIR": self.data_dir, "PORT": self.port, "WEB_CONCURRENCY": self.workers}
        return environ | {name: str(value) for name, value in settings.items()} | {
            "RATELIMIT_ENABLED": "0",
            "LOG_LEVEL": "ERROR",
            "LOG_FORMAT": "json",
        }  # fmt: skip

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_SECONDS)
            self._process = None

    def is_ready(self) -> bool:
        try:
            return plain_http.get(f"{self.base_url}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def wait_until_up(self) -> None:
        assert wait_until(self.is_ready, PATIENCE_SECONDS), (
            f"the app does not come back: {self.log.read_text()[-2000:]}"
        )

    def kill(self, what: str, dice: random.Random) -> float:
        """Kill -9 a victim, and wait until the app is up again; answers for how many seconds it could not be used."""
        victims = self._victims(what)
        if what != "app":
            victims = [dice.choice(victims)] if victims else []
        elif dice.random() < 0.5:
            victims = victims[:1]  # the launcher alone: what it started must not outlive it
        killed_at = time.monotonic()
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        if what == "app" and self._process is not None:
            self._process.wait(PATIENCE_SECONDS)
            self.start()
        return self._downtime(killed_at)

    def _downtime(self, since: float) -> float:
        bad_until, good = since, 0
        while good < CALM_ANSWERS or time.monotonic() < since + SETTLE_SECONDS:
            assert time.monotonic() < since + PATIENCE_SECONDS, f"not back: {self.log.read_text()[-2000:]}"
            if self.is_ready():
                good += 1
            else:
                bad_until, good = time.monotonic(), 0
            time.sleep(LOOK_SECONDS)
        return bad_until - since

    def _victims(self, what: str) -> list[psutil.Process]:
        """The processes of a kind; the whole app begins with its launcher."""
        assert self._process is not None
        launcher = psutil.Process(self._process.pid)
        children = launcher.children()
        web = [child for child in children if "web_process" in _title(child)]
        imports = [child for child in children if "import_process" in _title(child)]
        postmaster = [child for child in children if child.name() == "postgres"]
        match what:
            case "worker":
                return [worker for main in web for worker in main.children()]
            case "postmaster":
                return postmaster
            case "database session":
                sessions = [session for main in postmaster for session in main.children()]
                return [session for session in sessions if "invoices_app" in _title(session)]
            case "web server":
                return web
            case "import worker":
                return imports
            case _:
                return [launcher, *launcher.children(recursive=True)]


def _title(process: psutil.Process) -> str:
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""
