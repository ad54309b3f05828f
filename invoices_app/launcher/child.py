"""A program of ours in a process of its own, which a launcher starts, watches and stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

from invoices_app.db.processes import end_with_parent
from invoices_app.launcher.environment import PROJECT_ROOT

STOP_SECONDS = 15.0


class Child:
    """A module that runs in a process group of its own, so that Ctrl-C reaches it only through us."""

    name = "A child"
    module = ""

    def __init__(self, environ: dict[str, str]) -> None:
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it. It ends with this process, however that ends."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", self.module],
            cwd=PROJECT_ROOT,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509  (it only calls the kernel)
        )

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ask it to end, then end all that is left of it. Twice is fine."""
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
