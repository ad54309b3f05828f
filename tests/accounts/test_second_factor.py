"""A person's second factor: setting it up, its recovery codes, switching it off; each asks for the password."""

from __future__ import annotations

import pytest

from invoices_app.accounts.models import Role
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.people import PASSWORD, Person, make_teammate
from tests.support.second_factor import (
    BEGIN,
    CONFIRM,
    FILE,
    OFF,
    PAGE,
    RENEW,
    begin,
    events_of,
    give_code,
    give_password,
    mails_to,
    sessions_of,
    set_up,
    shown_in,
)
from tests.support.snapshot import snapshot

WRONG = "not the password"


def state_of(database: Database, person: Person) -> tuple[bool, int, int]:
    """Whether it is on, and how many secrets and recovery codes there are."""
    since = database.value("SELECT second_factor_since FROM users WHERE id = %s", person.user_id)
    counts = [
        database.value(f"SELECT count(*) FROM {table} WHERE user_id = %s", person.user_id)
        for table in ("second_factors", "recovery_codes")
    ]
    return since is not None, *counts


def test_set_up(owner: Person, database: Database) -> None:
    assert "Off" in owner.browser.get(PAGE).words()
    app = begin(owner.browser)
    assert state_of(database, owner) == (False, 1, 0)
    page = owner.browser.get(PAGE)
    assert "otpauth://totp/Invoices:" in page.text
    assert app.secret in page.text
    assert "<svg" in page.text
    assert (
        owner.browser.submit(CONFIRM, {"one_time_code": app.wrong()}, 422).error_of("one_time_code").startswith("This")
    )
    assert state_of(database, owner) == (False, 1, 0)
    shown = owner.browser.submit(CONFIRM, {"one_time_code": app.code()}, 200)
    assert len(list(shown.by_id("recovery-codes"))) == 10
    assert shown.headers["Cache-Control"] == "no-store"
    assert state_of(database, owner) == (True, 1, 10)
    page = owner.browser.get(PAGE)
    assert "10 of 10 left" in page.words()
    assert app.secret not in page.text
    assert mails_to(database, owner) == ["Two-factor sign-in is on"]
    assert events_of(database, owner) == ["second_factor.on"]


def test_switching_on_ends_other_sessions_and_renews_this_one(owner: Person, database: Database) -> None:
    others = [owner.signed_in_browser() for _ in range(2)]
    for other in others:
        other.get("/clients")
    with owner.browser.session_transaction() as session:
        before = session["_user_id"]
    lived = "SELECT max(expires_at) FROM user_sessions WHERE user_id = %s"
    until = database.value(lived, owner.user_id)
    set_up(owner)
    with owner.browser.session_transaction() as session:
        after = session["_user_id"]
        session["_user_id"] = before
    assert after != before
    assert owner.browser.get("/clients", 303).location == "/login?next=/clients"
    for other in others:
        assert other.get("/clients", 303).location == "/login?next=/clients"
    assert sessions_of(database, owner) == 1
    assert abs((database.value(lived, owner.user_id) - until).total_seconds()) < 5


def test_the_secret_is_sealed_and_codes_are_hashed(owner: Person, database: Database) -> None:
    app = set_up(owner)
    everything = str(database.ask("SELECT * FROM second_factors")) + str(database.ask("SELECT * FROM recovery_codes"))
    stored = bytes(database.value("SELECT sealed_secret FROM second_factors WHERE user_id = %s", owner.user_id))
    assert app.secret.encode() not in stored
    assert app.secret not in everything
    assert not any(code in everything or code.replace(" ", "") in everything for code in app.codes)
    mails = str(database.ask("SELECT plain, html FROM mail_outbox WHERE recipient = %s", owner.email))
    assert app.secret not in mails
    assert not any(code in mails for code in app.codes)


@pytest.mark.parametrize(("url", "on"), [(BEGIN, False), (RENEW, True), (OFF, True)])
def test_each_asks_for_the_password(owner: Person, database: Database, url: str, *, on: bool) -> None:
    if on:
        set_up(owner)
    owner.browser.get(PAGE)
    before = snapshot(database)
    for password, sentence in ((WRONG, "This is not your password."), ("", "Enter your password.")):
        for htmx in (False, True):
            page = owner.browser.send(url, {"csrf_token": owner.browser.token(), "password": password}, 422, htmx=htmx)
            assert page.error_of("password") == sentence
            assert set(page.typed("password")) == {""}
    assert snapshot(database) == before


def test_only_the_session_that_gave_the_password_sees_the_secret(owner: Person, database: Database) -> None:
    other = owner.signed_in_browser()
    app = begin(owner.browser)
    page = other.get(PAGE)
    assert app.secret not in page.text
    assert page.has_form(BEGIN)
    assert not page.has_form(CONFIRM)
    assert other.post(CONFIRM, {"one_time_code": app.code()}).location == PAGE
    assert state_of(database, owner) == (False, 1, 0)


