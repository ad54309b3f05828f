"""What is measured: a million invoices, our app as it ships, and the floor beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from invoices_app import create_app
from invoices_app.config import Settings
from invoices_app.dashboard.demo import demo_password
from invoices_app.db.processes import wait_until
from invoices_app.launcher.environment import PROJECT_ROOT
from tests.bench.load import Target
from tests.drill.running import App
from tests.launcher.conftest import free_port
from tests.support import plain_http
from tests.support.databases import connect
from tests.support.web_client import WebClient

START_SECONDS = 30.0
COOKIE = "invoices_session"


@dataclass(frozen=True, slots=True)
class Size:
    """How much data: `shared` invoices over `businesses`, the first with a tenth, and `alone` in one more."""

    name: str
    shared: int
    businesses: int
    alone: int


FULL = Size("bench", 1_000_000, 200, 1_000_000)
QUICK = Size("bench-quick", 100_000, 20, 100_000)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A business: its owner's email, its id, how many invoices it has, and an issued one of five lines."""

    email: str
    business_id: str
    invoices: int
    invoice_id: str


class BenchedApp(App):
    """Our app as it ships; only the limits are off, since no person asks a thousand times a second."""

    def environment(self) -> dict[str, str]:
        as_shipped = str(Path(__file__).with_name("as_shipped"))
        ours = {"LOG_LEVEL": "INFO", "WEB_CONCURRENCY": str(self.workers), "PYTHONPATH": as_shipped}
        return {**super().environment(), **ours}

    @property
    def pid(self) -> int:
        """The launcher's."""
        assert self._process is not None
        return self._process.pid

    def workers_memory(self) -> list[int]:
        """Resident bytes of each web worker."""
        assert self._process is not None
        children = psutil.Process(self._process.pid).children()
        web = next(child for child in children if "web_process" in " ".join(child.cmdline()))
        return [worker.memory_info().rss for worker in web.children()]


@dataclass
class World:
    """All that a case asks."""

    size: Size
    app: BenchedApp
    floor_url: str
    workers: int

    @cached_property
    def password(self) -> str:
        settings = Settings(secret_key=self.secret_key, database_url=self.app.postgres.owner_url)
        with create_app(settings).app_context():
            return demo_password()

    @property
    def secret_key(self) -> str:
        return (self.app.data_dir / "secret_key").read_text().strip()

    @cached_property
    def large(self) -> Tenant:
        """The largest of many businesses."""
        return self._tenant("bulk-1@example.com")

    @cached_property
    def alone(self) -> Tenant:
        """The business that holds as many as all the others together."""
        return self._tenant(f"bulk-{self.size.businesses + 1}@example.com")

    def client(self, tenant: Tenant) -> WebClient:
        """Somebody of this business, signed in through the form."""
        client = WebClient(self.app.base_url, password=self.password)
        client.sign_in(tenant.email)
        return client

    def page(self, tenant: Tenant, path: str, *, anew: bool = False) -> Target:
        """A page of ours, with the session of somebody who has signed in."""
        return Target(self.app.base_url + path, {"Cookie": self._cookies(tenant)}, anew)

    def floor_list(self, tenant: Tenant, bytes_of: str) -> Target:
        """The floor's list, as long as our page at `bytes_of`."""
        return self._floor(f"/list/{tenant.business_id}", len(self._body(tenant, bytes_of)))

    def floor_invoice(self, tenant: Tenant) -> Target:
        path = f"/invoice/{tenant.business_id}/{tenant.invoice_id}"
        return self._floor(path, len(self._body(tenant, f"/invoices/{tenant.invoice_id}")))

    def database(self) -> psycopg.Connection[Any]:
        """A connection that sees all."""
        return connect(self.app.postgres.superuser_url)

    def _floor(self, path: str, wanted: int) -> Target:
        short = len(plain_http.get(f"{self.floor_url}{path}?rest=0").raise_for_status().content)
        return Target(f"{self.floor_url}{path}?rest={max(0, wanted - short)}", {})

    def _body(self, tenant: Tenant, path: str) -> bytes:
        headers = {"Cookie": self._cookies(tenant), "Accept-Encoding": "identity"}
        answer = plain_http.get(self.app.base_url + path, headers=headers)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.content

    def _cookies(self, tenant: Tenant) -> str:
        if tenant.email not in self._signed_in:
            self._signed_in[tenant.email] = self.client(tenant).cookies()
        return self._signed_in[tenant.email]

    @cached_property
    def _signed_in(self) -> dict[str, str]:
        return {}

    def _tenant(self, email: str) -> Tenant:
        with self.database() as database:
            business = database.execute(
                "SELECT m.business_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = %s", [email]
            ).fetchone()
            assert business is not None, f"there is no {email}"
            count = database.execute("SELECT count(*) FROM invoices WHERE business_id = %s", business).fetchone()
            invoice = database.execute(
                "SELECT i.id FROM invoices i WHERE i.business_id = %s AND i.status = 'sent' AND 5 = ("
                " SELECT count(*) FROM line_items l WHERE l.business_id = i.business_id AND l.invoice_id = i.id)"
                " ORDER BY i.issue_date DESC LIMIT 1",
                business,
            ).fetchone()
        assert count is not None
        assert invoice is not None
        return Tenant(email, str(business[0]), int(count[0]), str(invoice[0]))


@contextmanager
def world(size: Size, workers: int) -> Iterator[World]:
    """Seed what is not there yet, start our app and the floor, and stop them at the end."""
    data_dir = Path(os.environ.get("DATA_DIR") or "var").absolute() / size.name
    app = BenchedApp(data_dir, workers)
    seed(app, size)
    app.start()
    floor = None
    try:
        app.wait_until_up()
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        login = app.postgres.superuser_url.set(drivername="postgresql").render_as_string(hide_password=False)
        environ = {**os.environ, "PORT": str(port), "BENCH_DATABASE": login, "WEB_CONCURRENCY": str(workers)}
        floor = subprocess.Popen([sys.executable, "-m", "tests.bench.floor"], cwd=PROJECT_ROOT, env=environ)
        assert wait_until(lambda: _answers(url), START_SECONDS), "the floor does not start"
        yield World(size, app, url, workers)
    finally:
        if floor is not None:
            floor.terminate()
            floor.wait(START_SECONDS)
        app.stop()


def seed(app: BenchedApp, size: Size) -> None:
    """Fill the database, once: a mark in the folder says that it was."""
    mark = app.data_dir / "seeded"
    if mark.exists():
        return
    app.data_dir.mkdir(parents=True, exist_ok=True)
    _command(app, "db", "upgrade")
    _command(app, "seed", f"--invoices={size.shared}", f"--businesses={size.businesses}")
    _command(app, "seed", f"--invoices={size.alone}")
    app.start()
    try:
        app.wait_until_up()
        with connect(app.postgres.superuser_url, autocommit=True) as database:
            database.execute("VACUUM (ANALYZE)")
    finally:
        app.stop()
    mark.touch()


def _command(app: BenchedApp, *arguments: str) -> None:
    command = [sys.executable, "-m", "invoices_app", "flask", *arguments]
    subprocess.run(command, cwd=PROJECT_ROOT, env={**app.environment(), "LOG_LEVEL": "ERROR"}, check=True)


def _answers(url: str) -> bool:
    try:
        return plain_http.get(url).status_code == 404
    except httpx.HTTPError:
        return False
