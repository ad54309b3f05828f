"""An old database with many invoices is brought to the newest schema while people read and write in it."""

from __future__ import annotations

import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg.errors import DeadlockDetected

from invoices_app import create_app
from invoices_app.db import LOCK_TIMEOUT_MS, STATEMENT_TIMEOUT_MS
from invoices_app.extensions import db
from invoices_app.web.retries import ATTEMPTS
from tests.support.crowd import fill
from tests.support.databases import Database, connect
from tests.support.people import make_owner

OLDEST = "0005"
"""The schema of the first version that had users."""

PAUSE_SECONDS = 0.02
WORK = {
    "a list": "SELECT id, number, total FROM invoices ORDER BY issue_date DESC, id DESC LIMIT 25",
    "a draft": "UPDATE invoices SET reference = 'Seen ' || now() WHERE id = (SELECT min(id::text)::uuid FROM invoices"
    " WHERE status = 'draft')",
    "a client": "UPDATE clients SET notes = 'Called ' || now() WHERE id = (SELECT min(id::text)::uuid FROM clients)",
}
"""What people do meanwhile: statements that every version of the schema understands."""

KEPT = "SELECT count(*), sum(total), sum(paid_total), count(number), count(client_id) FROM invoices"
FOUND = "SELECT count(*) FROM search_documents"
WANTED = "SELECT (SELECT count(*) FROM invoices) + (SELECT count(*) FROM clients)"


@dataclass
class Upgrade:
    """What came of it. Waits are in seconds."""

    invoices: int
    seconds: float = 0.0
    answered: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    refused: list[str] = field(default_factory=list)
    longest: dict[str, float] = field(default_factory=dict)
    kept: bool = False
    drifted: int = -1
    unsearchable: int = -1

    @property
    def is_clean(self) -> bool:
        done = all(self.answered[name] for name in WORK)
        return done and self.kept and not self.refused and self.drifted == 0 and self.unsearchable == 0

    def __str__(self) -> str:
        waits = ", ".join(f"{name} {self.longest.get(name, 0):.1f} s" for name in WORK)
        return (
            f"  {self.invoices:,} invoices brought to the newest schema in {self.seconds:.1f} s\n"
            f"  {self.answered.total():,} statements answered meanwhile, {self.retried} after a deadlock, "
            f"{len(self.refused)} refused {self.refused[:3] or ''}\n  longest wait: {waits}\n"
            f"  rows and sums kept: {self.kept}; figures that drifted: {self.drifted}; not to be found: "
            f"{self.unsearchable}"
        )


def upgrade_in_use(database: Database, invoices: int) -> Upgrade:
    """Fill a migrated database, take it back to the oldest schema, and bring it forward again while it is in use."""
    business_id = _fill(database, invoices)
    database.migrate_down(OLDEST)
    report = Upgrade(invoices)
    before = database.ask(KEPT)
    with _people_at_work(database, business_id, report):
        started = time.monotonic()
        database.migrate()
        report.seconds = time.monotonic() - started
    report.kept = database.ask(KEPT) == before
    with database.as_app(business_id) as connection:
        report.drifted = len(connection.execute("SELECT * FROM figures_drift()").fetchall())
    report.unsearchable = database.value(WANTED) - database.value(FOUND)
    return report


def _fill(database: Database, invoices: int) -> uuid.UUID:
    app = create_app(database.settings)
    owner = make_owner(app, "Upgrading Owner", "Upgraded Ltd")
    with app.app_context():
        db.engine.dispose()
    fill(database, owner.business_id, invoices)
    return owner.business_id


@contextmanager
def _people_at_work(database: Database, business_id: uuid.UUID, report: Upgrade) -> Iterator[None]:
    leaving = threading.Event()
    people = [threading.Thread(target=_work, args=(name, database, business_id, report, leaving)) for name in WORK]
    for person in people:
        person.start()
    try:
        yield
    finally:
        leaving.set()
        for person in people:
            person.join()


def _work(name: str, database: Database, business_id: uuid.UUID, report: Upgrade, leaving: threading.Event) -> None:
    """Do the same over and over with the app's login and its patience, trying again what it would try again."""
    with connect(database.app_url, autocommit=True) as connection:
        connection.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        connection.execute(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}")
        connection.execute("SELECT set_config('app.business_id', %s, false)", [str(business_id)])
        while not leaving.wait(PAUSE_SECONDS):
            started = time.monotonic()
            _do(connection, name, report)
            report.longest[name] = max(report.longest.get(name, 0), time.monotonic() - started)


def _do(connection: psycopg.Connection, name: str, report: Upgrade) -> None:
    for _attempt in range(ATTEMPTS):
        try:
            connection.execute(WORK[name].encode())
        except DeadlockDetected:
            report.retried += 1
        except psycopg.Error as error:
            report.refused.append(f"{name}: {type(error).__name__}")
            return
        else:
            report.answered[name] += 1
            return
    report.refused.append(f"{name}: {ATTEMPTS} deadlocks")
