"""When a session ends, tried with a stolen copy of its cookie; the list of sessions; what is noted of their use."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask

from invoices_app import create_app
from invoices_app.accounts.models import Role
from invoices_app.accounts.sessions import MOST_LISTED
from invoices_app.config import Settings, SettingsError
from tests.accounts.test_account import ACCOUNT, NEW, address, ask_for, close_database, link_in, mails_to, sign_in
from tests.support.browser import HTMX, Browser
from tests.support.databases import Database
from tests.support.factories import make_client, make_invitation
from tests.support.people import PASSWORD, Cast, Person, make_owner, make_teammate

COOKIE = "invoices_session"
ENDED = "/login?next=/clients"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Thief:
    """Somebody with a copy of a browser's cookie, as it was at that moment."""

    def __init__(self, app: Flask, victim: Browser) -> None:
        cookie = victim.get_cookie(COOKIE)
        assert cookie is not None
        self.copy = cookie.value
        self.app = app
        assert self.comes_in()

    def comes_in(self) -> bool:
        browser = Browser(self.app, use_cookies=True)
        browser.set_cookie(COOKIE, self.copy)
        return browser.open("/clients").status_code == 200


def change(database: Database, statement: str, *values: Any) -> None:
    with database.as_superuser() as connection:
        connection.execute(statement.encode(), values)


def unused_for(database: Database, person: Person, time: timedelta) -> None:
    change(database, "UPDATE user_sessions SET last_used_at = now() - %s WHERE user_id = %s", time, person.user_id)


def test_dead_after_a_password_change(app: Flask, owner: Person) -> None:
    other = owner.signed_in_browser()
    thieves = [Thief(app, owner.browser), Thief(app, other)]
    owner.browser.get(ACCOUNT)
    owner.browser.submit(f"{ACCOUNT}/password", {"current_password": PASSWORD, "password": NEW})
    assert not any(thief.comes_in() for thief in thieves)
    owner.browser.get("/clients")
    other.get("/clients", 303)


def test_dead_after_an_email_change(app: Flask, owner: Person, database: Database) -> None:
    new = address()
    ask_for(owner, new)
    link = link_in(mails_to(database, new)[0][1])
    thief = Thief(app, owner.browser)
    owner.browser.get(link)
    owner.browser.submit(link)
    assert not thief.comes_in()
    owner.browser.get("/clients")


def test_dead_after_sign_out(app: Flask, owner: Person) -> None:
    owner.browser.get("/clients")
    thief = Thief(app, owner.browser)
    owner.browser.post("/logout")
    assert not thief.comes_in()


def test_dead_after_sign_out_elsewhere(app: Flask, owner: Person) -> None:
    lost, kept = owner.signed_in_browser(), owner.signed_in_browser()
    thief = Thief(app, lost)
    page = owner.browser.get(ACCOUNT)
    urls = [form.action for form in page.forms if form.action.endswith("/end")]
    assert len(urls) == 2
    before = [browser.open("/clients").status_code for browser in (lost, kept)]
    owner.browser.submit(urls[0])
    after = [browser.open("/clients").status_code for browser in (lost, kept)]
    assert (before, sorted(after)) == ([200, 200], [200, 303])
    owner.browser.get(ACCOUNT)
    owner.browser.submit(f"{ACCOUNT}/sessions/end-others")
    assert not thief.comes_in()
    assert [browser.open("/clients").status_code for browser in (lost, kept)] == [303, 303]
    assert "Sign out all others" not in owner.browser.get(ACCOUNT).words()
    assert (
        "signed in nowhere else" in owner.browser.follow(owner.browser.post(f"{ACCOUNT}/sessions/end-others")).words()
    )


def test_dead_after_a_reset_by_mail(app: Flask, owner: Person, visitor: Browser, database: Database) -> None:
    thief = Thief(app, owner.browser)
    visitor.get("/password/forgot")
    visitor.submit("/password/forgot", {"email": owner.email})
    plain = mails_to(database, owner.email)[0][1]
    link = plain[plain.index("/password/reset/") :].split()[0]
    visitor.get(link)
    visitor.submit(link, {"password": NEW})
    assert not thief.comes_in()


