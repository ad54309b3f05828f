"""The life of a document: draft, issued and frozen, paid, archived; the same figures wherever it is shown."""

from __future__ import annotations

import re
import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest

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
)
from tests.support.html import Page
from tests.support.people import Person
from tests.support.snapshot import snapshot

LINES = [
    line("Survey", "1.5", "420.00", 20),
    line("Drawings", "9.5", "68.3333", 20, discount_percent="12.5"),
    line("Books", "150", "6.7505", 0),
    line("Taken back", "-2", "33.335", "7.25"),
]
"""Nets 630.00, 568.02 (649.17 less 81.15), 1012.58 and -66.67."""

TOTALS = {"invoice-subtotal": Decimal("2143.93"), "invoice-total": Decimal("2378.70"), "invoice-tax": Decimal("234.77")}


def url_of(invoice_id: uuid.UUID) -> str:
    return f"/invoices/{invoice_id}"


def number_on(page: Page) -> str:
    return page.words(page.by_id("invoice-number"))


def status_on(page: Page) -> str:
    return str(page.by_id("invoice-status").get("data-status"))


def test_totals_are_the_same_everywhere(owner: Person) -> None:
    invoice_id = make_invoice(owner, LINES)
    for state in ("draft", "sent"):
        for url in (url_of(invoice_id), f"{url_of(invoice_id)}/print"):
            page = owner.browser.get(url)
            assert {name: page.amount(name) for name in TOTALS} == TOTALS, state
            nets = [page.amounts(f"line-{name}")[-1] for name in page.row_ids("line")]
            assert nets == [Decimal("630.00"), Decimal("568.02"), Decimal("1012.58"), Decimal("-66.67")]
        for url in ("/invoices", f"/clients/{read(owner, invoice_id).client_id}"):
            assert owner.browser.get(url).amounts(f"invoice-{invoice_id}") == [TOTALS["invoice-total"]]
        if state == "draft":
            issue(owner, invoice_id)


@pytest.mark.parametrize(
    ("currency", "total"), [("JPY", "120"), ("GBP", "120.00"), ("KWD", "119.998"), ("USD", "120.00")]
)
def test_minor_units_of_the_currency(owner: Person, currency: str, total: str) -> None:
    invoice_id = make_invoice(owner, [line(unit_price="99.998")], currency=currency)
    shown = owner.browser.get(url_of(invoice_id)).by_id("invoice-total")
    assert [data.get("value") for data in shown.iter("data")] == [total]


def test_a_draft_has_no_number_anywhere(owner: Person) -> None:
    make_issued(owner)
    invoice_id = make_invoice(owner)
    page = owner.browser.get(url_of(invoice_id))
    assert number_on(page) == ""
    assert f"next is INV-{today().year}-0002" in page.words()
    assert number_on(owner.browser.get(f"{url_of(invoice_id)}/print")) == ""
    row = owner.browser.get("/invoices").by_id(f"invoice-{invoice_id}")
    assert "INV-" not in page.words(row)
    assert read(owner, invoice_id).number is None


def test_issuing_gives_the_number_and_freezes(owner: Person) -> None:
    invoice_id = make_invoice(owner)
    owner.browser.get(url_of(invoice_id))
    page = owner.browser.follow(owner.browser.submit(f"{url_of(invoice_id)}/issue"))
    assert number_on(page) == f"INV-{today().year}-0001"
    assert status_on(page) == "sent"
    assert not page.has_form(url_of(invoice_id))
    assert f"INV-{today().year}-0001" in owner.browser.get("/invoices").words()


def test_issuing_twice_gives_one_number(owner: Person) -> None:
    invoice_id = make_invoice(owner)
    assert issue(owner, invoice_id) == issue(owner, invoice_id)
    owner.browser.post(f"{url_of(invoice_id)}/issue")
    assert issue(owner, make_invoice(owner)).endswith("-0002")


