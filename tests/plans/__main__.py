"""Look at all plans on a copy of a data folder, such as that of `make bench`: `python -m tests.plans var/bench`.

Nothing else may run on the folder. With WRITE=1 what came of it goes into docs/benchmarks.md. Exit status 1 when a
statement is beyond its limits.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from invoices_app import create_app
from invoices_app.config import Settings
from invoices_app.db.data_dir import DataDirLock
from invoices_app.db.embedded import EmbeddedPostgres
from invoices_app.launcher.database import find_logins, prepare_database
from tests.plans import pages, report, writing
from tests.plans.judging import Found
from tests.plans.stage import FILLERS, Stage, fill_up, person_of, settle_statistics
from tests.support.databases import Database
from tests.support.writes import WRITES

LARGEST = """
    SELECT u.email, count(*) FROM invoices i
    JOIN memberships m ON m.business_id = i.business_id JOIN users u ON u.id = m.user_id
    WHERE u.email LIKE 'bulk-%%@example.com' GROUP BY 1 ORDER BY 2 DESC LIMIT 2
"""
NEWEST_TABLES = [name.partition(" ")[0] for name in FILLERS] + ["audit_events"]


@dataclass(frozen=True)
class Copied(Database):
    """The database of a data folder, with an app as the launcher would let it in."""

    secret_key: str

    @property
    def settings(self) -> Settings:
        logins = find_logins(Settings(secret_key=self.secret_key), self.owner_url)
        return replace(super().settings, secret_key=self.secret_key, database_url=logins.app)


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    bad: list[str] = []
    with copied(Path(sys.argv[1]).absolute()) as database:
        app = create_app(database.settings)
        emails = [email for email, _ in database.ask(LARGEST)]
        stages = [Stage(app, database, person_of(app, database, email)) for email in reversed(emails)]
        fill_up(database, stages[0].person)
        settle_statistics(database, NEWEST_TABLES)
        before = report.Indexes.of(database)
        tables = [table for stage in stages for table in [report.Table(stage.size)]]
        for stage, table in zip(stages, tables, strict=True):
            stage.person.browser.get("/shortcuts")
            for group, what, found in everything(stage):
                table.add(group, found)
                bad += [f"{stage.size:,} invoices, {what}: {problem}" for problem in found.problems]
                print("x" if found.problems else ".", end="", flush=True)
        print()
        text = report.written(tables, report.Indexes.of(database), before)
    print(text, *bad, sep="\n")
    if os.environ.get("WRITE") == "1":
        report.write(text)
    return 1 if bad else 0


def everything(stage: Stage) -> Iterator[tuple[str, str, Found]]:
    """Every page and every write of a business: its group, what it is, and what came of it."""
    for case in pages.all_cases():
        yield case.group, case.path, pages.ask(stage, case)
    for write in WRITES:
        yield "writes", write.name, writing.carry_out(stage, write)
    for name in writing.OTHERS:
        yield "writes", name, writing.carry_out_other(stage, name)


@contextmanager
def copied(data_dir: Path) -> Iterator[Copied]:
    """The database in a copy of the folder, brought to the newest schema; the copy goes away at the end."""
    copy = data_dir.with_name(f"{data_dir.name}-plans")
    postgres = EmbeddedPostgres(copy, durable=False)
    try:
        with DataDirLock(data_dir):
            subprocess.run(["cp", "--archive", "--reflink=auto", data_dir, copy], check=True)
        secret_key = (copy / "secret_key").read_text().strip()
        postgres.start()
        settings = Settings(secret_key=secret_key)
        prepare_database(settings, find_logins(settings, postgres.owner_url))
        yield Copied(postgres.owner_url, postgres.superuser_url, secret_key)
    finally:
        postgres.stop()
        shutil.rmtree(copy, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
