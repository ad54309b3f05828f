"""Signing in and out: sessions are records that end, and refusals tell nothing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask

from invoices_app.accounts import rules
from invoices_app.accounts.models import UserSession
from invoices_app.db.transaction import transaction
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.people import PASSWORD, Person

COOKIE = "invoices_session"


def sign_in(visitor: Browser, person: Person, **more: str) -> str:
    """Sign in with the form; answers where it leads to."""
    visitor.get("/login")
    sent = {"csrf_token": visitor.token(), "email": person.email, "password": PASSWORD, **more}
    page = visitor.send("/login", sent, 303)
    visitor.csrf_token = ""
    return page.location


def cookie_of(browser: Browser) -> str:
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    return cookie.value


def test_sign_in_and_out(visitor: Browser, owner: Person) -> None:
    assert sign_in(visitor, owner) == "/"
    assert "Owner & Sons Ltd" in visitor.get("/clients").words()
    assert visitor.post("/logout").location == "/login"
    assert visitor.get("/clients", 303).location == "/login?next=/clients"


def test_sign_out_by_htmx(owner: Person) -> None:
    assert owner.browser.post("/logout", {}, 204, htmx=True).location == "/login"


def test_email_in_any_case(visitor: Browser, owner: Person) -> None:
    assert sign_in(visitor, owner, email=f"  {owner.email.upper()} ") == "/"


def test_a_copied_cookie_is_dead_after_sign_out(app: Flask, visitor: Browser, owner: Person) -> None:
    sign_in(visitor, owner)
    copied = cookie_of(visitor)
    thief = Browser(app, use_cookies=True)
    thief.set_cookie(COOKIE, copied)
    thief.get("/clients")
    visitor.get("/clients")
    visitor.post("/logout")
    thief.set_cookie(COOKIE, copied)
    assert thief.get("/clients", 303).location == "/login?next=/clients"


def test_signing_out_ends_this_session_only(owner: Person, visitor: Browser) -> None:
    sign_in(visitor, owner)
    other = owner.signed_in_browser()
    visitor.post("/logout")
    other.get("/clients")


def test_the_session_is_new_after_sign_in(visitor: Browser, owner: Person) -> None:
    """What was in the browser's session before, a CSRF token for one, is gone (session fixation)."""
    visitor.get("/login")
    before = visitor.token()
    sign_in(visitor, owner)
    visitor.send("/clients", {"csrf_token": before, "name": "Planted"}, 400)


def test_tokens_are_stored_as_hashes_only(visitor: Browser, owner: Person, database: Database) -> None:
    sign_in(visitor, owner)
    with visitor.session_transaction() as session:
        token = session["_user_id"]
    stored = database.ask("SELECT token_hash FROM user_sessions WHERE user_id = %s", owner.user_id)
    assert (rules.token_hash(token),) in stored
    assert token.encode() not in {bytes(found) for (found,) in stored}


def test_wrong_password_and_unknown_email_answer_the_same(visitor: Browser, owner: Person, database: Database) -> None:
    answers = []
    for email in (owner.email, "nobody@example.com"):
        visitor.get("/login")
        page = visitor.submit("/login", {"email": email, "password": "not the password"}, 422)
        assert page.alert == "This email and password do not belong together."
        answers.append(re.sub(r"ImI?[\w.-]{20,}|value=\"[^\"]*\"", "", page.text.replace(email, "EMAIL")))
    assert answers[0] == answers[1]
    assert database.value("SELECT count(*) FROM user_sessions WHERE user_id = %s", owner.user_id) == 0


def test_both_cost_a_hash(owner: Person) -> None:
    """An unknown email is compared as well, with a hash of the same cost."""
    assert not rules.password_matches(None, PASSWORD)
    own = rules.hash_password(PASSWORD).split("$")[:4]
    assert rules._NOBODYS_HASH.split("$")[:4] == own  # noqa: SLF001


@pytest.mark.parametrize("field", ["email", "password"])
def test_both_are_needed(visitor: Browser, owner: Person, field: str) -> None:
    visitor.get("/login")
    page = visitor.submit("/login", {"email": owner.email, "password": PASSWORD, field: ""}, 422)
    assert page.error_of(field).startswith("Enter your ")


@pytest.mark.parametrize(("remember", "days"), [({}, 0.5), ({"remember": "y"}, 30)])
def test_how_long_a_session_lives(
    visitor: Browser, owner: Person, database: Database, remember: dict[str, str], days: float
) -> None:
    sign_in(visitor, owner, **remember)
    cookie = visitor.get_cookie(COOKIE)
    assert cookie is not None
    assert (cookie.expires is not None) == bool(remember)
    query = "SELECT expires_at - created_at FROM user_sessions WHERE user_id = %s"
    assert abs(database.value(query, owner.user_id) - timedelta(days=days)) < timedelta(minutes=1)


def test_an_expired_session_is_over(owner: Person) -> None:
    owner.browser.get("/clients")
    with owner.acting(), transaction() as session:
        for record in session.query(UserSession):
            record.expires_at = record.created_at - timedelta(seconds=1)
    assert owner.browser.get("/clients", 303).location == "/login?next=/clients"


def test_a_forged_token_is_nobody(visitor: Browser) -> None:
    for token in ("", "made up", "\x00", "a" * 10_000):
        with visitor.session_transaction() as session:
            session["_user_id"] = token
        assert visitor.get("/clients", 303).location == "/login?next=/clients"


@pytest.mark.parametrize("wanted", ["/clients?q=a&archived=1", "/invoices", "/invoices/new?client=x"])
def test_after_sign_in_on_to_where_one_wanted(visitor: Browser, owner: Person, wanted: str) -> None:
    sent_away = visitor.get(wanted, 303)
    visitor.follow(sent_away)
    assert visitor.submit("/login", {"email": owner.email, "password": PASSWORD}).location == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "evil.example",
        " //evil.example",
        "/%09/..//evil.example\x00",
        "http:evil.example",
    ],
)
def test_never_on_to_another_site(app: Flask, visitor: Browser, owner: Person, wanted: str) -> None:
    assert sign_in(visitor, owner, next=wanted) == "/"
    assert visitor.get("/login", 303, query_string={"next": wanted}).location == "/"
    client = visitor.post("/clients", {"name": "A"}).location
    assert visitor.post(f"{client}/archive", {"next": wanted}).location == client


def test_signed_in_people_need_not_sign_in(owner: Person) -> None:
    assert owner.browser.get("/login", 303).location == "/"
    assert owner.browser.get("/register", 303).location == "/"