@pytest.mark.parametrize(("remember", "idle"), [({}, timedelta(hours=2)), ({"remember": "y"}, timedelta(days=14))])
def test_dead_when_it_was_idle_for_long(
    app: Flask, owner: Person, visitor: Browser, database: Database, remember: dict[str, str], idle: timedelta
) -> None:
    sign_in(visitor, owner.email, **remember)
    thief = Thief(app, visitor)
    unused_for(database, owner, idle - timedelta(minutes=1))
    assert thief.comes_in()
    # That was a use, which was noted: it lives on for as long again.
    used = "SELECT now() - last_used_at < interval '1 minute' FROM user_sessions WHERE user_id = %s"
    assert database.value(used, owner.user_id)
    unused_for(database, owner, idle + timedelta(seconds=1))
    assert not thief.comes_in()
    assert visitor.get("/clients", 303).location == ENDED


@pytest.mark.parametrize(("remember", "most"), [({}, timedelta(hours=12)), ({"remember": "y"}, timedelta(days=30))])
def test_dead_at_its_absolute_end_however_busy(
    app: Flask, owner: Person, visitor: Browser, database: Database, remember: dict[str, str], most: timedelta
) -> None:
    sign_in(visitor, owner.email, **remember)
    thief = Thief(app, visitor)
    ended = "SELECT expires_at - created_at FROM user_sessions WHERE user_id = %s"
    assert abs(database.value(ended, owner.user_id) - most) < timedelta(minutes=1)
    older = "UPDATE user_sessions SET created_at = created_at - %s, expires_at = expires_at - %s WHERE user_id = %s"
    change(database, older, most - timedelta(minutes=2), most - timedelta(minutes=2), owner.user_id)
    assert thief.comes_in()
    change(database, older, timedelta(minutes=3), timedelta(minutes=3), owner.user_id)
    assert not thief.comes_in()
    assert visitor.get("/clients", 303).location == ENDED


def test_how_long_is_a_matter_of_the_settings(database: Database, app: Flask, request: pytest.FixtureRequest) -> None:
    settings = replace(
        database.settings, session_hours=3, session_idle_minutes=20, remember_days=5, remember_idle_days=2
    )
    person = make_owner(app, "Ada Owner", "Short Ltd")
    limited = create_app(settings)
    request.addfinalizer(partial(close_database, limited))
    lasts = "SELECT expires_at - created_at, idle_timeout FROM user_sessions WHERE user_id = %s ORDER BY id DESC"
    for remember, absolute, idle in (
        ({}, timedelta(hours=3), timedelta(minutes=20)),
        ({"remember": "y"}, timedelta(days=5), timedelta(days=2)),
    ):
        visitor = Browser(limited, use_cookies=True)
        sign_in(visitor, person.email, **remember)
        found, found_idle = database.ask(lasts, person.user_id)[0]
        assert (round(found / timedelta(minutes=1)), found_idle) == (round(absolute / timedelta(minutes=1)), idle)


def test_the_settings_have_defaults_and_bounds() -> None:
    secret = {"SECRET_KEY": "0" * 32}
    read = Settings.from_env(secret)
    found = (read.session_hours, read.session_idle_minutes, read.remember_days, read.remember_idle_days)
    assert found == (12, 120, 30, 14)
    for name, wrong in (
        ("SESSION_HOURS", "0"),
        ("SESSION_IDLE_MINUTES", "14"),
        ("REMEMBER_DAYS", "366"),
        ("REMEMBER_IDLE_DAYS", "two weeks"),
    ):
        with pytest.raises(SettingsError, match=f"{name} must be a whole number from"):
            Settings.from_env({**secret, name: wrong})


def test_dead_in_another_business_with_other_rights(app: Flask, cast: Cast) -> None:
    """The same rights keep the token, other rights change it."""
    owner, elsewhere = cast.owner, {}
    for role in (Role.OWNER, Role.BOOKKEEPER):
        host = make_owner(app, "Other Host", f"{role.value} there")
        token = make_invitation(host, owner.email, role)
        owner.browser.get(f"/invitations/{token}")
        owner.browser.post(f"/invitations/{token}")
        elsewhere[role] = host.business_id
    there = {"home": owner.business_id, **elsewhere}
    owner.browser.get("/businesses")
    owner.browser.post(f"/businesses/{there['home']}/switch")
    for target, survives in ((Role.OWNER, True), (Role.BOOKKEEPER, False), ("home", False)):
        thief = Thief(app, owner.browser)
        owner.browser.get("/businesses")
        owner.browser.post(f"/businesses/{there[target]}/switch")
        assert thief.comes_in() is survives, target
        owner.browser.get("/clients")


