"""Child processes that end with their parent, and finding those that outlived it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable

import psutil

_PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None

POLL_SECONDS = 0.05


def end_with_parent(number: signal.Signals, parent: int | None = None) -> Callable[[], None]:
    """A `preexec_fn`: the child gets signal `number` when this process, or `parent`, dies, by SIGKILL too.

    Only Linux can do it. It is safe between fork and exec, for it only calls what was looked up before.
    """
    expected = parent or os.getpid()

    def ask_kernel() -> None:
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, int(number))
            if os.getppid() != expected:
                os.kill(os.getpid(), number)

    return ask_kernel


def find(name: str, word: str) -> list[psutil.Process]:
    """The running processes called `name` whose command line, or title, holds `word`."""
    return [process for process in psutil.process_iter() if _is_match(process, name, word)]


def _is_match(process: psutil.Process, name: str, word: str) -> bool:
    try:
        return process.name() == name and word in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def send(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal; a process that has just ended is fine."""
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll until `condition` holds; False when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
