"""The drill of kills: people at work in two businesses, while something is killed every few seconds."""

from __future__ import annotations

import multiprocessing
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from invoices_app.launcher.environment import PROJECT_ROOT
from tests.drill.people import Journal, Plan, work
from tests.drill.replay import Findings, replay
from tests.drill.running import VICTIMS, App
from tests.support.web_client import WebClient

BUSINESSES = 2
SHARED_DRAFTS = 3
LINES_OF_SHARED = 2
ENDING_SECONDS = 5.0
"""People go on for that long after the last kill."""

MOST_TOLD = 10


@dataclass(frozen=True)
class Drill:
    """How long, how many people, how many workers, and the seconds between two kills, from and to."""

    seconds: float
    people: int
    workers: int
    pause: tuple[float, float]
    seed: int

    def run(self, data_dir: Path) -> Report:
        """Start the app on an empty folder, kill what is in its way, and replay what was said."""
        app = App(data_dir, self.workers)
        app.start()
        try:
            app.wait_until_up()
            until = time.time() + self.seconds
            plans, made_before = self._prepare(app, until)
            with ProcessPoolExecutor(self.people, multiprocessing.get_context("spawn")) as pool:
                at_work = [pool.submit(work, plan) for plan in plans]
                downtimes = self._torment(app, until - ENDING_SECONDS, at_work)
                journals = [person.result() for person in at_work]
            findings = replay(app.postgres.superuser_url, journals, made_before)
            return Report(self.seconds, journals, downtimes, findings, chains_hold(app), app.complaints())
        finally:
            app.stop()

    def _prepare(self, app: App, until: float) -> tuple[list[Plan], list[str]]:
        businesses = [_business(app, number) for number in range(BUSINESSES)]
        plans = [
            Plan(app.base_url, *businesses[number % BUSINESSES], self.seed * 1000 + number, until)
            for number in range(self.people)
        ]
        return plans, [draft for _, _, shared in businesses for draft in shared]

    def _torment(self, app: App, until: float, at_work: list[Future[Journal]]) -> dict[str, list[float]]:
        """Kill something every few seconds; answers the seconds that each kill took the app away for."""
        dice = random.Random(self.seed)
        downtimes: dict[str, list[float]] = defaultdict(list)
        for what in _victims(dice):
            time.sleep(dice.uniform(*self.pause))
            if time.time() > until or any(person.done() for person in at_work):
                return downtimes
            downtimes[what].append(app.kill(what, dice))
        raise AssertionError


def _victims(dice: random.Random) -> Iterator[str]:
    """Each kind once, and then at random."""
    yield from dice.sample(list(VICTIMS), len(VICTIMS))
    while True:
        yield from dice.choices(list(VICTIMS), list(VICTIMS.values()))


def _business(app: App, number: int) -> tuple[str, str, list[str]]:
    """A business with drafts that everybody will edit: its email, a client, the drafts."""
    with WebClient(app.base_url) as owner:
        email = owner.register(f"Drill {number}")
        client_id = owner.add_client("A Client")
        shared = [owner.add_invoice(client_id, lines=LINES_OF_SHARED) for _ in range(SHARED_DRAFTS)]
        return email, client_id, shared


def chains_hold(app: App) -> bool:
    """Whether `flask audit verify` finds every chain intact."""
    command = [sys.executable, "-m", "invoices_app", "flask", "audit", "verify"]
    environ = app.environment()
    return subprocess.run(command, cwd=PROJECT_ROOT, env=environ, capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Report:
    """What was done, what was killed, and what is wrong."""

    seconds: float
    journals: list[Journal]
    downtimes: dict[str, list[float]]
    findings: Findings
    chains_hold: bool
    complaints: list[str]

    @property
    def is_clean(self) -> bool:
        return self.findings.is_clean and self.chains_hold and not self.errors and not self.gave_up

    @property
    def done(self) -> Counter[str]:
        return sum((journal.done for journal in self.journals), Counter[str]())

    @property
    def statuses(self) -> Counter[int]:
        return sum((journal.statuses for journal in self.journals), Counter[int]())

    @property
    def kills(self) -> int:
        return sum(map(len, self.downtimes.values()))

    @property
    def errors(self) -> int:
        """Answers that nobody may ever get, whatever is killed."""
        return self.statuses[500]

    @property
    def gave_up(self) -> int:
        """Operations that were never answered."""
        return self.statuses[0]

    def __str__(self) -> str:
        done, statuses, wrong = self.done, self.statuses, self.findings.wrong
        by_kind = ", ".join(f"{what} {count:,}" for what, count in sorted(done.items()))
        retries, longest = sum(who.retries for who in self.journals), max(who.longest for who in self.journals)
        away = ", ".join(
            f"{what} {len(times)} ({median(times):.1f}, {max(times):.1f})"
            for what, times in sorted(self.downtimes.items())
        )
        chains = "intact" if self.chains_hold else "BROKEN"
        sentences = [f"  {kind}: {sentence}" for kind, told in wrong.items() for sentence in told[:MOST_TOLD]]
        lines = [
            f"operations {done.total():,} ({done.total() / self.seconds:,.1f} a second): {by_kind}",
            f"retries {retries:,}, conflicts {statuses[409]:,}, refusals {statuses[422] + statuses[404]:,}",
            f"answers 503 {statuses[503]:,}, 500 {self.errors:,}, never {self.gave_up:,}; longest wait {longest:.1f} s",
            f"kills {self.kills}, away for seconds (median, longest): {away}",
            f"invoices {self.findings.invoices:,}, numbered {self.findings.numbered:,}",
            ", ".join(f"{kind} {len(told)}" for kind, told in wrong.items()) + f", audit chains {chains}",
            *sentences,
            *([] if self.is_clean else ["The app complained:", *self.complaints[-MOST_TOLD:]]),
        ]
        return "\n".join(lines)
