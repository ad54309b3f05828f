"""Whatever the pages themselves offer to send, sent with values that nobody expects.

The forms, links and htmx addresses are found by walking the HTML, so what is new is tried without being listed.
Nothing answers 5xx, nothing that was sent comes back as markup, and every page stays a sound one.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree.ElementTree import Element

import html5lib
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException
from werkzeug.test import TestResponse

from tests.support.browser import HTMX, Browser
from tests.support.factories import archive, make_client, make_invoice, make_issued, make_logo, pay
from tests.support.html import Page, check
from tests.support.people import Person, make_owner
from tests.whole_app.test_hostile_values import HOSTILE
from tests.whole_app.test_routes import ROUTES, path_of

NOT_IN_HTML = {"/problems", "/demo", "/invoices/<invoice_id>/lines/<line_id>/restore"}
"""POST routes that only a script calls, or that only an empty business or an undone line offers."""

NEVER_SENT = {"/logout"}
ADDRESSES = ("href", "action", "formaction", "src")
PAGES_OF_A_KIND = 6
"""Enough for an invoice in every state; of addresses with a query, one of a kind is enough."""

ROWS_OF_A_PAGE = 25
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


@dataclass(frozen=True)
class Offer:
    """What a page offers to send: a form, or an address with a query."""

    rule: str
    method: str
    url: str
    fields: tuple[tuple[str, str], ...]

    @property
    def kind(self) -> tuple[str, str, frozenset[str]]:
        return self.method, self.rule, frozenset(re.sub(r"\d+", "0", name) for name, _ in self.fields)


class Walk:
    """A walk over all pages that a person can reach, some of each kind."""

    def __init__(self, app: Flask, browser: Browser) -> None:
        self.offers: dict[tuple[str, str, frozenset[str]], Offer] = {}
        self._routes = app.url_map.bind("localhost")
        self._browser = browser
        self._seen: dict[tuple[str, frozenset[str]], set[str]] = {}
        self._to_see = deque(["/"])

    def run(self) -> None:
        while self._to_see:
            url = self._to_see.popleft()
            self.read(url)

    def read(self, url: str) -> None:
        answer = FlaskClient.open(self._browser, url)
        assert answer.status_code < 500, url
        if answer.mimetype == "text/html":
            self._read(Page(answer))

    def rule_of(self, url: str, method: str) -> str | None:
        try:
            rule, _ = self._routes.match(urlsplit(url).path, method=method, return_rule=True)
        except HTTPException:
            return None
        return path_of(rule)

    def _read(self, page: Page) -> None:
        for form in page.forms:
            self._note(form.method.upper(), form.action, tuple(form.values.items()))
        for element in page.elements:
            for name, value in element.attrib.items():
                if not value.startswith("/") or value.startswith("//"):
                    continue
                if name in ADDRESSES or name == "hx-get" or name.startswith("data-"):
                    self._follow(value)
                if name in {"hx-post", "data-create", "data-paste"}:
                    self._note("POST", value, ())

    def _follow(self, url: str) -> None:
        parts = urlsplit(url)
        rule = self.rule_of(url, "GET")
        if rule is None or rule.startswith("/static"):
            return
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        if query:
            self._note("GET", parts.path, query)
        seen = self._seen.setdefault((rule, frozenset(name for name, _ in query)), set())
        address = url.partition("#")[0]
        if address not in seen and len(seen) < (1 if query else PAGES_OF_A_KIND) and not rule.endswith(".csv"):
            seen.add(address)
            self._to_see.append(address)

    def _note(self, method: str, url: str, fields: tuple[tuple[str, str], ...]) -> None:
        path = urlsplit(url).path
        rule = self.rule_of(path, method)
        if rule is not None and rule not in NEVER_SENT:
            offer = Offer(rule, method, path, fields)
            self.offers.setdefault(offer.kind, offer)


@pytest.fixture(scope="module")
def person(app: Flask) -> Person:
    """Somebody with documents in every state, so that their pages offer all there is."""
    person = make_owner(app, "Fuzzy Owner", "Fuzzy Ltd")
    client_id = make_client(person)
    for number in range(ROWS_OF_A_PAGE):
        make_client(person, f"Client {number}")
    make_logo(person)
    make_invoice(person, client_id=client_id)
    make_issued(person, client_id=client_id)
    pay(person, make_issued(person, client_id=client_id))
    archive(person, make_invoice(person, client_id=client_id))
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


def test_the_walk_finds_what_can_be_sent(offers: list[Offer]) -> None:
    """Else the fuzz below would prove nothing."""
    found = {offer.rule for offer in offers if offer.method == "POST"}
    wanted = {path for path, methods in ROUTES.items() if methods.get("POST") == "signed in"}
    assert wanted - found - NOT_IN_HTML - NEVER_SENT == set()
    asked = {name for offer in offers if offer.method == "GET" for name, _ in offer.fields}
    assert {"q", "status", "archived", "sort", "client", "cursor", "of"} <= asked


def test_nothing_breaks_and_nothing_comes_back_as_markup(person: Person, offers: list[Offer]) -> None:
    csrf_token = person.browser.token()
    for offer in offers:
        fuzz(person.browser, offer, csrf_token)


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
    loose = html5lib.HTMLParser(namespaceHTMLElements=False).parse(page.text)
    assert list(marked(loose.iter()))
