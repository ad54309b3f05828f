"""Bringing a file through the pages: what would come in, what is refused, what came in, and who may do it."""

from __future__ import annotations

import io
import uuid

import pytest
from flask import Flask

from invoices_app.accounts.models import Role
from invoices_app.imports import files
from tests.support.databases import Database
from tests.support.factories import make_client
from tests.support.import_files import HOSTILE_FILES
from tests.support.imports import (
    BAD_ROW,
    bring,
    brought_in,
    count,
    csv_bytes,
    finish,
    id_of,
    some_invoices,
    start,
    state,
    total,
)
from tests.support.people import Cast, Person, make_teammate
from tests.support.snapshot import snapshot

WRITTEN = ("clients", "invoices", "line_items", "invoice_taxes", "payments", "number_counters")


def rows_in(database: Database, person: Person) -> dict[str, int]:
    return {
        table: database.value(f"SELECT count(*) FROM {table} WHERE business_id = %s", person.business_id)
        for table in WRITTEN
    }


def test_a_preview_tells_and_writes_nothing(owner: Person, database: Database) -> None:
    before = rows_in(database, owner)
    page = bring(owner.browser, csv_bytes([*some_invoices(3), BAD_ROW]))
    assert state(page) == "preview"
    assert [count(page, name) for name in ("invoices_new", "clients_new", "known", "bad_rows")] == [3, 2, 0, 1]
    assert total(page) == 72
    assert "OLD-1" in page.words()
    (told,) = [page.words(row) for row in page.by_id("problems").iter("tr") if row.find("th") is None]
    assert told.startswith("8InvoiceDate")
    assert rows_in(database, owner) == before


def test_good_files_come_in_whole(app: Flask, owner: Person, database: Database) -> None:
    page = brought_in(app, owner, csv_bytes(some_invoices(3)), status="sent")
    assert [count(page, name) for name in ("invoices_created", "clients_created", "skipped", "bad_rows")] == [
        3,
        2,
        0,
        0,
    ]
    assert total(page) == 72
    found = database.ask(
        "SELECT number, status::text, total, issue_date::text FROM invoices WHERE business_id = %s ORDER BY number",
        owner.business_id,
    )
    assert [(number, status, float(sum_), day) for number, status, sum_, day in found] == [
        (f"OLD-{number}", "sent", 24.0, "2024-03-05") for number in (1, 2, 3)
    ]
    links = {str(link.get("href")) for link in page.all("a")}
    ids = database.ask("SELECT id FROM invoices WHERE business_id = %s", owner.business_id)
    assert {f"/invoices/{invoice_id}" for (invoice_id,) in ids} <= links
    assert database.ask("SELECT count(*) FROM import_parts WHERE business_id = %s", owner.business_id) == [(0,)]


def test_the_same_file_again_creates_nothing_and_says_so(app: Flask, owner: Person, database: Database) -> None:
    data = csv_bytes(some_invoices(3))
    brought_in(app, owner, data)
    before = rows_in(database, owner)
    preview = bring(owner.browser, data)
    assert "This very file came in" in preview.words()
    assert "nothing would be created" in preview.words()
    assert [count(preview, name) for name in ("invoices_new", "clients_new", "known")] == [0, 0, 3]
    start(owner.browser, id_of(preview))
    page = finish(app, owner, id_of(preview))
    assert (state(page), count(page, "invoices_created"), count(page, "skipped")) == ("done", 0, 3)
    assert "nothing was created" in page.words()
    assert rows_in(database, owner) == before


def test_bad_rows_stop_all_unless_they_are_left_out(app: Flask, owner: Person, database: Database) -> None:
    before = rows_in(database, owner)
    import_id = id_of(bring(owner.browser, csv_bytes([*some_invoices(2), BAD_ROW])))
    refused = start(owner.browser, import_id, 422, tax_rate="7.5", without_client="Walk-in")
    assert "One row cannot come in." in refused.error_of("only_good_rows")
    assert (refused.typed("tax_rate"), refused.typed("without_client")) == (["7.5"], ["Walk-in"])
    assert state(refused) == "preview"
    assert rows_in(database, owner) == before
    start(owner.browser, import_id, only_good_rows="y")
    page = finish(app, owner, import_id)
    assert [count(page, name) for name in ("invoices_created", "bad_rows")] == [2, 1]


