"""Limits as they run in production: four workers that count in one real Redis, and what holds while it is away."""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from flask import Flask
from flask_limiter import ApplicationLimit

from invoices_app import create_app
from invoices_app.accounts import rules
from invoices_app.extensions import db
from invoices_app.web import rate_limits
from tests.support import live
from tests.support.browser import Browser
from tests.support.databases import Database, ServerUrls
from tests.support.live import LiveServer
from tests.support.people import Person, make_cast
from tests.support.redis_server import RedisServer
from tests.support.web_client import PASSWORD, WebClient

WORKERS = 4
TRIES_OF_AN_ACCOUNT = 10
WRONG = "not the password"


@pytest.fixture(scope="module")
def limited_server(server: ServerUrls, worker: str, redis_server: RedisServer) -> Iterator[LiveServer]:
    database = server.make_database(f"limited_{worker}")
    shared = {"RATELIMIT_ENABLED": "1", "RATELIMIT_STORAGE_URI": redis_server.uri, "WEB_CONCURRENCY": str(WORKERS)}
    with live.running(database, **shared) as running:
        yield running
    server.drop_database(database)


@pytest.fixture(autouse=True)
def _fresh_counts(redis_server: RedisServer) -> None:
    redis_server.client.flushall()


@pytest.fixture
def email(limited_server: LiveServer) -> str:
    with WebClient(limited_server.base_url) as client:
        return client.register("Limited Ltd")


def try_to_sign_in(limited_server: LiveServer, email: str, times: int, password: str = WRONG) -> list[int]:
    """The answers to tries on fresh connections, so that all workers get some."""

    def one_try(_number: int) -> int:
        with WebClient(limited_server.base_url) as client:
            client.get("/login")
            return client.post("/login", email=email, password=password).status_code

    with ThreadPoolExecutor(6) as pool:
        return list(pool.map(one_try, range(times)))


@pytest.mark.parametrize("known", [True, False])
def test_the_limit_of_an_account_is_exact(limited_server: LiveServer, email: str, *, known: bool) -> None:
    """Known or not, it answers the same, so that nobody learns which accounts exist."""
    tried = email if known else f"{uuid.uuid4().hex}@example.com"
    answers = Counter(try_to_sign_in(limited_server, tried, 3 * TRIES_OF_AN_ACCOUNT))
    assert answers == {422: TRIES_OF_AN_ACCOUNT, 429: 2 * TRIES_OF_AN_ACCOUNT}


def test_the_limit_of_an_address_is_exact(limited_server: LiveServer) -> None:
    """Somebody tries one password with many accounts."""

    def one_try(number: int) -> int:
        return try_to_sign_in(limited_server, f"{number}-{uuid.uuid4().hex}@example.com", 1)[0]

    with ThreadPoolExecutor(4) as pool:
        answers = Counter(pool.map(one_try, range(65)))
    assert answers == {422: 60, 429: 5}


