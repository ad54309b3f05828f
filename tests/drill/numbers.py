"""The drill of numbers: many processes issue in one series, and a part of them fails after it has taken a number."""

from __future__ import annotations

import multiprocessing
import random
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from invoices_app import create_app
from invoices_app.extensions import db
from invoices_app.invoices import status_actions
from invoices_app.invoices.selection_actions import MAX_SELECTION, duplicate_invoices
from tests.support.databases import Database
from tests.support.factories import make_invoice, today, value_of
from tests.support.people import Person, make_owner

STATEMENTS_AFTER_NUMBER = 2
"""A forced failure comes at one of so many statements after the number was taken, or at the commit."""


class ForcedError(Exception):
    """The drill lets a transaction fail here."""


class Sabotage:
    """Lets a share of the transactions that take a number fail, at a random point between that and their end."""

    def __init__(self, share: float, dice: random.Random) -> None:
        self._share, self._dice = share, dice
        self._left: int | None = None
        self.failures = 0

    def __enter__(self) -> Sabotage:
        event.listen(Engine, "after_cursor_execute", self._after_statement)
        event.listen(Session, "before_commit", self._before_commit)
        return self

    def __exit__(self, *_error: object) -> None:
        event.remove(Engine, "after_cursor_execute", self._after_statement)
        event.remove(Session, "before_commit", self._before_commit)

    def _after_statement(self, _connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("UPDATE number_counters"):
            doomed = self._dice.random() < self._share
            self._left = self._dice.randrange(STATEMENTS_AFTER_NUMBER) if doomed else None
        elif self._left is not None:
            self._left -= 1
        if self._left == 0:
            self._fail()

    def _before_commit(self, _session: Session) -> None:
        if self._left is not None:
            self._fail()

    def _fail(self) -> None:
        self._left = None
        self.failures += 1
        raise ForcedError


@dataclass(frozen=True)
class Share:
    """What one process has to do."""

    owner_url: str
    superuser_url: str
    user_id: uuid.UUID
    business_id: uuid.UUID
    drafts: list[uuid.UUID]
    failing: float
    seed: int


@dataclass(frozen=True)
class Part:
    """What one process did: its numbers, how often it failed, and when it began and ended, in Unix seconds."""

    numbers: list[str]
    failures: int
    began: float
    ended: float


@dataclass(frozen=True)
class Figures:
    """What came of it all; `bare` is the rate of the same counter without the app."""

    wanted: int
    numbers: list[str]
    stored: list[int]
    next_seq: int
    failures: int
    rate: float
    bare: float

    @property
    def is_clean(self) -> bool:
        """Whether the numbers are exactly 1 to N, as they were told."""
        whole = list(range(1, self.wanted + 1))
        told = sorted(int(number.rsplit("-", 1)[1]) for number in self.numbers)
        return self.stored == told == whole and self.next_seq == self.wanted + 1 and self.failures > 0

    def __str__(self) -> str:
        seqs = self.stored
        gaps = (max(seqs) - len(set(seqs))) if seqs else 0
        return (
            f"numbers {len(seqs):,} of {self.wanted:,}, 1 to {max(seqs):,}: duplicates {len(seqs) - len(set(seqs))}, "
            f"gaps {gaps}; forced failures {self.failures:,}\n"
            f"issued a second {self.rate:,.0f}, the same counter bare {self.bare:,.0f} "
            f"(a factor of {self.bare / self.rate:,.1f})"
        )


def issue_many(database: Database, processes: int, invoices: int, failing: float = 0.2) -> Figures:
    """Let so many processes issue so many invoices of one business, `failing` of them after taking a number."""
    app = create_app(database.settings)
    person = make_owner(app, "Ada Drill", "Numbers Ltd")
    drafts = _drafts(database, person, invoices)
    with app.app_context():
        db.engine.dispose()
    owner, superuser = (
        url.render_as_string(hide_password=False) for url in (database.owner_url, database.superuser_url)
    )
    shares = [
        Share(owner, superuser, person.user_id, person.business_id, drafts[seed::processes], failing, seed)
        for seed in range(processes)
    ]
    with database.as_superuser() as connection:
        connection.execute("CREATE TABLE drill_counter AS SELECT 0 AS n")
    parts, bare = (_together(processes, job, shares) for job in (_issue, _count))
    stored = database.ask(
        "SELECT seq FROM invoices WHERE business_id = %s AND seq IS NOT NULL ORDER BY 1", person.business_id
    )
    next_seq = database.value("SELECT next_seq FROM number_counters WHERE business_id = %s", person.business_id)
    with database.as_superuser() as connection:
        connection.execute("DROP TABLE drill_counter")
    return Figures(
        invoices,
        [number for part in parts for number in part.numbers],
        [seq for (seq,) in stored],
        next_seq,
        sum(part.failures for part in parts),
        _rate(parts, invoices),
        _rate(bare, invoices),
    )


def _drafts(database: Database, person: Person, count: int) -> list[uuid.UUID]:
    """So many drafts of one client: the first one, and copies of it, many at a time."""
    drafts = [make_invoice(person)]
    while len(drafts) < count:
        with person.acting():
            value_of(duplicate_invoices(drafts[: min(count - len(drafts), MAX_SELECTION)], today()))
        rows = database.ask("SELECT id FROM invoices WHERE business_id = %s ORDER BY id", person.business_id)
        drafts = [draft for (draft,) in rows]
    return drafts


def _together(processes: int, job: Callable[[Share, Any], Part], shares: list[Share]) -> list[Part]:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        start = manager.Barrier(processes)
        with ProcessPoolExecutor(processes, context) as pool:
            return [part.result() for part in [pool.submit(job, share, start) for share in shares]]


def _rate(parts: list[Part], count: int) -> float:
    return count / (max(part.ended for part in parts) - min(part.began for part in parts))


def _issue(share: Share, start: Any) -> Part:
    """Issue these drafts, all processes at once; what failed is tried again."""
    app = create_app(replace(_database(share).settings, log_level="CRITICAL"))  # forced failures are no news
    person = Person(app, "Ada Drill", "", share.user_id, share.business_id)
    numbers = []
    start.wait()
    began = time.time()
    with person.acting(), Sabotage(share.failing, random.Random(share.seed)) as sabotage:
        for draft in share.drafts:
            while True:
                try:
                    numbers.append(value_of(status_actions.issue_invoice(draft, today())))
                    break
                except ForcedError:
                    continue
        ended = time.time()
        db.engine.dispose()
    return Part(numbers, sabotage.failures, began, ended)


def _count(share: Share, start: Any) -> Part:
    """Bump one row as often, one transaction each, with as many failures, and nothing around it."""
    dice, failures = random.Random(share.seed), 0
    numbers: list[str] = []
    login = _database(share).superuser_url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(login) as connection:
        start.wait()
        began = time.time()
        while len(numbers) < len(share.drafts):
            found = connection.execute("UPDATE drill_counter SET n = n + 1 RETURNING n").fetchone()
            if dice.random() < share.failing:
                connection.rollback()
                failures += 1
            else:
                connection.commit()
                numbers.append(str(found))
        return Part(numbers, failures, began, time.time())


def _database(share: Share) -> Database:
    return Database(make_url(share.owner_url), make_url(share.superuser_url))
