"""`make bench SERVERS=1`: the same app under granian and gunicorn, with some counts of processes and threads.

Which server `make run` starts, and with how many threads, was chosen by these figures: docs/benchmarks.md.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import httpx
import psutil

from invoices_app.db.processes import wait_until
from invoices_app.db.roles import app_login
from invoices_app.launcher.environment import PROJECT_ROOT
from tests.bench import load
from tests.bench.world import START_SECONDS, World
from tests.launcher.conftest import free_port
from tests.support import plain_http


@dataclass(frozen=True, slots=True)
class Server:
    """A server, its processes, and the threads of each that run views."""

    name: str
    processes: int
    threads: int

    def command(self, port: int) -> list[str]:
        if self.name == "granian":
            told = ["--interface", "wsgi", "--no-ws", "--host", "127.0.0.1", "--port", str(port)]
            told += ["--workers", str(self.processes), "--blocking-threads", str(self.threads)]
            return ["-m", "granian", *told, "wsgi:app"]
        told = ["--bind", f"127.0.0.1:{port}", "--workers", str(self.processes), "--log-level", "warning"]
        told += ["--worker-class", "gthread", "--threads", str(self.threads), "--keep-alive", "75"]
        return ["-m", "gunicorn", *told, "wsgi:app"]


SERVERS = tuple(
    Server(name, processes, threads)
    for name in ("granian", "gunicorn")
    for processes, threads in ((1, 1), (1, 4), (2, 1), (2, 4), (4, 1))
)


def report(world: World, seconds: float) -> Iterator[str]:
    """A line for each server: pages that are remembered and pages made anew a second, 99th percentile, memory."""
    yield "| server | processes | threads | remembered /s | p99 ms | made anew /s | p99 ms | MB a process |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for server in SERVERS:
        with _running(world, server) as (url, pid):
            page, anew = (
                replace(world.page(world.large, "/invoices", anew=anew), url=f"{url}/invoices")
                for anew in (False, True)
            )
            load.load(anew, 1)  # every process is warm
            remembered, made = load.load(page, seconds), load.load(anew, seconds)
            figures = f"{remembered.rate:,.0f} | {remembered.p99:,.0f} | {made.rate:,.0f} | {made.p99:,.0f}"
            yield f"| {server.name} | {server.processes} | {server.threads} | {figures} | {_memory(pid):.0f} |"


@contextmanager
def _running(world: World, server: Server) -> Iterator[tuple[str, int]]:
    """The app on this server, with the logins of a web worker."""
    port = free_port()
    login = app_login(world.app.postgres.owner_url, world.secret_key).render_as_string(hide_password=False)
    settings = {"APP_DATABASE_URL": login, "SECRET_KEY": world.secret_key, "PORT": str(port)}
    process = subprocess.Popen(
        [sys.executable, *server.command(port)],
        cwd=PROJECT_ROOT,
        env={**world.app.environment(), **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        assert wait_until(lambda: _is_ready(url), START_SECONDS), f"{server} does not start"
        yield url, process.pid
    finally:
        process.terminate()
        try:
            process.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _memory(pid: int) -> float:
    """The most that a process of the server holds, in MB."""
    return max(child.memory_info().rss for child in psutil.Process(pid).children()) / 2**20


def _is_ready(url: str) -> bool:
    try:
        return plain_http.get(f"{url}/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def asked() -> bool:
    return os.environ.get("SERVERS") == "1"
