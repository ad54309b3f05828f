"""Every field of every form with values that nobody should send: refused with a sentence, or kept as they are.

Never a 5xx; what is accepted can be shown; what is refused changes nothing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.factories import make_client, make_invoice, make_issued, read
from tests.support.people import Person
from tests.support.snapshot import snapshot

HOSTILE = {
    "empty": "",
    "blank": " \t\r\n ",
    "long": "x" * 3000,
    "long digits": "9" * 5000,
    "negative": "-1",
    "minus nothing": "-",
    "not a number": "twelve",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "1e400": "1e400",
    "9e99": "9e99",
    "tiny": "0.00000000000000000000001",
    "two points": "1.2.3",
    "thousands": "1,234.50",
    "hex": "0x1F",
    "other digits": "١٢٣",
    "superscript": "²",
    "NUL": "a\x00b",
    "control": "a\x01\x08\x1f\x7f\x9fb",
    "separators": "a\u2028\u2029b",
    "surrogate": "a\ud800b",
    "noncharacters": "a\ufffe\uffffb",
    "right to left": "\u202eabc\u202c",
    "astral": "\U0001f4a9" * 50,
    "combining": "a" + "\u0301" * 150,
    "id of nothing": str(uuid.UUID(int=1)),
    "id in braces": "{" + str(uuid.UUID(int=2)) + "}",
    "enum": "draft",
    "30 February": "2026-02-30",
    "day nought": "0000-00-00",
    "year 99999": "99999-01-01",
    "first year": "0001-01-01",
    "last year": "9999-12-31",
    "week date": "2026-W01-1",
    "moment": "2026-01-01T00:00:00Z",
    "SQL": "'; DROP TABLE invoices; --",
    "HTML": "</textarea><script>alert(1)</script>\"'",
    "template": "{{ config }}{% raw %}",
    "formula": "=cmd|'/c calc'!A1",
    "percent": "%s%n%00",
    "format": "{0.__class__}",
}
FIELDS_OF_CLIENT = [
    "name",
    "email",
    "phone",
    "address_line1",
    "address_line2",
    "city",
    "region",
    "postal_code",
    "country",
    "tax_id",
    "currency",
    "payment_terms_days",
    "notes",
    "version",
    "one_time_token",
]
FIELDS_OF_HEADER = [
    "client_id",
    "issue_date",
    "due_date",
    "currency",
    "reference",
    "notes",
    "discount_percent",
    "version",
]
FIELDS_OF_LINE = ["description", "quantity", "unit", "unit_price", "tax_rate", "discount_percent"]

Target = tuple[str, str]
"""The URL of a form, and of the page that it stands on."""


def to_client(person: Person) -> Target:
    url = f"/clients/{make_client(person)}"
    return url, f"{url}/edit"


def to_header(person: Person) -> Target:
    url = f"/invoices/{make_invoice(person)}"
    return url, url


def to_line(person: Person) -> Target:
    invoice_id = make_invoice(person)
    return f"/invoices/{invoice_id}/lines/{read(person, invoice_id).lines[0].id}", f"/invoices/{invoice_id}"


def to_new_line(person: Person) -> Target:
    url = f"/invoices/{make_invoice(person)}"
    return f"{url}/lines", url


def to_payment(person: Person) -> Target:
    url = f"/invoices/{make_issued(person)}"
    return f"{url}/pay", url


def to_new_invoice(person: Person) -> Target:
    make_client(person)
    return "/invoices", "/invoices/new"


def to_page(url: str, page: str = "") -> Callable[[Person], Target]:
    return lambda _person: (url, page or url)


BUSINESS = (
    "name legal_name address_line1 city region postal_code country email phone tax_id registration_number currency"
    " time_zone default_tax_rate payment_terms_days account_name iban bic payment_details invoice_notes version"
)
FORMS: dict[str, tuple[Callable[[Person], Target], list[str]]] = {
    "new client": (to_page("/clients", "/clients/new"), FIELDS_OF_CLIENT),
    "client": (to_client, FIELDS_OF_CLIENT),
    "new invoice": (to_new_invoice, [*FIELDS_OF_HEADER, *(f"lines-0-{name}" for name in FIELDS_OF_LINE)]),
    "header": (to_header, FIELDS_OF_HEADER),
    "new line": (to_new_line, [*FIELDS_OF_LINE, "after", "one_time_token"]),
    "line": (to_line, [*FIELDS_OF_LINE, "version"]),
    "payment": (to_payment, ["paid_on", "amount", "method", "one_time_token"]),
    "business": (to_page("/settings/business"), BUSINESS.split()),
}
PUBLIC_FORMS = {
    "/register": ["name", "email", "password", "business_name"],
    "/login": ["email", "password", "remember", "next"],
}
FINE = {"lines-0-description": "Work", "description": "Work", "name": "Name"}


def raw_post(browser: Browser, url: str, values: dict[str, str]) -> tuple[int, str, str]:
    """Send what a browser would not, lone surrogates too; answers status, text and where it leads."""
    body = urlencode(values, errors="surrogatepass")
    kind = "application/x-www-form-urlencoded"
    answer = FlaskClient.open(browser, url, method="POST", data=body, content_type=kind)
    return answer.status_code, answer.get_data(as_text=True), answer.headers.get("Location", "")


@pytest.mark.parametrize("name", FORMS)
def test_one_field_at_a_time(owner: Person, database: Database, name: str) -> None:
    make, fields = FORMS[name]
    url, page = make(owner)
    browser = owner.browser
    for field in fields:
        for what, value in HOSTILE.items():
            form = browser.get(page).form(url) if browser.form_for(url) is None else browser.form_for(url)
            assert form is not None
            before = snapshot(database)
            sent = {**FINE, **form.values, field: value}
            sent = {key: found or FINE.get(key, found) if key != field else found for key, found in sent.items()}
            status, text, location = raw_post(browser, url, sent)
            assert status in {303, 404, 422}, f"{field} {what}: {status}"
            if status == 303:
                assert FlaskClient.open(browser, location).status_code == 200, f"{field} {what}"
                url, page = make(owner)
                browser.page = None
            else:
                assert snapshot(database) == before, f"{field} {what}"
                assert status == 404 or re.search(r'class="(error|problems)|role="alert">\s*\S', text), (
                    f"{field} {what}"
                )


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("what", ["long", "NUL", "surrogate", "1e400", "HTML", "30 February", "empty"])
def test_all_fields_at_once_answer_a_sound_page(owner: Person, name: str, what: str) -> None:
    make, fields = FORMS[name]
    url, page = make(owner)
    form = owner.browser.get(page).form(url)
    value = HOSTILE[what].replace("\ud800", "\ufffd")
    for htmx in (False, True):
        sent = {**form.values, **dict.fromkeys(fields, value)}
        found = owner.browser.send_any(url, sent, {200, 204, 303, 422}, htmx=htmx)
        if what != "empty":
            assert found.status == 422
            assert found.alert


@pytest.mark.parametrize("url", PUBLIC_FORMS)
def test_forms_for_everybody(visitor: Browser, database: Database, url: str) -> None:
    for field in PUBLIC_FORMS[url]:
        for what, value in HOSTILE.items():
            visitor.get(url)
            person = {"name": "N", "email": "n@example.com", "password": "short", "business_name": "B"}
            values = {"csrf_token": visitor.token(), **person, field: value}
            before = snapshot(database)
            status, _, location = raw_post(visitor, url, values)
            if url == "/register" and status == 303:
                visitor.delete_cookie("invoices_session")
                visitor.csrf_token = ""
                assert (field, location) == ("password", "/"), what
                database.value(
                    "WITH gone AS (UPDATE users SET email = %s WHERE email = %s RETURNING 1) SELECT 1",
                    f"{uuid.uuid4()}@example.com",
                    "n@example.com",
                )
                continue
            assert status == 422, f"{field} {what}: {status}"
            assert snapshot(database) == before


@pytest.mark.parametrize(
    "name",
    [
        "lines-999999999-description",
        "lines-99999999999999999999-description",
        f"lines-{'9' * 5000}-description",
        "lines-²-description",
        "lines-١-description",
        "lines--1-description",
        "lines--description",
        "lines-description",
        "lines",
        "lines-0",
        "lines-0-lines-0-description",
        "lines-0-description-0",
        "lines-0x1-description",
        "lines-1e3-description",
    ],
)
def test_names_of_lines_that_are_none(owner: Person, name: str) -> None:
    client_id = str(make_client(owner))
    sent = {"csrf_token": owner.browser.token(), "client_id": client_id, name: "Odd"}
    status, _, location = raw_post(owner.browser, "/invoices", sent)
    assert status == 303
    made = read(owner, uuid.UUID(location.rpartition("/")[2]))
    assert [line.description for line in made.lines] == (["Odd"] if name.startswith("lines-999999999-") else [])


def test_too_many_lines_at_once(owner: Person) -> None:
    cells = {f"lines-{number}-description": "x" for number in range(1001)}
    sent = {"csrf_token": owner.browser.token(), "client_id": str(make_client(owner)), **cells}
    status, text, _ = raw_post(owner.browser, "/invoices", sent)
    assert (status, "An invoice has at most 1000 lines." in text) == (422, True)


def test_more_than_a_page_takes(owner: Person) -> None:
    sent = {"csrf_token": owner.browser.token(), "name": "x" * 3_000_000}
    status, text, _ = raw_post(owner.browser, "/clients", sent)
    assert (status, "larger than this page takes" in text) in {(413, True), (400, False)}


@pytest.mark.parametrize("body", [b"\xff\xfe=\xff", b"%", b"&&&&", b"=", b"name=%ED%A0%80", b"\x00" * 100])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "application/json", "x"])
def test_bodies_that_are_no_form(owner: Person, body: bytes, kind: str) -> None:
    headers = {"X-CSRFToken": owner.browser.token()}
    for url in ("/clients", "/invoices", f"/invoices/{make_invoice(owner)}/lines"):
        answer = FlaskClient.open(owner.browser, url, method="POST", data=body, content_type=kind, headers=headers)
        assert answer.status_code in {400, 422}
