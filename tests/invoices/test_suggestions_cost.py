"""Suggestions among 100,000 invoices: found through indexes, and few rows are read whatever is typed."""

from __future__ import annotations

import uuid

import pytest

from invoices_app.invoices.suggestions import suggestions
from tests.support import crowd as crowds
from tests.support.crowd import Crowd
from tests.support.factories import today
from tests.support.people import Person, make_owner
from tests.support.statements import CountStatements

BEGINNINGS = "ix_line_items_business_id_description_sort"
UNKNOWN = 4000
OF_CLIENT = "ix_invoices_business_id_client_id_shelf"


@pytest.fixture(scope="module")
def many(crowd: Crowd) -> Person:
    return crowd.hundred_thousand


@pytest.fixture(scope="module")
def draft(crowd: Crowd, many: Person) -> uuid.UUID:
    """The oldest one, so that its client's other invoices are among the oldest too."""
    return oldest_draft(crowd, many)


def oldest_draft(crowd: Crowd, person: Person) -> uuid.UUID:
    query = "SELECT id FROM invoices WHERE business_id = %s AND shelf = 0 ORDER BY id LIMIT 1"
    found: uuid.UUID = crowd.database.value(query, person.business_id)
    return found


@pytest.mark.parametrize("typed", ["", "a", "advice on matter 0", "matter 42", "advice needle", "straw", "zzz", "a z"])
def test_few_rows_are_read(crowd: Crowd, many: Person, draft: uuid.UUID, typed: str) -> None:
    plan = crowd.plan_of(many, lambda: suggestions(draft, typed))
    assert {BEGINNINGS, OF_CLIENT} <= plan.indexes
    assert plan.rows_read < 1500, plan.text
    assert plan.buffers < 4000, plan.text


@pytest.mark.parametrize("typed", ["", "advice"])
def test_in_a_business_that_the_planner_does_not_know(crowd: Crowd, many: Person, typed: str) -> None:
    """It is new and grew quickly: the planner takes its thousands of rows for one, yet reads no more of them."""
    person = make_owner(crowd.app, "Una Known", f"Unknown for {typed!r}")
    values = {"business_id": person.business_id, "size": UNKNOWN, "clients": UNKNOWN // 50, "today": today()}
    with crowd.database.as_owner(person.business_id) as owner:
        owner.execute("SET LOCAL app.maintenance = 'on'")  # their lines come after they are issued
        owner.execute("ALTER TABLE invoices DISABLE TRIGGER totals_add_up")
        for statement in (crowds.CLIENTS, crowds.INVOICES, crowds.LINES):
            owner.execute(statement.encode(), values)
        owner.execute("ALTER TABLE invoices ENABLE TRIGGER totals_add_up")
    draft = oldest_draft(crowd, person)
    plan = crowd.plan_of(person, lambda: suggestions(draft, typed))
    assert plan.rows_read < 1500, plan.text
    assert plan.buffers < 4000, plan.text


def test_the_whole_history_is_found_by_how_it_begins(crowd: Crowd, many: Person, draft: uuid.UUID) -> None:
    """The first descriptions of the alphabet, each once, though each stands in hundreds of invoices."""
    with many.acting():
        found = suggestions(draft, "advice on matter 00 n")
    assert found is not None
    assert [line.description for line in found] == ["Advice on matter 00 needle"]


def test_three_statements(many: Person, draft: uuid.UUID, count_statements: CountStatements) -> None:
    url = f"/invoices/{draft}/suggestions?q=advice"
    many.browser.get(url, htmx=True)
    with count_statements() as statements:
        many.browser.get(url, htmx=True)
    assert len(statements) == 3, "\n".join(statements)
