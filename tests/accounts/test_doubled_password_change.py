"""The form for a new password sent twice at once, as by a double click: the person stays signed in."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from flask import Flask

from tests.accounts.test_account import ACCOUNT, NEW, sign_in
from tests.accounts.test_session_ends import COOKIE
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.people import PASSWORD, Person

URL = f"{ACCOUNT}/password"


def form_of(browser: Browser) -> dict[str, str]:
    browser.get(ACCOUNT)
    form = browser.form_for(URL)
    assert form is not None
    return {**form.values, "current_password": PASSWORD, "password": NEW}


def cookie_of(browser: Browser) -> str:
    cookie = browser.get_cookie(COOKIE)
    assert cookie is not None
    return str(cookie.value)


def with_cookie(app: Flask, cookie: str) -> Browser:
    """A browser as it was when it had this cookie."""
    browser = Browser(app, use_cookies=True)
    browser.set_cookie(COOKIE, cookie)
    return browser


def changes(database: Database, person: Person) -> tuple[int, int]:
    """How often the password was changed, and how often that was told by mail."""
    events = "SELECT count(*) FROM audit_events WHERE actor_id = %s AND action = 'password.changed'"
    mails = "SELECT count(*) FROM mail_outbox WHERE recipient = %s"
    return database.value(events, person.user_id), database.value(mails, person.email)


def test_one_after_the_other(app: Flask, owner: Person, database: Database, visitor: Browser) -> None:
    """The second comes with the cookie of before, since the browser had not seen the first one's answer."""
    sent = form_of(owner.browser)
    before = cookie_of(owner.browser)
    twins = [with_cookie(app, before), with_cookie(app, before)]
    for twin in twins:
        assert twin.send(URL, sent, 303).location == ACCOUNT
    assert changes(database, owner) == (1, 1)
    for twin in twins:  # whichever answer the browser keeps
        assert "Your password is changed." in twin.get(ACCOUNT).words()
    assert with_cookie(app, before).open("/clients").status_code == 303
    sign_in(visitor, owner.email, NEW)


def test_at_the_same_moment(app: Flask, owner: Person, database: Database) -> None:
    passwords = [PASSWORD, NEW, f"{NEW} once more", f"{NEW} and again"]
    for count, (old, new) in enumerate(pairwise(passwords), start=1):
        sent = {**form_of(owner.browser), "current_password": old, "password": new}
        twins = [with_cookie(app, cookie_of(owner.browser)) for _ in range(2)]
        assert send_at_once(twins, sent) == [303, 303]
        assert [twin.open("/clients").status_code for twin in twins] == [200, 200]
        assert changes(database, owner) == (count, count)
        owner.browser.set_cookie(COOKIE, cookie_of(twins[0]))


def send_at_once(browsers: list[Browser], sent: dict[str, str]) -> list[int]:
    start = threading.Barrier(len(browsers))

    def send(browser: Browser) -> int:
        start.wait(10)
        return browser.open(URL, method="POST", data=sent, buffered=True).status_code

    with ThreadPoolExecutor(len(browsers)) as pool:
        return list(pool.map(send, browsers))


def test_a_copy_of_the_cookie_is_no_twin(app: Flask, owner: Person, database: Database) -> None:
    """It does not know the form that was sent; nor does the form help without the new password, or elsewhere."""
    sent = form_of(owner.browser)
    copy = cookie_of(owner.browser)
    owner.browser.send(URL, sent, 303)
    for wrong in ({"one_time_token": str(uuid.uuid4())}, {"one_time_token": ""}, {"one_time_token": "x"}):
        thief = with_cookie(app, copy)
        assert thief.send(URL, {**sent, **wrong}, 303).location.startswith("/login")
        assert thief.open("/clients").status_code == 303
    thief = with_cookie(app, copy)
    thief.send(URL, {**sent, "current_password": "guessed password", "password": "another one to have"}, 422)
    assert thief.open("/clients").status_code == 303
    thief = with_cookie(app, copy)
    assert thief.send(f"{ACCOUNT}/sessions/end-others", sent, 303).location.startswith("/login")
    assert thief.send(f"{ACCOUNT}/email", {**sent, "email": "new@example.com"}, 303).location.startswith("/login")
    assert changes(database, owner) == (1, 1)
    owner.browser.get("/clients")
