"""Search: every word that was typed begins a word of what is found, through one index, and never another's."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask

from invoices_app.clients import actions as client_actions
from invoices_app.clients import queries as client_queries
from invoices_app.clients.queries import ClientFilters
from invoices_app.db.keyset import ROWS_PER_PAGE, START, Place
from invoices_app.db.search import MOST
from invoices_app.invoices import line_actions, queries
from invoices_app.invoices.queries import NEWEST_FIRST, SORTS, InvoiceFilters, InvoiceRow
from tests.support import people
from tests.support.crowd import HUNDRED_THOUSAND, RARE, Crowd
from tests.support.databases import Database
from tests.support.factories import ORIGIN, archive, issue, line, make_client, make_invoice, read, today
from tests.support.people import Cast, Person, make_owner
from tests.support.statements import counted

NAMES = (
    "Söhne & Partner",
    "Ångström AB",
    "Łódź Meble",
    "Strauß Weißbier",
    "Naïve Café",
    "O'Brien-Smith Ltd",
    "Œuvre ﬁne",
)


def found(person: Person, typed: str, **more: Any) -> list[InvoiceRow]:
    """The invoices that the list shows for what was typed."""
    with person.acting():
        return list(queries.invoice_page(InvoiceFilters(q=typed, **more), START, today()).rows)


def found_ids(person: Person, typed: str, **more: Any) -> set[uuid.UUID]:
    return {row.id for row in found(person, typed, **more)}


def found_clients(person: Person, typed: str) -> list[str]:
    with person.acting():
        return [row.name for row in client_queries.client_page(ClientFilters(q=typed, archived=True), START).rows]


@pytest.fixture(scope="module")
def seller(app: Flask) -> Person:
    """An owner whose 118th invoice is the only one."""
    person = make_owner(app, "Sue Seller", "Sellers Ltd")
    for name in NAMES:
        make_client(person, name)
    return person


@pytest.fixture(scope="module")
def invoice(seller: Person, database: Database) -> uuid.UUID:
    """INV-<year>-0118, for O'Brien, with a reference and two lines."""
    client_id = make_client(seller, "Zoë O'Hara", city="Köln", email="zoe@hara.example")
    first = make_invoice(seller, client_id=client_id)
    issue(seller, first)
    with database.as_superuser() as superuser:
        next_seq = "UPDATE number_counters SET next_seq = 118 WHERE business_id = %s"
        superuser.execute(next_seq.encode(), [seller.business_id])
    lines = [line("Crème brûlée, 12 pieces"), line("Émigré transport (night)")]
    made = make_invoice(seller, lines, client_id, reference="PO-77/b")
    assert issue(seller, made) == f"INV-{today().year}-0118"
    return made


@pytest.mark.parametrize(
    "typed",
    [
        "INV-{year}-0118", "inv-{year}-01", "inv {year} 0118", "inv{year}", "{year}-0118", "{year}-01", "0118",
        "118", "11", "inv-{year}-0118 ",
        "PO-77/b", "po-77", "po77", "77", "po 77 b",
        "Zoë", "zoe", "ZOË", "o'hara", "ohara", "hara", "O’Hara", "zoe o'h",
        "crème brûlée", "creme brulee", "CREME", "brul", "emigre", "EMIGRÉ", "night", "(night)", "transport night",
        "zoe 0118", "creme po-77 hara", "118 émigré zo", "  zoe   118  ", "12 pieces",
    ],
)  # fmt: skip
def test_found_by(seller: Person, invoice: uuid.UUID, typed: str) -> None:
    assert found_ids(seller, typed.format(year=today().year)) >= {invoice}


