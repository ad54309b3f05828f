"""The URL map: every route stands in the table below with who may call it, and reading never writes."""

from __future__ import annotations

import re
import uuid

import pytest
from flask import Flask

from invoices_app.web.access import OWNERS, PUBLIC, READERS, WRITERS, access_of
from tests.support.browser import HTMX, Browser
from tests.support.databases import Database
from tests.support.factories import make_client, make_invitation, make_invoice, make_issued, make_logo
from tests.support.imports import bring, csv_bytes, id_of, some_invoices
from tests.support.people import Person
from tests.support.snapshot import snapshot
from tests.support.walk import path_of

ROUTES = {
    "/": {"GET": READERS},
    "/businesses": {"GET": READERS},
    "/businesses/<business_id>/switch": {"POST": READERS},
    "/clients.csv": {"GET": READERS},
    "/clients": {"GET": READERS, "POST": WRITERS},
    "/clients/<client_id>": {"GET": READERS, "POST": WRITERS},
    "/clients/<client_id>/archive": {"POST": WRITERS},
    "/clients/<client_id>/edit": {"GET": WRITERS},
    "/clients/<client_id>/history": {"GET": READERS},
    "/clients/<client_id>/restore": {"POST": WRITERS},
    "/clients/archivings/<archiving_id>/undo": {"POST": WRITERS},
    "/clients/new": {"GET": WRITERS},
    "/clients/quick": {"POST": WRITERS},
    "/clients/search": {"GET": READERS},
    "/demo": {"POST": WRITERS},
    "/email/confirm/<token>": {"GET": PUBLIC, "POST": PUBLIC},
    "/export": {"GET": OWNERS, "POST": OWNERS},
    "/healthz": {"GET": PUBLIC},
    "/import": {"GET": WRITERS, "POST": WRITERS},
    "/import/<import_id>": {"GET": WRITERS, "POST": WRITERS},
    "/import/<import_id>/cancel": {"POST": WRITERS},
    "/import/<import_id>/problems.csv": {"GET": WRITERS},
    "/import/<import_id>/start": {"POST": WRITERS},
    "/invitations/<token>": {"GET": PUBLIC, "POST": PUBLIC},
    "/invoices.csv": {"GET": READERS},
    "/invoices": {"GET": READERS, "POST": WRITERS},
    "/invoices/<invoice_id>": {"GET": READERS, "POST": WRITERS},
    "/invoices/<invoice_id>/archive": {"POST": WRITERS},
    "/invoices/<invoice_id>/correct": {"POST": WRITERS},
    "/invoices/<invoice_id>/duplicate": {"POST": WRITERS},
    "/invoices/<invoice_id>/history": {"GET": READERS},
    "/invoices/<invoice_id>/issue": {"POST": WRITERS},
    "/invoices/<invoice_id>/lines": {"POST": WRITERS},
    "/invoices/<invoice_id>/lines/<line_id>": {"POST": WRITERS},
    "/invoices/<invoice_id>/lines/<line_id>/delete": {"POST": WRITERS},
    "/invoices/<invoice_id>/lines/<line_id>/duplicate": {"POST": WRITERS},
    "/invoices/<invoice_id>/lines/<line_id>/move": {"POST": WRITERS},
    "/invoices/<invoice_id>/lines/<line_id>/restore": {"POST": WRITERS},
    "/invoices/<invoice_id>/lines/paste": {"POST": WRITERS},
    "/invoices/<invoice_id>/lines/repeat": {"POST": WRITERS},
    "/invoices/<invoice_id>/pay": {"POST": WRITERS},
    "/invoices/<invoice_id>/print": {"GET": READERS},
    "/invoices/<invoice_id>/reopen": {"POST": WRITERS},
    "/invoices/<invoice_id>/restore": {"POST": WRITERS},
    "/invoices/<invoice_id>/suggestions": {"GET": WRITERS},
    "/invoices/<invoice_id>/undo": {"POST": WRITERS},
    "/invoices/archivings/<archiving_id>/undo": {"POST": WRITERS},
    "/invoices/new": {"GET": WRITERS},
    "/invoices/numbers": {"GET": READERS},
    "/invoices/print": {"GET": READERS},
    "/invoices/selection/archive": {"POST": WRITERS},
    "/invoices/selection/duplicate": {"POST": WRITERS},
    "/invoices/selection/issue": {"POST": WRITERS},
    "/invoices/selection/pay": {"POST": WRITERS},
    "/invoices/selection/print": {"POST": READERS},
    "/invoices/selection/restore": {"POST": WRITERS},
    "/logos/<logo_id>": {"GET": READERS},
    "/login": {"GET": PUBLIC, "POST": PUBLIC},
    "/login/code": {"GET": PUBLIC, "POST": PUBLIC},
    "/logout": {"POST": PUBLIC},
    "/palette": {"GET": READERS},
    "/password/forgot": {"GET": PUBLIC, "POST": PUBLIC},
    "/password/reset/<token>": {"GET": PUBLIC, "POST": PUBLIC},
    "/problems": {"POST": PUBLIC},
    "/readyz": {"GET": PUBLIC},
    "/register": {"GET": PUBLIC, "POST": PUBLIC},
    "/settings/account": {"GET": READERS, "POST": READERS},
    "/settings/account/email": {"POST": READERS},
    "/settings/account/email/withdraw": {"POST": READERS},
    "/settings/account/password": {"POST": READERS},
    "/settings/account/sessions/<session_id>/end": {"POST": READERS},
    "/settings/account/sessions/end-others": {"POST": READERS},
    "/settings/account/second-factor": {"GET": READERS},
    "/settings/account/second-factor/begin": {"POST": READERS},
    "/settings/account/second-factor/codes": {"POST": READERS},
    "/settings/account/second-factor/codes/file": {"POST": READERS},
    "/settings/account/second-factor/confirm": {"POST": READERS},
    "/settings/account/second-factor/off": {"POST": READERS},
    "/settings/business": {"GET": OWNERS, "POST": OWNERS},
    "/settings/logo": {"POST": OWNERS},
    "/settings/logo/remove": {"POST": OWNERS},
    "/settings/numbers": {"GET": OWNERS, "POST": OWNERS},
    "/settings/numbers/<code>": {"POST": OWNERS},
    "/settings/numbers/preview": {"GET": OWNERS},
    "/settings/team": {"GET": OWNERS},
    "/settings/team/<user_id>/remove": {"POST": OWNERS},
    "/settings/team/<user_id>/role": {"POST": OWNERS},
    "/settings/team/second-factor": {"POST": OWNERS},
    "/settings/team/invitations": {"POST": OWNERS},
    "/settings/team/invitations/<invitation_id>/resend": {"POST": OWNERS},
    "/settings/team/invitations/<invitation_id>/withdraw": {"POST": OWNERS},
    "/shortcuts": {"GET": READERS, "POST": READERS},
    "/static/<filename>": {"GET": PUBLIC},
}
CLOSED = [(method, path) for path, methods in ROUTES.items() for method, who in methods.items() if who != PUBLIC]
POSTS = [path for path, methods in ROUTES.items() if "POST" in methods]
DEAD_LINKS = {"/password/reset/<token>", "/email/confirm/<token>"}
"""Answered by 410 and how to get a new one."""
GETS = [path for path, methods in ROUTES.items() if "GET" in methods]


