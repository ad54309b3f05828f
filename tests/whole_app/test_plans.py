"""What every page and every write reads: through an index, about as much as it shows, whatever there is beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from invoices_app import create_app
from invoices_app.extensions import db
from tests.plans import pages, writing
from tests.plans.pages import Case
from tests.plans.stage import Stage, fill_up, person_of, settle_statistics
from tests.support.databases import ServerUrls
from tests.support.writes import WRITES, Write

SEEDED = ("--invoices=8000", "--businesses=1"), ("--invoices=3000", "--businesses=3")
CREDITED = 40


@pytest.fixture(scope="module")
def stage(server: ServerUrls, worker: str) -> Iterator[Stage]:
    """A business of some size beside three others with invoices, and thousands with one of everything else."""
    database = server.make_database(f"plans_{worker}")
    seeding = create_app(replace(database.settings, owner_database_url=database.owner_url))
    for arguments in SEEDED:
        said = seeding.test_cli_runner().invoke(args=["seed", *arguments])
        assert said.exit_code == 0, said.output
    app = create_app(database.settings)
    person = person_of(app, database, "bulk-1@example.com")
    writing.credit_some(person, CREDITED)
    fill_up(database, person)
    settle_statistics(database)
    person.browser.get("/clients")
    yield Stage(app, database, person)
    for used in (app, seeding):
        with used.app_context():
            db.engine.dispose()
    server.drop_database(database)


@pytest.mark.parametrize("case", pages.all_cases(), ids=lambda case: case.path)
def test_a_page_reads_through_indexes_about_what_it_shows(stage: Stage, case: Case) -> None:
    found = pages.ask(stage, case)
    assert found.statements
    assert not found.problems, "\n".join(found.problems)


@pytest.mark.parametrize("write", WRITES, ids=lambda write: write.name)
def test_a_write_reads_through_indexes_what_it_changes(stage: Stage, write: Write) -> None:
    found = writing.carry_out(stage, write)
    assert found.statements
    assert not found.problems, "\n".join(found.problems)


@pytest.mark.parametrize("name", writing.OTHERS)
def test_what_else_happens_reads_through_indexes(stage: Stage, name: str) -> None:
    found = writing.carry_out_other(stage, name)
    assert found.statements
    assert not found.problems, "\n".join(found.problems)
