"""The logo: how it is put up, who sees it, and that issued documents keep theirs."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from psycopg import errors
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from invoices_app.accounts import logo
from invoices_app.accounts.rules import LOGO_FILE_MAX_BYTES
from tests.accounts.test_logo_files import HOSTILE, opened
from tests.support.databases import Database
from tests.support.factories import issue, make_invoice, make_issued, make_logo, picture, read
from tests.support.html import Page
from tests.support.people import Cast, Person

PAGE = "/settings/business"
URL = "/settings/logo"
REMOVE = "/settings/logo/remove"


# ---- On the settings page ----


def choose(person: Person, data: bytes, status: int = 303, *, name: str = "logo.png", htmx: bool = False) -> Page:
    """Send a file, encoded here: the client's own encoder leaves temporary files open."""
    token = person.browser.get(PAGE).form(URL).values["csrf_token"]
    file = FileStorage(io.BytesIO(data), name, content_type="image/png")
    boundary, body = encode_multipart({"csrf_token": token, "logo": file})
    content_type = f"multipart/form-data; boundary={boundary}"
    return person.browser.send(URL, body, status, htmx=htmx, content_type=content_type)


def logo_urls(page: Page) -> list[str]:
    return [str(image.get("src")) for image in page.all("img")]


def test_put_up_and_taken_down(owner: Person, database: Database) -> None:
    assert logo_urls(owner.browser.get(PAGE)) == []
    page = owner.browser.follow(choose(owner, picture("JPEG", (300, 90))))
    assert "The logo is on your invoices now." in page.words()
    (image,) = page.all("img")
    assert (image.get("width"), image.get("height"), image.get("alt")) == ("200", "60", "Your logo")
    invoice = owner.browser.get(f"/invoices/{make_invoice(owner)}")
    (on_sheet,) = invoice.all("img")
    assert on_sheet.attrib == {**image.attrib, "alt": "Owner & Sons Ltd"}
    owner.browser.get(PAGE)
    page = owner.browser.follow(owner.browser.post(REMOVE))
    assert logo_urls(page) == []
    owner.browser.post(REMOVE, on=page)
    told = "SELECT changes FROM audit_events WHERE business_id = %s AND changes ? 'logo_id' ORDER BY id"
    logo_id = str(image.get("src")).rpartition("/")[2]
    assert database.ask(told, owner.business_id) == [({"logo_id": [None, logo_id]},), ({"logo_id": [logo_id, None]},)]


def test_by_htmx_only_the_logo_comes_back(owner: Person) -> None:
    page = choose(owner, picture(), 200, htmx=True)
    assert not page.is_whole
    assert logo_urls(page)
    assert page.has_form(URL)
    assert page.has_form(REMOVE)
    assert "on your invoices now" in page.words()
    refused = choose(owner, b"nothing", 422, htmx=True)
    assert not refused.is_whole
    assert refused.error_of("logo") == logo.NO_PICTURE
    gone = owner.browser.post(REMOVE, {}, 200, htmx=True, on=page)
    assert not gone.is_whole
    assert logo_urls(gone) == []


