"""Every route with every id of another business, as every role: nothing of theirs is shown or changes.

Ids are sent in the path, in every field and parameter that the intruder's own pages hold an id in (the rest of the
form is as the page gives it, so that it would work), in the places that a list's address names, and in headers.
"""

from __future__ import annotations

import itertools
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

import pytest
from flask import Flask
from psycopg import sql
from werkzeug.test import TestResponse

from invoices_app.accounts import sessions, team
from invoices_app.accounts.models import Role
from invoices_app.clients import actions as client_actions
from invoices_app.invoices import actions as invoice_actions
from tests.support.browser import HTMX, Browser
from tests.support.databases import Database
from tests.support.factories import line, make_client, make_invoice, make_issued, make_logo, read, today, value_of
from tests.support.furnish import furnish
from tests.support.people import Person, make_owner, make_teammate
from tests.support.walk import Offer, Walk
from tests.whole_app.test_routes import ROUTES

SECRET = "Umbrella Secret"
SERIES = "UMB"
MARKS = (SECRET, "UMBRELLA-SECRET")
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CURSOR = re.compile(r"cursor=([^\"&]+)")
NAMED = [(method, path) for path, methods in ROUTES.items() for method in methods if "_id>" in path]
KINDS = {
    "after": "line_id",
    "client": "client_id",
    "client_id": "client_id",
    "cursor": "cursor",
    "ids": "invoice_id",
    "of": "code",
    "one_time_token": "one_time_token",
    "upto": "cursor",
    "wanted_series": "code",
}
"""What the fields and parameters that take an id take. One that is missing here gets ids of every kind."""

PERSONAL = {
    "users": "id IN (SELECT user_id FROM memberships WHERE business_id = %s)",
    "account_tokens": "user_id IN (SELECT user_id FROM memberships WHERE business_id = %s)",
    "businesses": "id = %s",
}
"""Tables without a column for the business, and which of their rows are its own."""


@dataclass
class Victim:
    """A business with something of everything, and its ids by the names that routes give them."""

    person: Person
    ids: dict[str, list[str]] = field(default_factory=dict)
    every_id: frozenset[str] = frozenset()


def rows_of(database: Database, business_id: uuid.UUID) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a tenant in all tables, byte for byte, with the transactions that wrote them."""
    keyed = "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = %s"
    with database.as_superuser() as connection:
        whose = {str(name): "business_id = %s" for (name,) in connection.execute(keyed, ["business_id"])} | PERSONAL
        found = {}
        for name, condition in whose.items():
            query = "SELECT t::text, xmin::text FROM {} t WHERE " + condition + " ORDER BY 1"
            rows = connection.execute(sql.SQL(query).format(sql.Identifier(name)), [business_id])
            found[name] = rows.fetchall()
    return found


@pytest.fixture(scope="module")
def victim(app: Flask, database: Database) -> Victim:
    person = make_owner(app, "Vic Victim", SECRET)
    furnish(person, SECRET)
    token, page = uuid.uuid4(), uuid.uuid4()
    client_id = make_client(person, SECRET)
    draft = make_invoice(person, client_id=client_id)
    issued = make_issued(person)
    with person.acting():
        value_of(client_actions.create_client({"name": SECRET}, token))
        value_of(invoice_actions.create_invoice({"client_id": client_id}, [line(SECRET)], today(), token))
        invitations = [str(one.id) for one in team.invitations()]
        own_sessions = [str(one.id) for one in sessions.own_sessions(uuid.uuid4())]
    person.browser.post(f"/clients/{make_client(person, SECRET)}/archive")
    person.browser.post(f"/invoices/{draft}/lines", {"description": SECRET}, headers={"Sheet-Page": str(page)})
    archived = database.ask("SELECT archiving_id FROM clients WHERE business_id = %s", person.business_id)
    imports = database.ask("SELECT id FROM imports WHERE business_id = %s", person.business_id)
    lists = [person.browser.get(url).text for url in ("/clients", "/invoices", f"/clients/{client_id}/history")]
    ids = {
        "client_id": [str(client_id)],
        "invoice_id": [str(draft), str(issued)],
        "line_id": [str(read(person, draft).lines[0].id)],
        "logo_id": [str(make_logo(person))],
        "user_id": [str(person.user_id)],
        "invitation_id": invitations,
        "business_id": [str(person.business_id)],
        "archiving_id": [str(id_) for (id_,) in archived if id_],
        "session_id": own_sessions[:1],
        "one_time_token": [str(token)],
        "code": [SERIES],
        "import_id": [str(id_) for (id_,) in imports],
        "cursor": [unquote(found) for page in lists for found in CURSOR.findall(page)[:1]],
    }
    assert all(ids.values()), ids
    rows = rows_of(database, person.business_id)
    del rows["submissions"]  # one-time tokens are anybody's, and what they made stands in its own table
    every_id = frozenset(UUID.findall(str(rows))) - {str(page)}  # which a page makes up and its edits bear
    return Victim(person, ids, every_id)


@dataclass
class Intruder:
    """Somebody of another business, in a role of theirs, who sends the victim's ids and looks at what comes."""

    person: Person
    owner: Person
    role: Role
    victim: Victim
    _browser: Browser | None = None
    answers: Counter[int] = field(default_factory=Counter)

    def send(self, method: str, url: str, values: dict[str, str] | None = None, **headers: str) -> TestResponse:
        """Send it as a page and as htmx does; nothing of the victim comes back but what was sent."""
        response: TestResponse | None = None
        for extra in ({}, HTMX):
            browser = self._browser or self.person.signed_in_browser()
            self._browser = browser
            told = {**extra, **{name.replace("_", "-"): value for name, value in headers.items()}}
            if method == "POST":
                sent = {**(values or {}), "csrf_token": browser.token()}
                response = browser.open(url, method=method, data=sent, headers=told, buffered=True)
            else:
                response = browser.open(url, method=method, query_string=values, headers=told, buffered=True)
            self._judge(response, f"{method} {url} {values} {told}", {*(values or {}).values(), *headers.values()})
            if response.status_code < 400 and method == "POST":
                self._browser = None  # it may have another token now, or have ended
        assert response is not None
        return response

    def _judge(self, response: TestResponse, what: str, sent: set[str]) -> None:
        self.answers[response.status_code] += 1
        assert response.status_code < 500, what
        told = response.text if response.mimetype.startswith("text/") else ""
        told += str(response.headers)
        sent_ids = set(UUID.findall(f"{what} {sent}"))
        assert not [mark for mark in MARKS if mark in told], what
        assert not (set(UUID.findall(told)) & self.victim.every_id) - sent_ids, what


