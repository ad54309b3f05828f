"""Invoices as CSV: what the filter shows, line by line, however many there are."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import httpx
import psutil
import pytest

from invoices_app.invoices import export
from invoices_app.invoices.export import HEADER
from invoices_app.web.csv_export import INCOMPLETE
from tests.support import live, plain_http
from tests.support.browser import Browser
from tests.support.crowd import GROUP, Crowd
from tests.support.databases import Database
from tests.support.factories import archive, issue, line, make_client, make_invoice, make_issued, pay, read, today
from tests.support.people import Person
from tests.support.statements import CountStatements

MEGABYTE = 2**20
RESIDENT_LIMIT = 120 * MEGABYTE

Rows = list[dict[str, str]]


def table(browser: Browser, url: str) -> Rows:
    answer = browser.open(url)
    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    text = answer.get_data().decode()
    assert text.startswith("\ufeff")
    assert text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_a_row_for_each_line_with_all_of_its_invoice(owner: Person) -> None:
    client_id = make_client(owner, "Söhne & Partner")
    lines = [line("One, with a comma", "2.5", 420, 20, discount_percent=10), line('Two, "quoted"', 1, "9.999", 0)]
    header = {"reference": "PO 1", "notes": "Two\nlines", "discount_percent": Decimal(5)}
    invoice_id = make_invoice(owner, lines, client_id, **header)
    number = issue(owner, invoice_id)
    pay(owner, invoice_id, 100)
    document = read(owner, invoice_id)
    first, second = table(owner.browser, "/invoices.csv")
    assert list(first) == list(HEADER)
    for row, item in zip((first, second), document.lines, strict=True):
        for name in ("subtotal", "discount_amount", "net_total", "tax_total", "total", "paid_total", "amount_due"):
            assert row[name] == f"{getattr(document, name):.2f}"
        assert (row["invoice_id"], row["number"], row["status"]) == (str(invoice_id), number, "sent")
        assert (row["client_name"], row["client_id"]) == ("Söhne & Partner", str(client_id))
        assert (row["reference"], row["notes"], row["discount_percent"]) == ("PO 1", "Two\nlines", "5")
        assert (row["issue_date"], row["due_date"]) == (document.issue_date.isoformat(), document.due_date.isoformat())
        assert (row["currency"], row["archived"], row["paid_on"]) == ("GBP", "false", "")
        assert (row["line_position"], row["line_description"]) == (str(item.position), item.description)
        assert Decimal(row["line_quantity"]) == item.quantity
        assert Decimal(row["line_unit_price"]) == item.unit_price
        assert Decimal(row["line_tax_rate"]) == item.tax_rate
        assert Decimal(row["line_discount_percent"]) == item.discount_percent
        assert row["line_net"] == f"{item.line_net:.2f}"


@pytest.mark.parametrize(("currency", "total"), [("JPY", "1100"), ("KWD", "1100.000")])
def test_amounts_have_the_decimals_of_their_currency(owner: Person, currency: str, total: str) -> None:
    make_invoice(owner, [line(unit_price=1000, tax_rate=10)], currency=currency)
    (row,) = table(owner.browser, "/invoices.csv")
    assert (row["total"], row["number"]) == (total, "")


def test_an_invoice_without_lines_is_one_row(owner: Person) -> None:
    invoice_id = make_invoice(owner, [])
    (row,) = table(owner.browser, "/invoices.csv")
    assert (row["invoice_id"], row["line_position"], row["line_net"]) == (str(invoice_id), "", "")


def test_it_is_what_the_list_shows(owner: Person, stranger: Person) -> None:
    client_id = make_client(owner, "Tidewater Trust")
    draft, sent = make_invoice(owner, client_id=client_id, reference="Quay"), make_issued(owner)
    paid, hidden = make_issued(owner), make_invoice(owner)
    pay(owner, paid)
    archive(owner, hidden)
    make_issued(stranger)
    for query, expected in {
        "": {draft, sent, paid},
        "?archived=1": {draft, sent, paid, hidden},
        "?status=draft": {draft},
        "?status=sent": {sent},
        "?status=paid": {paid},
        "?status=overdue": set(),
        f"?client={client_id}": {draft},
        "?q=quay": {draft},
        "?q=%21": set(),
    }.items():
        rows = table(owner.browser, f"/invoices.csv{query}")
        assert [row["invoice_id"] for row in rows] == owner.browser.get(f"/invoices{query}").row_ids("invoice")
        assert {row["invoice_id"] for row in rows} == set(map(str, expected)), query
    for sort in ("date", "-amount", "client", "number", "-due"):
        rows = table(owner.browser, f"/invoices.csv?sort={sort}")
        assert [row["invoice_id"] for row in rows] == owner.browser.get(f"/invoices?sort={sort}").row_ids("invoice")


def test_formulas_are_defused(owner: Person) -> None:
    make_invoice(owner, [line("=cmd|'/c calc'!A1", -1)], make_client(owner, "@SUM(1)"), reference="+1", notes="-2")
    (row,) = table(owner.browser, "/invoices.csv")
    assert row["line_description"] == "'=cmd|'/c calc'!A1"
    assert (row["client_name"], row["reference"], row["notes"]) == ("'@SUM(1)", "'+1", "'-2")
    assert (row["line_quantity"], row["total"]) == ("-1", "-120.00")


def test_it_is_a_download_that_nobody_keeps(browser: Browser) -> None:
    answer = browser.open("/invoices.csv")
    name = f"invoices-{today().isoformat()}.csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("query", ["status=late", "sort=colour", "cursor=x", "upto=x"])
def test_what_is_wrong_is_said_before_anything_is_sent(browser: Browser, query: str) -> None:
    assert browser.get(f"/invoices.csv?{query}", 400).words()


def test_statements_grow_with_batches_and_not_with_invoices(owner: Person, count_statements: CountStatements) -> None:
    client_id = make_client(owner)
    table(owner.browser, "/invoices.csv")
    counts = []
    for more in (2, 20):
        for _ in range(more):
            make_invoice(owner, client_id=client_id)
        with count_statements() as statements:
            table(owner.browser, "/invoices.csv")
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_long_invoices_are_read_in_portions(
    owner: Person, monkeypatch: pytest.MonkeyPatch, count_statements: CountStatements
) -> None:
    """As many at once as have so many lines together, and a longer one alone: same rows, same order."""
    client_id = make_client(owner)
    for count in (1, 2, 0, 9, 3, 0, 3):
        make_invoice(owner, [line(f"Line {number}") for number in range(count)], client_id)
    whole = table(owner.browser, "/invoices.csv?sort=date")
    assert len(whole) == 20
    monkeypatch.setattr(export, "LINES_AT_ONCE", 4)
    with count_statements() as statements:
        assert table(owner.browser, "/invoices.csv?sort=date") == whole
    read_lines = [statement for statement in statements if "line_items.position" in statement]
    assert len([statement for statement in read_lines if "ORDER BY" in statement]) == 4
    monkeypatch.setattr(export, "INVOICES_AT_ONCE", 2)
    assert table(owner.browser, "/invoices.csv?sort=date") == whole


def test_what_fails_before_anything_is_sent_is_an_error_page(owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "_read", failing)
    make_invoice(owner)
    assert owner.browser.get("/invoices.csv", 500).words()


def test_a_file_that_is_not_complete_says_so(owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends the answer like a whole one, so neither a browser nor an import could tell otherwise."""
    for _ in range(3):
        make_invoice(owner)
    monkeypatch.setattr(export, "INVOICES_AT_ONCE", 2)
    really_read = export._read  # noqa: SLF001
    monkeypatch.setattr(export, "_read", lambda ids: really_read(ids) if len(ids) == 2 else failing(ids))
    answer = owner.browser.open("/invoices.csv", buffered=False)
    assert answer.status_code == 200
    parts = answer.iter_encoded()
    assert next(parts).count(b"\r\n") == 3
    assert next(parts).decode() == f"{INCOMPLETE}\r\n"
    with pytest.raises(ZeroDivisionError):
        next(parts)
    answer.close()


