"""The invoice list: every row once in any order, at the same cost on any page, back where it was, whatever is typed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
from flask import Flask

from invoices_app.db.keyset import MAX_RESTORED_ROWS, ROWS_PER_PAGE, START, Place
from invoices_app.invoices import queries
from invoices_app.invoices.figures import STATUSES
from invoices_app.invoices.queries import SORTS, InvoiceFilters
from invoices_app.web import pagination
from tests.support import crowd as crowds
from tests.support.browser import HTMX, Browser
from tests.support.crowd import HUNDRED_THOUSAND, Crowd
from tests.support.databases import Database
from tests.support.factories import archive, issue, line, make_client, make_invoice, today
from tests.support.people import Cast, Person, make_owner

SIZE = 330
BOTH_WAYS = [f"{way}{name}" for name in SORTS for way in ("", "-")]
ROW = re.compile(r'<tr id="invoice-([0-9a-f-]{36})"')
OLDER = re.compile(r'href="([^"]*cursor=[^"]*)"')

HOSTILE = {
    "quotes": "'\"''",
    "quote and word": "'work",
    "operators": "a & b | !c <-> d",
    "only operators": "& | ! <-> <2>",
    "colons": "a:* b:ABCD :*",
    "brackets": "((()",
    "NUL": "a\x00b",
    "control": "\x01\x1b[31m",
    "long": "x" * 10_000,
    "many words": "ab " * 3_000,
    "emoji": "\U0001f4a9 \U0001f469\u200d\U0001f680",
    "right to left": "\u202eabc שלום عربي",
    "percent": "100% %s %(q)s %%",
    "backslashes": "\\ \\' \\u0041 \\x27",
    "punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "combining": "e" + "\u0301" * 99,
    "ligature that grows": "\ufdfa" * 99,
    "not a character": "\ufffe\uffff",
    "SQL": "'); DROP TABLE invoices; --",
    "HTML": "<script>alert(1)</script>",
    "a row": "{}",
    "blank": "  \t ",
}


@pytest.fixture(scope="module")
def seller(app: Flask, database: Database) -> Person:
    """The owner of some hundred invoices of every kind, with many equal dates, amounts, clients and empty numbers."""
    person = make_owner(app, "Lea Lister", "Lists Ltd")
    crowds.fill(database, person.business_id, SIZE)
    return person


def expected(database: Database, person: Person, sort: str, where: str = "true") -> list[str]:
    """The ids of a business's invoices in an order, sorted by PostgreSQL in one go."""
    way = "DESC" if sort.startswith("-") else "ASC"
    column = SORTS[sort.removeprefix("-")].key
    query = f"SELECT id FROM invoices WHERE business_id = %s AND {where} ORDER BY {column} {way}, id {way}"
    return [str(row[0]) for row in database.ask(query, person.business_id)]


def fragments(browser: Browser, url: str) -> Iterator[tuple[list[str], str, str]]:
    """The pages of a list as htmx loads them: row ids, the URL of the page, the URL that leads back to all so far."""
    following: str | None = url
    while following:
        answer = browser.open(following, headers=HTMX)
        assert answer.status_code == 200
        text = answer.get_data(as_text=True)
        yield ROW.findall(text), following, answer.headers["HX-Replace-Url"]
        match = OLDER.search(text)
        following = match.group(1).replace("&amp;", "&") if match else None


@pytest.mark.parametrize("archived", ["", "&archived=1"])
@pytest.mark.parametrize("sort", BOTH_WAYS)
def test_every_row_once_and_in_order(seller: Person, database: Database, sort: str, archived: str) -> None:
    pages = [rows for rows, *_ in fragments(seller.browser, f"/invoices?sort={sort}{archived}")]
    assert {len(rows) for rows in pages[:-1]} == {ROWS_PER_PAGE}
    where = "true" if archived else "archived_at IS NULL"
    assert [row for rows in pages for row in rows] == expected(database, seller, sort, where)


@pytest.mark.parametrize("status", STATUSES)
def test_every_row_of_a_status(seller: Person, database: Database, status: str) -> None:
    late = f"due_date < '{today()}' AND amount_due > 0"
    where = {
        "draft": "status = 'draft'",
        "sent": f"status = 'sent' AND NOT ({late})",
        "overdue": f"status = 'sent' AND {late}",
        "paid": "status = 'paid'",
    }[status]
    seen = [row for rows, *_ in fragments(seller.browser, f"/invoices?status={status}&archived=1") for row in rows]
    assert seen
    assert seen == expected(database, seller, "-date", where)