@pytest.fixture(scope="module", params=list(Role), ids=str)
def intruder(app: Flask, victim: Victim, request: pytest.FixtureRequest) -> Intruder:
    owner = make_owner(app, "Mal Intruder", "Intruder Ltd")
    furnish(owner, "Intruder")
    return Intruder(make_teammate(owner, "Max Intruder", request.param), owner, request.param, victim)


@contextmanager
def untouched(database: Database, intruder: Intruder) -> Iterator[None]:
    """The victim's rows stay as they are, and none of their ids gets into a row of the intruder's business."""
    theirs, own = intruder.victim.person.business_id, intruder.person.business_id
    before = rows_of(database, theirs)
    assert all(before[name] for name in ("invoices", "clients", "memberships", "invitations", "audit_events"))
    assert all(before[name] for name in ("user_sessions", "users", "account_tokens", "submissions", "number_series"))
    yield
    assert rows_of(database, theirs) == before
    for table, rows in rows_of(database, own).items():
        taken = [row for row, _ in rows if intruder.victim.every_id & set(UUID.findall(str(row)))]
        assert taken == [], table
        assert not [mark for mark in MARKS if mark in str(rows)], table


def paths_with(path: str, ids: dict[str, list[str]], own: dict[str, list[str]]) -> Iterator[str]:
    """The path with every id of the victim; one of several may be the intruder's own."""
    names = re.findall(r"<(\w+)>", path)
    choices = [[*((id_, True) for id_ in ids[name]), *((id_, False) for id_ in own.get(name, ()))] for name in names]
    for chosen in itertools.product(*choices):
        if any(is_theirs for _, is_theirs in chosen):
            url = path
            for name, (value, _) in zip(names, chosen, strict=True):
                url = url.replace(f"<{name}>", value)
            yield url


def test_ids_in_the_path_lead_nowhere(database: Database, intruder: Intruder) -> None:
    refusals = {404} if intruder.role == Role.OWNER else {403, 404}
    draft = make_invoice(intruder.owner)
    own = {"invoice_id": [str(draft)], "line_id": [str(read(intruder.owner, draft).lines[0].id)]}
    with untouched(database, intruder):
        for method, path in NAMED:
            for url in paths_with(path, intruder.victim.ids, own if "line_id" in path else {}):
                answer = intruder.send(method, url, {"role": "member", "name": "Taken", "version": "1"})
                assert answer.status_code in refusals, (method, url, answer.status_code)
    assert sum(intruder.answers.values()) > 2 * len(NAMED)


def takes_id(name: str, value: str) -> bool:
    return name.rsplit("-", maxsplit=1)[-1] in KINDS or bool(UUID.fullmatch(value))