def test_each_business_counts_for_itself(owner: Person, stranger: Person) -> None:
    assert issue(owner, make_invoice(owner)) == issue(stranger, make_invoice(stranger))


def test_a_year_starts_with_one(owner: Person) -> None:
    old, new = (make_invoice(owner, issue_date=date(year, 6, 1)) for year in (2024, 2025))
    assert [issue(owner, old), issue(owner, new)] == ["INV-2024-0001", "INV-2025-0001"]


def test_empty_drafts_are_not_issued(owner: Person) -> None:
    invoice_id = make_invoice(owner, [])
    page = owner.browser.post(f"{url_of(invoice_id)}/issue", {}, 422)
    assert "Add at least one line before you issue this invoice." in page.words()
    assert read(owner, invoice_id).number is None


def test_numbers_follow_the_dates(owner: Person) -> None:
    make_issued(owner, issue_date=today())
    early = make_invoice(owner, issue_date=today() - timedelta(days=1))
    page = owner.browser.post(f"{url_of(early)}/issue", {}, 422)
    assert "An invoice with a later date was issued already" in page.words()
    assert read(owner, early).number is None


def test_a_refused_issue_leaves_no_gap(owner: Person) -> None:
    make_issued(owner, issue_date=today())
    early = make_invoice(owner, issue_date=today() - timedelta(days=1))
    owner.browser.post(f"{url_of(early)}/issue", {}, 422)
    assert issue(owner, make_invoice(owner)).endswith("-0002")


def test_a_rolled_back_issue_leaves_no_gap(owner: Person, database: Database) -> None:
    """The database refuses at commit, when the number has been taken already."""
    invoice_id = make_issued(owner)
    with database.as_app(owner.business_id) as connection:
        connection.execute("UPDATE number_counters SET next_seq = next_seq + 1")
        connection.rollback()
    broken = make_invoice(owner)
    with database.as_superuser() as connection:
        connection.execute("ALTER TABLE invoices DISABLE TRIGGER totals_add_up")
        connection.execute("UPDATE line_items SET quantity = -5, line_net = 1 WHERE invoice_id = %s", [broken])
        connection.rollback()
    assert issue(owner, broken).endswith("-0002")
    assert read(owner, invoice_id).number is not None


def frozen_writes(person: Person, invoice_id: uuid.UUID) -> list[tuple[str, dict[str, str]]]:
    shown = read(person, invoice_id)
    a_line = f"{url_of(invoice_id)}/lines/{shown.lines[0].id}"
    header = {"client_id": str(shown.client_id), "issue_date": "2026-01-01", "version": str(shown.version)}
    return [
        (url_of(invoice_id), {**header, "reference": "Changed"}),
        (url_of(invoice_id), {"issue_date": "never", "version": "1"}),
        (f"{url_of(invoice_id)}/lines", {"description": "More"}),
        (f"{url_of(invoice_id)}/lines", {"description": ""}),
        (a_line, {"description": "Changed", "version": str(shown.lines[0].version)}),
        (a_line, {"quantity": "much", "version": "1"}),
        (a_line, {"description": "Changed", "version": "77"}),
        (f"{a_line}/delete", {}),
        (f"{a_line}/duplicate", {}),
        (f"{a_line}/move", {"position": "1"}),
        (f"{a_line}/move", {"position": "no"}),
    ]


@pytest.mark.parametrize("state", ["sent", "paid", "archived draft", "archived sent"])
@pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
def test_frozen_documents_cannot_be_edited(owner: Person, database: Database, state: str, *, htmx: bool) -> None:
    invoice_id = make_invoice(owner, LINES)
    if state != "archived draft":
        issue(owner, invoice_id)
    if state == "paid":
        pay(owner, invoice_id)
    if state.startswith("archived"):
        archive(owner, invoice_id)
    owner.browser.get(url_of(invoice_id))
    before = snapshot(database)
    for url, data in frozen_writes(owner, invoice_id):
        page = owner.browser.post(url, data, 422, htmx=htmx)
        assert page.is_whole != htmx
    assert snapshot(database) == before


