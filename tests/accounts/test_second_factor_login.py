"""Signing in with a second factor: no session before the code, and each code once."""

from __future__ import annotations

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

import invoices_app
from invoices_app import clock
from invoices_app.accounts import actions
from invoices_app.accounts.actions import Browser as Device
from invoices_app.accounts.actions import SecondFactorSkipped
from invoices_app.accounts.sessions import Lifetime
from invoices_app.db.transaction import transaction
from tests.accounts.test_password_reset import NEW, link_to
from tests.accounts.test_sessions import COOKIE, cookie_of
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.factories import make_invitation
from tests.support.people import PASSWORD, Person
from tests.support.second_factor import (
    PAGE,
    Authenticator,
    events_of,
    forget_steps,
    give_code,
    give_password,
    mails_to,
    sessions_of,
    set_up,
)
from tests.support.statements import CountStatements

WRONG_CODE = "This code is wrong or was used before."
DEVICE = Device("Tests", "127.0.0.1")


@pytest.fixture
def app_of_owner(owner: Person) -> Authenticator:
    """The owner's authenticator, switched on, its first code used."""
    return set_up(owner)


def test_password_then_code(visitor: Browser, owner: Person, app_of_owner: Authenticator, database: Database) -> None:
    before = sessions_of(database, owner)
    assert give_password(visitor, owner) == "/login/code"
    assert sessions_of(database, owner) == before
    assert visitor.get("/clients", 303).location == "/login?next=/clients"
    assert give_code(visitor, app_of_owner.next()) == "/"
    assert "Owner & Sons Ltd" in visitor.get("/clients").words()
    assert sessions_of(database, owner) == before + 1
    assert visitor.get("/login/code", 303).location == "/"
    assert events_of(database, owner)[-1] == "session.opened"


def test_the_token_is_new_and_nothing_of_before_lives_on(
    visitor: Browser, owner: Person, app_of_owner: Authenticator, database: Database
) -> None:
    visitor.get("/login")
    planted = visitor.token()
    give_password(visitor, owner)
    half = cookie_of(visitor)
    with visitor.session_transaction() as session:
        token = session["pending_login"]["token"]
        assert "_user_id" not in session
    stored = database.value("SELECT token_hash FROM pending_logins WHERE user_id = %s", owner.user_id)
    assert token.encode() not in bytes(stored)
    give_code(visitor, app_of_owner.next())
    with visitor.session_transaction() as session:
        assert session["_user_id"] != token
        assert "pending_login" not in session
    visitor.send("/clients", {"csrf_token": planted, "name": "Planted"}, 400)
    assert database.value("SELECT count(*) FROM pending_logins WHERE user_id = %s", owner.user_id) == 0
    visitor.set_cookie(COOKIE, half)
    visitor.csrf_token = ""
    assert visitor.get("/login/code", 303).location == "/login"


@pytest.mark.parametrize(("remember", "days"), [({}, 0.5), ({"remember": "y"}, 30)])
def test_remember_and_next_survive(
    visitor: Browser,
    owner: Person,
    app_of_owner: Authenticator,
    database: Database,
    remember: dict[str, str],
    days: float,
) -> None:
    at = give_password(visitor, owner, next="/clients?q=a&archived=1", **remember)
    assert at == "/login/code?next=/clients?q%3Da%26archived%3D1"
    assert give_code(visitor, app_of_owner.wrong(), 422, at) == WRONG_CODE
    page = visitor.submit("/login/code", {"one_time_code": app_of_owner.next()})
    assert page.location == "/clients?q=a&archived=1"
    cookie = visitor.get_cookie(COOKIE)
    assert cookie is not None
    assert (cookie.expires is not None) == bool(remember)
    query = "SELECT expires_at - created_at FROM user_sessions WHERE user_id = %s ORDER BY id DESC LIMIT 1"
    assert abs(database.value(query, owner.user_id) - timedelta(days=days)) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_never_on_to_another_site(visitor: Browser, owner: Person, app_of_owner: Authenticator, wanted: str) -> None:
    assert give_password(visitor, owner, next=wanted) == "/login/code"
    visitor.get("/login/code", query_string={"next": wanted})
    sent = {"csrf_token": visitor.token(), "one_time_code": app_of_owner.next(), "next": wanted}
    assert visitor.send("/login/code", sent, 303).location == "/"


def test_each_code_counts_once(
    app: Flask, visitor: Browser, owner: Person, app_of_owner: Authenticator, database: Database
) -> None:
    code = app_of_owner.next()
    give_password(visitor, owner)
    give_code(visitor, code)
    other = Browser(app, use_cookies=True)
    give_password(other, owner)
    assert give_code(other, code, 422) == WRONG_CODE
    assert give_code(other, app_of_owner.used, 422) == WRONG_CODE, "an earlier code counts as used, too"
    forget_steps(database, owner)
    assert give_code(other, code) == "/"