def test_all_problems_come_as_a_file(owner: Person) -> None:
    rows = [["OLD-" + str(number), "no day", "Client", "Work", 1, "x", 20] for number in range(70)]
    page = bring(owner.browser, csv_bytes([*rows, *some_invoices(1, 100)]))
    assert len([row for row in page.by_id("problems").iter("tr") if row.find("td") is not None]) == 50
    answer = owner.browser.open(f"/import/{id_of(page)}/problems.csv", buffered=True)
    lines = answer.get_data(as_text=True).splitlines()
    assert lines[0] == "\ufeffline,column,what,comes_in"
    assert count(page, "bad_rows") == 70
    assert len(lines) == count(page, "all_problems") + 1 == 2 * 70 + 1
    assert answer.mimetype == "text/csv"


def test_a_row_with_two_problems_is_one_row(owner: Person) -> None:
    page = bring(owner.browser, csv_bytes([["OLD-1", "no day", "Client", "Work", 1, "x", 20], *some_invoices(1, 100)]))
    assert [count(page, name) for name in ("invoices_new", "bad_rows")] == [1, 1]
    assert len([row for row in page.by_id("problems").iter("tr") if row.find("td") is not None]) == 2


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_hostile_files_get_one_sentence(owner: Person, database: Database, name: str) -> None:
    owner.browser.get("/import")
    before = snapshot(database)
    page = bring(owner.browser, HOSTILE_FILES[name](), f"{name}.csv", status=422)
    sentence = page.error_of("file")
    assert sentence
    assert sentence.endswith(".")
    assert len(sentence) < 300
    assert snapshot(database) == before


def test_no_file_and_too_large_a_file(owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    owner.browser.get("/import")
    form = owner.browser.form_for("/import")
    assert form is not None
    for sent in ({}, {"file": (io.BytesIO(b""), "")}):
        page = owner.browser.send("/import", {**form.values, **sent}, 422, content_type="multipart/form-data")
        assert page.error_of("file") == "Choose a file."
    monkeypatch.setattr(files, "MAX_BYTES", 1000)
    page = bring(owner.browser, csv_bytes(some_invoices(50)), status=422)
    assert page.error_of("file") == files.TOO_LARGE


def test_columns_and_choices_can_be_put_right(app: Flask, owner: Person, database: Database) -> None:
    header = ("Ref", "When", "Who", "Thing", "How many", "Each", "Rate")
    page = bring(owner.browser, csv_bytes(some_invoices(2), ("InvoiceNo", *header[1:])))
    url = f"/import/{id_of(page)}"
    assert count(page, "invoices_new") == 0
    form = page.form(url)
    columns = {"client_name": 2, "issue_date": 1, "line_description": 3, "line_quantity": 4, "line_unit_price": 5}
    chosen = {f"column_{name}": str(place) for name, place in columns.items()}
    assert set(chosen) <= set(form.values), sorted(form.values)
    again = owner.browser.send(url, {**form.values, **chosen, "tax_rate": "10", "status": "draft"}, 303)
    page = owner.browser.follow(again)
    assert [count(page, name) for name in ("invoices_new", "bad_rows")] == [2, 0]
    assert total(page) == 44
    assert page.typed("column_client_name") == ["2"]
    start(owner.browser, id_of(page))
    finish(app, owner, id_of(page))
    found = "SELECT DISTINCT status::text, number, total::float FROM invoices WHERE business_id = %s"
    assert database.ask(found, owner.business_id) == [("draft", None, 22.0)]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("tax_rate", "100.01", "Enter 100 or less."),
        ("tax_rate", "", "Enter a tax rate."),
        ("currency", "XXX", "Choose a currency from the list."),
        ("status", "burnt", "Choose one from the list."),
        ("kind", "archive", "Choose one from the list."),
        ("series", "NONE", "Choose one of your number series."),
        ("column_client_name", "77", "Choose one from the list."),
        ("without_client", "n" * 201, "Use at most 200 characters."),
    ],
)
@pytest.mark.parametrize("step", ["", "/start"])
def test_wrong_choices_stand_beside_their_field(
    owner: Person, database: Database, step: str, name: str, value: str, sentence: str
) -> None:
    url = f"/import/{id_of(bring(owner.browser, csv_bytes(some_invoices(1))))}{step}"
    form = owner.browser.form_for(url)
    assert form is not None
    before = snapshot(database)
    page = owner.browser.send(url, {**form.values, name: value, "only_good_rows": "y"}, 422)
    assert page.error_of(name) == sentence
    assert value in page.typed(name)
    assert snapshot(database) == before