def test_issued_documents_print_the_same_for_ever(owner: Person) -> None:
    client_id = make_client(owner, "The Old Name", city="Old Town", currency="EUR")
    invoice_id = make_issued(owner, LINES, client_id=client_id)
    pages = (url_of(invoice_id), f"{url_of(invoice_id)}/print")
    before = [printed(owner.browser.get(url)) for url in pages]
    owner.browser.get(f"/clients/{client_id}/edit")
    owner.browser.submit(f"/clients/{client_id}", {"name": "A New Name", "city": "New Town", "currency": "USD"})
    owner.browser.get("/settings/business")
    owner.browser.submit("/settings/business", {"name": "Renamed Ltd", "country": "DE", "invoice_notes": "Other"})
    owner.browser.post(f"/clients/{client_id}/archive")
    assert [printed(owner.browser.get(url)) for url in pages] == before
    assert "The Old Name" in owner.browser.get("/invoices").words()


def printed(page: Page) -> str:
    """The sheet as it came."""
    found = re.search(r"<article.*</article>", page.text, re.DOTALL)
    assert found is not None
    return found.group()


def test_paying_it_off_in_parts_and_taking_it_back(owner: Person) -> None:
    url = url_of(make_issued(owner))
    owner.browser.get(url)
    page = owner.browser.follow(owner.browser.submit(f"{url}/pay", {"amount": "100,00", "method": "card"}))
    assert (status_on(page), page.amount("invoice-due")) == ("sent", Decimal("20.00"))
    page = owner.browser.follow(owner.browser.submit(f"{url}/pay", {"amount": ""}))
    assert (status_on(page), page.amount("invoice-due")) == ("paid", Decimal("0.00"))
    owner.browser.post(f"{url}/pay", {}, 422)
    page = owner.browser.follow(owner.browser.post(f"{url}/reopen"))
    assert (status_on(page), page.amount("invoice-due")) == ("sent", Decimal("20.00"))
    page = owner.browser.follow(owner.browser.post(f"{url}/reopen"))
    assert page.amount("invoice-total") == Decimal("120.00")
    assert "There is no payment to take back." in owner.browser.post(f"{url}/reopen", {}, 422).words()
    assert owner.browser.get(url).words().count("taken back") == 2


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        ("0", "Enter an amount above zero."),
        ("-1", "Enter an amount below zero."),
        ("120.01", "Only 120.00 is due on this invoice."),
        ("1.001", "GBP amounts have 2 decimals."),
        ("1e2", "Enter a number, such as 12.50."),
    ],
)
def test_wrong_payments(owner: Person, amount: str, sentence: str) -> None:
    url = url_of(make_issued(owner))
    owner.browser.get(url)
    page = owner.browser.submit(f"{url}/pay", {"amount": amount}, 422)
    assert page.error_of("amount") == sentence.replace("below", "above")
    assert page.typed("amount") == [amount]


def test_a_credit_is_paid_back(owner: Person) -> None:
    url = url_of(make_issued(owner, [line(quantity=-1)]))
    owner.browser.get(url)
    assert owner.browser.submit(f"{url}/pay", {"amount": "1"}, 422).error_of("amount") == "Enter an amount below zero."
    assert status_on(owner.browser.follow(owner.browser.submit(f"{url}/pay", {"amount": "-120"}))) == "paid"


def test_drafts_are_not_paid(owner: Person) -> None:
    page = owner.browser.post(f"{url_of(make_invoice(owner))}/pay", {}, 422)
    assert "Issue this invoice before you record a payment." in page.words()


def test_nothing_to_pay_is_paid_at_once(owner: Person) -> None:
    assert status_on(owner.browser.get(url_of(make_issued(owner, [line(unit_price=0)])))) == "paid"


