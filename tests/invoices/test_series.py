"""Number series: their patterns, what the next number is, and that no two documents ever bear the same one."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from invoices_app.invoices import rules, selection_actions, series, series_actions, status_actions
from invoices_app.invoices.models import NUMBER_LENGTH
from invoices_app.invoices.series_actions import SeriesValues
from invoices_app.results import Conflict, Invalid, NotFound, Ok
from tests.support.databases import Database
from tests.support.factories import issue, make_client, make_invoice, make_issued, read, today, value_of
from tests.support.html import Page
from tests.support.people import Cast, Person

URL = "/settings/numbers"
YEAR = today().year
BAD_PATTERNS = {
    "INV-{year}": "Write {seq} once",
    "{seq}-{seq:04}": "Write {seq} once",
    "INV-{seq:4}": "Write {seq} once",
    "INV-{day}-{seq}": "Only {year}, {month}, {seq} and {seq:04} can stand in braces.",
    "INV-{seq}}": "Only {year}, {month}, {seq} and {seq:04} can stand in braces.",
    "INV<{seq}>{year}": "Use only letters, digits, spaces and - / . _ #",
    "INV-{seq}": "Write {year} too",
    f"{'x' * 28}{{year}}{{seq}}": "Make it shorter: a number may have at most 40 characters",
}


@pytest.mark.parametrize("pattern", BAD_PATTERNS)
def test_patterns_that_are_refused(pattern: str) -> None:
    assert (rules.pattern_problem(pattern, yearly=True) or "").startswith(BAD_PATTERNS[pattern])


@pytest.mark.parametrize(
    "pattern", ["{year}{seq}", "INV-{year}-{seq:04}", "Ä/{year}/{month} {seq:09}", "A.{year}_#{seq}"]
)
def test_patterns_that_are_fine(pattern: str) -> None:
    assert rules.pattern_problem(pattern, yearly=True) is None


PARTS = st.lists(
    st.sampled_from(["{year}", "{month}", "{seq}", "{seq:03}", "A", "b", "-", "/", "1", "20"]), min_size=1, max_size=6
).map("".join)
DAYS = st.dates(date(1990, 1, 1), date(2199, 12, 31))
SEQS = st.integers(1, rules.MAX_SEQ)


@given(PARTS, PARTS, SEQS, SEQS, DAYS, DAYS)
def test_different_shapes_never_make_the_same_number(
    one: str, other: str, seq: int, other_seq: int, day: date, other_day: date
) -> None:
    if rules.number_shape(one) != rules.number_shape(other):
        assert rules.format_number(one, seq, day) != rules.format_number(other, other_seq, other_day)


@given(PARTS, SEQS, DAYS)
def test_what_is_accepted_fits(pattern: str, seq: int, day: date) -> None:
    if rules.pattern_problem(pattern, yearly=False) is None:
        assert 0 < len(rules.format_number(pattern, seq, day)) <= NUMBER_LENGTH


@given(PARTS, SEQS, SEQS, DAYS, DAYS)
def test_one_series_never_makes_a_number_twice(pattern: str, seq: int, other: int, day: date, other_day: date) -> None:
    for yearly in (False, True):
        same_place = seq == other and (not yearly or day.year == other_day.year)
        if rules.pattern_problem(pattern, yearly=yearly) is None and not same_place:
            assert rules.format_number(pattern, seq, day) != rules.format_number(pattern, other, other_day)


def add(person: Person, code: str, pattern: str, **more: Any) -> Any:
    values = {"yearly": "{year}" in pattern, "is_default": False, **more}
    with person.acting():
        return series_actions.add_series(code, SeriesValues(pattern, **values), today())


def change(person: Person, code: str, **changes: Any) -> Any:
    with person.acting():
        known = next(one for one in series.every(today()) if one.code == code)
        values = {"pattern": known.pattern, "yearly": known.yearly, "is_default": known.is_default, **changes}
        return series_actions.change_series(code, SeriesValues(**values), known.version, today())


def sentence(result: Any) -> str:
    assert isinstance(result, Invalid), result
    return " ".join(result.sentences())


def choose(database: Database, person: Person, invoice_id: Any, code: str) -> None:
    with database.as_app(person.business_id, person.user_id) as connection:
        connection.execute("UPDATE invoices SET wanted_series = %s WHERE id = %s", [code, invoice_id])


def test_drafts_take_the_default_series_or_their_own(owner: Person, database: Database) -> None:
    assert isinstance(add(owner, "EXPORT", "EXP-{seq:03}", next_seq=7), Ok)
    first, second, third = (make_invoice(owner) for _ in range(3))
    choose(database, owner, second, "EXPORT")
    assert issue(owner, first) == f"INV-{YEAR}-0001"
    assert "EXP-007" in owner.browser.get("/settings/numbers").text
    assert issue(owner, second) == "EXP-007"
    assert isinstance(change(owner, "EXPORT", is_default=True), Ok)
    assert issue(owner, third) == "EXP-008"
    assert issue(owner, make_invoice(owner)) == "EXP-009"
    with owner.acting():
        assert [one.is_default for one in series.every(today())] == [True, False]


def test_a_selection_of_several_series(owner: Person, database: Database) -> None:
    add(owner, "A", "A{seq}")
    add(owner, "Z", "Z{seq}")
    drafts = [make_invoice(owner) for _ in range(6)]
    for place, draft in enumerate(drafts):
        choose(database, owner, draft, "AZ"[place % 2])
    with owner.acting():
        outcome = value_of(selection_actions.issue_invoices(drafts, today()))
    assert sorted(outcome.done) == ["A1", "A2", "A3", "Z1", "Z2", "Z3"]


def test_many_at_once_in_two_series(owner: Person, database: Database, at_once: Callable[..., list[Any]]) -> None:
    add(owner, "A", "A{seq}")
    drafts = [make_invoice(owner) for _ in range(24)]
    for draft in drafts[::2]:
        choose(database, owner, draft, "A")
    results = at_once([lambda draft=draft: status_actions.issue_invoice(draft, today()) for draft in drafts])
    numbers = sorted(value_of(result) for result in results)
    assert numbers == sorted([f"A{n}" for n in range(1, 13)] + [f"INV-{YEAR}-{n:04}" for n in range(1, 13)])


def test_dates_follow_numbers_in_each_series_alone(owner: Person, database: Database) -> None:
    add(owner, "A", "A{seq}")
    make_issued(owner)
    early = make_invoice(owner, issue_date=today() - timedelta(days=3))
    choose(database, owner, early, "A")
    assert issue(owner, early) == "A1"


def test_two_series_never_make_the_same(owner: Person) -> None:
    assert "INV could make the same numbers" in sentence(add(owner, "B", "inv-{seq}-1", yearly=False))
    assert "already" in sentence(add(owner, "inv", "B-{seq}"))
    assert isinstance(add(owner, "B", "B-{seq}"), Ok)
    issued = make_issued(owner)
    assert isinstance(change(owner, "INV", pattern="N-{year}-{seq}"), Ok)
    assert issued
    assert "given by another series" in sentence(change(owner, "B", pattern="INV-{year}-{seq}", yearly=True))


def test_next_numbers_at_or_below_the_highest_used(owner: Person) -> None:
    for _ in range(3):
        make_issued(owner)
    for next_seq in (1, 3):
        assert sentence(change(owner, "INV", next_seq=next_seq)) == "3 is used already: enter 4 or more."
    assert isinstance(change(owner, "INV", next_seq=9), Ok)
    assert isinstance(change(owner, "INV", next_seq=5), Ok)
    assert issue(owner, make_invoice(owner)) == f"INV-{YEAR}-0005"


@pytest.mark.parametrize("yearly", [True, False])
def test_counting_otherwise_goes_on_above(owner: Person, *, yearly: bool) -> None:
    """Whether a series starts again each year can change, back and forth, and no number comes twice."""
    change(owner, "INV", yearly=yearly)
    first = [issue(owner, make_invoice(owner)) for _ in range(2)]
    change(owner, "INV", yearly=not yearly)
    second = [issue(owner, make_invoice(owner)) for _ in range(2)]
    assert "4 is used already" in sentence(change(owner, "INV", next_seq=2))
    change(owner, "INV", yearly=yearly)
    third = [issue(owner, make_invoice(owner)) for _ in range(2)]
    assert first + second + third == [f"INV-{YEAR}-{seq:04}" for seq in range(1, 7)]


def test_a_stale_or_unknown_series(owner: Person) -> None:
    add(owner, "B", "B-{seq}")
    with owner.acting():
        values = SeriesValues("C-{seq}", yearly=False, is_default=False)
        assert isinstance(series_actions.change_series("B", values, 1, today()), Ok)
        assert isinstance(series_actions.change_series("B", values, 1, today()), Conflict)
        assert isinstance(series_actions.change_series("NONE", values, 1, today()), NotFound)


# ---- A number that is taken ----


def break_counter(database: Database, person: Person) -> None:
    with database.as_owner(person.business_id) as connection:
        connection.execute("UPDATE number_counters SET next_seq = 1")


def test_taken_once_is_tried_again(owner: Person, database: Database) -> None:
    """The counter is behind, as only the owner of the tables can make it, and right again at the second attempt."""
    make_issued(owner)
    draft = make_invoice(owner)
    break_counter(database, owner)

    def repair(_connection: Any) -> None:
        with database.as_owner(owner.business_id) as connection:
            connection.execute("UPDATE number_counters SET next_seq = 2")

    event.listen(Engine, "rollback", repair)
    try:
        assert issue(owner, draft) == f"INV-{YEAR}-0002"
    finally:
        event.remove(Engine, "rollback", repair)


def test_taken_twice_is_reported(owner: Person, database: Database) -> None:
    make_issued(owner)
    draft = make_invoice(owner)
    break_counter(database, owner)
    owner.browser.get(f"/invoices/{draft}")
    page = owner.browser.post(f"/invoices/{draft}/issue", {}, 500)
    assert re.search(r"[0-9a-f]{32}", page.text)
    assert owner.browser.get(f"/invoices/{draft}").text.count("Issue invoice")


# ---- Pages ----


def test_settings_page(cast: Cast, database: Database) -> None:
    browser = cast.owner.browser
    page = browser.get(URL)
    assert f"Next: INV-{YEAR}-0001, INV-{YEAR}-0002, in {YEAR + 1} INV-{YEAR + 1}-0001" in page.words()
    browser.submit(URL, {"code": "export", "pattern": "EXP-{seq:03}", "next_seq": "12", "yearly": ""})
    page = browser.get(URL)
    assert "Next: EXP-012, EXP-013" in page.words()
    page = browser.submit(f"{URL}/EXPORT", {"pattern": "EXP-{year}"}, 422)
    assert page.error_of("pattern").startswith("Write {seq} once")
    stale = browser.get(URL).form(f"{URL}/EXPORT").values
    browser.submit(f"{URL}/EXPORT", {"pattern": "EX-{seq:03}"})
    page = browser.send(f"{URL}/EXPORT", {**stale, "pattern": "X-{seq}"}, 409)
    assert "Someone else changed this series" in page.words()
    assert "Now it is EX-{seq:03}." in page.words()
    cast.stranger.browser.get(URL)
    cast.stranger.browser.post(f"{URL}/EXPORT", {"pattern": "X{seq}", "version": "1"}, 404)
    history = "SELECT action, changes ->> 'pattern' FROM audit_events WHERE entity_type = 'series' ORDER BY id"
    assert [action for action, _ in database.ask(history)[-2:]] == ["series.created", "series.changed"]


PREVIEWS = {
    "pattern=A-{seq:03}": "Next: A-001, A-002",
    "pattern=A-{seq}&next_seq=41": "Next: A-41, A-42",
    "pattern=INV-{year}-{seq:04}&yearly=y&of=INV": f"Next: INV-{YEAR}-0003, INV-{YEAR}-0004, in {YEAR + 1}",
    "pattern=A-{seq}&yearly=y": "Write {year} too",
    "pattern=A-{nothing}": "Write {seq} once",
    "pattern=A-{seq}&next_seq=none": "Enter a whole number",
    "pattern=": "",
}


@pytest.mark.parametrize("query", PREVIEWS)
def test_preview(owner: Person, query: str) -> None:
    make_issued(owner)
    make_issued(owner)
    for htmx in (True, False):
        page = owner.browser.get(f"{URL}/preview?{query}", htmx=htmx)
        assert PREVIEWS[query] in page.words()
        assert page.is_whole != htmx


def test_report_without_gaps(owner: Person) -> None:
    for _ in range(3):
        make_issued(owner)
    make_invoice(owner)
    words = owner.browser.get("/invoices/numbers").words()
    assert f"Next is INV-{YEAR}-0004" in words
    assert f"{YEAR}: 3 given, from 1 to 3" in words
    assert "No gaps" in words


def test_report_with_gaps(owner: Person) -> None:
    client_id = make_client(owner)
    for next_seq in (2, 5, 6, 20):
        change(owner, "INV", next_seq=next_seq)
        make_issued(owner, client_id=client_id)
    words = owner.browser.get("/invoices/numbers").words()
    assert f"{YEAR}: 4 given, from 2 to 20" in words
    assert "15 missing" in words
    assert f"{YEAR}: 3 to 4" in words
    assert f"{YEAR}: 7 to 19" in words


# ---- The series of a draft ----


def name_series(owner: Person, draft: uuid.UUID, code: str, status: int = 303) -> Page:
    """Choose a series on the draft's page."""
    owner.browser.get(f"/invoices/{draft}")
    return owner.browser.submit(f"/invoices/{draft}", {"wanted_series": code}, status)


