"""Imported numbers: kept as they are, in a series where they fit one, and never given a second time."""

from __future__ import annotations

import threading
import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices_app.db.transaction import transaction
from invoices_app.imports.writing import Writer
from invoices_app.invoices import rules, series, series_actions, status_actions
from invoices_app.invoices.series_actions import SeriesValues
from invoices_app.results import Invalid, Ok
from tests.support.databases import Database
from tests.support.factories import issue, make_client, make_invoice, make_issued, today, value_of
from tests.support.people import Person
from tests.support.planned import CHOICES, invoice, write

YEAR = today().year
PATTERNS = [
    "INV-{year}-{seq:04}",
    "{seq}",
    "A{seq:03}/{year}",
    "{year}{month}-{seq:02}",
    "R.{seq}.{month}",
    "{seq}{year}",
]


# ---- Reading a number by a pattern ----


@given(st.sampled_from(PATTERNS), st.integers(1, rules.MAX_SEQ), st.dates(date(1990, 1, 1), date(2199, 12, 31)))
def test_every_number_is_read_as_it_was_made(pattern: str, seq: int, day: date) -> None:
    number = rules.format_number(pattern, seq, day)
    assert rules.place_of(number, pattern, yearly=False) == ("", seq)
    if "{year}" in pattern:
        assert rules.place_of(number, pattern, yearly=True) == (str(day.year), seq)


@pytest.mark.parametrize(
    "number",
    ["INV-2024-1", "INV-2024-00001", "inv-2024-0001", "INV-2024-0000", "INV-1024-0001", "XINV-2024-0001",
     "INV-2024-0001 ", "INV-2024-0001\n", "INV-2024-1000000000", "", "INV-2024-٠٠٠١"],
)  # fmt: skip
def test_what_a_series_could_not_make_is_not_its_own(number: str) -> None:
    assert rules.place_of(number, "INV-{year}-{seq:04}", yearly=True) is None


@pytest.mark.parametrize("pattern", PATTERNS)
def test_the_database_reads_them_alike(database: Database, pattern: str) -> None:
    form = rules.number_form(pattern)
    made = [rules.format_number(pattern, seq, today()) for seq in (1, 42, 12345)]
    for number in [*made, f"x{made[0]}", f"{made[0]}-", "", made[0].lower() + "x"]:
        fits = database.value("SELECT %s ~ %s", number, form.whole)
        assert fits == (rules.place_of(number, pattern, yearly=False) is not None)
        if fits:
            seq = database.value("SELECT substring(%s from %s)::numeric", number, form.seq)
            assert ("", int(seq)) == rules.place_of(number, pattern, yearly=False)


# ---- Where they come to stand ----


def places(person: Person, database: Database) -> dict[str, tuple[str, str, int | None]]:
    query = "SELECT number, series, period, seq FROM invoices WHERE business_id = %s AND number IS NOT NULL"
    return {number: tuple(place) for number, *place in database.ask(query, person.business_id)}


def counters(person: Person, database: Database) -> dict[tuple[str, str], tuple[int, date | None]]:
    query = "SELECT series, period, next_seq, last_issue_date FROM number_counters WHERE business_id = %s"
    return {(code, period): (seq, day) for code, period, seq, day in database.ask(query, person.business_id)}


def add(person: Person, code: str, pattern: str, **more: Any) -> Any:
    values = {"yearly": "{year}" in pattern, "is_default": False, **more}
    with person.acting():
        return series_actions.add_series(code, SeriesValues(pattern, **values), today())


def change(person: Person, code: str, **changes: Any) -> Any:
    with person.acting():
        known = next(one for one in series.every(today()) if one.code == code)
        values = {"pattern": known.pattern, "yearly": known.yearly, "is_default": known.is_default, **changes}
        return series_actions.change_series(code, SeriesValues(**values), known.version, today())


def test_by_the_patterns_of_the_series(owner: Person, database: Database) -> None:
    add(owner, "EXP", "E{seq:03}", yearly=False)
    day = date(2023, 5, 4)
    write(
        owner, [invoice(number, issue_date=day) for number in ("INV-2023-0007", "INV-2022-0001", "E012", "RE/1", "12")]
    )
    assert places(owner, database) == {
        "INV-2023-0007": ("INV", "2023", 7),
        "INV-2022-0001": ("INV", "2022", 1),
        "E012": ("EXP", "", 12),
        "RE/1": ("imported", "", None),
        "12": ("imported", "", None),
    }
    assert counters(owner, database) == {
        ("INV", "2023"): (8, day),
        ("INV", "2022"): (2, day),
        ("EXP", ""): (13, day),
    }


def test_by_one_series_when_it_is_chosen(owner: Person, database: Database) -> None:
    add(owner, "EXP", "E{seq:03}", yearly=False)
    write(owner, [invoice("INV-2023-0007"), invoice("E012")], series="EXP")
    assert places(owner, database) == {"INV-2023-0007": ("imported", "", None), "E012": ("EXP", "", 12)}


