"""The whole program as it runs in production, with a Sentry of our own that takes its envelopes."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest

from invoices_app.db.processes import wait_until
from invoices_app.launcher.environment import PROJECT_ROOT
from tests.journeys.pages import Page, Visitor
from tests.support import plain_http
from tests.support.databases import SECRET_KEY, Database, ServerUrls
from tests.support.live import free_port
from tests.support.redis_server import RedisServer

PATIENCE_SECONDS = 30.0
RELEASE = "invoices-app@of-a-test"


class Sentry:
    """Takes envelopes as Sentry does and keeps what is in them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.raw = b""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.dsn = f"http://public@127.0.0.1:{self._server.server_port}/1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def event(self, event_id: str) -> dict[str, Any]:
        """The event with this id, as soon as it is here."""
        assert wait_until(lambda: any(found["event_id"] == event_id for found in self.events), 10), event_id
        return next(found for found in self.events if found["event_id"] == event_id)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        sentry = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                unpack = {"gzip": gzip.decompress, "br": brotli.decompress}
                body = unpack.get(self.headers.get("Content-Encoding", ""), bytes)(body)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")
                sentry.raw += body
                lines = body.splitlines()
                for header, payload in zip(lines[1::2], lines[2::2], strict=False):
                    if json.loads(header)["type"] in {"event", "transaction"}:
                        sentry.events.append(json.loads(payload))

            def log_message(self, *_values: Any) -> None:
                """Nobody reads it."""

        return Handler


@dataclass
class Program:
    """A running `python -m invoices_app run` with its log."""

    process: subprocess.Popen[bytes]
    base_url: str
    metrics_url: str
    log: Path
    database: Database
    sentry: Sentry

    @property
    def text(self) -> str:
        return self.log.read_text()

    def is_ready(self) -> bool:
        try:
            return plain_http.get(f"{self.base_url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def lines(self, **wanted: Any) -> list[dict[str, Any]]:
        """The log's lines that hold all of `wanted`; every line must be JSON."""
        found = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in found if wanted.items() <= line.items()]

    def line(self, **wanted: Any) -> dict[str, Any]:
        """The one line that holds all of `wanted`, as soon as it is there."""
        assert wait_until(lambda: bool(self.lines(**wanted)), 10), f"no line with {wanted}"
        (found,) = self.lines(**wanted)
        return found

    def request_of(self, page: Page) -> dict[str, Any]:
        """The line of the request that a page came from."""
        return self.line(event="request", request_id=page.response.headers["X-Request-ID"])

    def metrics(self) -> dict[str, float]:
        """Every sample by its name and labels as Prometheus reads them."""
        samples = (
            line.rpartition(" ") for line in plain_http.get(self.metrics_url).text.splitlines() if line[0] != "#"
        )
        return {name: float(value) for name, _, value in samples}


@pytest.fixture(scope="package")
def sentry() -> Iterator[Sentry]:
    server = Sentry()
    yield server
    server.close()


@pytest.fixture(scope="package")
def program(server: ServerUrls, worker: str, sentry: Sentry, redis_server: RedisServer) -> Iterator[Program]:
    """Two workers, JSON at its most talkative, metrics, Sentry: nothing of it may tell a secret."""
    database = server.make_database(f"program_{worker}")
    folder = Path(tempfile.mkdtemp(prefix="invoices-program-", dir="/tmp"))
    settings = {
        "DATABASE_URL": database.owner_url.render_as_string(hide_password=False).replace("+psycopg", ""),
        "SECRET_KEY": SECRET_KEY,
        "DATA_DIR": str(folder),
        "PORT": str(free_port()),
        "METRICS_PORT": str(free_port()),
        "WEB_CONCURRENCY": "2",
        "RATELIMIT_STORAGE_URI": redis_server.uri,
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "DEBUG",
        "SLOW_QUERY_MS": "200",
        "SENTRY_DSN": sentry.dsn,
        "SENTRY_TRACES_SAMPLE_RATE": "1",
        "RELEASE": RELEASE,
        "APP_ENV": "test",
    }
    log = folder / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "invoices_app", "run"],
            cwd=PROJECT_ROOT,
            env={**os.environ, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
    assert process.stdout is not None
    first = process.stdout.readline().decode()
    assert "is running at" in first, log.read_text()
    base_url, metrics_url = (f"http://127.0.0.1:{settings[name]}" for name in ("PORT", "METRICS_PORT"))
    running = Program(process, base_url, metrics_url, log, database, sentry)
    yield running
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0
    assert running.lines(), "to its end the log is JSON line by line"
    process.stdout.close()
    server.drop_database(database)
    shutil.rmtree(folder)


@pytest.fixture
def visitor_of_program(program: Program) -> Iterator[Visitor]:
    """Someone with a new business."""
    with Visitor(program.base_url) as visitor:
        visitor.register("Seen & Heard Ltd")
        yield visitor