def any_url(path: str) -> str:
    """The URL of a route with ids that nothing has."""
    return re.sub(r"<\w+>", lambda _: str(uuid.uuid4()), path)


def test_every_route_declares_who_may_call_it(app: Flask) -> None:
    found: dict[str, dict[str, str | None]] = {}
    for rule in app.url_map.iter_rules():
        path = path_of(rule)
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
        if browser is visitor and ROUTES[path]["POST"] != PUBLIC:
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
    if "<" in path and path not in DEAD_LINKS:
        told = "invitation has ended" if "<token>" in path else "nothing at this address"
        sent = {"role": "member"}
        assert told in browser.post(any_url(path), sent, 404).words()
        assert told in browser.post(any_url(path), sent, 404, htmx=True).words()


@pytest.mark.parametrize("path", [path for path in (*GETS, *POSTS) if "_id>" in path])
def test_ids_that_are_none_are_not_found(visitor: Browser, path: str) -> None:
    for wrong in ("0", "new-", "00000000", "%00", "..%2f..", "1' OR '1'='1"):
        for method in ROUTES[path]:
            assert visitor.open(re.sub(r"<\w+>", wrong, path), method=method).status_code == 404


def test_reading_never_writes(owner: Person, database: Database) -> None:
    client_id, draft, issued = make_client(owner), make_invoice(owner), make_issued(owner)
    logo_id = make_logo(owner)
    token = make_invitation(owner, "someone@example.com")
    import_id = id_of(bring(owner.browser, csv_bytes(some_invoices(1))))
    owner.browser.get("/clients")
    before = snapshot(database)
    for path in GETS:
        for invoice_id in (draft, issued):
            named = {"<client_id>": client_id, "<invoice_id>": invoice_id, "<filename>": "css/app.css"}
            named |= {"<logo_id>": logo_id, "<token>": token, "<import_id>": import_id}
            url = re.sub(r"<\w+>", lambda match: str(named[match.group()]), path)  # noqa: B023  (called at once)
            url += f"?ids={invoice_id}" if path == "/invoices/print" else ""
            for method in ("GET", "HEAD"):
                assert owner.browser.open(url, method=method).status_code in {200, 303, 410}
            owner.browser.open(url, headers=HTMX)
    assert snapshot(database) == before