def test_dead_after_ones_own_role_changes(app: Flask, cast: Cast) -> None:
    second = make_teammate(cast.owner, "Olga Owner", Role.OWNER)
    other = second.signed_in_browser()
    thieves = [Thief(app, second.browser), Thief(app, other)]
    second.browser.get("/settings/team")
    second.browser.submit(f"/settings/team/{second.user_id}/role", {"role": "member"})
    assert not any(thief.comes_in() for thief in thieves)
    second.browser.get("/clients")
    # Whose role somebody else changes goes on with what they may do now.
    cast.owner.browser.get("/settings/team")
    cast.owner.browser.submit(f"/settings/team/{second.user_id}/role", {"role": "bookkeeper"})
    second.browser.get("/clients")
    second.browser.get("/clients/new", 403)


def test_forms_of_before_have_expired(owner: Person) -> None:
    """A copy of the cookie holds the secret of the forms' tokens as well."""
    before = owner.browser.token()
    owner.browser.get(ACCOUNT)
    owner.browser.submit(f"{ACCOUNT}/password", {"current_password": PASSWORD, "password": NEW})
    owner.browser.send("/clients", {"csrf_token": before, "name": "Planted"}, 400)


def test_staying_signed_in_outlives_a_change_of_password(owner: Person, visitor: Browser) -> None:
    sign_in(visitor, owner.email, remember="y")
    visitor.get(ACCOUNT)
    visitor.submit(f"{ACCOUNT}/password", {"current_password": PASSWORD, "password": NEW})
    cookie = visitor.get_cookie(COOKIE)
    assert cookie is not None
    assert cookie.expires is not None


# ---- Back to where one was ----


def test_an_ended_session_is_told_and_leads_back(owner: Person, visitor: Browser, database: Database) -> None:
    sign_in(visitor, owner.email)
    change(database, "DELETE FROM user_sessions WHERE user_id = %s", owner.user_id)
    page = visitor.follow(visitor.get("/clients?q=a", 303))
    assert "Your session has ended. Sign in to go on where you were." in page.words()
    assert visitor.submit("/login", {"email": owner.email, "password": PASSWORD}).location == "/clients?q=a"


def test_who_was_never_signed_in_hears_of_no_session(visitor: Browser) -> None:
    assert "session has ended" not in visitor.follow(visitor.get("/clients", 303)).words()