def test_every_row_of_a_client(seller: Person, database: Database) -> None:
    ((client_id, count),) = database.ask(
        "SELECT client_id, count(*) FROM invoices WHERE business_id = %s GROUP BY 1 ORDER BY 2 DESC LIMIT 1",
        seller.business_id,
    )
    ordered = expected(database, seller, "-date", f"client_id = '{client_id}'")
    assert len(ordered) == count > ROWS_PER_PAGE
    for url in (f"/invoices?client={client_id}&archived=1", f"/clients/{client_id}?archived=1"):
        assert [row for rows, *_ in fragments(seller.browser, url) for row in rows] == ordered


def test_pages_without_javascript(owner: Person, database: Database) -> None:
    crowds.fill(database, owner.business_id, 60)
    seen: list[str] = []
    page = owner.browser.get("/invoices")
    while True:
        seen += page.row_ids("invoice")
        links = [str(link.get("href")) for link in page.all("a") if "cursor=" in str(link.get("href"))]
        if not links:
            break
        page = owner.browser.get(links[0])
    assert seen == expected(database, owner, "-date", "archived_at IS NULL")
    assert "Start of the list" in page.words()


@pytest.mark.parametrize("sort", ["-date", "date", "client", "-amount", "number", "-due"])
def test_what_happens_meanwhile_moves_no_other_row(app: Flask, database: Database, sort: str) -> None:
    """Between pages invoices come, are archived and change their place; all the others are seen once, in order."""
    person = make_owner(app, "Meg Meanwhile", "Busy Ltd")
    crowds.fill(database, person.business_id, 160)
    before = expected(database, person, sort, "archived_at IS NULL")
    touched: set[str] = set()
    seen: list[str] = []
    for number, (rows, *_) in enumerate(fragments(person.browser, f"/invoices?sort={sort}")):
        seen += rows
        late = today() - timedelta(days=40 * number)
        made = make_invoice(person, [line(unit_price=number * 100)], issue_date=late, due_date=late)
        hidden = next((row for row in (rows[0], *before[::-1]) if row not in touched), rows[0])
        archive(person, uuid.UUID(hidden))
        touched |= {str(made), hidden}
    assert len(touched) > 6
    assert len(seen) == len(set(seen))
    assert [row for row in seen if row not in touched] == [row for row in before if row not in touched]


@pytest.mark.parametrize(
    "query", ["", "?sort=amount", "?archived=1&sort=-client", "?status=paid&sort=number", "?q=advice"]
)
def test_an_address_leads_back_to_the_same_rows(seller: Person, query: str) -> None:
    """What each fragment puts into the address bar shows, loaded anew, all rows down to its last."""
    seen: list[str] = []
    for number, (rows, _, back) in enumerate(fragments(seller.browser, f"/invoices{query}"), start=1):
        seen += rows
        again = seller.browser.open(back)
        assert again.status_code == 200
        assert ROW.findall(again.get_data(as_text=True)) == (seen if number > 1 else seen[:ROWS_PER_PAGE])
        if number == 4:
            break
    assert len(seen) == 4 * ROWS_PER_PAGE


def test_the_address_of_a_new_filter(seller: Person) -> None:
    answer = seller.browser.open("/invoices?status=&client=&q=+advice+&archived=1&sort=-date&foo=1", headers=HTMX)
    assert answer.headers["HX-Replace-Url"] == "/invoices?q=advice&archived=1"


def test_a_page_ends_where_the_list_ends(app: Flask, database: Database) -> None:
    """Exactly one page of rows has no second page."""
    person = make_owner(app, "Eve Exact", "Exact Ltd")
    client_id = make_client(person)
    for _ in range(ROWS_PER_PAGE):
        make_invoice(person, client_id=client_id)
    assert len(list(fragments(person.browser, "/invoices"))) == 1
    make_invoice(person, client_id=client_id)
    assert [len(rows) for rows, *_ in fragments(person.browser, "/invoices")] == [ROWS_PER_PAGE, 1]


def test_sorting_by_number_puts_drafts_last_and_ten_after_nine(owner: Person) -> None:
    client_id = make_client(owner)
    made = [make_invoice(owner, client_id=client_id) for _ in range(12)]
    numbers = [issue(owner, invoice_id) for invoice_id in made[:11]]
    words = owner.browser.get("/invoices?sort=number").words()
    places = [words.index(number) for number in numbers]
    assert places == sorted(places)
    assert owner.browser.get("/invoices?sort=number").row_ids("invoice")[-1] == str(made[11])