def failing(_ids: object) -> None:
    raise ZeroDivisionError


def test_a_browser_that_goes_away_leaves_nothing_open(owner: Person, database: Database) -> None:
    make_invoice(owner)
    answer = owner.browser.open("/invoices.csv", buffered=False)
    next(iter(answer.response))
    answer.close()
    idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND starts_with(state, 'idle in')"
    assert database.value(idle) == 0
    assert len(table(owner.browser, "/invoices.csv")) == 1


@pytest.mark.xdist_group(GROUP)
def test_very_many_rows_take_the_memory_of_few(crowd: Crowd) -> None:
    """The worker process of the real server stays below 120 MB resident meanwhile, and goes on answering others.

    The browser turns away after the first 40,000 rows, which the server must survive.
    """
    person = crowd.hundred_thousand
    cookie = person.browser.get_cookie("invoices_session")
    assert cookie
    with live.running(crowd.database) as server:
        processes = psutil.Process().children(recursive=True)
        workers = [process for process in processes if "web_process" in " ".join(process.cmdline())]
        assert workers
        rows = peak = 0
        with httpx.stream(
            "GET", f"{server.base_url}/invoices.csv?archived=1", cookies={"invoices_session": cookie.value}, timeout=120
        ) as answer:
            assert answer.status_code == 200
            # Nothing is read yet, so the worker waits for this browser: others must not.
            assert plain_http.get(f"{server.base_url}/readyz", timeout=30).text == "ready\n"
            for chunk in answer.iter_bytes(MEGABYTE):
                rows += chunk.count(b"\r\n")
                peak = max(peak, *(process.memory_info().rss for process in workers))
                if rows > 40_000:
                    break
        assert plain_http.get(f"{server.base_url}/readyz", timeout=30).text == "ready\n"
    assert rows > 40_000
    assert peak < RESIDENT_LIMIT, f"{peak / MEGABYTE:.0f} MB"
