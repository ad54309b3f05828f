"""Every error as a page and as an alert: what happened, what to do next, and what was typed is still there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NoReturn

import pytest
from flask import Flask, abort

from invoices_app import create_app
from invoices_app.extensions import db
from invoices_app.web.access import readers
from invoices_app.web.errors import EXPLANATIONS
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.people import Person, make_owner

STATUSES = (400, 403, 404, 405, 409, 413, 422, 429, 500, 503)
HERE = {"Origin": "http://localhost"}


@pytest.fixture(scope="module")
def failing_app(database: Database) -> Iterator[Flask]:
    """The app with one more route, which ends with the status that its address names."""
    app = create_app(replace(database.settings, ratelimit_enabled=True))

    @app.route("/fail/<int:status>", methods=["GET", "POST"])
    @readers
    def fail(status: int) -> NoReturn:
        if status == 500:
            raise RuntimeError("broken on purpose")
        abort(status)

    yield app
    with app.app_context():
        db.engine.dispose()
    create_app(database.settings)


@pytest.fixture(scope="module")
def person(failing_app: Flask) -> Person:
    return make_owner(failing_app, "Ada Owner", "Unlucky Ltd")


@pytest.mark.parametrize("status", STATUSES)
def test_as_page_and_as_alert(person: Person, status: int) -> None:
    explanation = EXPLANATIONS[status]
    page = person.browser.get(f"/fail/{status}", status)
    assert page.words(next(page.all("h1"))) == explanation.title
    words = page.words()
    assert all(part in words for part in (explanation.sentence, explanation.advice, "Go to the dashboard"))
    assert page.headers["X-Request-ID"] in words
    alert = person.browser.get(f"/fail/{status}", status, htmx=True)
    assert not alert.is_whole
    assert (alert.headers["HX-Retarget"], alert.headers["HX-Reswap"]) == ("#alerts", "innerHTML")
    assert explanation.advice in alert.words()
    assert (alert.headers["X-Request-ID"] in alert.words()) == (status >= 500)


@pytest.mark.parametrize("status", STATUSES)
def test_what_was_typed_is_given_back(person: Person, status: int) -> None:
    typed = {"name": "Ada & <Sons>", "notes": "Line 1\nLine 2", "password": "hush-hush", "one_time_token": "0" * 32}
    token = person.browser.token()
    page = person.browser.send(f"/fail/{status}", {"csrf_token": token, **typed}, status, headers=HERE)
    words = page.words()
    assert "Ada & <Sons>" in words
    assert "Line 1 Line 2" in words
    assert "hush" not in page.text
    can_be_sent_again = status in {400, 429, 500, 503}
    assert page.has_form(f"/fail/{status}") == can_be_sent_again
    if can_be_sent_again:
        values = page.form(f"/fail/{status}").values
        assert {**typed, **values, "password": "hush-hush"} == {**typed, "csrf_token": values["csrf_token"]}
        person.browser.send(f"/fail/{status}", values, status, headers=HERE)


def test_an_expired_form_can_be_sent_again(person: Person) -> None:
    """The page comes with a token that counts."""
    page = person.browser.send("/clients", {"csrf_token": "expired", "name": "Kept Client"}, 400, headers=HERE)
    assert "expired" in page.words()
    made = person.browser.send("/clients", page.form("/clients").values, 303, headers=HERE)
    assert "Kept Client" in person.browser.follow(made).words()


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://localhost.evil.example"])
def test_nobody_else_can_lay_out_a_form_to_be_sent(person: Person, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    status = 403 if origin else 400
    page = person.browser.send("/clients", {"csrf_token": "none", "name": "Planted"}, status, headers=headers)
    assert not page.has_form("/clients")


def test_a_report_is_short_and_has_a_token(failing_app: Flask) -> None:
    browser = Browser(failing_app, use_cookies=True)
    token = browser.token()
    browser.send("/problems", {"message": "x"}, 400)
    browser.send("/problems", {"csrf_token": token, "message": "x" * 9000}, 413)
    assert browser.open("/problems").status_code == 405


def test_a_report_gives_no_address_away(person: Person, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the page the route is named; texts are cut and cleaned."""
    token = person.browser.token()
    report = {"message": "of ada@example.com " + "x y " * 200, "page": "/clients/quick?q=Ada"}
    person.browser.send("/problems", {"csrf_token": token, **report}, 204)
    written = capsys.readouterr().err
    assert "browser error" in written
    assert "ada@" not in written
    assert "q=Ada" not in written
    assert written.count("x y") < 100


def test_a_limit_says_how_long_to_wait(failing_app: Flask) -> None:
    browser = Browser(failing_app, use_cookies=True)
    token = browser.token()
    for _ in range(20):
        browser.send_any("/problems", {"csrf_token": token, "message": "x"}, {204, 429})
    page = browser.send("/problems", {"csrf_token": token, "message": "x"}, 429, headers=HERE)
    assert "Wait " in page.words()
    assert 0 < int(page.headers["Retry-After"]) <= 61
