"""A real web server, the one of `make run`, on a database of its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from invoices_app.launcher.environment import Logins, app_environment
from invoices_app.launcher.web_server import WebServer
from tests.support.databases import Database


@dataclass(frozen=True)
class LiveServer:
    base_url: str
    database: Database


@contextmanager
def running(database: Database, **environment: str) -> Iterator[LiveServer]:
    """Serve the app on a free port until the block ends, without rate limits unless `environment` says otherwise."""
    settings = replace(database.settings, port=free_port())
    logins = Logins(database.owner_url, database.app_url, generated=True)
    environ = app_environment(settings, logins)
    environ |= {"RATELIMIT_ENABLED": "0", "LOG_LEVEL": "WARNING", "APP_ENV": "test", **environment}
    server = WebServer(settings, environ)
    server.start()
    try:
        server.wait_ready()
        yield LiveServer(server.address, database)
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
