"""One line per request and per action, with what identifies them and without what is secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from invoices_app import create_app
from invoices_app.extensions import db
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.people import PASSWORD, Person, make_owner


@pytest.fixture
def logging_app(database: Database) -> Iterator[Flask]:
    app = create_app(replace(database.settings, log_level="INFO", log_format="json"))
    yield app
    with app.app_context():
        db.engine.dispose()
    create_app(database.settings)  # the log's settings belong to the process: put them back


@pytest.fixture
def person(logging_app: Flask) -> Person:
    return make_owner(logging_app, "Ada Owner", "Logged Ltd")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_request_and_its_action(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    token = person.browser.token()
    lines(capsys)
    page = person.browser.send("/clients", {"csrf_token": token, "name": "Secret Name"}, 303)
    action, request = lines(capsys)
    assert (action["event"], action["action"], action["level"]) == ("action", "client.created", "info")
    assert page.location.endswith(action["entity_id"])
    expected = {
        "event": "request",
        "method": "POST",
        "route": "clients.create",
        "status": 303,
        "request_id": page.headers["X-Request-ID"],
        "user": str(person.user_id),
        "business": str(person.business_id),
    }
    assert {name: request[name] for name in expected} == expected
    assert 0 < request["milliseconds"] < 60_000


def test_nothing_of_another_request_hangs_on(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    person.browser.get("/clients")
    lines(capsys)
    Browser(person.app).get("/login")
    (request,) = lines(capsys)
    assert "user" not in request


def test_secrets_are_not_logged(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    browser = Browser(person.app, use_cookies=True)
    for password in ("a wrong password", PASSWORD):
        browser.get("/login")
        browser.send_any(
            "/login", {"csrf_token": browser.token(), "email": person.email, "password": password}, {303, 422}
        )
    with browser.session_transaction() as session:
        token = session.get("_user_id", "no token")
    written = capsys.readouterr().err
    assert "session.opened" in written or "session.refused" in written
    for secret in (PASSWORD, "a wrong password", token, person.email):
        assert secret not in written


def test_static_files_and_health_are_not_worth_a_line(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    lines(capsys)
    for url in ("/static/css/app.css", "/healthz", "/readyz"):
        assert person.browser.open(url).status_code == 200
    assert lines(capsys) == []