def test_a_draft_takes_its_number_from_the_series_that_it_names(owner: Person) -> None:
    add(owner, "EXP", "EXP{seq:04}", yearly=False)
    draft, other = make_invoice(owner), make_invoice(owner)
    name_series(owner, draft, "EXP")
    page = owner.browser.get(f"/invoices/{draft}")
    assert page.typed("wanted_series") == ["EXP"]
    assert issue(owner, draft) == "EXP0001"
    assert issue(owner, other) == f"INV-{today().year}-0001"


def test_copies_stay_in_the_series(owner: Person) -> None:
    add(owner, "EXP", "EXP{seq:04}", yearly=False)
    draft = make_invoice(owner)
    name_series(owner, draft, "EXP")
    issue(owner, draft)
    copy = owner.browser.post(f"/invoices/{draft}/duplicate").location.rpartition("/")[2]
    assert issue(owner, uuid.UUID(copy)) == "EXP0002"


def test_back_to_the_usual_series(owner: Person) -> None:
    add(owner, "EXP", "EXP{seq:04}", yearly=False)
    draft = make_invoice(owner)
    name_series(owner, draft, "EXP")
    name_series(owner, draft, "")
    assert issue(owner, draft) == f"INV-{today().year}-0001"


@pytest.mark.parametrize("code", ["NONE", "x" * 300, "a\x00b", "é", "exp"])
def test_a_series_that_there_is_not(owner: Person, code: str) -> None:
    add(owner, "EXP", "EXP{seq:04}", yearly=False)
    draft = make_invoice(owner)
    page = name_series(owner, draft, code, 422)
    assert page.error_of("wanted_series") == "Choose one of your number series."
    assert read(owner, draft).wanted_series is None


def test_a_series_of_somebody_else(owner: Person, stranger: Person) -> None:
    add(stranger, "EXP", "EXP{seq:04}", yearly=False)
    add(owner, "OWN", "OWN{seq:04}", yearly=False)
    assert name_series(owner, make_invoice(owner), "EXP", 422).error_of("wanted_series")


def test_nothing_to_choose_with_one_series(owner: Person) -> None:
    page = owner.browser.get(f"/invoices/{make_invoice(owner)}")
    assert page.fields("wanted_series") == []
    assert f"next is INV-{today().year}-0001" in page.words()
