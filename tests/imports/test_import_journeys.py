"""From one business into another, and what the command line does: the same data, to the cent and to the byte."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask

from invoices_app.accounts.models import Role
from tests.support.archives import export
from tests.support.databases import Database
from tests.support.factories import archive, line, make_client, make_invoice, make_issued, make_logo, pay
from tests.support.import_files import RETAIL_FILE, retail_sums
from tests.support.imports import BAD_ROW, bring, count, csv_bytes, finish, id_of, some_invoices, start, state, total
from tests.support.people import Person, make_owner, make_teammate

OUR_OWN = ("client_id", "invoice_id")
"""Ids, which every business has of its own."""


def exported(person: Person, path: str) -> bytes:
    return person.browser.open(path, buffered=True).get_data()


def rows_of(data: bytes) -> list[dict[str, str]]:
    rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    plain = [{name: value for name, value in row.items() if name not in OUR_OWN} for row in rows]
    return sorted(plain, key=lambda row: sorted(row.items()))


def fill(person: Person) -> None:
    """Clients and invoices in every state that a CSV file can bring back."""
    client_id = make_client(person, "Maison Dubois", email="m@example.com", city="Paris", country="FR", tax_id="FR 1")
    make_client(person, "=Formula & Co", notes="Two\nlines")
    odd = [line("Plates", "2.5", "19.99", "20", unit="h"), line("-Bowls", "3", "0.333", "5.5", discount_percent=10)]
    for make in (make_invoice, make_issued):
        make(person, odd, client_id=client_id, reference="PO 7", notes="Thank you", discount_percent=Decimal(5))
    pay(person, make_issued(person, client_id=client_id))
    pay(person, make_issued(person, client_id=client_id), "12.50")
    archive(person, make_issued(person, client_id=client_id))


def test_exported_lists_come_back_as_they_were(app: Flask, owner: Person) -> None:
    fill(owner)
    clients, invoices = exported(owner, "/clients.csv?archived=1"), exported(owner, "/invoices.csv?archived=1")
    other = make_owner(app, "Olga Other", "Other Ltd")
    for data in (clients, invoices):
        page = bring(other.browser, data)
        assert count(page, "bad_rows") == 0, page.words(page.by_id("problems"))
        start(other.browser, id_of(page))
        assert state(finish(app, other, id_of(page))) == "done"
    assert rows_of(exported(other, "/clients.csv?archived=1")) == rows_of(clients)
    assert rows_of(exported(other, "/invoices.csv?archived=1")) == rows_of(invoices)


def test_a_whole_business_comes_back_to_the_byte(app: Flask, owner: Person) -> None:
    fill(owner)
    make_logo(owner)
    data = export(owner)
    other = make_owner(app, "Olga Other", "Other Ltd")
    page = bring(other.browser, data, "archive.zip")
    assert [count(page, name) for name in ("invoices", "clients")] == [5, 2]
    start(other.browser, id_of(page))
    page = finish(app, other, id_of(page))
    assert state(page) == "done", page.words()
    assert count(page, "invoices_created") == 5
    assert export(other) == data
    again = bring(other.browser, data, "archive.zip")
    assert "without clients, invoices and number series, which this one has" in again.alert
    assert not again.ids.get("start")


def test_a_whole_business_is_for_owners(app: Flask, owner: Person) -> None:
    data = export(owner)
    member = make_teammate(owner, "Mia Member", Role.MEMBER)
    page = bring(member.browser, data, "archive.zip", status=422)
    assert page.error_of("file") == "Only an owner may bring in a whole business."
    import_id = id_of(bring(owner.browser, data, "archive.zip"))
    member.browser.post(f"/import/{import_id}/start", status=403)
    broken = bring(owner.browser, data[: len(data) // 2], "archive.zip", status=422)
    assert broken.error_of("file").endswith(".")


def test_the_retail_sums_are_those_of_the_file(app: Flask, owner: Person, database: Database) -> None:
    sums = {number: net for number, net in retail_sums(RETAIL_FILE).items() if net}  # one has no price: it is told
    page = bring(owner.browser, RETAIL_FILE.read_bytes(), "retail.csv")
    assert (count(page, "invoices_new"), total(page)) == (len(sums), sum(sums.values()))
    start(owner.browser, id_of(page), tax_rate="20", status="sent", only_good_rows="y")
    page = finish(app, owner, id_of(page))
    assert state(page) == "done", page.words()
    found = database.ask("SELECT number, net_total, total FROM invoices WHERE business_id = %s", owner.business_id)
    assert {number: net for number, net, _ in found} == sums
    assert total(page) == sum(whole for _, _, whole in found)


Command = Callable[..., Result]


@pytest.fixture
def command(app: Flask, owner: Person, tmp_path: Path) -> Command:
    def run(data: bytes, *options: Any, name: str = "old.csv") -> Result:
        (tmp_path / name).write_bytes(data)
        arguments = ["import", str(tmp_path / name), "--business", str(owner.business_id), *map(str, options)]
        return app.test_cli_runner().invoke(args=arguments)

    return run


def test_the_command_line_does_the_same(command: Command, owner: Person, database: Database) -> None:
    data = csv_bytes([*some_invoices(3), BAD_ROW])
    refused = command(data)
    assert refused.exit_code == 1
    assert "line 8, InvoiceDate: " in refused.output
    assert "One row cannot come in. Nothing was written; --only-good-rows does." in refused.output
    assert database.value("SELECT count(*) FROM invoices WHERE business_id = %s", owner.business_id) == 0
    done = command(data, "--only-good-rows", "--status", "paid", "--tax-rate", "20", "--currency", "EUR")
    assert done.exit_code == 0, done.output
    assert "3 invoices created\n2 clients created\n1 rows left out\n72.00 EUR" in done.output
    found = database.ask(
        "SELECT DISTINCT status::text, currency FROM invoices WHERE business_id = %s", owner.business_id
    )
    assert found == [("paid", "EUR")]
    again = command(data, "--only-good-rows")
    assert again.exit_code == 0
    assert "Everything in this file was here already, so nothing was created." in again.output
    assert command(b"\xff\xd8\xff", name="photo.csv").exit_code == 1
