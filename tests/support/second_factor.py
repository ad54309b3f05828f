"""An authenticator: set up through the page, as a person does it, and then it makes codes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pyotp

from invoices_app.accounts.second_factor_rules import STEP_SECONDS
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.people import PASSWORD, Person

PAGE = "/settings/account/second-factor"
BEGIN = f"{PAGE}/begin"
CONFIRM = f"{PAGE}/confirm"
RENEW = f"{PAGE}/codes"
OFF = f"{PAGE}/off"
FILE = f"{PAGE}/codes/file"


@dataclass
class Authenticator:
    """The secret of a person's app, and the recovery codes that they were shown."""

    secret: str
    codes: list[str] = field(default_factory=list)
    used: str = ""
    """The code that switched it on."""

    def next(self) -> str:
        """A code that is right, now and after the 30 seconds have passed, and newer than that of the set-up."""
        return self.code(1)

    def code(self, steps: int = 0) -> str:
        """The code of now, or of so many steps of 30 seconds later."""
        return pyotp.TOTP(self.secret).generate_otp(int(time.time()) // STEP_SECONDS + steps)

    def wrong(self) -> str:
        """Six digits that are none of those around now."""
        near = {self.code(steps) for steps in range(-3, 4)}
        return next(code for code in map(str, range(10**5, 10**6)) if code not in near)


def begin(browser: Browser, password: str = PASSWORD) -> Authenticator:
    """Give the password and read the key off the page."""
    browser.get(PAGE)
    browser.submit(BEGIN, {"password": password})
    return shown_in(browser)


def shown_in(browser: Browser) -> Authenticator:
    """What the page of a set-up that has begun gives to an authenticator."""
    page = browser.get(PAGE)
    return Authenticator(page.words(page.by_id("secret-key")).replace(" ", ""))


def set_up(person: Person) -> Authenticator:
    """Switch it on in the person's browser, which stays signed in."""
    app = begin(person.browser)
    app.used = app.code()
    page = person.browser.submit(CONFIRM, {"one_time_code": app.used}, 200)
    app.codes = [page.words(item) for item in page.by_id("recovery-codes")]
    return app


def give_password(visitor: Browser, person: Person, password: str = PASSWORD, **more: str) -> str:
    """The first step of signing in; answers where it leads to."""
    visitor.get("/login")
    sent = {"csrf_token": visitor.token(), "email": person.email, "password": password, **more}
    location = visitor.send("/login", sent, 303).location
    visitor.csrf_token = ""
    return location


def give_code(visitor: Browser, code: str, status: int = 303, at: str = "/login/code") -> str:
    """The second step; answers where it leads to, or what the page complains of."""
    visitor.get(at)
    page = visitor.submit("/login/code", {"one_time_code": code}, status)
    if status == 303:
        visitor.csrf_token = ""
    return page.location or page.error_of("one_time_code")


def forget_steps(database: Database, person: Person) -> None:
    """As if no code had been used yet, for tests that sign in again and again."""
    with database.as_superuser() as connection:
        connection.execute("UPDATE second_factors SET last_step = 0 WHERE user_id = %s", [person.user_id])


def mails_to(database: Database, person: Person) -> list[str]:
    query = "SELECT subject FROM mail_outbox WHERE recipient = %s ORDER BY id"
    return [subject for (subject,) in database.ask(query, person.email)]


def events_of(database: Database, person: Person) -> list[str]:
    query = "SELECT action FROM audit_events WHERE entity_id = %s ORDER BY id"
    return [action for (action,) in database.ask(query, person.user_id)]


def sessions_of(database: Database, person: Person) -> int:
    return int(database.value("SELECT count(*) FROM user_sessions WHERE user_id = %s", person.user_id))
