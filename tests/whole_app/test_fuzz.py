"""Whatever the pages themselves offer to send, sent with values that nobody expects.

The forms, links and htmx addresses are found by walking the HTML, so what is new is tried without being listed.
Nothing answers 5xx, nothing that was sent comes back as markup, and every page stays a sound one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from invoices_app.web.access import PUBLIC
from tests.support.browser import HTMX, Browser
from tests.support.factories import make_client, make_invoice
from tests.support.furnish import furnish
from tests.support.html import Page, check
from tests.support.parsing import parse_loosely
from tests.support.people import Person, make_owner
from tests.support.second_factor import CONFIRM, PAGE, begin
from tests.support.walk import NEVER_SENT, Offer, Walk
from tests.whole_app.test_hostile_values import HOSTILE
from tests.whole_app.test_routes import ROUTES

NOT_IN_HTML = {"/problems", "/demo", "/invoices/<invoice_id>/lines/<line_id>/restore"}
"""POST routes that only a script calls, or that only an empty business or an undone line offers."""

TRIES = 3
MARK = "fuzz-mark"
MARKUP = (f"<{MARK}>", f'" on{MARK}="1', f"' on{MARK}='1", f"</textarea><{MARK}>", f"<svg on{MARK}=1>", f"--><{MARK}>")
PIECES = (*HOSTILE.values(), *MARKUP, "-0", "1e5", "0x10", "1_000", "٣", "%00", "%", "../../etc/passwd", "\r\nX: y")

values = st.one_of(
    st.sampled_from(PIECES),
    st.text(max_size=40),
    st.integers().map(str),
    st.decimals().map(str),
    st.dates().map(str),
    st.tuples(st.sampled_from(MARKUP), st.text(max_size=5)).map("".join),
)


@pytest.fixture(scope="module")
def person(app: Flask) -> Person:
    """Somebody whose pages offer all there is."""
    person = make_owner(app, "Fuzzy Owner", "Fuzzy Ltd")
    furnish(person, "Fuzzy")
    return person


@pytest.fixture(scope="module")
def offers(app: Flask, person: Person) -> list[Offer]:
    walk = Walk(app, person.browser)
    hide = {"/clients": f"/clients/{make_client(person, 'Hidden')}", "/invoices": f"/invoices/{make_invoice(person)}"}
    for its_list, hidden in hide.items():
        person.browser.post(f"{hidden}/archive")
        walk.read(its_list)  # which offers Undo now, and only now
    walk.run()
    printed = Offer("/invoices/print", "GET", "/invoices/print", (("ids", ""),))  # where a selection's form leads on
    return [*walk.offers.values(), printed]


@pytest.fixture(scope="module")
def guarded(app: Flask) -> tuple[Person, list[Offer]]:
    """Somebody with a second factor, and what its pages offer from the set-up on."""
    person = make_owner(app, "Guarded Owner", "Guarded Ltd")
    walk, authenticator = Walk(app, person.browser), begin(person.browser)
    walk.read(PAGE)
    walk.see(person.browser.submit(CONFIRM, {"one_time_code": authenticator.code()}, 200))
    walk.read(PAGE)
    return person, [offer for offer in walk.offers.values() if offer.rule.startswith(PAGE)]


def test_the_walk_finds_what_can_be_sent(offers: list[Offer], guarded: tuple[Person, list[Offer]]) -> None:
    """Else the fuzz below would prove nothing."""
    found = {offer.rule for offer in (*offers, *guarded[1]) if offer.method == "POST"}
    wanted = {path for path, methods in ROUTES.items() if methods.get("POST", PUBLIC) != PUBLIC}
    assert wanted - found - NOT_IN_HTML - NEVER_SENT == set()
    asked = {name for offer in offers if offer.method == "GET" for name, _ in offer.fields}
    assert {"q", "status", "archived", "sort", "client", "cursor", "of"} <= asked


def test_nothing_breaks_and_nothing_comes_back_as_markup(
    person: Person, offers: list[Offer], guarded: tuple[Person, list[Offer]]
) -> None:
    """Each offer in a browser of its own, since some end the session or give it another token."""
    for whose, offered in ((person, offers), guarded):
        for offer in offered:
            browser = whose.signed_in_browser()
            fuzz(browser, offer, browser.token())


def fuzz(browser: Browser, offer: Offer, csrf_token: str) -> None:
    """Send what the page offers a few times, each time with some of the fields changed; a counter-example is shrunk."""
    names = sorted({name for name, _ in offer.fields} - {"csrf_token"}) or ["id"]

    @settings(max_examples=TRIES, derandomize=True, deadline=None, database=None)
    @given(st.dictionaries(st.sampled_from(names), values, min_size=1, max_size=4), st.sampled_from(({}, HTMX)))
    def send_and_judge(changes: dict[str, str], headers: dict[str, str]) -> None:
        token = {"csrf_token": csrf_token} if offer.method == "POST" else {}
        answer = send(browser, offer, {**dict(offer.fields), **changes, **token}, headers)
        judge(answer, f"{offer.method} {offer.url} {changes!r}")

    send_and_judge()


def send(browser: Browser, offer: Offer, fields: dict[str, str], headers: dict[str, str]) -> TestResponse:
    sent = urlencode(fields, errors="surrogatepass")
    if offer.method == "GET":
        return FlaskClient.open(browser, f"{offer.url}?{sent}", headers=headers)
    kind = "application/x-www-form-urlencoded"
    return FlaskClient.open(browser, offer.url, method="POST", data=sent, content_type=kind, headers=headers)


def judge(answer: TestResponse, what: str) -> None:
    assert answer.status_code < 500, what
    assert "X" not in answer.headers, what
    if answer.location or "HX-Redirect" in answer.headers:
        location = answer.location or answer.headers["HX-Redirect"]
        assert re.match(r"/(?![/\\])", location), what
    elif answer.mimetype == "text/html":
        page = Page(answer)
        check(page)
        assert not list(marked(page.elements)), what


def marked(elements: Iterable[Element]) -> Iterator[str]:
    for element in elements:
        yield from (part for part in (str(element.tag), *element.attrib) if MARK in part)


@pytest.mark.parametrize("markup", MARKUP)
def test_a_mark_that_comes_back_is_seen(markup: str) -> None:
    """Else the fuzz above would prove nothing: a view that forgets to escape is found out."""
    careless = Flask("careless")
    careless.add_url_rule("/", view_func=lambda: f"<!doctype html><p title=\"{markup}\" lang='{markup}'>{markup}</p>")
    page = Page(careless.test_client().get("/"))
    assert list(marked(parse_loosely(page.text).iter()))