def test_a_set_up_ends_after_half_an_hour(owner: Person, database: Database) -> None:
    app = begin(owner.browser)
    with database.as_superuser() as connection:
        late = "UPDATE second_factors SET created_at = now() - interval '31 minutes' WHERE user_id = %s"
        connection.execute(late, [owner.user_id])
    assert owner.browser.post(CONFIRM, {"one_time_code": app.code()}).location == PAGE
    page = owner.browser.get(PAGE)
    assert "This set-up has ended" in page.words()
    assert app.secret not in page.text
    assert not state_of(database, owner)[0]


def test_beginning_again_makes_another_secret(owner: Person) -> None:
    first = begin(owner.browser)
    owner.browser.post(BEGIN, {"password": PASSWORD})
    second = shown_in(owner.browser)
    assert first.secret != second.secret
    assert "not the code" in owner.browser.submit(CONFIRM, {"one_time_code": first.code()}, 422).error_of(
        "one_time_code"
    )
    owner.browser.submit(CONFIRM, {"one_time_code": second.code()}, 200)


def test_what_is_on_cannot_be_set_up_again(owner: Person, database: Database) -> None:
    set_up(owner)
    before = state_of(database, owner)
    secret = database.value("SELECT sealed_secret FROM second_factors WHERE user_id = %s", owner.user_id)
    for url, sent in ((BEGIN, {"password": PASSWORD}), (CONFIRM, {"one_time_code": "123456"})):
        assert owner.browser.post(url, sent).location == PAGE
        assert "on already" in owner.browser.get(PAGE).words()
    assert state_of(database, owner) == before
    assert secret == database.value("SELECT sealed_secret FROM second_factors WHERE user_id = %s", owner.user_id)


def test_what_is_off_has_no_codes_and_cannot_be_switched_off(owner: Person, database: Database) -> None:
    for url in (RENEW, OFF):
        assert owner.browser.post(url, {"password": PASSWORD}).location == PAGE
        assert "is not on" in owner.browser.get(PAGE).words()
    assert state_of(database, owner) == (False, 0, 0)


def test_new_codes_end_the_old_ones(owner: Person, visitor: Browser, database: Database) -> None:
    app = set_up(owner)
    owner.browser.get(PAGE)
    page = owner.browser.submit(RENEW, {"password": PASSWORD}, 200)
    fresh = [page.words(item) for item in page.by_id("recovery-codes")]
    assert len(fresh) == 10
    assert not set(fresh) & set(app.codes)
    assert state_of(database, owner) == (True, 1, 10)
    assert mails_to(database, owner)[-1] == "You have new recovery codes"
    assert events_of(database, owner)[-1] == "second_factor.codes_renewed"
    give_password(visitor, owner)
    assert give_code(visitor, app.codes[0], 422) == "This code is wrong or was used before."
    assert give_code(visitor, fresh[0]) == "/"


def test_codes_as_a_file(owner: Person, stranger: Person, database: Database) -> None:
    app = begin(owner.browser)
    page = owner.browser.submit(CONFIRM, {"one_time_code": app.code()}, 200)
    codes = [page.words(item) for item in page.by_id("recovery-codes")]
    token = owner.browser.token()
    before = snapshot(database)
    sent = {"csrf_token": token, "recovery_codes": [*codes, "1234 5678 9012 3456", "<script>"]}
    answer = owner.browser.open(FILE, method="POST", data=sent)
    assert answer.mimetype == "text/plain"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(codes) == {line for line in answer.text.splitlines() if line[:4].isdigit()}
    assert "script" not in answer.text
    assert snapshot(database) == before
    set_up(stranger)
    page = stranger.browser.send(FILE, {"csrf_token": stranger.browser.token(), "recovery_codes": codes}, 303)
    assert page.location == PAGE
    assert "not yours" in stranger.browser.get(PAGE).words()


def test_switching_off(owner: Person, visitor: Browser, database: Database) -> None:
    app = set_up(owner)
    half = give_password(visitor, owner)
    assert half == "/login/code"
    visitor.get(half)
    owner.browser.get(PAGE)
    assert owner.browser.submit(OFF, {"password": PASSWORD}).location == PAGE
    assert state_of(database, owner) == (False, 0, 0)
    assert visitor.submit("/login/code", {"one_time_code": app.code()}).location == "/login"
    visitor.csrf_token = ""
    assert give_password(visitor, owner) == "/"
    assert mails_to(database, owner)[-1] == "Two-factor sign-in is off"
    assert "second_factor.off" in events_of(database, owner)


def test_everyone_has_their_own(owner: Person, database: Database) -> None:
    keeper = make_teammate(owner, "Bo Keeper", Role.BOOKKEEPER)
    set_up(keeper)
    assert state_of(database, keeper)[0]
    assert not state_of(database, owner)[0]
    assert "Off" in owner.browser.get(PAGE).words()
    with database.as_app(owner.business_id, owner.user_id) as app:
        for table in ("second_factors", "recovery_codes", "pending_logins"):
            assert app.execute(f"SELECT * FROM {table}".encode()).fetchall() == []
