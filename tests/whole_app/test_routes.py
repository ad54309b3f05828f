"""The URL map: every route stands in the table below with who may call it, and reading never writes."""

from __future__ import annotations

import re
import uuid

import pytest
from flask import Flask

from invoices_app.web.access import PUBLIC, SIGNED_IN, access_of
from tests.support.browser import HTMX, Browser
from tests.support.databases import Database
from tests.support.factories import make_client, make_invoice, make_issued, make_logo
from tests.support.people import Person
from tests.support.snapshot import snapshot

ROUTES = {
    "/": {"GET": SIGNED_IN},
    "/clients.csv": {"GET": SIGNED_IN},
    "/clients": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "/clients/<client_id>": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "/clients/<client_id>/archive": {"POST": SIGNED_IN},
    "/clients/<client_id>/edit": {"GET": SIGNED_IN},
    "/clients/<client_id>/history": {"GET": SIGNED_IN},
    "/clients/<client_id>/restore": {"POST": SIGNED_IN},
    "/clients/archivings/<archiving_id>/undo": {"POST": SIGNED_IN},
    "/clients/new": {"GET": SIGNED_IN},
    "/clients/quick": {"POST": SIGNED_IN},
    "/clients/search": {"GET": SIGNED_IN},
    "/demo": {"POST": SIGNED_IN},
    "/healthz": {"GET": PUBLIC},
    "/invoices.csv": {"GET": SIGNED_IN},
    "/invoices": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "/invoices/<invoice_id>": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "/invoices/<invoice_id>/archive": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/correct": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/duplicate": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/history": {"GET": SIGNED_IN},
    "/invoices/<invoice_id>/issue": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/lines": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/lines/<line_id>": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/lines/<line_id>/delete": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/lines/<line_id>/duplicate": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/lines/<line_id>/move": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/lines/<line_id>/restore": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/lines/paste": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/lines/repeat": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/pay": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/print": {"GET": SIGNED_IN},
    "/invoices/<invoice_id>/reopen": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/restore": {"POST": SIGNED_IN},
    "/invoices/<invoice_id>/suggestions": {"GET": SIGNED_IN},
    "/invoices/<invoice_id>/undo": {"POST": SIGNED_IN},
    "/invoices/archivings/<archiving_id>/undo": {"POST": SIGNED_IN},
    "/invoices/new": {"GET": SIGNED_IN},
    "/invoices/numbers": {"GET": SIGNED_IN},
    "/invoices/print": {"GET": SIGNED_IN},
    "/invoices/selection/archive": {"POST": SIGNED_IN},
    "/invoices/selection/duplicate": {"POST": SIGNED_IN},
    "/invoices/selection/issue": {"POST": SIGNED_IN},
    "/invoices/selection/pay": {"POST": SIGNED_IN},
    "/invoices/selection/print": {"POST": SIGNED_IN},
    "/invoices/selection/restore": {"POST": SIGNED_IN},
    "/logos/<logo_id>": {"GET": SIGNED_IN},
    "/login": {"GET": PUBLIC, "POST": PUBLIC},
    "/logout": {"POST": PUBLIC},
    "/palette": {"GET": SIGNED_IN},
    "/password/forgot": {"GET": PUBLIC, "POST": PUBLIC},
    "/password/reset/<token>": {"GET": PUBLIC, "POST": PUBLIC},
    "/problems": {"POST": PUBLIC},
    "/readyz": {"GET": PUBLIC},
    "/register": {"GET": PUBLIC, "POST": PUBLIC},
    "/settings/business": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "/settings/logo": {"POST": SIGNED_IN},
    "/settings/logo/remove": {"POST": SIGNED_IN},
    "/settings/numbers": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "/settings/numbers/<code>": {"POST": SIGNED_IN},
    "/settings/numbers/preview": {"GET": SIGNED_IN},
    "/shortcuts": {"GET": SIGNED_IN, "POST": SIGNED_IN},
    "/static/<filename>": {"GET": PUBLIC},
}
CLOSED = [(method, path) for path, methods in ROUTES.items() for method, who in methods.items() if who == SIGNED_IN]
POSTS = [path for path, methods in ROUTES.items() if "POST" in methods]
GETS = [path for path, methods in ROUTES.items() if "GET" in methods]