@pytest.mark.parametrize(
    ("page", "wanted"),
    [
        ("http://localhost/invoices?q=a&status=sent", "/login?next=/invoices?q%3Da%26status%3Dsent"),
        ("http://localhost/", "/login"),
        ("http://evil.example/invoices", "/login"),
        ("http://localhost:81/invoices", "/login"),
        ("http://localhost//evil.example/", "/login"),
        ("http://localhost/\\evil.example/", "/login"),
        ("javascript:alert(1)", "/login"),
        ("//evil.example", "/login"),
        ("http://[", "/login"),
        ("", "/login"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_fragment_leads_back_to_the_page_behind_it(visitor: Browser, page: str, wanted: str, method: str) -> None:
    headers = {**HTMX, "HX-Current-URL": page, "X-CSRFToken": visitor.token()}
    answer = visitor.open("/invoices?cursor=abc", method=method, headers=headers)
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"].replace("%2F", "/").replace("%3F", "?") == wanted


@pytest.mark.parametrize(
    ("page", "wanted"),
    [
        ("http://localhost/clients/new", "/login?next=/clients/new"),
        ("http://evil.example/clients/new", "/login"),
        ("", "/login"),
    ],
)
def test_a_form_leads_back_to_its_page(visitor: Browser, page: str, wanted: str) -> None:
    headers = {"Referer": page, "X-CSRFToken": visitor.token()}
    answer = visitor.open("/clients", method="POST", headers=headers)
    assert (answer.status_code, answer.location.replace("%2F", "/")) == (303, wanted)


# ---- What is seen and noted ----


def test_the_list_says_what_where_and_when(owner: Person, app: Flask, database: Database) -> None:
    other = Browser(app, use_cookies=True)
    agent = {"User-Agent": FIREFOX}
    other.get("/login", headers=agent)
    form = other.form_for("/login")
    assert form is not None
    sent = {**form.values, "email": owner.email, "password": PASSWORD}
    other.send("/login", sent, 303, headers=agent, environ_base={"REMOTE_ADDR": "::ffff:203.0.113.7"})
    text = owner.browser.get(ACCOUNT).words()
    assert "Unknown browser This browser in use now" in text
    assert "Firefox on Linux 203.0.113.7, last used" in text
    unused_for(database, owner, timedelta(minutes=6))
    other.get("/clients", environ_base={"REMOTE_ADDR": "2001:db8:0:7:1:2:3:4"})
    assert "Firefox on Linux 2001:db8:0:7::/64, last used" in owner.browser.get(ACCOUNT).words()


def test_others_sessions_are_neither_seen_nor_ended(cast: Cast, database: Database) -> None:
    cast.teammate.browser.get("/clients")
    foreign = database.value("SELECT id FROM user_sessions WHERE user_id = %s", cast.teammate.user_id)
    page = cast.owner.browser.get(ACCOUNT)
    assert str(foreign) not in page.text
    cast.owner.browser.post(f"{ACCOUNT}/sessions/{foreign}/end", {}, 404)
    cast.owner.browser.post(f"{ACCOUNT}/sessions/end-others")
    cast.teammate.browser.get("/clients")


def test_a_use_is_noted_once_in_five_minutes(owner: Person, database: Database, count_statements: Any) -> None:
    version = "SELECT xmin::text, now() - last_used_at FROM user_sessions WHERE user_id = %s"
    owner.browser.get("/clients")
    ((first, _),) = database.ask(version, owner.user_id)
    for _ in range(3):
        owner.browser.get("/clients")
    assert database.ask(version, owner.user_id)[0][0] == first
    unused_for(database, owner, timedelta(minutes=5))
    with count_statements() as statements:
        owner.browser.get("/clients")
    assert sum("UPDATE user_sessions" in statement for statement in statements) == 1
    assert database.ask(version, owner.user_id)[0][1] < timedelta(minutes=1)
    with count_statements() as statements:
        owner.browser.get("/clients")
    assert not any("UPDATE user_sessions" in statement for statement in statements)


def test_a_use_that_cannot_be_noted_stops_nobody(owner: Person, database: Database) -> None:
    """A disk that is full lets people read."""
    client = make_client(owner, "Still Here")
    owner.browser.get("/clients")
    unused_for(database, owner, timedelta(minutes=6))
    change(
        database,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'No space left' USING ERRCODE = 'disk_full'; END $$",
    )
    change(database, "CREATE TRIGGER refuse BEFORE UPDATE ON user_sessions FOR EACH ROW EXECUTE FUNCTION refuse()")
    try:
        assert "Still Here" in owner.browser.get(f"/clients/{client}").words()
    finally:
        change(database, "DROP TRIGGER refuse ON user_sessions")
        change(database, "DROP FUNCTION refuse()")


def test_a_long_list_says_that_it_is_not_all(owner: Person, database: Database) -> None:
    owner.browser.get("/clients")
    change(
        database,
        "INSERT INTO user_sessions (id, token_hash, user_id, business_id, expires_at, last_used_at)"
        " SELECT gen_random_uuid(), sha256((%s || n)::bytea), %s, %s, now() + interval '1 hour',"
        " now() - interval '1 minute' FROM generate_series(1, %s) n",
        uuid.uuid4().hex, owner.user_id, owner.business_id, MOST_LISTED,
    )  # fmt: skip
    page = owner.browser.get(ACCOUNT)
    assert f"The {MOST_LISTED} that were used last" in page.words()
    assert sum(form.action.endswith("/end") for form in page.forms) == MOST_LISTED - 1
    owner.browser.submit(f"{ACCOUNT}/sessions/end-others")
    assert database.value("SELECT count(*) FROM user_sessions WHERE user_id = %s", owner.user_id) == 1


def test_sign_out_clears_pages_but_no_unsaved_work(owner: Person) -> None:
    """`storage` would take the unsaved lines of a draft with it, which the editor keeps in the tab."""
    owner.browser.get("/clients")
    assert owner.browser.post("/logout").headers["Clear-Site-Data"] == '"cache"'
