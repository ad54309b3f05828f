"""A request to stop is never lost, whatever the launcher is doing when it comes."""

from __future__ import annotations

import subprocess
import sys

from invoices_app.launcher.environment import PROJECT_ROOT

# What is raised in a finaliser is dropped by Python, with a word on stderr; so it is where a process forks.
STOPPED_WHILE_FINALISING = """
import os, signal
from invoices_app.launcher.supervisor import StopRequested, stop_on_signals, supervise

class Thing:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

stop_on_signals()
thing = Thing()
del thing
try:
    supervise([])
except StopRequested:
    print("stopped")
"""


def test_a_signal_that_comes_while_something_is_finalised() -> None:
    run = subprocess.run(
        [sys.executable, "-c", STOPPED_WHILE_FINALISING],
        check=False,
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Exception ignored" in run.stderr
    assert run.stdout == "stopped\n"