def any_url(path: str) -> str:
    """The URL of a route with ids that nothing has."""
    return re.sub(r"<\w+>", lambda _: str(uuid.uuid4()), path)


def test_every_route_declares_who_may_call_it(app: Flask) -> None:
    found: dict[str, dict[str, str | None]] = {}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            found.setdefault(path, {})[method] = access_of(app, rule.endpoint)
    assert found == ROUTES


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_signed_out_requests_lead_to_sign_in(visitor: Browser, method: str, path: str) -> None:
    url = any_url(path)
    headers = {"X-CSRFToken": visitor.token()}
    page = visitor.open(url, method=method, headers=headers)
    assert page.status_code == 303
    wanted = f"/login?next={url}" if method == "GET" and url != "/" else "/login"
    assert page.location.replace("%2F", "/") == wanted
    fragment = visitor.open(url, method=method, headers={**headers, **HTMX})
    assert (fragment.status_code, fragment.headers["HX-Redirect"], fragment.data) == (204, "/login", b"")


@pytest.mark.parametrize("path", POSTS)
def test_posts_without_a_token_change_nothing(owner: Person, visitor: Browser, database: Database, path: str) -> None:
    url = any_url(path)
    owner.browser.get("/clients")
    before = snapshot(database)
    for browser in (owner.browser, visitor):
        if browser is visitor and ROUTES[path]["POST"] == SIGNED_IN:
            assert browser.send(url, {}, 303).location.startswith("/login")
            continue
        for sent in ({}, {"csrf_token": ""}, {"csrf_token": "made up"}):
            assert "expired" in browser.send(url, sent, 400).words()
        assert "expired" in browser.send(url, {}, 400, htmx=True).words()
    assert snapshot(database) == before


@pytest.mark.parametrize("path", POSTS)
def test_posts_from_another_site_are_refused(owner: Person, database: Database, path: str) -> None:
    token = owner.browser.token()
    before = snapshot(database)
    headers = {"Sec-Fetch-Site": "cross-site"}
    owner.browser.send(any_url(path), {"csrf_token": token}, 403, headers=headers)
    owner.browser.send(any_url(path), {"csrf_token": token}, 403, headers=headers, htmx=True)
    assert snapshot(database) == before


def test_a_token_of_another_session_is_worth_nothing(owner: Person, stranger: Person) -> None:
    owner.browser.send("/clients", {"csrf_token": stranger.browser.token(), "name": "Planted"}, 400)


@pytest.mark.parametrize("path", POSTS)
def test_ids_of_nothing_are_not_found(browser: Browser, path: str) -> None:
    if "<" in path and path != "/password/reset/<token>":  # a dead link leads on to a new one, with 410
        assert "nothing at this address" in browser.post(any_url(path), {}, 404).words()
        assert "nothing at this address" in browser.post(any_url(path), {}, 404, htmx=True).words()


@pytest.mark.parametrize("path", [path for path in (*GETS, *POSTS) if "_id>" in path])
def test_ids_that_are_none_are_not_found(visitor: Browser, path: str) -> None:
    for wrong in ("0", "new-", "00000000", "%00", "..%2f..", "1' OR '1'='1"):
        for method in ROUTES[path]:
            assert visitor.open(re.sub(r"<\w+>", wrong, path), method=method).status_code == 404


def test_reading_never_writes(owner: Person, database: Database) -> None:
    client_id, draft, issued = make_client(owner), make_invoice(owner), make_issued(owner)
    logo_id = make_logo(owner)
    owner.browser.get("/clients")
    before = snapshot(database)
    for path in GETS:
        for invoice_id in (draft, issued):
            named = {"<client_id>": client_id, "<invoice_id>": invoice_id, "<filename>": "css/app.css"}
            named |= {"<logo_id>": logo_id, "<token>": "of-nobody"}
            url = re.sub(r"<\w+>", lambda match: str(named[match.group()]), path)  # noqa: B023  (called at once)
            url += f"?ids={invoice_id}" if path == "/invoices/print" else ""
            for method in ("GET", "HEAD"):
                assert owner.browser.open(url, method=method).status_code in {200, 303, 410}
            owner.browser.open(url, headers=HTMX)
    assert snapshot(database) == before
