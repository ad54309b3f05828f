"""`python -m tests.drill --seconds 600`: all drills, their figures, and exit code 1 when anything was lost."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from invoices_app.db.embedded import SYSTEM_TEMP, EmbeddedPostgres
from tests.drill.kills import Drill
from tests.drill.numbers import Figures, issue_many
from tests.drill.upgrades import Upgrade, upgrade_in_use
from tests.support.databases import PASSABLE, Database


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="how long the drill of kills lasts")
    parser.add_argument("--people", type=int, default=16)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--pause", type=float, nargs=2, default=(1.0, 4.0), help="seconds between two kills")
    parser.add_argument("--invoices", type=int, default=5000, help="of the drill of numbers; 0 leaves it out")
    parser.add_argument("--processes", type=int, default=16, help="of the drill of numbers")
    parser.add_argument("--upgrade", type=int, default=100_000, help="invoices of the drill of upgrades, or 0")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    clean = []
    with empty_folder() as folder:
        if chosen.invoices:
            print(f"{chosen.processes} processes issue {chosen.invoices:,} invoices in one series", flush=True)
            figures = _numbers(folder / "numbers", chosen.processes, chosen.invoices)
            clean.append(figures.is_clean)
            print(figures, flush=True)
        if chosen.upgrade:
            print("the oldest schema becomes the newest while people work", flush=True)
            upgrade = _upgrade(folder / "upgrade", chosen.upgrade)
            clean.append(upgrade.is_clean)
            print(upgrade, flush=True)
        if chosen.seconds:
            print(f"{chosen.people} people for {chosen.seconds:,.0f} s, seed {chosen.seed}", flush=True)
            drill = Drill(chosen.seconds, chosen.people, chosen.workers, tuple(chosen.pause), chosen.seed)
            report = drill.run(folder / "kills")
            clean.append(report.is_clean)
            print(report, flush=True)
    print("nothing lost, nothing double" if all(clean) else "SOMETHING IS WRONG", flush=True)
    return 0 if all(clean) else 1


def _numbers(data_dir: Path, processes: int, invoices: int) -> Figures:
    with _database(data_dir) as database:
        return issue_many(database, processes, invoices)


def _upgrade(data_dir: Path, invoices: int) -> Upgrade:
    with _database(data_dir) as database:
        return upgrade_in_use(database, invoices)


@contextmanager
def _database(data_dir: Path) -> Iterator[Database]:
    with EmbeddedPostgres(data_dir) as postgres:
        database = Database(postgres.owner_url, postgres.superuser_url)
        database.migrate()
        database.admit_app()
        yield database


@contextmanager
def empty_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can enter, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="invoices-drill-", dir=SYSTEM_TEMP))
    folder.chmod(PASSABLE)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
