"""A remembered page costs one statement and is never older than the request."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask

from invoices_app import clock, create_app
from invoices_app.extensions import db
from invoices_app.web import remembered
from tests.support.databases import Database
from tests.support.factories import issue, line, make_client, make_invoice
from tests.support.html import Page
from tests.support.people import Cast, Person, make_cast
from tests.support.statements import CountStatements

LISTS = ("/invoices", "/invoices?status=sent&sort=due", "/clients", "/")


@pytest.fixture(scope="module")
def remembering(database: Database) -> Iterator[Flask]:
    app = create_app(replace(database.settings, remember_pages=True))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def people(remembering: Flask) -> Cast:
    return make_cast(remembering)


@pytest.fixture
def person(people: Cast) -> Person:
    """An owner whose browser has been here before, and so has the forms' secret."""
    people.owner.browser.get("/shortcuts")
    return people.owner


@pytest.fixture
def invoice_id(person: Person) -> uuid.UUID:
    return make_invoice(person, [line("Oak board")], make_client(person, "Alder"))


def without_tokens(page: Page) -> str:
    """A page's text, but for what is made anew for each showing."""
    return re.sub(r'"one_time_token" value="[^"]+"', "", page.text)


def statements_of(count: CountStatements, person: Person, url: str, *, htmx: bool = False) -> int:
    with count() as seen:
        person.browser.get(url, htmx=htmx)
    return len(seen)


@pytest.mark.parametrize("url", LISTS)
def test_the_second_time_costs_one_statement(
    person: Person, invoice_id: uuid.UUID, url: str, count_statements: CountStatements
) -> None:
    first = person.browser.get(url)
    with count_statements() as seen:
        assert without_tokens(person.browser.get(url)) == without_tokens(first)
    assert len(seen) == 1
    assert "find_session" in seen[0]


def test_a_page_and_its_part_are_two_things(
    person: Person, invoice_id: uuid.UUID, count_statements: CountStatements
) -> None:
    whole = without_tokens(person.browser.get("/invoices"))
    assert statements_of(count_statements, person, "/invoices", htmx=True) > 1
    assert statements_of(count_statements, person, "/invoices", htmx=True) == 1
    assert without_tokens(person.browser.get("/invoices")) == whole
    assert "<html" not in person.browser.get("/invoices", htmx=True).text


def test_what_anybody_changes_is_shown_at_once(person: Person, invoice_id: uuid.UUID, people: Cast) -> None:
    for url in LISTS:
        person.browser.get(url)
    people.teammate.browser.get("/clients/new")
    people.teammate.browser.post("/clients", {"name": "Brindle Bakery", "currency": "GBP"})
    assert "Brindle Bakery" in person.browser.get("/clients").words()
    person.browser.get(f"/invoices/{invoice_id}")
    people.teammate.browser.get(f"/invoices/{invoice_id}")
    people.teammate.browser.post(f"/invoices/{invoice_id}/issue")
    assert "Sent" in person.browser.get(f"/invoices/{invoice_id}").words()
    assert person.browser.get("/invoices?status=draft").row_ids("invoice") == []


def test_nobody_sees_the_page_of_another(person: Person, invoice_id: uuid.UUID, people: Cast) -> None:
    issue(person, invoice_id)
    assert "Alder" in person.browser.get("/invoices").words()
    assert "Alder" not in people.stranger.browser.get("/invoices").words()
    assert person.browser.get("/invoices").text != people.teammate.browser.get("/invoices").text


def test_a_session_that_has_ended_gets_nothing(person: Person, invoice_id: uuid.UUID) -> None:
    person.browser.get("/invoices")
    twin = person.signed_in_browser()
    twin.get("/invoices")
    twin.post("/logout")
    assert twin.get("/invoices", 303).location.startswith("/login")
    assert "Alder" in person.browser.get("/invoices").words()


def test_each_showing_has_its_own_tokens(
    person: Person, invoice_id: uuid.UUID, count_statements: CountStatements
) -> None:
    """A form sent from two showings of a page is two wishes: two copies, not one."""
    url = f"/invoices/{invoice_id}"
    issue(person, invoice_id)
    tokens = set()
    for _ in range(3):
        person.browser.get(url)
        form = person.browser.form_for(f"{url}/duplicate")
        assert form is not None
        tokens.add(form.tokens["one_time_token"])
    assert statements_of(count_statements, person, url) == 1
    assert len(tokens) == 3


def test_a_message_is_shown_once(person: Person, invoice_id: uuid.UUID) -> None:
    person.browser.get(f"/invoices/{invoice_id}")
    issue(person, invoice_id)
    person.browser.get(f"/invoices/{invoice_id}")
    person.browser.get(f"/invoices/{invoice_id}")
    person.browser.post(f"/invoices/{invoice_id}/archive")
    shown, again = (person.browser.get(f"/invoices/{invoice_id}") for _ in range(2))
    assert "archived" in shown.words(shown.by_id("flash"))
    assert again.words(again.by_id("flash")) == ""


def test_another_day_is_another_page(
    person: Person, invoice_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch, count_statements: CountStatements
) -> None:
    person.browser.get("/invoices")
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now.replace(year=now.year + 1))
    assert statements_of(count_statements, person, "/invoices") > 1


def test_memory_is_bounded(person: Person, invoice_id: uuid.UUID, remembering: Flask) -> None:
    memory = remembering.extensions["remembered_pages"]
    for place in range(remembered.PAGES + 5):
        person.browser.get(f"/invoices?q=word{place}")
    assert len(memory._pages) == remembered.PAGES  # noqa: SLF001


def test_refusals_are_not_remembered(person: Person, count_statements: CountStatements) -> None:
    for _ in range(2):
        person.browser.get("/invoices?status=lost", 400)
        person.browser.get("/invoices/00000000-0000-7000-8000-000000000000", 404)
    assert "lost" in person.browser.get("/invoices?q=lost").text
