"""Clears what has ended: sessions, links, unused invitations and imports. A thread of each web worker does it.

It goes by small batches, each a transaction of its own that waits for nobody; workers that meet skip each other's rows.
"""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass
from typing import cast

import structlog
from flask import Flask
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from invoices_app.extensions import db

BATCH = 500
"""Rows of each kind at a time."""

FIRST_SECONDS = 60.0
SWEEP_SECONDS = 3600.0
EXTENSION = "housekeeper"

_CLEAR = text("SELECT * FROM clear_expired(:most)")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many rows went away."""

    sessions: int = 0
    tokens: int = 0
    invitations: int = 0
    imports: int = 0

    def __add__(self, other: Cleared) -> Cleared:
        mine, more = asdict(self), asdict(other)
        return Cleared(**{name: mine[name] + more[name] for name in mine})

    @property
    def most(self) -> int:
        return max(self.sessions, self.tokens, self.invitations, self.imports)


class Housekeeper:
    """Clears when asked; `start` makes it do so by itself every hour, from a thread that ends with the process."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
            self._thread.start()

    def clear(self, batch: int = BATCH) -> Cleared:
        """Clear all that has ended by now; answers how much that was."""
        with self._app.app_context():
            engine, total = db.engine, Cleared()
            while True:
                cleared = _clear(engine, batch)
                total += cleared
                if cleared.most < batch and not cleared.imports:
                    break
        if total.most:
            log.info("expired rows cleared", **asdict(total))
        return total

    def _run(self) -> None:
        wait = FIRST_SECONDS
        while True:
            time.sleep(wait)
            wait = SWEEP_SECONDS
            try:
                self.clear()
            except SQLAlchemyError as error:  # the database is away: what has ended is worth nothing meanwhile
                log.warning("expired rows wait for the database", reason=type(error).__name__)
            except Exception:  # the thread must outlive what nobody foresaw, and says what it was
                log.exception("housekeeping failed")


def _clear(engine: Engine, batch: int) -> Cleared:
    with engine.begin() as connection:
        return Cleared(*connection.execute(_CLEAR, {"most": batch}).one())


def init_housekeeping(app: Flask) -> None:
    app.extensions[EXTENSION] = Housekeeper(app)


def housekeeper_of(app: Flask) -> Housekeeper:
    return cast("Housekeeper", app.extensions[EXTENSION])
