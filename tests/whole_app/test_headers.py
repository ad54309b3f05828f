"""Headers that every answer carries, whatever kind it is of."""

from __future__ import annotations

import pytest
from flask import Flask

from invoices_app.web.security import HEADERS
from tests.support.browser import HTMX
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
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
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


def test_over_tls_it_stays_so(owner: Person) -> None:
    secure = owner.browser.open("/healthz", base_url="https://localhost")
    assert secure.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "Strict-Transport-Security" not in owner.browser.open("/healthz").headers


@pytest.mark.parametrize("url", ["/clients", "/invoices", "/invoices/new", "/settings/business"])
def test_only_asked_for_fragments_are_fragments(owner: Person, url: str) -> None:
    assert owner.browser.get(url).is_whole
    assert owner.browser.get(url, headers={"HX-Request": "true", "HX-Request-Type": "full"}).is_whole
    assert owner.browser.get(url, headers={"HX-Request-Type": "partial"}).is_whole