def test_starting_or_cancelling_twice_and_late_is_harmless(app: Flask, owner: Person, database: Database) -> None:
    page = bring(owner.browser, csv_bytes(some_invoices(2)))
    url, values = f"/import/{id_of(page)}", page.form(f"/import/{id_of(page)}/start").values
    for _ in range(2):
        assert owner.browser.send(f"{url}/start", values, 303).location == url
    assert state(owner.browser.get(url)) == "running"
    finish(app, owner, id_of(page))
    before = rows_in(database, owner)
    for late in (f"{url}/start", url, f"{url}/cancel"):
        assert owner.browser.send(late, values, 303).location == url
    assert state(finish(app, owner, id_of(page))) == "done"
    assert rows_in(database, owner) == before


def test_a_doubled_upload_is_one_import(owner: Person, database: Database) -> None:
    owner.browser.get("/import")
    form = owner.browser.form_for("/import")
    assert form is not None
    places = set()
    for _ in range(2):
        values = {**form.values, "file": (io.BytesIO(csv_bytes(some_invoices(1))), "old.csv")}
        places.add(owner.browser.send("/import", values, 303, content_type="multipart/form-data").location)
    assert len(places) == 1
    assert database.value("SELECT count(*) FROM imports WHERE business_id = %s", owner.business_id) == 1


def test_what_waits_can_be_cancelled_without_a_worker(app: Flask, owner: Person, database: Database) -> None:
    before = rows_in(database, owner)
    import_id = id_of(bring(owner.browser, csv_bytes(some_invoices(2))))
    start(owner.browser, import_id)
    page = owner.browser.get(f"/import/{import_id}")
    assert page.by_id("import").get("hx-trigger") == "every 1s"
    owner.browser.submit(f"/import/{import_id}/cancel")
    page = finish(app, owner, import_id)
    assert state(page) == "failed"
    assert "It was cancelled, and nothing of it was kept." in page.words()
    assert rows_in(database, owner) == before
    start(owner.browser, import_id)
    assert state(finish(app, owner, import_id)) == "done"


def test_large_files_are_read_by_the_worker(app: Flask, owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "AT_ONCE_ROWS", 5)
    page = bring(owner.browser, csv_bytes([*some_invoices(4), BAD_ROW]))
    assert (state(page), count(page, "rows_total")) == ("running", 9)
    assert "Waiting for its turn" in page.words()
    page = finish(app, owner, id_of(page))
    assert (state(page), count(page, "invoices_new"), count(page, "bad_rows")) == ("preview", 4, 1)
    # Other choices at the last moment are read before anything is written.
    start(owner.browser, id_of(page), only_good_rows="y", currency="EUR")
    finish(app, owner, id_of(page))
    page = finish(app, owner, id_of(page))
    assert (state(page), count(page, "invoices_created")) == ("done", 4)
    assert "€96.00" in page.words()


def test_the_oldest_of_many_files_gives_way(owner: Person, database: Database) -> None:
    first = id_of(bring(owner.browser, csv_bytes(some_invoices(1))))
    for number in range(10):
        bring(owner.browser, csv_bytes(some_invoices(1, number)))
    assert database.value("SELECT count(*) FROM imports WHERE business_id = %s", owner.business_id) == 10
    owner.browser.get(f"/import/{first}", 404)


