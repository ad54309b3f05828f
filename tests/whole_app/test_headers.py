"""Headers that every answer carries, whatever kind it is of."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from invoices_app import create_app
from invoices_app.extensions import db
from invoices_app.web.security import FILE_HEADERS, HEADERS
from tests.support.browser import HTMX
from tests.support.databases import Database
from tests.support.people import Person

KINDS = {
    "page": ("GET", "/clients", {}, 200),
    "fragment": ("GET", "/clients", HTMX, 200),
    "redirect": ("GET", "/login", {}, 303),
    "not found": ("GET", "/nothing", {}, 404),
    "not found fragment": ("GET", "/nothing", HTMX, 404),
    "wrong method": ("PUT", "/clients", {}, 405),
    "refused": ("POST", "/clients", {}, 400),
    "health": ("GET", "/healthz", {}, 200),
    "static": ("GET", "/static/css/app.css", {}, 200),
    "static not found": ("GET", "/static/nothing.css", {}, 404),
}


@pytest.mark.parametrize(("method", "url", "headers", "status"), KINDS.values(), ids=KINDS)
def test_security_headers(owner: Person, method: str, url: str, headers: dict[str, str], status: int) -> None:
    answer = owner.browser.open(url, method=method, headers=headers)
    assert answer.status_code == status
    wanted = FILE_HEADERS if url == "/static/css/app.css" else HEADERS
    assert {name: answer.headers.get(name) for name in HEADERS if name in answer.headers} == wanted
    assert len(answer.headers["X-Request-ID"]) == 32

    if url != "/static/css/app.css":
        assert answer.headers["Cache-Control"] == "no-store"
    if answer.mimetype == "text/html" and status != 303:
        assert {"HX-Request", "HX-Request-Type"} <= {part.strip() for part in answer.headers["Vary"].split(",")}


def test_policy_starts_from_nothing() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "*" not in policy


def test_cookie_is_out_of_reach(app: Flask, owner: Person) -> None:
    owner.browser.get("/clients")
    visitor = app.test_client()
    cookie = visitor.get("/login").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Domain" not in cookie


def test_over_tls_the_cookie_never_leaves_it(app: Flask, owner: Person) -> None:
    """A cookie of plain HTTP is worth nothing there, so nobody on the way can plant one."""
    plain = app.test_client().get("/login").headers["Set-Cookie"]
    secure = app.test_client().get("/login", base_url="https://localhost").headers["Set-Cookie"]
    assert plain.startswith("invoices_session=")
    assert "Secure" not in plain
    assert secure.startswith("__Host-invoices_session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(secure.split("; "))
    assert "Domain" not in secure
    value = owner.browser.get_cookie("invoices_session")
    assert value is not None
    for name, status in (("invoices_session", 303), ("__Host-invoices_session", 200)):
        visitor = app.test_client()
        visitor.set_cookie(name, value.value, secure=True)
        assert visitor.get("/clients", base_url="https://localhost").status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({}, 303),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://other.localhost"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_writes_come_from_our_own_pages(owner: Person, headers: dict[str, str], status: int) -> None:
    """With a valid token, too: the tokens of the forms are the second line of defence."""
    owner.browser.post("/clients", {"name": "A"}, status, headers=headers)
    owner.browser.get("/clients", headers=headers)


def test_only_by_its_own_names(database: Database) -> None:
    app = create_app(replace(database.settings, trusted_hosts=("invoices.example", ".team.example")))
    try:
        client = app.test_client()
        for host in ("invoices.example", "invoices.example:8443", "a.team.example", "127.0.0.1:8000", "localhost"):
            assert client.get("/login", headers={"Host": host}).status_code == 200
        for host in ("evil.example", "invoices.example.evil.example", "evilteam.example", "", "a b"):
            assert client.get("/login", headers={"Host": host}).status_code == 400
    finally:
        with app.app_context():
            db.engine.dispose()


def test_over_tls_it_stays_so(owner: Person) -> None:
    secure = owner.browser.open("/healthz", base_url="https://localhost")
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "Strict-Transport-Security" not in owner.browser.open("/healthz").headers


@pytest.mark.parametrize("url", ["/clients", "/invoices", "/invoices/new", "/settings/business"])
def test_only_asked_for_fragments_are_fragments(owner: Person, url: str) -> None:
    assert owner.browser.get(url).is_whole
    assert owner.browser.get(url, headers={"HX-Request": "true", "HX-Request-Type": "full"}).is_whole
    assert owner.browser.get(url, headers={"HX-Request-Type": "partial"}).is_whole
