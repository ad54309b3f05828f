"""The web server's own process: granian with its workers. Run as `python -m invoices_app.launcher.web_process`."""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from invoices_app.config import WORKER_THREADS, Settings, SettingsError
from invoices_app.db.processes import end_with_parent
from invoices_app.observability.logging import configure_logging, server_logging

GRACE_SECONDS = 10
"""How long a worker may take to answer its last requests."""


def load_app(_target: str) -> Any:
    """The WSGI app, in a worker that ends when the server's main process is killed."""
    end_with_parent(signal.SIGTERM, parent=os.getppid())()
    try:
        app = importlib.import_module("wsgi").app
    except SettingsError as problem:
        sys.exit(str(problem))
    _collect_less()
    return app


def _collect_less() -> None:
    """Spare the garbage collector what lives as long as the worker, and most of its rounds: a tenth of a request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def main() -> None:
    settings = Settings.from_env(os.environ)
    configure_logging(settings)
    Granian(
        "wsgi:app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_concurrency,
        blocking_threads=WORKER_THREADS,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=server_logging(settings),
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=GRACE_SECONDS,
    ).serve(target_loader=load_app)


if __name__ == "__main__":
    main()