def offers_to(intruder: Intruder, app: Flask) -> list[Offer]:
    """What the pages of the intruder's business offer to send, and the places in lists that their addresses name."""
    walk = Walk(app, intruder.owner.signed_in_browser())
    walk.run()
    found = list(walk.offers.values())
    (client,) = {offer.url for offer in found if offer.rule == "/clients/<client_id>"} or {""}
    lists = ["/clients", "/invoices", client, *{offer.url for offer in found if offer.rule.endswith("/history")}]
    places = [("cursor", lists), ("upto", lists), ("client", ["/invoices", "/invoices.csv", "/invoices/new"])]
    found += [Offer(url, "GET", url, ((name, ""),)) for name, urls in places for url in urls]
    printed, selections = "/invoices/print", [url for url in ROUTES if url.startswith("/invoices/selection/")]
    found += [Offer(url, "GET" if url == printed else "POST", url, (("ids", ""),)) for url in (printed, *selections)]
    return sorted(found, key=lambda offer: (offer.method, offer.rule))


def test_ids_in_fields_and_parameters_lead_nowhere(app: Flask, database: Database, intruder: Intruder) -> None:
    """One field of a form that would work otherwise holds an id of the victim's."""
    ids, tried = intruder.victim.ids, Counter[tuple[str, str, int]]()
    every = [id_ for name, known in ids.items() if name not in {"cursor", "code"} for id_ in known]
    sends = [
        (offer, name, theirs)
        for offer in offers_to(intruder, app)
        for name, value in offer.fields
        if takes_id(name, value)
        for theirs in (ids[KINDS[name]] if name in KINDS else every)
    ]
    with untouched(database, intruder):
        # A one-time token of the victim's is no better than any other, so these forms do what they do; hence last.
        for offer, name, theirs in sorted(sends, key=lambda send: send[1] == "one_time_token"):
            answer = intruder.send(offer.method, offer.url, {**dict(offer.fields), name: theirs})
            tried[offer.method, name, answer.status_code] += 1
    assert {name for _, name, _ in tried} >= set(KINDS)
    sent = {(name, status) for method, name, status in tried if method == "POST"}
    refused = 403 if intruder.role == Role.BOOKKEEPER else 422
    assert {status for name, status in sent if name in {"after", "client_id", "wanted_series"}} == {refused}, tried
    # A selection to print leads on to a page that finds nothing.
    assert {status for name, status in sent if name == "ids"} <= {204, 403, 404}, tried
    assert {status for method, name, status in tried if (method, name) == ("GET", "ids")} == {404}, tried


def test_a_selection_with_one_id_of_theirs_does_nothing(database: Database, intruder: Intruder) -> None:
    """Not even to the intruder's own invoice beside it."""
    own = make_invoice(intruder.owner)
    mine = database.ask("SELECT t::text, xmin::text FROM invoices t WHERE id = %s", own)
    with untouched(database, intruder):
        for url in (url for url in ROUTES if url.startswith("/invoices/selection/")):
            for theirs in intruder.victim.ids["invoice_id"]:
                for ids in ([str(own), theirs], [theirs, str(own)]):
                    browser = intruder.person.browser
                    sent = {"csrf_token": browser.token(), "ids": ids}
                    answer = browser.open(url, method="POST", data=sent, buffered=True)
                    led = {303} if url.endswith("/print") else {404}  # to a page that finds nothing
                    assert answer.status_code in (led if intruder.role != Role.BOOKKEEPER else led | {403}), url
                    if answer.location:
                        assert intruder.send("GET", answer.location).status_code == 404
    assert database.ask("SELECT t::text, xmin::text FROM invoices t WHERE id = %s", own) == mine


def test_ids_in_headers_lead_nowhere(database: Database, intruder: Intruder) -> None:
    """The page that an edit comes from, and the list that it was done in."""
    ids, draft = intruder.victim.ids, make_invoice(intruder.owner)
    (page,) = database.ask(
        "SELECT page FROM draft_edits WHERE page IS NOT NULL AND business_id = %s LIMIT 1",
        intruder.victim.person.business_id,
    )
    lists = [f"/clients/{ids['client_id'][0]}", f"/invoices?client={ids['client_id'][0]}"]
    lists += [f"/invoices?upto={place}" for place in ids["cursor"]]
    with untouched(database, intruder):
        for url in (f"/invoices/{draft}/lines", f"/invoices/{draft}/undo", f"/invoices/{draft}/archive"):
            for behind in lists:
                headers = {"Sheet_Page": page, "Sheet_Revision": "1", "HX_Current_URL": f"http://localhost{behind}"}
                intruder.send("POST", url, {"description": "Work"}, **headers)
