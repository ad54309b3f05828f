"""Every field of every form with values that nobody should send: refused with a sentence, or kept as they are.

Never a 5xx; what is accepted can be shown; what is refused changes nothing.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from urllib.parse import urlencode
from zlib import crc32

import pytest
from flask.testing import FlaskClient

from invoices_app.accounts.models import PASSWORD_MIN_LENGTH
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
    "not a number": "twelve",
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "1e400": "1e400",
    "9e99": "9e99",
    "tiny": "0.00000000000000000000001",
    "thousands": "1,234.50",
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
    "30 February": "2026-02-30",
    "day nought": "0000-00-00",
    "year 99999": "99999-01-01",
    "last year": "9999-12-31",
    "moment": "2026-01-01T00:00:00Z",
    "SQL": "'; DROP TABLE invoices; --",
    "HTML": "</textarea><script>alert(1)</script>\"'",
    "template": "{{ config }}{% raw %}",
    "formula": "=cmd|'/c calc'!A1",
}
FIELDS_OF_CLIENT = ["name", "email", "city", "country", "tax_id", "currency", "payment_terms_days", "notes"]
FIELDS_OF_HEADER = ["client_id", "issue_date", "due_date", "currency", "reference", "notes", "discount_percent"]
FIELDS_OF_LINE = ["description", "quantity", "unit", "unit_price", "tax_rate", "discount_percent"]
FIELDS_OF_BUSINESS = [
    "name", "country", "email", "currency", "time_zone", "default_tax_rate", "payment_terms_days", "iban", "bic",
    "invoice_notes",
]  # fmt: skip

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


FORMS: dict[str, tuple[Callable[[Person], Target], list[str]]] = {
    "new client": (to_page("/clients", "/clients/new"), [*FIELDS_OF_CLIENT, "one_time_token"]),
    "client": (to_client, [*FIELDS_OF_CLIENT, "version"]),
    "new invoice": (to_new_invoice, [*FIELDS_OF_HEADER, *(f"lines-0-{name}" for name in FIELDS_OF_LINE)]),
    "header": (to_header, [*FIELDS_OF_HEADER, "version"]),
    "new line": (to_new_line, [*FIELDS_OF_LINE, "after", "one_time_token"]),
    "line": (to_line, [*FIELDS_OF_LINE, "version"]),
    "payment": (to_payment, ["paid_on", "amount", "method", "one_time_token"]),
    "business": (to_page("/settings/business"), [*FIELDS_OF_BUSINESS, "version"]),
}
ONE_FIELD = [(name, field) for name, (_, fields) in FORMS.items() for field in fields]
PUBLIC_FORMS = {
    "/register": ["name", "email", "password", "business_name"],
    "/login": ["email", "password", "remember", "next"],
}
TRIED_AS_TOKEN = {"empty", "long", "NUL", "surrogate", "id of nothing", "id in braces"}
TOKENS = ("version", "one_time_token")
FINE = {"lines-0-description": "Work", "description": "Work", "name": "Name"}


def raw_post(browser: Browser, url: str, values: dict[str, str]) -> tuple[int, str, str]:
    """Send what a browser would not, lone surrogates too; answers status, text and where it leads."""
    body = urlencode(values, errors="surrogatepass")
    kind = "application/x-www-form-urlencoded"
    answer = FlaskClient.open(browser, url, method="POST", data=body, content_type=kind)
    return answer.status_code, answer.get_data(as_text=True), answer.headers.get("Location", "")


@pytest.mark.parametrize(("name", "field"), ONE_FIELD)
def test_one_field_at_a_time(owner: Person, database: Database, name: str, field: str) -> None:
    make, _ = FORMS[name]
    browser = owner.browser
    url, page = make(owner)
    form = {**FINE, **{key: value for key, value in browser.get(page).form(url).values.items() if value}}
    if name == "new invoice":
        form["client_id"] = str(make_client(owner))
    for what, value in HOSTILE.items():
        if crc32(f"{name} {field} {what}".encode()) % 2:
            continue  # half of them for each field, other ones for the next
        if field == "one_time_token" and what not in TRIED_AS_TOKEN:
            continue  # whatever is no token counts as none, so nearly all of them make something
        before = history(database, owner)
        status, text, location = raw_post(browser, url, {**form, field: value})
        assert status in {303, 404, 422}, f"{what}: {status}"
        if status == 303:
            shown = FlaskClient.open(browser, location)
            assert shown.status_code == 200, what
            url, page = make(owner) if name in {"payment", "new line"} else (url, page)
            fresh = shown.text if location.partition("#")[0] == page else FlaskClient.open(browser, page).text
            form |= {key: token for key in TOKENS if key in form for token in tokens(fresh, url, key)}
        else:
            assert history(database, owner) == before, what
            assert status == 404 or re.search(r'class="(error|problems)|role="alert">\s*\S', text), what


def tokens(page: str, url: str, name: str) -> list[str]:
    """The hidden input of that name in the form that leads to `url`."""
    form = page.partition(f'action="{url}" method="post"')[2].partition("</form>")[0]
    return re.findall(f'name="{name}" value="([^"]+)"', form)


def history(database: Database, person: Person) -> int:
    """How much happened in a business: every action writes an event in its transaction."""
    return int(database.value("SELECT count(*) FROM audit_events WHERE business_id = %s", person.business_id))


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


@pytest.mark.parametrize(("url", "field"), [(url, field) for url, fields in PUBLIC_FORMS.items() for field in fields])
def test_forms_for_everybody(visitor: Browser, database: Database, url: str, field: str) -> None:
    person = {"name": "N", "email": "n@example.com", "password": "short", "business_name": "B"}
    if url == "/login" and field not in {"email", "password"}:
        person["email"] = ""  # refused before a password is hashed, which takes its time
    values = {"csrf_token": visitor.token(), **person}
    before = snapshot(database)
    for what, value in HOSTILE.items():
        if len(value) < PASSWORD_MIN_LENGTH or field != "password" or url == "/login":
            assert raw_post(visitor, url, {**values, field: value})[0] == 422, what
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


@pytest.mark.parametrize("body", [b"\xff\xfe=\xff", b"%", b"&&&&", b"=", b"\x00" * 100])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "application/json", "x"])
def test_bodies_that_are_no_form(owner: Person, body: bytes, kind: str) -> None:
    headers = {"X-CSRFToken": owner.browser.token()}
    for url in ("/clients", "/invoices", f"/invoices/{make_invoice(owner)}/lines"):
        answer = FlaskClient.open(owner.browser, url, method="POST", data=body, content_type=kind, headers=headers)
        assert answer.status_code in {400, 422}


def test_of_a_field_that_is_sent_twice_the_first_counts(owner: Person, database: Database) -> None:
    """So what was checked is what is kept."""
    body = urlencode([("csrf_token", owner.browser.token()), ("name", "First"), ("name", "x" * 3000)])
    kind = "application/x-www-form-urlencoded"
    answer = FlaskClient.open(owner.browser, "/clients?name=Third", method="POST", data=body, content_type=kind)
    assert answer.status_code == 303
    assert database.ask("SELECT name FROM clients WHERE business_id = %s", owner.business_id) == [("First",)]