def test_no_place_is_taken_twice(owner: Person, database: Database) -> None:
    """A series that has the year in its numbers and does not start again: elsewhere it may have."""
    add(owner, "B", "B-{year}-{seq}", yearly=False)
    write(owner, [invoice("B-2022-5"), invoice("B-2023-5"), invoice("B-2021-4")])
    write(owner, [invoice("B-2024-5"), invoice("B-2020-3")])
    assert places(owner, database) == {
        "B-2022-5": ("B", "", 5),
        "B-2023-5": ("imported", "", None),
        "B-2021-4": ("B", "", 4),
        "B-2024-5": ("imported", "", None),
        "B-2020-3": ("B", "", 3),
    }


def test_the_page_of_numbers_tells_gaps_and_own_numbers(owner: Person) -> None:
    planned = [invoice(f"INV-2023-{seq:04}") for seq in (3, 4, 7)] + [invoice("old 1"), invoice("old 2")]
    write(owner, planned)
    words = owner.browser.get("/invoices/numbers").words()
    assert "2023: 3 given, from 3 to 7" in words
    assert "2 missing" in words
    assert "2023: 5 to 6" in words
    assert "2 invoices; new numbers never repeat them" in words
    with owner.acting():
        found = [(report.code, report.missing, report.own) for report in series.reports(today())]
    assert found == [("INV", 2, 0), ("imported", 0, 2)]


def test_they_sort_by_their_number(owner: Person) -> None:
    write(owner, [invoice("x-2"), invoice("x-1"), invoice("x-3")])
    page = owner.browser.get("/invoices?sort=number").words()
    assert page.index("x-1") < page.index("x-2") < page.index("x-3")


# ---- Issuing never meets one ----


def test_counters_move_past_and_never_back(owner: Person, database: Database) -> None:
    for _ in range(3):
        make_issued(owner)
    write(owner, [invoice(f"INV-{YEAR}-0001-old"), invoice(f"INV-{YEAR - 1}-0400")])
    assert issue(owner, make_invoice(owner)) == f"INV-{YEAR}-0004"
    write(owner, [invoice(f"INV-{YEAR}-0009", issue_date=today(), due_date=today())])
    assert issue(owner, make_invoice(owner)) == f"INV-{YEAR}-0010"
    assert counters(owner, database)["INV", str(YEAR)] == (11, today())


def test_old_invoices_do_not_keep_anybody_from_issuing(owner: Person, database: Database) -> None:
    make_issued(owner)
    write(owner, [invoice(f"INV-{YEAR}-0050", issue_date=date(2001, 1, 1), due_date=today())])
    assert counters(owner, database)["INV", str(YEAR)] == (51, today())
    assert issue(owner, make_invoice(owner)) == f"INV-{YEAR}-0051"


def test_days_to_come_do_not_either(owner: Person, database: Database) -> None:
    later = today() + timedelta(days=400)
    planned = [invoice(f"INV-{YEAR}-0002", issue_date=later, due_date=later)]
    write(owner, [*planned, invoice(f"INV-{YEAR}-0001", issue_date=date(2020, 1, 1))])
    assert counters(owner, database)["INV", str(YEAR)] == (3, date(2020, 1, 1))
    assert issue(owner, make_invoice(owner)) == f"INV-{YEAR}-0003"


def test_numbers_follow_the_dates_of_what_came_in(owner: Person) -> None:
    write(owner, [invoice(f"INV-{YEAR}-0050", issue_date=today(), due_date=today())])
    draft = make_invoice(owner, issue_date=today() - timedelta(days=1))
    with owner.acting():
        refused = status_actions.issue_invoice(draft, today())
    assert isinstance(refused, Invalid)
    assert "later date" in " ".join(refused.sentences())


def test_a_new_period(owner: Person) -> None:
    """Nobody issued in that year yet, but there are numbers of it."""
    day = today() + timedelta(days=31)
    number = rules.format_number("INV-{year}-{seq:04}", 5, day)
    write(owner, [invoice(number)])
    assert issue(owner, make_invoice(owner, issue_date=day)) == rules.format_number("INV-{year}-{seq:04}", 6, day)


def test_a_new_series(owner: Person) -> None:
    write(owner, [invoice(f"R{YEAR}/014"), invoice(f"R{YEAR - 1}/077"), invoice("R/9")])
    assert isinstance(add(owner, "R", "R{year}/{seq:03}", is_default=True), Ok)
    assert issue(owner, make_invoice(owner)) == f"R{YEAR}/015"


def test_a_new_series_with_a_number_set_by_hand(owner: Person) -> None:
    write(owner, [invoice(f"R{YEAR}/014")])
    refused = add(owner, "R", "R{year}/{seq:03}", next_seq=14)
    assert isinstance(refused, Invalid)
    assert refused.sentences() == ["14 is used already: enter 15 or more."]
    assert isinstance(add(owner, "R", "R{year}/{seq:03}", next_seq=20, is_default=True), Ok)
    assert isinstance(change(owner, "R", next_seq=14), Invalid)
    assert isinstance(change(owner, "R", next_seq=15), Ok)
    assert issue(owner, make_invoice(owner)) == f"R{YEAR}/015"