def test_overdue_is_computed(owner: Person) -> None:
    yesterday = today() - timedelta(days=1)
    late = make_issued(owner, issue_date=yesterday, due_date=yesterday)
    due_today = make_issued(owner, issue_date=today(), due_date=today())
    assert status_on(owner.browser.get(url_of(late))) == "overdue"
    assert status_on(owner.browser.get(url_of(due_today))) == "sent"
    assert owner.browser.get("/invoices?status=overdue").row_ids("invoice") == [str(late)]
    assert owner.browser.get("/invoices?status=sent").row_ids("invoice") == [str(due_today)]


def test_archived_documents_are_hidden_until_asked_for(owner: Person) -> None:
    invoice_id = make_issued(owner)
    url = url_of(invoice_id)
    owner.browser.get(url)
    owner.browser.submit(f"{url}/archive")
    assert owner.browser.get("/invoices").row_ids("invoice") == []
    assert owner.browser.get("/invoices?archived=1").row_ids("invoice") == [str(invoice_id)]
    assert number_on(owner.browser.get(url)).endswith("-0001")
    owner.browser.submit(f"{url}/restore")
    assert owner.browser.get("/invoices").row_ids("invoice") == [str(invoice_id)]
    assert issue(owner, make_invoice(owner)).endswith("-0002")


@pytest.mark.parametrize("state", ["draft", "sent"])
def test_a_copy_is_a_new_draft_of_today(owner: Person, state: str) -> None:
    header = {"issue_date": today() - timedelta(days=40), "due_date": today() - timedelta(days=33), "reference": "PO 7"}
    original = make_invoice(owner, LINES, **header)
    if state == "sent":
        issue(owner, original)
    owner.browser.get(url_of(original))
    copy = read(owner, uuid.UUID(owner.browser.submit(f"{url_of(original)}/duplicate").location.rpartition("/")[2]))
    assert (copy.number, copy.status, copy.reference) == (None, "draft", "PO 7")
    assert (copy.issue_date, copy.due_date) == (today(), today() + timedelta(days=7))
    assert copy.total == TOTALS["invoice-total"]
    assert [found.description for found in copy.lines] == ["Survey", "Drawings", "Books", "Taken back"]


@pytest.mark.parametrize(
    ("query", "status"), [("status=nonsense", 400), ("cursor=1", 400), ("client=nobody", 404), ("client=%00", 404)]
)
def test_wrong_filters(owner: Person, query: str, status: int) -> None:
    owner.browser.get(f"/invoices?{query}", status)
    owner.browser.get(f"/invoices?{query}", status, htmx=True)


def test_another_business_client_in_a_filter_is_not_found(owner: Person, stranger: Person) -> None:
    owner.browser.get(f"/invoices?client={read(stranger, make_invoice(stranger)).client_id}", 404)


def test_pages_of_25_meet_without_gap_or_overlap(owner: Person) -> None:
    client_id = make_client(owner)
    dates = (today() - timedelta(days=number % 5) for number in range(55))
    made = {str(make_invoice(owner, client_id=client_id, issue_date=day)) for day in dates}
    seen: list[str] = []
    url, sizes = "/invoices", []
    while url:
        page = owner.browser.get(url, htmx=bool(seen))
        sizes.append(len(page.row_ids("invoice")))
        seen += page.row_ids("invoice")
        url = next((link.get("hx-get", "") for link in page.all("a") if "cursor=" in link.get("hx-get", "")), "")
    assert sizes == [25, 25, 5]
    assert sorted(seen) == sorted(made)


def test_words_of_people_are_never_markup(owner: Person) -> None:
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}"
    client_id = make_client(owner, evil)
    invoice_id = make_invoice(owner, [line(evil)], client_id, reference=evil[:100], notes=evil)
    issue(owner, invoice_id)
    for url in ("/clients", f"/clients/{client_id}", "/invoices", url_of(invoice_id), f"{url_of(invoice_id)}/print"):
        page = owner.browser.get(url)
        assert list(page.all("img")) == []
        assert "alert(1)" in page.words()
        assert "49" not in page.words(page.by_id("main"))