def test_colleagues_may_and_bookkeepers_may_not(app: Flask, cast: Cast) -> None:
    import_id = id_of(bring(cast.teammate.browser, csv_bytes(some_invoices(1))))
    assert state(cast.owner.browser.get(f"/import/{import_id}")) == "preview"
    start(cast.owner.browser, import_id)
    assert state(finish(app, cast.teammate, import_id)) == "done"
    bookkeeper = make_teammate(cast.owner, "Bea Bookkeeper", Role.BOOKKEEPER)
    token = bookkeeper.browser.token()
    urls = ("/import", f"/import/{import_id}", f"/import/{import_id}/start", f"/import/{import_id}/cancel")
    for url in urls:
        bookkeeper.browser.send(url, {"csrf_token": token}, 403)
    for url in (*urls[:2], f"/import/{import_id}/problems.csv"):
        bookkeeper.browser.get(url, 403)
    assert 'href="/import"' not in bookkeeper.browser.get("/clients").text
    assert 'href="/import"' in cast.teammate.browser.get("/clients").text


def test_strangers_find_nothing(cast: Cast, database: Database) -> None:
    import_id = id_of(bring(cast.owner.browser, csv_bytes(some_invoices(1))))
    values = cast.owner.browser.page.form(f"/import/{import_id}/start").values
    token = cast.stranger.browser.token()
    before = snapshot(database)
    for step in ("", "/start", "/cancel"):
        cast.stranger.browser.send(f"/import/{import_id}{step}", {**values, "csrf_token": token}, 404)
        cast.stranger.browser.send(f"/import/{uuid.uuid4()}{step}", {"csrf_token": token}, 404)
    for step in ("", "/problems.csv"):
        cast.stranger.browser.get(f"/import/{import_id}{step}", 404)
    assert snapshot(database) == before


def test_who_was_removed_meanwhile_imports_nothing(app: Flask, cast: Cast, database: Database) -> None:
    import_id = id_of(bring(cast.teammate.browser, csv_bytes(some_invoices(1))))
    start(cast.teammate.browser, import_id)
    with database.as_superuser() as connection:
        connection.execute("UPDATE memberships SET role = 'bookkeeper' WHERE user_id = %s", [cast.teammate.user_id])
    page = finish(app, cast.owner, import_id)
    assert state(page) == "failed"
    assert "may not import any more" in page.words()
    assert rows_in(database, cast.owner)["invoices"] == 0


def test_names_of_files_and_what_is_in_them_are_only_shown(owner: Person) -> None:
    rows = [["<b>1</b>", "2024-03-05", "<script>x</script>", "=HYPERLINK(1)", 1, "10.00", 20]]
    page = bring(owner.browser, csv_bytes(rows), "../../<i>odd</i>.csv")
    assert page.words(next(page.all("h1"))) == "odd</i>.csv" or "<i>" not in page.text
    assert "<script>x" not in page.text


def test_clients_come_in(app: Flask, owner: Person, database: Database) -> None:
    make_client(owner, "Known Ltd", email="known@example.com")
    header = ("name", "email", "city", "country", "payment_terms_days")
    rows = [
        ("New Ltd", "new@example.com", "Bath", "GB", 14),
        ("Known Ltd", "known@example.com", "Bath", "GB", 14),
        ("Odd Ltd", "no address", "Bath", "GB", 14),
    ]
    page = bring(owner.browser, csv_bytes(rows, header), "clients.csv")
    assert [count(page, name) for name in ("clients_new", "known", "bad_rows")] == [1, 1, 1]
    start(owner.browser, id_of(page), only_good_rows="y")
    page = finish(app, owner, id_of(page))
    assert [count(page, name) for name in ("clients_created", "skipped", "bad_rows")] == [1, 1, 1]
    found = database.ask("SELECT name, city FROM clients WHERE business_id = %s ORDER BY name", owner.business_id)
    assert found == [("Known Ltd", ""), ("New Ltd", "Bath")]


def test_the_list_tells_how_each_ended(app: Flask, owner: Person) -> None:
    brought_in(app, owner, csv_bytes(some_invoices(3)))
    bring(owner.browser, csv_bytes(some_invoices(3)), "again.csv")
    words = owner.browser.get("/import").words()
    assert "3 invoices, 2 clients came in" in words
    assert "again.csv Waits for you to start it" in words
    assert owner.name in words
