"""Several invoices at once: all of them or none, in one transaction, told in one report."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from invoices_app.invoices import selection_actions, steps
from invoices_app.results import Invalid, NotFound, Ok
from tests.support.databases import Database
from tests.support.factories import (
    archive,
    issue,
    line,
    make_client,
    make_invoice,
    make_issued,
    pay,
    read,
    today,
    value_of,
)
from tests.support.html import Page
from tests.support.people import Person
from tests.support.snapshot import snapshot
from tests.support.statements import CountStatements

STEPS = ("archive", "restore", "issue", "pay", "duplicate")
HTMX = {"htmx": True, "headers": {"HX-Current-URL": "http://localhost/invoices"}}
every_step = pytest.mark.parametrize("step", STEPS)


def number(seq: int) -> str:
    return f"INV-{today().year}-{seq:04}"


def post(person: Person, step: str, ids: Sequence[Any], status: int = 303, **options: Any) -> Page:
    """Tick these rows of the list and press the button."""
    url = f"/invoices/selection/{step}"
    form = person.browser.get("/invoices?archived=1").form(url)
    return person.browser.send(url, {**form.values, "ids": list(map(str, ids))}, status, **options)


def report(person: Person, page: Page) -> str:
    """What is told on the page that the answer leads to."""
    shown = person.browser.follow(page)
    return shown.words(shown.by_id("flash"))


def run(person: Person, action: Callable[..., Any], *args: Any) -> Any:
    with person.acting():
        return action(*args)


def test_archived_together_and_undone_together(owner: Person) -> None:
    draft = make_invoice(owner, client_id=make_client(owner, "Alder & Finch"))
    issued, hidden, other = make_issued(owner), make_invoice(owner), make_invoice(owner)
    archive(owner, hidden)
    page = owner.browser.follow(post(owner, "archive", [issued, hidden, draft]))
    told = f"2 archived: draft for Alder & Finch and {number(1)}. 1 had been archived before."
    assert told in page.words(page.by_id("flash"))
    assert page.response.request.full_path == "/invoices?archived=1"
    assert owner.browser.get("/invoices").row_ids("invoice") == [str(other)]
    (undo,) = [form.action for form in page.forms if form.action.endswith("/undo")]
    assert "2 invoices are back." in report(owner, owner.browser.post(undo, on=page))
    assert set(owner.browser.get("/invoices").row_ids("invoice")) == {str(draft), str(issued), str(other)}
    assert read(owner, hidden).archived


def test_htmx_gets_the_list_as_it_is_now(owner: Person) -> None:
    first, second, third = (make_invoice(owner) for _ in range(3))
    page = post(owner, "archive", [first, second], 200, **HTMX)
    assert page.row_ids("invoice") == [str(third)]
    assert page.by_id("list-foot") is not None
    assert "2 archived: draft for A Client and draft for A Client." in page.words()
    (undo,) = [form.action for form in page.forms if form.action.endswith("/undo")]
    page = owner.browser.post(undo, status=200, **HTMX)
    assert len(page.row_ids("invoice")) == 3
    page = post(owner, "pay", [first], 422, **HTMX)
    assert page.headers["HX-Retarget"] == "#alerts"
    assert not page.is_whole


def test_restored_together(owner: Person) -> None:
    ids = [make_invoice(owner) for _ in range(3)]
    for invoice_id in ids[:2]:
        archive(owner, invoice_id)
    told = report(owner, post(owner, "restore", ids))
    assert "2 restored: draft for A Client and draft for A Client. 1 had not been archived." in told
    assert len(owner.browser.get("/invoices").row_ids("invoice")) == 3


def test_issued_in_the_order_of_their_dates(owner: Person) -> None:
    before = make_issued(owner, issue_date=today() - timedelta(days=9))
    late, early, middle, twin = (
        make_invoice(owner, issue_date=today() - timedelta(days=days)) for days in (1, 8, 4, 4)
    )
    told = report(owner, post(owner, "issue", [late, twin, before, early, middle]))
    assert f"4 issued: {number(2)}, {number(3)}, {number(4)} and {number(5)}. 1 had been issued before." in told
    assert [read(owner, invoice_id).number for invoice_id in (before, early, middle, twin, late)] == [
        number(seq) for seq in range(1, 6)
    ]
    assert read(owner, early).seller.name == "Owner & Sons Ltd"
    assert f"{number(1)} had been issued before." in report(owner, post(owner, "issue", [before]))


def test_years_count_apart(owner: Person) -> None:
    new, old = (make_invoice(owner, issue_date=date(year, 6, 1)) for year in (2025, 2024))
    report(owner, post(owner, "issue", [new, old]))
    assert [read(owner, invoice_id).number for invoice_id in (old, new)] == ["INV-2024-0001", "INV-2025-0001"]


def test_paid_together(owner: Person) -> None:
    whole, part, done = make_issued(owner), make_issued(owner), make_issued(owner)
    credit = make_issued(owner, [line(quantity=-1)])
    pay(owner, part, 20)
    pay(owner, done)
    told = report(owner, post(owner, "pay", [done, part, credit, whole]))
    assert f"3 marked as paid: {number(1)}, {number(2)} and {number(4)}. 1 had been paid before." in told
    for invoice_id, amount in ((whole, 120), (part, 100), (credit, -120)):
        shown = read(owner, invoice_id)
        assert (shown.status, shown.amount_due, shown.paid_on) == ("paid", 0, today())
        assert (shown.payments[-1].amount, shown.payments[-1].method) == (amount, "bank_transfer")
    assert len(read(owner, done).payments) == 1


def test_duplicated_together(owner: Person) -> None:
    lines = [line("First", 3, "0.05"), line("Second", 2, 10, 0, discount_percent=50)]
    source = make_issued(owner, lines, issue_date=today() - timedelta(days=3), reference="PO 7")
    other = make_invoice(owner, [line("Other")])
    told = report(owner, post(owner, "duplicate", [source, other]))
    assert f"2 duplicated: {number(1)} and draft for A Client." in told
    made = [uuid.UUID(row) for row in owner.browser.get("/invoices").row_ids("invoice")]
    copies = {read(owner, row).reference: read(owner, row) for row in made if row not in {source, other}}
    assert set(copies) == {"PO 7", ""}
    copy, original = copies["PO 7"], read(owner, source)
    assert (copy.status, copy.issue_date, copy.total) == ("draft", today(), original.total)
    kept = ("description", "quantity", "unit_price", "discount_percent", "tax_rate", "line_net", "position")
    for mine, theirs in zip(copy.lines, original.lines, strict=True):
        assert [getattr(mine, name) for name in kept] == [getattr(theirs, name) for name in kept]


def test_the_same_form_twice_duplicates_once(owner: Person) -> None:
    first, second = make_invoice(owner), make_invoice(owner)
    values = owner.browser.get("/invoices").form("/invoices/selection/duplicate").values
    for ids in ([first], [first], [first, second], [second, first]):
        sent = {**values, "ids": list(map(str, ids))}
        page = owner.browser.send("/invoices/selection/duplicate", sent, 303)
        assert "duplicated" in report(owner, page)
    assert len(owner.browser.get("/invoices").row_ids("invoice")) == 2 + 1 + 2


REFUSED = {
    "issue": "Add at least one line before you issue: draft for Empty Ltd. Nothing was changed.",
    "pay": "Issue the drafts before you mark them paid: draft for Empty Ltd. Nothing was changed.",
}


@pytest.mark.parametrize("step", REFUSED)
@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_one_that_cannot_leaves_all_as_they_were(owner: Person, database: Database, step: str, *, htmx: bool) -> None:
    make = make_issued if step == "pay" else make_invoice
    first, last = make(owner), make(owner)
    refused = make_invoice(owner, [], client_id=make_client(owner, "Empty Ltd"))
    owner.browser.token()
    before = snapshot(database)
    page = post(owner, step, [first, refused, last], 422, htmx=htmx)
    assert REFUSED[step] in page.words()
    assert snapshot(database) == before


def test_all_that_stands_against_it_is_told_at_once(owner: Person) -> None:
    make_issued(owner)
    early = [make_invoice(owner, issue_date=today() - timedelta(days=1)) for _ in range(7)]
    hidden = make_invoice(owner, client_id=make_client(owner, "Hidden Ltd"))
    archive(owner, hidden)
    far = make_invoice(owner, issue_date=today() + timedelta(days=32), client_id=make_client(owner, "Far Ltd"))
    words = post(owner, "issue", [*early, hidden, far], 422).words()
    five = ", ".join(["draft for A Client"] * 5)
    assert f"so choose a later issue date: {five} and 2 more." in words
    assert "Restore what is archived before you work on it: draft for Hidden Ltd." in words
    assert "more than 31 days ahead, so change it first: draft for Far Ltd. Nothing was changed." in words


def test_a_number_that_was_taken_meanwhile(owner: Person, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another one issues a later date after ours was found to be in order: the counter has the last word."""
    make_issued(owner)
    late = make_invoice(owner, issue_date=today() + timedelta(days=1))
    early = make_invoice(owner, issue_date=today() - timedelta(days=1), client_id=make_client(owner, "Early Ltd"))
    before = snapshot(database)
    facts = steps.issue_facts
    monkeypatch.setattr(steps, "issue_facts", lambda *args: replace(facts(*args), counters={}))
    result = run(owner, selection_actions.issue_invoices, [late, early], today())
    assert isinstance(result, Invalid)
    assert "choose a later issue date: draft for Early Ltd." in result.sentences()[0]
    assert snapshot(database) == before
    monkeypatch.undo()
    assert issue(owner, make_invoice(owner)) == number(2)