def test_a_code_of_the_set_up_is_used(visitor: Browser, owner: Person, app_of_owner: Authenticator) -> None:
    give_password(visitor, owner)
    assert give_code(visitor, app_of_owner.used, 422) == WRONG_CODE


@pytest.mark.parametrize("steps", [-3, 3])
def test_codes_from_far_are_refused(
    visitor: Browser, owner: Person, app_of_owner: Authenticator, database: Database, steps: int
) -> None:
    forget_steps(database, owner)
    give_password(visitor, owner)
    assert give_code(visitor, app_of_owner.code(steps), 422) == WRONG_CODE


def test_a_recovery_code_works_once_and_is_told(
    app: Flask, visitor: Browser, owner: Person, app_of_owner: Authenticator, database: Database
) -> None:
    give_password(visitor, owner)
    assert give_code(visitor, app_of_owner.codes[0].replace(" ", "-")) == "/"
    assert "recovery code" not in visitor.get("/").words()
    other = Browser(app, use_cookies=True)
    give_password(other, owner)
    assert give_code(other, app_of_owner.codes[0], 422) == WRONG_CODE
    assert mails_to(database, owner)[-1] == "A recovery code was used"
    assert "9 are left." in database.value(
        "SELECT plain FROM mail_outbox WHERE recipient = %s ORDER BY id DESC LIMIT 1", owner.email
    )
    assert "second_factor.recovery_code_used" in events_of(database, owner)
    assert "9 of 10 left" in visitor.get(PAGE).words()


def test_the_last_recovery_codes_are_announced(app: Flask, owner: Person, app_of_owner: Authenticator) -> None:
    said = []
    for code in app_of_owner.codes:
        browser = Browser(app, use_cookies=True)
        give_password(browser, owner)
        give_code(browser, code)
        found = re.search(r"That was a recovery code\. (.*?) Make new ones", browser.get("/").words())
        said.append(found[1] if found else "")
    assert said == [*[""] * 6, "3 are left.", "2 are left.", "One is left.", "None is left."]
    assert "None left" in browser.get(PAGE).words()


def test_the_fifth_wrong_code_ends_it(
    visitor: Browser, owner: Person, app_of_owner: Authenticator, database: Database
) -> None:
    before = sessions_of(database, owner)
    give_password(visitor, owner)
    for _ in range(4):
        assert give_code(visitor, app_of_owner.wrong(), 422) == WRONG_CODE
    copied = cookie_of(visitor)
    assert give_code(visitor, app_of_owner.wrong()) == "/login"
    assert "5 wrong codes" in visitor.get("/login").words()
    visitor.set_cookie(COOKIE, copied)  # whoever kept the cookie has nothing of it
    visitor.csrf_token = ""
    assert visitor.get("/login/code", 303).location == "/login"
    assert mails_to(database, owner)[-1] == "Somebody knows your password"
    assert events_of(database, owner)[-1] == "second_factor.sign_in_ended"
    assert sessions_of(database, owner) == before
    give_password(visitor, owner)
    assert give_code(visitor, app_of_owner.next()) == "/"


@pytest.mark.parametrize("typed", ["", "12345", "abcdef", "0" * 41, "12345\x006"])
def test_what_is_no_code_is_told_beside_the_field(
    visitor: Browser, owner: Person, app_of_owner: Authenticator, typed: str
) -> None:
    give_password(visitor, owner)
    assert give_code(visitor, typed, 422)