@pytest.mark.parametrize(
    "typed",
    [
        "119",
        "18",
        "{year}-0119",
        "nv",
        "oe",
        "rulee",
        "zoe 0117x",
        "creme po-78",
        "hara zoe missing",
        "inv-1999",
        "2 pieces x",
        "77c",
    ],
)
def test_not_found_by(seller: Person, invoice: uuid.UUID, typed: str) -> None:
    assert invoice not in found_ids(seller, typed.format(year=today().year))


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("söhne", NAMES[0]), ("sohne", NAMES[0]), ("SÖHNE", NAMES[0]), ("so\u0308hne", NAMES[0]),
        ("partner so", NAMES[0]),
        ("ångström", NAMES[1]), ("angstrom", NAMES[1]), ("ANGSTRÖM", NAMES[1]), ("\u212bngstr", NAMES[1]),
        ("łódź", NAMES[2]), ("lodz", NAMES[2]), ("ŁÓDŹ", NAMES[2]), ("Lodz meb", NAMES[2]),
        ("strauß", NAMES[3]), ("strauss", NAMES[3]), ("STRAUSS", NAMES[3]), ("weiss", NAMES[3]), ("WEIẞBIER", NAMES[3]),
        ("naïve", NAMES[4]), ("naive", NAMES[4]), ("cafe", NAMES[4]), ("CAFÉ", NAMES[4]),
        ("o'brien", NAMES[5]), ("obrien", NAMES[5]), ("brien", NAMES[5]), ("smith", NAMES[5]),
        ("o'brien-smith", NAMES[5]),
        ("œuvre", NAMES[6]), ("oeuvre", NAMES[6]), ("fine", NAMES[6]), ("ﬁne", NAMES[6]),
    ],
)  # fmt: skip
def test_accents_and_case_do_not_matter(seller: Person, typed: str, expected: str) -> None:
    assert found_clients(seller, typed) == [expected]


def test_a_renamed_client(owner: Person) -> None:
    """Drafts are found by the new name; what was issued by both, since it bears the old and belongs to the new."""
    client_id = make_client(owner, "Before Ltd")
    draft, issued = (make_invoice(owner, client_id=client_id) for _ in range(2))
    issue(owner, issued)
    with owner.acting():
        client_actions.update_client(client_id, {"name": "Afterwards Ltd"}, 1)
    assert found_ids(owner, "before") == {issued}
    assert found_ids(owner, "afterwards") == {draft, issued}
    assert {row.id: row.client_name for row in found(owner, "afterw")} == {
        draft: "Afterwards Ltd",
        issued: "Before Ltd",
    }
    assert found_clients(owner, "before") == []


def test_a_line_that_comes_changes_and_goes(owner: Person) -> None:
    invoice_id = make_invoice(owner, [line("Apples")])
    with owner.acting():
        line_actions.add_lines(invoice_id, [line("Bananas")], ORIGIN)
    second = read(owner, invoice_id).lines[1]
    assert found_ids(owner, "apples banan") == {invoice_id}
    with owner.acting():
        line_actions.change_line(invoice_id, second.id, {"description": "Cherries"}, second.version, ORIGIN)
    assert found_ids(owner, "banan") == set()
    assert found_ids(owner, "cherr") == {invoice_id}
    with owner.acting():
        line_actions.delete_line(invoice_id, second.id, ORIGIN)
    assert found_ids(owner, "cherr") == set()
    assert found_ids(owner, "apples") == {invoice_id}


def test_another_client_and_reference(owner: Person) -> None:
    invoice_id = make_invoice(owner, client_id=make_client(owner, "First"), reference="Red")
    shown = read(owner, invoice_id)
    header = {"client_id": str(make_client(owner, "Second")), "reference": "Blue", "version": str(shown.version)}
    owner.browser.get(f"/invoices/{invoice_id}")
    owner.browser.post(f"/invoices/{invoice_id}", {**header, "issue_date": str(shown.issue_date)})
    assert found_ids(owner, "first") == found_ids(owner, "red") == set()
    assert found_ids(owner, "second blue") == {invoice_id}


def test_archived_ones_are_found_when_asked_for(owner: Person) -> None:
    live, hidden = (make_invoice(owner, [line("Walnuts")]) for _ in range(2))
    archive(owner, hidden)
    assert found_ids(owner, "walnuts") == {live}
    assert found_ids(owner, "walnuts", archived=True) == {live, hidden}
    page = owner.browser.get("/invoices?q=walnuts")
    assert "1 archived hidden" in page.words()
    assert page.row_ids("invoice") == [str(live)]
    assert set(owner.browser.get("/invoices?q=walnuts&archived=1").row_ids("invoice")) == {str(live), str(hidden)}