@every_step
def test_nothing_happens_when_one_is_not_ours(owner: Person, stranger: Person, database: Database, step: str) -> None:
    mine = make_issued(owner) if step == "pay" else make_invoice(owner)
    for theirs in (make_invoice(stranger), uuid.uuid4()):
        owner.browser.token()
        before = snapshot(database)
        for htmx in (False, True):
            assert "Not found" in post(owner, step, [mine, theirs], 404, htmx=htmx).words()
        assert snapshot(database) == before


@every_step
def test_selections_of_the_wrong_size_or_kind(owner: Person, database: Database, step: str) -> None:
    invoice_id = make_invoice(owner)
    owner.browser.token()
    before = snapshot(database)
    assert "Select at least one invoice." in post(owner, step, [], 422).words()
    many = [uuid.uuid4() for _ in range(501)]
    assert "Select at most 500 invoices at once." in post(owner, step, many, 422).words()
    for wrong in ("", "1", "x" * 5000, "invoice-1", "' OR 1=1"):
        assert "Reload the list and select again" in post(owner, step, [invoice_id, wrong], 422, htmx=True).words()
    assert snapshot(database) == before


@pytest.mark.parametrize("step", ["archive", "issue", "duplicate"])
def test_one_that_is_ticked_twice_counts_once(owner: Person, step: str) -> None:
    invoice_id = make_invoice(owner)
    words = report(owner, post(owner, step, [invoice_id] * 3))
    assert words.startswith((f"{number(1)} issued.", "Draft for A Client "))
    assert len(owner.browser.get("/invoices?archived=1").row_ids("invoice")) == (2 if step == "duplicate" else 1)