def test_a_half_sign_in_ends_after_ten_minutes(
    visitor: Browser, owner: Person, app_of_owner: Authenticator, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_password(visitor, owner)
    visitor.get("/login/code")
    started, now = clock.now(), clock.now
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=9, seconds=50))
    visitor.get("/login/code")
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(minutes=10, seconds=1))
    code = app_of_owner.code(int((now() - started).total_seconds() // 30) + 20)
    assert visitor.submit("/login/code", {"one_time_code": code}).location == "/login"
    visitor.csrf_token = ""
    assert "has ended" in visitor.get("/login").words()
    assert visitor.get("/login/code", 303).location == "/login"
    give_password(visitor, owner)
    assert database.value("SELECT count(*) FROM pending_logins WHERE user_id = %s", owner.user_id) == 1


def test_without_a_password_there_is_nothing_to_enter(visitor: Browser) -> None:
    assert visitor.get("/login/code?next=/clients", 303).location == "/login?next=/clients"
    assert visitor.post("/login/code", {"one_time_code": "123456"}).location == "/login"
    for wrong in ({"token": "x" * 43, "account": "y"}, {}, {"token": "\x00"}):
        with visitor.session_transaction() as session:
            session["pending_login"] = wrong
        assert visitor.get("/login/code", 303).location == "/login"


def test_a_wrong_password_answers_and_costs_the_same(
    app: Flask, owner: Person, stranger: Person, app_of_owner: Authenticator, count_statements: CountStatements
) -> None:
    """Nobody learns who has a second factor without knowing the password."""
    seen = []
    for person in (owner, stranger):
        visitor = Browser(app, use_cookies=True)
        visitor.get("/login")
        with count_statements() as statements:
            page = visitor.submit("/login", {"email": person.email, "password": "not the password"}, 422)
        shown = re.sub(r"value=\"[^\"]*\"", "", page.text.replace(person.email, "EMAIL"))
        seen.append((re.sub(r"\w{32}", "", shown), statements))
    assert seen[0] == seen[1]


# ---- Every way in ----


def test_a_new_password_does_not_switch_it_off(
    visitor: Browser, owner: Person, app_of_owner: Authenticator, database: Database
) -> None:
    link = link_to(visitor, owner, database)
    visitor.get(link)
    assert visitor.submit(link, {"password": NEW}).location == "/login"
    visitor.csrf_token = ""
    assert give_password(visitor, owner, NEW) == "/login/code"
    assert sessions_of(database, owner) == 0
    assert give_code(visitor, app_of_owner.next()) == "/"


def test_a_new_password_ends_half_sign_ins(
    app: Flask, visitor: Browser, owner: Person, app_of_owner: Authenticator, database: Database
) -> None:
    """Whoever came in with the old one, and has not entered a code yet, is out."""
    other = Browser(app, use_cookies=True)
    give_password(other, owner)
    other.get("/login/code")
    link = link_to(visitor, owner, database)
    visitor.get(link)
    visitor.submit(link, {"password": NEW})
    assert other.submit("/login/code", {"one_time_code": app_of_owner.next()}).location == "/login"
    assert sessions_of(database, owner) == 0


def test_an_invitation_does_not_lead_past_it(
    visitor: Browser, owner: Person, stranger: Person, app_of_owner: Authenticator, database: Database
) -> None:
    before = sessions_of(database, owner)
    link = f"/invitations/{make_invitation(stranger, owner.email)}"
    visitor.get(link)
    assert visitor.submit(link, {"password": PASSWORD}).location == "/login"
    visitor.csrf_token = ""
    assert sessions_of(database, owner) == before
    assert visitor.get("/clients", 303).location == "/login?next=/clients"
    assert give_password(visitor, owner) == "/login/code"


def test_every_public_form_is_tried_with_the_right_password(
    app: Flask, owner: Person, stranger: Person, app_of_owner: Authenticator, database: Database
) -> None:
    """What anyone may call makes no session of a password alone, whatever else is sent along."""
    from invoices_app.web.access import PUBLIC
    from tests.whole_app.test_routes import ROUTES

    before = sessions_of(database, owner)
    invitation = make_invitation(stranger, owner.email)
    sent = {
        "name": "Ada",
        "email": owner.email,
        "password": PASSWORD,
        "business_name": "Mine",
        "one_time_code": "123456",
    }
    tried = [path for path, methods in ROUTES.items() if methods.get("POST") == PUBLIC]
    assert {"/login", "/login/code", "/register", "/invitations/<token>", "/password/reset/<token>"} <= set(tried)
    for path in tried:
        visitor = Browser(app, use_cookies=True)
        url = path.replace("<token>", invitation)
        visitor.send_any(url, {**sent, "csrf_token": visitor.token()}, {200, 204, 303, 400, 404, 410, 422})
        assert "_user_id" not in visitor_session(visitor), path
    assert sessions_of(database, owner) == before


def visitor_session(visitor: Browser) -> dict[str, object]:
    with visitor.session_transaction() as session:
        return dict(session)


def test_opening_a_session_without_the_code_is_an_error(owner: Person, app_of_owner: Authenticator) -> None:
    with owner.acting(), pytest.raises(SecondFactorSkipped), transaction() as session:
        actions.open_session(session, owner.user_id, owner.business_id, DEVICE, Lifetime.UNTIL_CLOSED)


def test_sessions_are_made_in_one_place() -> None:
    """So that a new way in cannot go past the check: `open_session` alone makes them, `start` alone enters one."""
    made, entered = set(), set()
    for file in sorted(Path(invoices_app.__file__).parent.rglob("*.py")):
        tree = ast.parse(file.read_text())
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                name = getattr(call.func, "id", getattr(call.func, "attr", ""))
                first = getattr(call.args[0], "id", "") if call.args else ""
                if name == "UserSession" or (name in {"insert", "upsert"} and first == "UserSession"):
                    made.add((file.name, function.name))
                if name == "login_user":
                    entered.add((file.name, function.name))
    assert made == {("actions.py", "open_session")}
    assert entered == {("routes.py", "start")}