def test_an_order_that_a_name_changes(owner: Person) -> None:
    for name in ("Zebra", "ärzte", "Ångström", "Beta"):
        make_invoice(owner, client_id=make_client(owner, name))
    with owner.acting():
        rows = queries.invoice_page(InvoiceFilters(sort="client"), START, today()).rows
    assert [row.client_name for row in rows] == ["Ångström", "ärzte", "Beta", "Zebra"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("status=late", "There is no such status; there are draft, sent, overdue, paid."),
        ("status=DRAFT", "There is no such status"),
        ("status=%00", "There is no such status"),
        ("status[]=draft&status=x", "There is no such status"),
        ("sort=size", "There is no such order; there are date, number, client, amount, due"),
        ("sort=--date", "There is no such order"),
        ("sort=-", "There is no such order"),
        ("sort=date;drop", "There is no such order"),
        ("cursor=x", "This place in the list does not exist any more"),
        ("cursor=%FF%FE", "This place in the list does not exist any more"),
        ("cursor=" + "x" * 5000, "This place in the list does not exist any more"),
        ("upto=%00.%00", "This place in the list does not exist any more"),
        ("sort=amount&cursor={cursor}", "This place in the list does not exist any more"),
        ("cursor={cursor}x", "This place in the list does not exist any more"),
    ],
)
def test_what_does_not_exist_is_said(seller: Person, query: str, sentence: str) -> None:
    older = OLDER.search(seller.browser.open("/invoices").get_data(as_text=True))
    assert older
    cursor = older.group(1).partition("cursor=")[2]
    url = f"/invoices?{query.replace('{cursor}', cursor)}"
    assert sentence in seller.browser.get(url, 400).words()
    assert sentence in seller.browser.get(url, 400, htmx=True).words()


@pytest.mark.parametrize("query", ["client=x", f"client={uuid.UUID(int=1)}", "client={theirs}"])
def test_a_client_of_nobody_is_not_found(cast: Cast, query: str) -> None:
    theirs = make_client(cast.stranger)
    cast.owner.browser.get(f"/invoices?{query.format(theirs=theirs)}", 404)


@pytest.mark.parametrize("typed", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("path", ["/invoices", "/clients", "/palette"])
def test_anything_can_be_typed(seller: Person, path: str, typed: str) -> None:
    url = f"{path}?q={quote(typed)}&archived=1"
    page = seller.browser.get(url)
    assert "<script>alert(1)" not in page.text
    seller.browser.get(url, htmx=True)


def test_coming_back_to_more_than_a_thousand_rows(crowd: Crowd) -> None:
    """The last thousand of them are shown, and the way to the start."""
    person = crowd.of(10_000)
    ordered = expected(crowd.database, person, "-date", "archived_at IS NULL")
    with person.acting():
        for wanted in (MAX_RESTORED_ROWS, MAX_RESTORED_ROWS + 1):
            page = queries.invoice_page(InvoiceFilters(), Place(upto=keys_of(crowd, ordered[wanted - 1])), today())
            assert [str(row.id) for row in page.rows] == ordered[:wanted][-MAX_RESTORED_ROWS:]
            assert page.starts_late == (wanted > MAX_RESTORED_ROWS)
    with person.app.test_request_context():
        upto = pagination.cursor("invoices:-date", keys_of(crowd, ordered[1200]))
    answer = person.browser.open(f"/invoices?upto={upto}").get_data(as_text=True)
    assert ROW.findall(answer) == ordered[201:1201]
    assert "Start of the list" in answer


FILTERS = [
    *(InvoiceFilters(sort=sort, archived=archived) for sort in BOTH_WAYS for archived in (False, True)),
    *(InvoiceFilters(status, sort=sort) for status in STATUSES for sort in ("-date", "date", "amount", "-client")),
]


@pytest.mark.parametrize("filters", FILTERS, ids=lambda filters: f"{filters.status} {filters.sort} {filters.archived}")
def test_any_page_reads_about_a_page(crowd: Crowd, filters: InvoiceFilters) -> None:
    """No list is sorted or skipped through: what is read for the first page is read for the one in the middle.

    What is sent and not late shares its shelf with what is late, so at worst all that is open is read for it.
    """
    person = crowd.hundred_thousand
    at_worst = HUNDRED_THOUSAND // 10 if filters.status == "sent" else 0
    with person.acting():
        first = queries.invoice_page(filters, START, today())
    (middle,) = crowd.database.ask(
        f"SELECT id FROM invoices WHERE business_id = %s ORDER BY {SORTS[filters.sort.removeprefix('-')].key}, id"
        f" OFFSET {HUNDRED_THOUSAND // 2} LIMIT 1",
        person.business_id,
    )
    deep = keys_of(crowd, str(middle[0]), filters.sort)
    assert len(first.rows) == ROWS_PER_PAGE
    for place, rows in ((START, 400), (Place(after=deep), 400), (Place(upto=deep), 7000)):
        plan = crowd.plan_of(person, lambda place=place: queries.invoice_page(filters, place, today()))
        assert plan.sorted_rows <= rows, plan.text
        assert plan.rows_read <= max(rows, at_worst), plan.text


def keys_of(crowd: Crowd, invoice_id: str, sort: str = "-date") -> tuple[str, str]:
    """The place of an invoice in an order."""
    column = SORTS[sort.removeprefix("-")].key
    return str(crowd.database.value(f"SELECT {column} FROM invoices WHERE id = %s", invoice_id)), invoice_id