def test_the_right_password_is_refused_as_well_once_the_limit_is_met(limited_server: LiveServer, email: str) -> None:
    try_to_sign_in(limited_server, email, TRIES_OF_AN_ACCOUNT)
    with WebClient(limited_server.base_url) as client:
        client.get("/login")
        refused = client.post("/login", email=f" {email.upper()} ", password=PASSWORD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert refused.headers["X-RateLimit-Limit"] == str(TRIES_OF_AN_ACCOUNT)
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert "Slow down a little" in refused.text


def test_who_signs_in_starts_anew(limited_server: LiveServer, email: str) -> None:
    try_to_sign_in(limited_server, email, TRIES_OF_AN_ACCOUNT - 1)
    assert try_to_sign_in(limited_server, email, 1, PASSWORD) == [303]
    assert Counter(try_to_sign_in(limited_server, email, TRIES_OF_AN_ACCOUNT + 1)) == {422: TRIES_OF_AN_ACCOUNT, 429: 1}


def test_the_password_at_an_invitation_is_guessed_no_faster(limited_server: LiveServer, email: str) -> None:
    """On whichever of the two pages somebody guesses, and whatever their form says of the email."""
    with WebClient(limited_server.base_url) as owner:
        owner.register("Inviting Ltd")
        assert owner.post("/settings/team/invitations", email=email, role="member").status_code == 303
    token = rules.new_token()  # in place of that which went out by mail
    with limited_server.database.as_superuser() as connection:
        known = "UPDATE invitations SET token_hash = %s WHERE email = %s"
        assert connection.execute(known, [rules.token_hash(token), email]).rowcount == 1
    link = f"/invitations/{token}"
    with WebClient(limited_server.base_url) as guest:
        guest.get(link)
        guesses = [
            guest.post(link, password=f"{WRONG} {number}", email=f"{number}@example.com").status_code
            for number in range(TRIES_OF_AN_ACCOUNT + 1)
        ]
    assert guesses == [422] * TRIES_OF_AN_ACCOUNT + [429]
    assert try_to_sign_in(limited_server, email, 1, PASSWORD) == [429]


def test_the_wait_grows(limited_server: LiveServer, email: str, redis_server: RedisServer) -> None:
    """The five minutes are let pass by deleting what counts them: the hour refuses next, and for longer."""
    for _ in range(3):
        assert set(try_to_sign_in(limited_server, email, TRIES_OF_AN_ACCOUNT)) == {422}
        (window,) = redis_server.client.keys("*login by account/10/5/minute*")
        redis_server.client.delete(window)
    with WebClient(limited_server.base_url) as client:
        client.get("/login")
        refused = client.post("/login", email=email, password=PASSWORD)
    assert refused.status_code == 429
    assert 300 < int(refused.headers["Retry-After"]) <= 3600


def test_while_the_store_is_away(limited_server: LiveServer, email: str, redis_server: RedisServer) -> None:
    """Nobody signs in or registers; who is at work goes on; all is well when it is back."""
    with WebClient(limited_server.base_url) as at_work, WebClient(limited_server.base_url) as outside:
        at_work.get("/login")
        at_work.post("/login", email=email, password=PASSWORD)
        outside.get("/login")
        redis_server.stop()
        try:
            for _ in range(2 * WORKERS):
                assert at_work.get("/invoices").status_code == 200
                assert at_work.add_client("Made meanwhile")
            for path in ("/login", "/register"):
                refused = outside.post(path, email=email, password=PASSWORD)
                assert refused.status_code == 503
                assert "attempts cannot be counted right now" in refused.text
                assert refused.headers["Retry-After"] == "5"
            ready = outside.get("/readyz")
            assert ready.status_code == 200
            assert "nobody can sign in" in ready.text
        finally:
            redis_server.start()
        assert outside.get("/readyz").text == "ready\n"
        outside.get("/login")
        assert outside.post("/login", email=email, password=PASSWORD).status_code == 303


# ---- What every page and every write counts in ----


@pytest.fixture
def limited_app(database: Database) -> Iterator[Flask]:
    """An app of its own that counts in memory."""
    app = create_app(replace(database.settings, ratelimit_enabled=True))
    yield app
    rate_limits.limiter.reset()
    with app.app_context():
        db.engine.dispose()
    create_app(database.settings)


@pytest.fixture
def people(limited_app: Flask) -> tuple[Person, Person]:
    cast = make_cast(limited_app)
    return cast.owner, cast.teammate


def use_up(person: Person, limit: ApplicationLimit, *, but: int) -> None:
    """Count as if the person had used the limit, but for so many."""
    (item,) = limit
    scope = item.scope_for("", None)
    assert rate_limits.limiter.limiter.hit(item.limit, str(person.user_id), scope, cost=item.limit.amount - but)


READS, WRITES, SEARCHES = rate_limits.EVERYWHERE


def test_too_many_tries_have_to_wait(limited_app: Flask) -> None:
    browser = Browser(limited_app, use_cookies=True)
    sent = {"csrf_token": browser.token(), "email": "ada@example.com", "password": WRONG}
    for _ in range(TRIES_OF_AN_ACCOUNT):
        browser.send("/login", sent, 422)
    page = browser.send("/login", sent, 429)
    assert page.words(page.by_id("main")).startswith("429 Slow down a little")
    assert re.search(r"Wait \d+ seconds", page.words())
    assert "Slow down" in browser.send("/login", sent, 429, htmx=True).words()


def test_reads_of_one_person(people: tuple[Person, Person]) -> None:
    busy, other = people
    use_up(busy, READS, but=2)
    assert busy.browser.get("/invoices").headers["X-RateLimit-Remaining"] == "1"
    busy.browser.get("/clients")
    refused = busy.browser.get("/", 429)
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    alert = busy.browser.get("/invoices", 429, htmx=True)
    assert alert.headers["HX-Retarget"] == "#alerts"
    other.browser.get("/invoices")
    other.browser.get("/healthz")
    busy.browser.get("/healthz")


def test_writes_of_one_person(people: tuple[Person, Person]) -> None:
    busy, other = people
    busy.browser.token()
    other.browser.token()
    use_up(busy, WRITES, but=1)
    assert "Retry-After" not in busy.browser.post("/clients", {"name": "The last one"}).headers
    busy.browser.post("/clients", {"name": "One too many"}, 429)
    busy.browser.get("/clients")
    other.browser.post("/clients", {"name": "Somebody else's"})


def test_searches_of_one_person(people: tuple[Person, Person]) -> None:
    busy, _other = people
    use_up(busy, SEARCHES, but=1)
    busy.browser.get("/invoices?q=acme")
    busy.browser.get("/clients?q=acme", 429)
    busy.browser.get("/clients")


def test_nobody_at_work_meets_a_limit(people: tuple[Person, Person]) -> None:
    """600 pages and 300 cells a minute, which count twice over: the contract's measure of a fast person."""
    for limit, enough in ((READS, 600), (WRITES, 300 + 60)):
        (item,) = limit
        assert item.limit.get_expiry() == 60
        assert item.limit.amount > enough


def test_pages_say_what_is_left(limited_app: Flask) -> None:
    page = Browser(limited_app, use_cookies=True).get("/login")
    assert page.headers["X-RateLimit-Limit"] == "1200"
    assert "Retry-After" not in page.headers


def test_an_app_that_counts_leaves_its_neighbour_alone(app: Flask, limited_app: Flask, database: Database) -> None:
    """Both in one process, whichever was made last: the limiter is one object, whether it counts is each app's own."""
    wrong = {"email": "ada@example.com", "password": WRONG}

    def tries(where: Flask, last: int) -> None:
        browser = Browser(where, use_cookies=True)
        sent = {**wrong, "csrf_token": browser.token()}
        for _ in range(TRIES_OF_AN_ACCOUNT):
            browser.send("/login", sent, 422)
        browser.send("/login", sent, last)

    tries(app, 422)
    create_app(database.settings)
    tries(limited_app, 429)
    tries(app, 422)