def test_with_other_filters(owner: Person) -> None:
    client_id = make_client(owner)
    draft, issued = (make_invoice(owner, [line("Walnuts")], client_id) for _ in range(2))
    other = make_invoice(owner, [line("Walnuts")])
    issue(owner, issued)
    assert found_ids(owner, "walnuts", status="draft") == {draft, other}
    assert found_ids(owner, "walnuts", client=client_id) == {draft, issued}
    assert found_ids(owner, "walnuts", client=client_id, status="sent") == {issued}


def test_another_business_is_never_found(cast: Cast) -> None:
    made = {person.name: make_invoice(person, [line("Secret sauce")]) for person in (cast.owner, cast.stranger)}
    for person in (cast.owner, cast.stranger):
        assert found_ids(person, "secret sauce") == {made[person.name]}
        assert found_clients(person, "client") == ["A Client"]
    assert found_ids(cast.teammate, "secret") == {made[cast.owner.name]}


def test_not_even_when_the_keys_of_their_words_are_the_same(
    app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words begin with the end of the business's id; that of two can be the same."""
    persons = []
    for high in (1, 2):
        ids = iter([uuid.uuid4(), uuid.UUID(int=(high << 64) + 0xABCDEF0123)])
        monkeypatch.setattr(people, "new_id", lambda ids=ids: next(ids))
        persons.append(make_owner(app, f"Owner {high}", f"Business {high}"))
    monkeypatch.undo()
    made = [make_invoice(person, [line("Collision course")]) for person in persons]
    keys = "SELECT count(DISTINCT search_key(id, 'invoice')) FROM businesses WHERE id = ANY(%s)"
    assert database.value(keys, [person.business_id for person in persons]) == 1
    for person, invoice_id in zip(persons, made, strict=True):
        assert found_ids(person, "collision") == {invoice_id}
        assert found_clients(person, "client") == ["A Client"]
        with database.as_app(person.business_id, person.user_id) as connection:
            query = "SELECT search('invoice', 'collision', 100)"
            assert connection.execute(query).fetchall() == [(invoice_id,)]


def test_kinds_are_apart(owner: Person) -> None:
    """A word of an invoice finds no client, and nobody is found by what is in the notes."""
    make_invoice(owner, [line("Marmalade")], make_client(owner, "Paddington", notes="Likes hats"), notes="Station")
    assert found_clients(owner, "marmalade") == found_clients(owner, "hats") == []
    assert found_ids(owner, "station") == set()
    assert found_clients(owner, "padd") == ["Paddington"]
    assert len(found(owner, "padd")) == 1


@pytest.mark.parametrize("typed", ["!!!", "- / .", "'", "\\", "%", "€", "\u0301"])
def test_what_has_no_word_finds_nothing(seller: Person, invoice: uuid.UUID, typed: str) -> None:
    assert found(seller, typed) == []
    assert found_clients(seller, typed) == []


@pytest.fixture(scope="module")
def many(crowd: Crowd) -> Person:
    return crowd.hundred_thousand


def scanned(crowd: Crowd, column: str, direction: str, where: str) -> list[uuid.UUID]:
    """The ids of the crowd's invoices in an order, read by a plain scan."""
    query = f"SELECT id FROM invoices WHERE business_id = %s AND {where} ORDER BY {column} {direction}, id {direction}"
    return [row[0] for row in crowd.database.ask(query, crowd.hundred_thousand.business_id)]


@pytest.mark.parametrize("sort", [NEWEST_FIRST, "amount", "client"])
@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ("advice", "archived_at IS NULL"),  # everyone
        ("straw", "archived_at IS NULL AND reference LIKE '%%7'"),  # one in ten
        ("needle", "archived_at IS NULL AND reference LIKE '%%000'"),  # very few
    ],
)
def test_many_matches_are_listed_like_few(crowd: Crowd, many: Person, sort: str, typed: str, where: str) -> None:
    """With more than `MOST` matches the list is walked instead of sorted: same rows, same order, on any page."""
    direction = "DESC" if sort.startswith("-") else "ASC"
    expected = scanned(crowd, SORTS[sort.removeprefix("-")].key, direction, where)
    assert (len(expected) > MOST) == (typed != "needle")
    filters = InvoiceFilters(q=typed, sort=sort)
    with many.acting():
        page = queries.invoice_page(filters, START, today())
        seen = [row.id for row in page.rows]
        for _ in range(3):
            page = queries.invoice_page(filters, Place(after=page.last_keys), today())
            seen += [row.id for row in page.rows]
        again = queries.invoice_page(filters, Place(upto=page.last_keys), today())
    assert seen == expected[: 4 * ROWS_PER_PAGE]
    assert [row.id for row in again.rows] == seen


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of which 30 rows are looked at before its matches are sorted."""
    monkeypatch.setattr(queries, "LOOKED_AT", 30)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", [None, "paid"])
@pytest.mark.parametrize("sort", [NEWEST_FIRST, "client"])
def test_many_matches_far_away_are_listed_as_well(crowd: Crowd, many: Person, sort: str, status: str | None) -> None:
    """One in ten is found: 30 rows of a shelf do not fill a page."""
    direction = "DESC" if sort.startswith("-") else "ASC"
    where = "archived_at IS NULL AND reference LIKE '%%7'" + (f" AND status = '{status}'" if status else "")
    expected = scanned(crowd, SORTS[sort.removeprefix("-")].key, direction, where)
    filters = InvoiceFilters(q="straw", sort=sort, status=status)
    with many.acting(), counted() as statements:
        page = queries.invoice_page(filters, START, today(), many_found=True)
        further = queries.invoice_page(filters, Place(after=page.last_keys), today(), many_found=True)
        again = queries.invoice_page(filters, Place(upto=further.last_keys), today(), many_found=True)
    seen = [row.id for row in (*page.rows, *further.rows)]
    assert seen == expected[: 2 * ROWS_PER_PAGE]
    assert [row.id for row in again.rows] == seen
    assert (page.has_more, further.has_more) == (True, len(expected) > 2 * ROWS_PER_PAGE)
    assert len(statements) == 9  # each looked at some, asked whether there are more, and sorted


def in_transaction(connection: psycopg.Connection) -> dict[str, int]:
    """What this transaction has read of the documents so far: scans of the table, scans of the index of words."""
    row = connection.execute(
        "SELECT pg_stat_get_xact_numscans('search_documents'::regclass) AS table,"
        " pg_stat_get_xact_numscans('ix_search_documents_document'::regclass) AS words"
    ).fetchone()
    assert row
    return {"table": row[0], "words": row[1]}


@pytest.fixture
def app_connection(crowd: Crowd, many: Person) -> Iterator[psycopg.Connection]:
    with crowd.database.as_app(many.business_id, many.user_id) as connection:
        yield connection


@pytest.mark.parametrize(("typed", "expected"), [("needle", HUNDRED_THOUSAND // RARE), ("order 99999", 1), ("zzz", 0)])
def test_only_the_index_of_words_is_read(app_connection: psycopg.Connection, typed: str, expected: int) -> None:
    query = "SELECT count(*) FROM search('invoice', %s, 5000)"
    assert app_connection.execute(query, [typed]).fetchone() == (expected,)
    assert in_transaction(app_connection) == {"table": 0, "words": 1}


def test_what_is_read_is_what_is_found(crowd: Crowd, many: Person) -> None:
    """The statement within search(), as its owner: a bitmap of the index of words, and no row that is not found."""
    with crowd.database.as_owner(many.business_id) as owner:
        (plan,) = owner.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) SELECT d.entity_id FROM search_documents d WHERE"
            " d.document @@ search_query(search_key(current_business_id(), 'invoice'), 'needle')"
            " AND (d.business_id = current_business_id()) IS TRUE"
        ).fetchone() or (None,)
    scan = (plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]
    assert scan["Node Type"] == "Bitmap Heap Scan"
    assert scan["Plans"][0]["Index Name"] == "ix_search_documents_document"
    assert scan["Plans"][0]["Actual Rows"] == HUNDRED_THOUSAND // RARE
