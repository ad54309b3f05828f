"""Guessing passwords: one limit for all places that take one, and nothing to learn from the sign-in's answer."""

from __future__ import annotations

import re
import statistics
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from invoices_app import create_app
from invoices_app.web import rate_limits
from tests.accounts.test_account import close_database
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.factories import make_invitation
from tests.support.people import PASSWORD, Cast, Person, make_cast

TRIES = 10
WRONG = "not the password at all"
PAIRS = 15
OWN_HEADERS = {"Date", "Set-Cookie", "X-Request-ID"}


@pytest.fixture
def limited(database: Database) -> Iterator[Cast]:
    """An app that counts in memory, and people in it."""
    app = create_app(replace(database.settings, ratelimit_enabled=True, log_level="INFO", log_format="json"))
    yield make_cast(app)
    rate_limits.limiter.reset()
    close_database(app)
    create_app(database.settings)


def try_to_join(app: Flask, token: str, password: str, status: int) -> TestResponse:
    browser = Browser(app, use_cookies=True)
    url = f"/invitations/{token}"
    return browser.send(url, {"csrf_token": browser.token(), "password": password}, status).response


def try_to_sign_in(app: Flask, email: str, password: str, status: int) -> TestResponse:
    browser = Browser(app, use_cookies=True)
    sent = {"csrf_token": browser.token(), "email": email, "password": password}
    return browser.send("/login", sent, status).response


def test_an_invitation_is_no_other_way_to_guess(limited: Cast, capfd: pytest.CaptureFixture[str]) -> None:
    """Ten wrong ones in five minutes, over both pages: then neither takes another, not even the right one."""
    app, invited = limited.owner.app, limited.stranger
    token = make_invitation(limited.owner, invited.email)
    for _ in range(TRIES // 2):
        try_to_join(app, token, WRONG, 422)
        try_to_sign_in(app, invited.email, WRONG, 422)
    refused = try_to_join(app, token, PASSWORD, 429)
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    try_to_sign_in(app, invited.email, PASSWORD, 429)
    # Other accounts are not held up: neither the invited address of nobody, nor who signs in elsewhere.
    try_to_sign_in(app, limited.teammate.email, PASSWORD, 303)
    new = make_invitation(limited.owner, f"{uuid.uuid4().hex}@example.com")
    try_to_join(app, new, "short", 422)
    log = capfd.readouterr().err
    assert log.count('"password.refused"') == TRIES // 2
    assert log.count('"session.refused"') == TRIES // 2


def test_who_knows_the_password_of_an_invited_account_starts_anew(limited: Cast) -> None:
    app, invited = limited.owner.app, limited.stranger
    token = make_invitation(limited.owner, invited.email)
    for _ in range(TRIES - 1):
        try_to_join(app, token, WRONG, 422)
    try_to_join(app, token, PASSWORD, 303)
    for _ in range(TRIES):
        try_to_sign_in(app, invited.email, WRONG, 422)
    try_to_sign_in(app, invited.email, WRONG, 429)


def test_an_address_in_the_form_does_not_lead_the_count_astray(limited: Cast) -> None:
    """The account is the invitation's, whatever else is sent."""
    app, token = limited.owner.app, make_invitation(limited.owner, limited.stranger.email)
    for number in range(TRIES + 1):
        browser = Browser(app, use_cookies=True)
        sent = {"csrf_token": browser.token(), "password": WRONG, "email": f"{number}-{uuid.uuid4().hex}@example.com"}
        browser.send(f"/invitations/{token}", sent, 422 if number < TRIES else 429)


# ---- Known and unknown emails ----


def same_length(person: Person) -> str:
    """An address that nobody has, as long as the person's."""
    return re.sub(r"[0-9a-f]{32}", uuid.uuid4().hex, person.email)


def plain(response: TestResponse, email: str) -> tuple[int, bytes, list[tuple[str, str]]]:
    """An answer without what is its own: the tokens, and the address that was typed."""
    body = re.sub(rb'name="csrf_token" value="[^"]+"', b"", response.data).replace(email.encode(), b"")
    body = re.sub(rb'(?:content|data-[\w-]+)="Im[\w.-]+"', b"", body)
    headers = [(name, value) for name, value in response.headers if name not in OWN_HEADERS]
    return response.status_code, body, headers


def test_known_and_unknown_emails_get_the_same_answer(app: Flask, owner: Person) -> None:
    unknown = same_length(owner)
    answers = [plain(try_to_sign_in(app, email, WRONG, 422), email) for email in (owner.email, unknown)]
    assert answers[0] == answers[1]
    assert b"do not belong together" in answers[0][1]


def test_known_and_unknown_emails_cost_the_same(app: Flask, owner: Person) -> None:
    """The time that this process works, of pairs that take turns: other programs on the machine change nothing."""
    browser = Browser(app, use_cookies=True)
    token = browser.token()

    def cost(email: str) -> float:
        sent = {"csrf_token": token, "email": email, "password": WRONG}
        before = time.process_time()
        browser.send("/login", sent, 422)
        return time.process_time() - before

    cost(owner.email)
    known: list[float] = []
    unknown: list[float] = []
    for number in range(PAIRS):
        for email, costs in ((owner.email, known), (same_length(owner), unknown))[:: 1 if number % 2 else -1]:
            costs.append(cost(email))
    ratio = statistics.median(known) / statistics.median(unknown)
    assert 0.8 < ratio < 1.25, ratio
    # And it is a hash that they cost: a form that is refused before one is made costs a fraction.
    assert cost("") < statistics.median(unknown) / 2
