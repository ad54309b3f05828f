"""Clients as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from invoices_app.clients import export_routes
from tests.clients.test_client_pages import DETAILS
from tests.support.browser import Browser
from tests.support.factories import make_client, today
from tests.support.people import Person


def table(browser: Browser, url: str = "/clients.csv") -> list[dict[str, str]]:
    answer = browser.open(url)
    assert (answer.status_code, answer.content_type) == (200, "text/csv; charset=utf-8")
    return list(csv.DictReader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


def test_everything_that_was_typed(owner: Person) -> None:
    owner.browser.get("/clients/new")
    url = owner.browser.submit("/clients", DETAILS).location
    (row,) = table(owner.browser)
    assert row["client_id"] == url.rpartition("/")[2]
    assert row["archived"] == "false"
    shown = {name: row[name].removeprefix("'") for name in DETAILS}
    assert shown == {name: value.replace("\r\n", "\n") for name, value in DETAILS.items()}


def test_it_is_what_the_list_shows(owner: Person, stranger: Person) -> None:
    for name in ("beta", "Ärger", "alpha", "hidden alpha"):
        client_id = make_client(owner, name)
    owner.browser.get(f"/clients/{client_id}")
    owner.browser.post(f"/clients/{client_id}/archive")
    make_client(stranger, "theirs")
    for query in ("", "?archived=1", "?q=alpha", "?q=alpha&archived=1", "?q=nobody"):
        ids = [row["client_id"] for row in table(owner.browser, f"/clients.csv{query}")]
        assert ids == owner.browser.get(f"/clients{query}").row_ids("client")
    assert [row["name"] for row in table(owner.browser)] == ["alpha", "Ärger", "beta"]


def test_more_than_one_batch(owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_routes, "CLIENTS_AT_ONCE", 3)
    names = [f"Client {number}" for number in range(7)]
    for name in names:
        make_client(owner, name)
    assert [row["name"] for row in table(owner.browser)] == names


def test_formulas_are_defused(owner: Person) -> None:
    make_client(owner, "=1+1", phone="+44 20", notes="@x")
    (row,) = table(owner.browser)
    assert (row["name"], row["phone"], row["notes"]) == ("'=1+1", "'+44 20", "'@x")


def test_it_is_a_download(browser: Browser) -> None:
    answer = browser.open("/clients.csv")
    name = f"clients-{today().isoformat()}.csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["Cache-Control"] == "no-store"