@pytest.mark.parametrize(("data", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_refusals_stand_beside_the_file(owner: Person, data: bytes, sentence: str) -> None:
    before = make_logo(owner)
    page = choose(owner, data, 422)
    assert page.error_of("logo") == sentence
    assert page.typed("name") == ["Owner & Sons Ltd"]
    assert logo_urls(page) == [f"/logos/{before}"]


def test_a_file_must_be_chosen(owner: Person) -> None:
    sentence = "Choose a picture first."
    assert choose(owner, b"", 422, name="").error_of("logo") == sentence
    for sent in ({}, {"logo": "no file"}):
        assert owner.browser.post(URL, sent, 422).error_of("logo") == sentence


def test_beyond_all_measure_nothing_is_read(owner: Person) -> None:
    assert "larger than this page takes" in choose(owner, bytes(6 * LOGO_FILE_MAX_BYTES), 413).words()
    owner.browser.get("/clients/new")
    too_much = {"name": "n" * (3 * 1024 * 1024)}
    owner.browser.post("/clients", too_much, 413)


def test_a_file_of_the_largest_size_comes_through(owner: Person) -> None:
    padded = picture()
    padded += bytes(LOGO_FILE_MAX_BYTES - len(padded))
    choose(owner, padded)


def test_the_other_form_is_not_stale_because_of_it(owner: Person, teammate: Person) -> None:
    owner.browser.get(PAGE)
    make_logo(teammate)
    owner.browser.submit(PAGE, {"city": "Bath"})


def test_the_same_picture_is_the_same_logo(owner: Person, database: Database) -> None:
    first, second = make_logo(owner), make_logo(owner, "navy")
    assert make_logo(owner) == first != second
    assert database.value("SELECT count(*) FROM logos WHERE business_id = %s", owner.business_id) == 2


# ---- The picture itself ----


def test_how_it_is_served(owner: Person, visitor: Any) -> None:
    url = f"/logos/{make_logo(owner)}"
    answer = owner.browser.open(url)
    assert answer.mimetype == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "img-src 'self'" in answer.headers["Content-Security-Policy"]
    assert opened(answer.data).size == (300, 90)
    again = owner.browser.open(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert visitor.open(url).status_code == 303


def test_no_other_business_sees_it(cast: Cast, database: Database) -> None:
    url = f"/logos/{make_logo(cast.owner)}"
    assert cast.teammate.browser.open(url).status_code == 200
    assert cast.stranger.browser.open(url).status_code == 404
    same = f"/logos/{make_logo(cast.stranger)}"
    assert same != url
    assert cast.owner.browser.open(same).status_code == 404
    take = "UPDATE businesses SET logo_id = %s WHERE id = %s"
    with (
        pytest.raises(errors.ForeignKeyViolation),
        database.as_app(cast.stranger.business_id, cast.stranger.user_id) as app,
    ):
        app.execute(take, [url.rpartition("/")[2], cast.stranger.business_id])


@pytest.mark.parametrize("statement", ["UPDATE logos SET width = 1", "DELETE FROM logos", "TRUNCATE logos"])
def test_what_was_a_logo_stays(owner: Person, database: Database, statement: str) -> None:
    make_logo(owner)
    with pytest.raises(errors.InsufficientPrivilege), database.as_app(owner.business_id, owner.user_id) as app:
        app.execute(statement.encode())


def test_the_database_checks_what_it_stores(owner: Person, database: Database) -> None:
    values = {"png": b"a", "width": 10, "height": 10}
    insert = (
        "INSERT INTO logos (business_id, id, png, width, height, sha256)"
        " VALUES (%(business)s, gen_random_uuid(), %(png)s, %(width)s, %(height)s, sha256(%(of)s))"
    )
    for wrong in ({"width": 601}, {"height": 241}, {"width": 0}, {"png": bytes(204_801)}, {"png": b""}, {"of": b"b"}):
        row = {"business": owner.business_id, **values, **wrong}
        with pytest.raises(errors.CheckViolation), database.as_app(owner.business_id, owner.user_id) as app:
            app.execute(insert, {"of": row["png"], **row})


# ---- On documents ----


def test_issued_documents_keep_theirs(owner: Person) -> None:
    without = make_issued(owner)
    first = make_logo(owner)
    issued, draft = make_issued(owner), make_invoice(owner)
    second = make_logo(owner, "navy")

    def shown(invoice_id: uuid.UUID) -> list[str]:
        found = {tuple(logo_urls(owner.browser.get(f"/invoices/{invoice_id}{view}"))) for view in ("", "/print")}
        assert len(found) == 1
        return list(found.pop())

    assert shown(without) == []
    assert shown(issued) == [f"/logos/{first}"]
    assert shown(draft) == [f"/logos/{second}"]
    owner.browser.get(PAGE)
    owner.browser.post(REMOVE)
    assert shown(issued) == [f"/logos/{first}"]
    assert owner.browser.open(f"/logos/{first}").status_code == 200
    assert shown(draft) == []
    issue(owner, draft)
    make_logo(owner)
    assert shown(draft) == []
    assert shown(without) == []


def test_invoices_from_before_there_were_logos(owner: Person, database: Database) -> None:
    """Their seller's details say nothing of a logo."""
    make_logo(owner)
    issued = make_issued(owner)
    with database.as_superuser() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE invoices SET seller = seller - 'logo_id' WHERE id = %s", [issued])
        connection.commit()
    assert read(owner, issued).logo is None


def test_it_stands_in_fragments_of_the_head_too(owner: Person) -> None:
    logo_id = make_logo(owner)
    url = f"/invoices/{make_invoice(owner)}"
    owner.browser.get(url)
    form = owner.browser.form_for(url)
    assert form is not None
    answer = owner.browser.send(url, {**form.values, "reference": "PO 7"}, 200, htmx=True)
    assert logo_urls(answer) == [f"/logos/{logo_id}"]