def test_another_pattern(owner: Person) -> None:
    make_issued(owner)
    write(owner, [invoice(f"R-{YEAR}-0030")])
    assert isinstance(change(owner, "INV", pattern="R-{year}-{seq:04}"), Ok)
    assert issue(owner, make_invoice(owner)) == f"R-{YEAR}-0031"


@pytest.mark.parametrize("yearly", [True, False])
def test_counting_otherwise(owner: Person, *, yearly: bool) -> None:
    """A number that came in for one way of counting is met by the other one neither."""
    change(owner, "INV", yearly=yearly)
    write(owner, [invoice(f"INV-{YEAR}-0012"), invoice("INV-2031-0012")])
    change(owner, "INV", yearly=not yearly)
    change(owner, "INV", pattern="N-{year}-{seq:04}")
    change(owner, "INV", pattern="INV-{year}-{seq:04}")
    assert issue(owner, make_invoice(owner)) == f"INV-{YEAR}-0013"


def test_the_reserved_series(owner: Person, database: Database) -> None:
    for code in ("imported", "IMPORTED"):
        refused = add(owner, code, "I{seq}")
        assert isinstance(refused, Invalid)
        assert refused.errors.keys() == {"code"}
    make_issued(owner)
    with database.as_app(owner.business_id) as connection, pytest.raises(Exception, match="ck_number_series_code_free"):
        connection.execute(
            "INSERT INTO number_series (business_id, code, pattern) VALUES (%s, 'imported', '{seq}')",
            [owner.business_id],
        )


def test_a_number_of_its_own_is_imported_and_has_no_place(owner: Person, database: Database) -> None:
    draft = make_invoice(owner)
    issued = "UPDATE invoices SET number = '9', series = 'imported', seq = {seq}, status = 'sent', issued_at = now(),"
    issued += " seller = '{{}}', buyer = '{{}}', imported_as = {source} WHERE id = %s"
    for seq, source in (("NULL", "NULL"), ("1", "'9'")):
        with database.as_app(owner.business_id) as connection, pytest.raises(Exception, match="check constraint"):
            connection.execute(issued.format(seq=seq, source=source).encode(), [draft])


# ---- At the same moment ----


class Importing(threading.Thread):
    """An import of these numbers that has written them, and waits to be told to go on."""

    def __init__(self, person: Person, numbers: list[str]) -> None:
        super().__init__()
        self._person, self._numbers = person, numbers
        self.has_written, self.may_commit = threading.Event(), threading.Event()

    def run(self) -> None:
        with self._person.acting(), transaction() as session:
            writer = Writer(session, CHOICES, import_id=uuid.uuid4(), file_name="x", today=today())
            writer.write([invoice(number) for number in self._numbers])
            self.has_written.set()
            assert self.may_commit.wait(20)
            writer.finish()

    def go_on(self) -> None:
        self.may_commit.set()
        self.join(20)
        assert not self.is_alive()


def test_issuing_goes_on_while_old_numbers_come_in(owner: Person, database: Database) -> None:
    """Those behind the counter, of other years, and of no series."""
    make_client(owner)
    for _ in range(3):
        make_issued(owner)
    draft = make_invoice(owner)
    importing = Importing(owner, [f"INV-{YEAR}-0002 old", "536365"])
    importing.start()
    assert importing.has_written.wait(20)
    assert issue(owner, draft) == f"INV-{YEAR}-0004"
    importing.go_on()


def test_issuing_waits_for_numbers_that_lie_ahead(owner: Person, database: Database) -> None:
    make_issued(owner)
    draft = make_invoice(owner)
    importing = Importing(owner, [f"INV-{YEAR}-{seq:04}" for seq in (2, 3, 4)])
    importing.start()
    assert importing.has_written.wait(20)
    numbers: list[str] = []
    issuing = threading.Thread(target=lambda: numbers.append(issue(owner, draft)))
    issuing.start()
    while not database.waiting_for_locks():
        assert issuing.is_alive()
    importing.go_on()
    issuing.join(20)
    assert numbers == [f"INV-{YEAR}-0005"]
    assert len(places(owner, database)) == 5


def test_what_was_issued_just_before_is_here_already(owner: Person, database: Database) -> None:
    """The import waits for whoever is being given a number, and then sees it."""
    make_issued(owner)
    draft = make_invoice(owner)
    with owner.acting():
        value_of(status_actions.issue_invoice(draft, today()))
    assert write(owner, [invoice(f"INV-{YEAR}-0002"), invoice(f"INV-{YEAR}-0003")]).invoices_skipped == 1
    assert issue(owner, make_invoice(owner)) == f"INV-{YEAR}-0004"


def test_nobody_changes_series_meanwhile(owner: Person, database: Database) -> None:
    make_issued(owner)
    importing = Importing(owner, ["R-1"])
    importing.start()
    assert importing.has_written.wait(20)
    results: list[Any] = []
    changing = threading.Thread(target=lambda: results.append(add(owner, "R", "R-{seq}", next_seq=1)))
    changing.start()
    while not database.waiting_for_locks():
        assert changing.is_alive()
    importing.go_on()
    changing.join(20)
    assert isinstance(results[0], Invalid)
    assert results[0].sentences() == ["1 is used already: enter 2 or more."]
