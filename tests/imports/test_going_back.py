"""The migration that lets numbers of their own in can be taken back, with such numbers in the database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from invoices_app import create_app
from invoices_app.extensions import db
from tests.support.databases import Database, ServerUrls
from tests.support.people import Person, make_owner
from tests.support.planned import invoice, write

BEFORE = "0023"
NUMBERS = "SELECT number, series, seq FROM invoices WHERE business_id = %s ORDER BY id"


@pytest.fixture
def apart(server: ServerUrls, worker: str) -> Iterator[Database]:
    """A database that this test alone migrates back."""
    made = server.make_database(f"back_{worker}")
    yield made
    server.drop_database(made)


@pytest.fixture
def importer(apart: Database) -> Iterator[Person]:
    """Somebody with a business there."""
    person = make_owner(create_app(apart.settings), "Ida Importer", "Imports Ltd")
    yield person
    hang_up(person)


def hang_up(person: Person) -> None:
    with person.app.app_context():
        db.engine.dispose()


def test_own_numbers_get_a_place_before_they_need_one(apart: Database, importer: Person) -> None:
    write(importer, [invoice("old 2"), invoice("INV-2020-0009"), invoice("old 1")])
    hang_up(importer)
    apart.migrate_down(BEFORE)
    given = [("old 2", "imported", 1), ("INV-2020-0009", "INV", 9), ("old 1", "imported", 2)]
    assert apart.ask(NUMBERS, importer.business_id) == given
    apart.migrate()
    apart.admit_app()
    places = [("old 2", "imported", None), ("INV-2020-0009", "INV", 9), ("old 1", "imported", None)]
    assert apart.ask(NUMBERS, importer.business_id) == places
    assert write(importer, [invoice("old 2"), invoice("old 3")]).invoices_skipped == 1
