"""Signing in with a second factor: no session before the code, and each code once."""

from __future__ import annotations

import ast
import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

import invoices_app
from invoices_app import clock, create_app
from invoices_app.accounts import actions, second_factor_login
from invoices_app.accounts.actions import Browser as Device
from invoices_app.accounts.actions import SecondFactorSkipped
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.results import Conflict, Ok
from tests.accounts.test_password_reset import NEW, link_to
from tests.accounts.test_sessions import COOKIE, cookie_of
from tests.support.browser import Browser
from tests.support.databases import SECRET_KEY, Database
from tests.support.factories import make_invitation, value_of
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

WRONG_CODE = "This code is wrong or was used before."
DEVICE = Device("Tests", "127.0.0.1")
CountStatements = Callable[[], AbstractContextManager[list[str]]]


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
    from tests.whole_app.test_routes import PUBLIC, ROUTES

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
        actions.open_session(session, owner.user_id, owner.business_id, DEVICE, timedelta(hours=1))


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


# ---- At the same time ----


def at_once(app: Flask, owner: Person, codes: list[str]) -> Counter[str]:
    """Half-done sign-ins, one for each code, that all send it at the same moment; what came of them."""
    tokens = []
    for _ in codes:
        with app.app_context():
            waiting = value_of(actions.sign_in(owner.email, PASSWORD, DEVICE, remember=False))
            assert isinstance(waiting, actions.CodeNeeded)
            tokens.append(waiting.token)
    return send_together(app, list(zip(tokens, codes, strict=True)))


def send_together(app: Flask, tries: list[tuple[str, str]]) -> Counter[str]:
    together = threading.Barrier(len(tries))

    def send(one: tuple[str, str]) -> str:
        with app.app_context():
            together.wait(timeout=20)
            return type(second_factor_login.enter_code(*one, DEVICE)).__name__

    with ThreadPoolExecutor(len(tries)) as pool:
        return Counter(pool.map(send, tries))


def test_one_code_twice_at_once_gives_one_session(
    app: Flask, owner: Person, app_of_owner: Authenticator, database: Database
) -> None:
    for _ in range(5):
        forget_steps(database, owner)
        before = sessions_of(database, owner)
        assert at_once(app, owner, [app_of_owner.next()] * 4) == {"Ok": 1, "Invalid": 3}
        assert sessions_of(database, owner) == before + 1


def test_one_recovery_code_twice_at_once_gives_one_session(
    app: Flask, owner: Person, app_of_owner: Authenticator, database: Database
) -> None:
    for code in app_of_owner.codes[:5]:
        before = sessions_of(database, owner)
        assert at_once(app, owner, [code] * 4) == {"Ok": 1, "Invalid": 3}
        assert sessions_of(database, owner) == before + 1


def test_wrong_codes_at_once_are_all_counted(app: Flask, owner: Person, app_of_owner: Authenticator) -> None:
    """Eight guesses sent together are no more than five."""
    with app.app_context():
        waiting = value_of(actions.sign_in(owner.email, PASSWORD, DEVICE, remember=False))
    tries = [(waiting.token, app_of_owner.wrong())] * 8
    assert send_together(app, tries) == {"Invalid": 4, "Conflict": 4}


def test_one_half_sign_in_gives_one_session(app: Flask, owner: Person, app_of_owner: Authenticator) -> None:
    """Two codes that are both right, for one sign-in: it is used up by the first."""
    with app.app_context():
        waiting = value_of(actions.sign_in(owner.email, PASSWORD, DEVICE, remember=False))
    tries = [(waiting.token, code) for code in app_of_owner.codes[:4]]
    assert send_together(app, tries) == {"Ok": 1, "Conflict": 3}


def test_a_sign_in_under_way_does_not_slip_past_switching_on(app: Flask, owner: Person, database: Database) -> None:
    """It has seen that no code is needed; then it is switched on. Its session must not stay."""
    with database.as_superuser() as connection:
        connection.execute("SELECT FROM users WHERE id = %s FOR UPDATE", [owner.user_id])
        with ThreadPoolExecutor(1) as pool:

            def sign_in() -> object:
                with app.app_context():
                    return actions.sign_in(owner.email, PASSWORD, DEVICE, remember=False)

            answer = pool.submit(sign_in)
            while not database.waiting_for_locks():
                assert not answer.done()
            connection.execute("UPDATE users SET second_factor_since = now() WHERE id = %s", [owner.user_id])
            connection.commit()
            assert isinstance(answer.result(timeout=20).value, actions.CodeNeeded)  # type: ignore[attr-defined]


# ---- Another SECRET_KEY ----


def with_keys(database: Database, key: str, *fallbacks: str) -> Flask:
    return create_app(replace(database.settings, secret_key=key, secret_key_fallbacks=fallbacks))


def enter_at(app: Flask, owner: Person, code: str) -> object:
    with app.app_context():
        waiting = value_of(actions.sign_in(owner.email, PASSWORD, DEVICE, remember=False))
        result = second_factor_login.enter_code(waiting.token, code, DEVICE)
        db.session.close()
        db.engine.dispose()
        return result


def test_an_earlier_key_opens_and_the_newest_one_seals(
    owner: Person, app_of_owner: Authenticator, database: Database
) -> None:
    new = "a new secret key, as long as it must be, 0123456789"
    sealed = "SELECT sealed_secret FROM second_factors WHERE user_id = %s"
    before = bytes(database.value(sealed, owner.user_id))
    assert isinstance(enter_at(with_keys(database, new, SECRET_KEY), owner, app_of_owner.next()), Ok)
    assert bytes(database.value(sealed, owner.user_id))[:4] != before[:4]
    # The old key may go now: authenticator and recovery codes both go on.
    assert isinstance(enter_at(with_keys(database, new), owner, app_of_owner.codes[3]), Ok)
    forget_steps(database, owner)
    assert isinstance(enter_at(with_keys(database, new), owner, app_of_owner.next()), Ok)


def test_a_lost_key_is_told_and_lets_nobody_in(owner: Person, app_of_owner: Authenticator, database: Database) -> None:
    lost = with_keys(database, "quite another secret key, 01234567890123456789")
    for code in (app_of_owner.next(), app_of_owner.codes[0]):
        refused = enter_at(lost, owner, code)
        assert not isinstance(refused, Ok | Conflict)
        assert "Ask who runs Invoices" in str(refused)
