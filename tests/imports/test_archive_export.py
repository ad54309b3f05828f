"""The archive of a business: what is in it, always the same bytes, and for owners alone."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from decimal import Decimal

import pytest
from flask import Flask

from invoices_app.accounts.models import Role
from invoices_app.imports import archive_export
from invoices_app.imports.archive_format import TABLES
from tests.support.archives import export, read_csv
from tests.support.databases import Database
from tests.support.factories import archive, line, make_client, make_invoice, make_issued, make_logo, pay
from tests.support.people import Cast, Person, make_teammate


def test_a_file_for_each_kind_of_data(owner: Person) -> None:
    """And a manifest that knows them all, with their checksums."""
    logo_id = make_logo(owner)
    pay(owner, make_issued(owner), 20)
    with zipfile.ZipFile(io.BytesIO(export(owner))) as found:
        manifest = json.loads(found.read("manifest.json"))
        names = [entry["name"] for entry in manifest["files"]]
        assert found.namelist() == [*names, "manifest.json"]
        assert names[:-1] == [table.file for table in TABLES]
        assert names[-1].startswith("logos/")
        for entry in manifest["files"]:
            data = found.read(entry["name"])
            assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
    assert {entry["name"]: entry["rows"] for entry in manifest["files"]}["payments.csv"] == 1
    assert (manifest["format"], manifest["version"]) == ("invoices archive", 1)
    assert manifest["business"] == "Owner & Sons Ltd"
    assert manifest["first_date"] == manifest["last_date"] is not None
    assert str(logo_id) not in json.dumps(manifest)


def test_rows_refer_to_each_other_by_the_order_in_which_they_were_made(owner: Person) -> None:
    other, client = make_client(owner, "Other"), make_client(owner, "=Cell()")
    make_invoice(owner, [line("First"), line("Second")], client_id=client, currency="JPY")
    make_issued(owner, [line("Third", unit_price="1.5")], client_id=other)
    data = export(owner)
    assert [(row["client"], row["name"]) for row in read_csv(data, "clients.csv")] == [
        ("1", "Other"),
        ("2", "'=Cell()"),
    ]
    draft, issued = read_csv(data, "invoices.csv")
    assert (draft["invoice"], draft["client"], draft["status"], draft["number"]) == ("1", "2", "draft", "")
    assert (draft["total"], draft["seller_name"], draft["buyer_name"]) == ("240", "", "")
    assert (issued["invoice"], issued["client"], issued["status"], issued["buyer_name"]) == ("2", "1", "sent", "Other")
    assert (issued["total"], issued["seller_name"]) == ("1.80", "Owner & Sons Ltd")
    lines = [(row["invoice"], row["position"], row["description"]) for row in read_csv(data, "lines.csv")]
    assert lines == [("1", "1", "First"), ("1", "2", "Second"), ("2", "1", "Third")]


def test_the_same_business_makes_the_same_bytes(owner: Person) -> None:
    archive(owner, make_issued(owner))
    assert export(owner) == export(owner)


def test_no_other_business_is_in_it(cast: Cast) -> None:
    make_issued(cast.stranger, [line("Not mine")], client_id=make_client(cast.stranger, "Not mine"))
    make_logo(cast.stranger)
    data = export(cast.owner)
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert not any("logos/" in name for name in found.namelist())
        assert not any(b"Not mine" in found.read(name) for name in found.namelist())


def test_no_id_of_the_database_is_in_it(owner: Person, database: Database) -> None:
    make_logo(owner)
    client, issued = make_client(owner), make_issued(owner)
    ids = [str(one).encode() for one in (client, issued, owner.business_id, owner.user_id)]
    with zipfile.ZipFile(io.BytesIO(export(owner))) as found:
        assert not any(one in found.read(name) for name in found.namelist() for one in ids)


def test_it_is_one_snapshot(owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others do while it is written is in no file of it."""
    make_issued(owner)
    before = export(owner)
    monkeypatch.setattr(archive_export, "CHUNK", 1)
    with owner.acting():
        chunks = archive_export.chunks()
        begun = next(chunks)
        other = make_teammate(owner, "Tom")
        whole = begun + b"".join(_while(chunks, other))
    assert whole == before
    assert export(owner) != before


def _while(chunks: Iterator[bytes], other: Person) -> Iterator[bytes]:
    yield next(chunks)
    pay(other, make_issued(other))
    yield from chunks


def test_owners_download_it_and_the_history_says_so(cast: Cast, database: Database) -> None:
    make_issued(cast.owner)
    page = cast.owner.browser.get("/export")
    form = page.form("/export")
    answer = cast.owner.browser.open("/export", method="POST", data=form.values, buffered=True)
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="invoices-archive-')
    assert answer.data == export(cast.owner)
    told = "SELECT actor_id FROM audit_events WHERE business_id = %s AND action = 'business.exported'"
    assert database.ask(told, cast.owner.business_id) == [(cast.owner.user_id,)]


@pytest.mark.parametrize("role", [Role.MEMBER, Role.BOOKKEEPER])
def test_nobody_else_does(cast: Cast, role: Role) -> None:
    other = make_teammate(cast.owner, "Bo Other", role)
    for method in ("GET", "POST"):
        token = {"X-CSRFToken": other.browser.token()}
        assert other.browser.open("/export", method=method, headers=token).status_code == 403


def test_settings_lead_to_it(owner: Person) -> None:
    assert 'href="/export"' in owner.browser.get("/settings/business").text


def test_amounts_add_up_in_a_spreadsheet(owner: Person) -> None:
    for price in ("10.10", "20.205"):
        make_issued(owner, [line(unit_price=price, quantity=3)])
    data = export(owner)
    total = sum(Decimal(row["total"]) for row in read_csv(data, "invoices.csv"))
    parts = [Decimal(row["taxable"]) + Decimal(row["tax"]) for row in read_csv(data, "taxes.csv")]
    assert total == sum(parts) == Decimal("109.10")


def test_every_file_is_as_wide_as_its_head(app: Flask, owner: Person) -> None:
    pay(owner, make_issued(owner))
    with zipfile.ZipFile(io.BytesIO(export(owner))) as found:
        for table in TABLES:
            text = found.read(table.file).decode("utf-8-sig")
            rows = list(csv.reader(io.StringIO(text, newline="")))
            assert {len(row) for row in rows} == {len(table.columns)}, table.file
            assert rows[0] == table.header
