"""Keeping services up until somebody asks to stop."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import NoReturn, Protocol

import structlog

from invoices_app.db.data_dir import StartupError

log = structlog.get_logger("launcher")

LOOK_SECONDS = 0.2
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
CALM_SECONDS = 60.0
"""A service that has run this long is healthy again: its next fall is its first."""


class Service(Protocol):
    """Something that runs in processes of its own; `stop` also clears what a killed one left behind."""

    name: str

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def is_alive(self) -> bool: ...


class StopRequested(BaseException):
    """Somebody asked us to stop: Ctrl-C, a SIGTERM, a closed terminal. No `except Exception` shall swallow it."""


@dataclass
class _Stop:
    is_requested: bool = False


_stop = _Stop()


def stop_on_signals() -> None:
    """From now on the first SIGINT, SIGTERM or SIGHUP raises StopRequested; later ones wait for the clean-up.

    Python drops what is raised while an object is finalised or a process forks, so `supervise` asks once more.
    """
    _stop.is_requested = False

    def request_stop(_number: int, _frame: FrameType | None) -> None:
        if not _stop.is_requested:
            _stop.is_requested = True
            raise StopRequested

    signal.signal(signal.SIGINT, request_stop)
    signal.signal(signal.SIGTERM, request_stop)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup asked to outlive the terminal
        signal.signal(signal.SIGHUP, request_stop)


def supervise(services: Sequence[Service]) -> NoReturn:
    """Restart what ends, for ever; StopRequested is the way out."""
    watches = [Watch(service) for service in services]
    while not _stop.is_requested:
        for watch in watches:
            watch.look(time.monotonic())
        time.sleep(LOOK_SECONDS)
    raise StopRequested


@dataclass
class Watch:
    """One service under watch: it is restarted at once, and ever more slowly when it keeps falling."""

    service: Service
    falls: int = 0
    started_at: float = field(default_factory=time.monotonic)
    next_try_at: float = 0.0

    def look(self, now: float) -> None:
        """Restart the service when it has ended and its delay is over; `now` is in seconds."""
        if self.service.is_alive():
            if now - self.started_at > CALM_SECONDS:
                self.falls, self.next_try_at = 0, 0.0
            return
        if now < self.next_try_at:
            return
        log.warning(f"{self.service.name} has ended; starting it again.")
        self.next_try_at = now + min(FIRST_DELAY_SECONDS * 2**self.falls, LONGEST_DELAY_SECONDS)
        self.falls += 1
        self.started_at = now
        try:
            self.service.stop()
            self.service.start()
        except (StartupError, OSError) as error:
            log.error(str(error))  # noqa: TRY400  (it is a sentence for people)