def test_too_many_lines_are_not_copied(owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection_actions, "MAX_COPIED_LINES", 3)
    ids = [make_invoice(owner, [line(), line()]) for _ in range(2)]
    assert "duplicate fewer at once" in post(owner, "duplicate", ids, 422).words()
    post(owner, "duplicate", ids[:1])


def test_each_leaves_an_event_and_one_archiving(owner: Person, database: Database) -> None:
    ids = [make_invoice(owner) for _ in range(3)]
    post(owner, "archive", ids)
    post(owner, "archive", ids)
    events = "SELECT count(*), count(DISTINCT entity_id) FROM audit_events WHERE action = 'invoice.archived'"
    assert database.ask(f"{events} AND business_id = %s", owner.business_id) == [(3, 3)]
    stamps = "SELECT count(DISTINCT archiving_id), count(archived_at) FROM invoices WHERE business_id = %s"
    assert database.ask(stamps, owner.business_id) == [(1, 3)]


def test_overlapping_selections_issued_at_once(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    client_id = make_client(owner)
    days = [today() - timedelta(days=n % 3) for n in range(24)]
    ids = [make_invoice(owner, client_id=client_id, issue_date=day) for day in days]
    chosen = [ids[:16], ids[::-1][:16], ids[4:20], ids[::2], ids]
    results = at_once([lambda some=some: selection_actions.issue_invoices(some, today()) for some in chosen])
    # What came behind a later date may be refused, as a whole; all others are issued, once.
    assert all(isinstance(result, Ok | Invalid) for result in results)
    told = [name for result in results if isinstance(result, Ok) for name in result.value.done]
    assert sorted(told) == [number(seq) for seq in range(1, len(told) + 1)]
    found = sorted(str(shown) for shown in (read(owner, invoice_id).number for invoice_id in ids) if shown)
    assert found == sorted(told)
    assert found


def test_the_same_selection_by_all(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    ids = [make_invoice(owner) for _ in range(10)]
    results = at_once([lambda: value_of(selection_actions.issue_invoices(ids, today()))] * 8)
    assert sorted(len(result.done) for result in results) == [0] * 7 + [10]
    results = at_once([lambda: value_of(selection_actions.pay_invoices(ids[::-1], today()))] * 8)
    assert sorted(len(result.done) for result in results) == [0] * 7 + [10]
    assert all(len(read(owner, invoice_id).payments) == 1 for invoice_id in ids)


def test_opposite_orders_do_not_block_each_other(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    ids = [make_invoice(owner) for _ in range(40)]
    for _ in range(5):
        calls = [lambda some=some: selection_actions.archive_invoices(some) for some in (ids, ids[::-1]) * 4]
        hidden = [len(value_of(result).done) for result in at_once(calls)]
        assert sorted(hidden) == [0] * 7 + [40]
        calls = [lambda some=some: selection_actions.restore_invoices(some) for some in (ids, ids[::-1]) * 4]
        assert sorted(len(value_of(result).done) for result in at_once(calls)) == [0] * 7 + [40]


def test_one_token_duplicates_once_at_the_same_moment(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    ids, token = [make_invoice(owner) for _ in range(3)], uuid.uuid4()
    results = at_once([lambda: value_of(selection_actions.duplicate_invoices(ids, today(), token))] * 8)
    assert {len(result.done) for result in results} == {3}
    assert len(owner.browser.get("/invoices").row_ids("invoice")) == 6


def test_archiving_many_costs_no_more_statements(owner: Person, count_statements: CountStatements) -> None:
    sent: dict[str, set[int]] = {"archive": set(), "restore": set()}
    for count in (2, 40):
        ids = [make_invoice(owner) for _ in range(count)]
        for name, action in (("archive", "archive_invoices"), ("restore", "restore_invoices")):
            with count_statements() as statements:
                assert isinstance(run(owner, getattr(selection_actions, action), ids), Ok)
            sent[name].add(len(statements))
    # The lock, the change, the events.
    assert sent == {"archive": {3}, "restore": {3}}


def test_the_bar_sends_what_is_ticked(owner: Person) -> None:
    invoice_id = make_invoice(owner)
    page = owner.browser.get("/invoices")
    words = [page.words(button) for button in page.by_id("selection").iter("button")]
    assert words == ["Print", "Archive", "Mark sent", "Mark paid", "Duplicate", "Clear"]
    (box,) = page.fields("ids")
    assert (box.get("form"), box.get("value")) == ("selection", str(invoice_id))
    form = page.by_id("selection")
    assert (form.get("hx-boost"), form.get("method")) == ("true", "post")
    assert {button.get("formaction", form.get("action")) for button in form.iter("button")} <= {
        form.get("action"),
        *(f"/invoices/selection/{step}" for step in ("archive", "issue", "pay", "duplicate")),
    }
    shown = owner.browser.get("/invoices?archived=1")
    assert "Restore" in shown.words(shown.by_id("selection"))
    assert "selection" not in owner.browser.get("/invoices?status=paid").ids


def test_not_found_is_told_before_what_stands_against_it(owner: Person) -> None:
    result = run(owner, selection_actions.issue_invoices, [make_invoice(owner, []), uuid.uuid4()], today())
    assert isinstance(result, NotFound)


def test_a_selection_takes_its_numbers_at_once(owner: Person, count_statements: CountStatements) -> None:
    """While the counter is locked nobody else can issue, so it is asked once a year of dates, not once an invoice."""
    ids = [make_invoice(owner, issue_date=date(2024 + n % 2, 1, 1)) for n in range(10)]
    with count_statements() as statements:
        assert len(value_of(run(owner, selection_actions.issue_invoices, ids, today())).done) == 10
    assert sum("UPDATE number_counters" in statement for statement in statements) == 2
    assert {read(owner, invoice_id).number for invoice_id in ids} == {
        f"INV-{year}-{seq:04}" for year in (2024, 2025) for seq in range(1, 6)
    }
