"""A person's own account: name, email by a link to the new address, password."""

from __future__ import annotations

import re
import threading
import uuid
from dataclasses import replace
from functools import partial

import pytest
from flask import Flask

from invoices_app import create_app
from invoices_app.accounts import account_actions
from invoices_app.extensions import db
from invoices_app.results import Conflict
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.people import PASSWORD, Cast, Person, make_owner
from tests.support.statements import CountStatements

ACCOUNT = "/settings/account"
NEW = "another sentence to sign in"


def address() -> str:
    return f"new-{uuid.uuid4().hex}@example.com"


def mails_to(database: Database, email: str) -> list[tuple[str, str]]:
    """Subject and text, the oldest first."""
    found = database.ask("SELECT subject, plain FROM mail_outbox WHERE recipient = %s ORDER BY id", email)
    return [(subject, plain) for subject, plain in found]


def link_in(plain: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:8000(/email/confirm/\S+)", plain)
    assert found
    return found[1]


def ask_for(person: Person, email: str, password: str = PASSWORD, status: int = 303) -> str:
    """Ask for another address; answers what the page says then."""
    person.browser.get(ACCOUNT)
    page = person.browser.submit(f"{ACCOUNT}/email", {"email": email, "current_password": password}, status)
    return person.browser.follow(page).words() if status == 303 else page.words()


def close_database(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


def sign_in(visitor: Browser, email: str, password: str = PASSWORD, status: int = 303, **more: str) -> None:
    visitor.csrf_token = ""
    visitor.get("/login")
    visitor.send("/login", {"csrf_token": visitor.token(), "email": email, "password": password, **more}, status)
    visitor.csrf_token = ""


def test_the_name_is_changed_everywhere(cast: Cast, database: Database) -> None:
    person = cast.teammate
    person.browser.get(ACCOUNT)
    page = person.browser.submit(ACCOUNT, {"name": "  Tomás Ángel "})
    assert "Your name is saved." in person.browser.follow(page).words()
    assert person.browser.get(ACCOUNT).typed("name") == ["Tomás Ángel"]
    assert "Tomás Ángel" in cast.owner.browser.get("/settings/team").words()
    event = "SELECT action, changes FROM audit_events WHERE actor_id = %s ORDER BY id DESC LIMIT 1"
    changes = {"name": ["Tom Teammate", "Tomás Ángel"]}
    assert database.ask(event, person.user_id) == [("user.changed", changes)]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Enter your name."),
        ("x" * 201, "Use at most 200 characters."),
        ("a\x07b", "Remove the control characters."),
    ],
)
def test_a_name_is_needed(owner: Person, name: str, sentence: str) -> None:
    owner.browser.get(ACCOUNT)
    assert owner.browser.submit(ACCOUNT, {"name": name}, 422).error_of("name") == sentence


def test_an_email_changes_when_its_link_is_confirmed(owner: Person, visitor: Browser, database: Database) -> None:
    new = address()
    elsewhere = owner.signed_in_browser()
    told = ask_for(owner, new.upper())
    assert f"A mail to {new} is on its way." in told
    assert f"mailed to {new}" in owner.browser.get(ACCOUNT).words()
    ((subject, plain),) = mails_to(database, owner.email)
    assert (subject, new in plain) == ("Your email address is to change", True)
    ((_, plain),) = mails_to(database, new)
    link = link_in(plain)
    assert new in owner.browser.get(link).words()
    sign_in(visitor, owner.email)  # seeing the link has changed nothing
    owner.browser.get(link)
    assert owner.browser.submit(link).location == ACCOUNT
    assert new in owner.browser.get(ACCOUNT).words()
    for ended in (elsewhere, visitor):
        ended.get("/clients", 303)
    assert mails_to(database, owner.email)[1][0] == "Your email address was changed"
    assert new in mails_to(database, owner.email)[1][1]
    sign_in(visitor, owner.email, status=422)
    sign_in(visitor, new)
    event = "SELECT changes FROM audit_events WHERE actor_id = %s AND action = 'email.changed'"
    assert database.value(event, owner.user_id) == {"email": [owner.email, new]}


def test_a_link_works_once_in_any_browser_for_an_hour(owner: Person, visitor: Browser, database: Database) -> None:
    first, second, third = address(), address(), address()
    ask_for(owner, first)
    old = link_in(mails_to(database, first)[0][1])
    ask_for(owner, second)
    visitor.get(old, 410)  # the second took its place
    link = link_in(mails_to(database, second)[0][1])
    visitor.get(link)
    assert visitor.submit(link).location == "/login"
    owner.browser.get("/clients", 303)
    visitor.get(link, 410)
    owner.browser = owner.signed_in_browser()
    ask_for(owner, third)
    link = link_in(mails_to(database, third)[0][1])
    lasts = "SELECT extract(epoch FROM expires_at - now()) FROM account_tokens WHERE new_email = %s"
    assert 3500 < database.value(lasts, third) <= 3600
    visitor.csrf_token = ""
    visitor.get(link)
    with database.as_superuser() as connection:
        connection.execute("UPDATE account_tokens SET expires_at = now() WHERE new_email = %s", [third])
    assert "This link has ended" in visitor.submit(link, status=410).words()


def test_somebody_elses_browser_stays_who_they_are(cast: Cast, database: Database) -> None:
    """A link that is confirmed in a browser where another person is signed in changes its own account only."""
    new = address()
    ask_for(cast.owner, new)
    link = link_in(mails_to(database, new)[0][1])
    cast.stranger.browser.get(link)
    cast.stranger.browser.submit(link)
    assert "Stranger Ltd" in cast.stranger.browser.get("/clients").words()
    emails = "SELECT email FROM users WHERE id = %s"
    assert database.value(emails, cast.owner.user_id) == new
    assert database.value(emails, cast.stranger.user_id) == cast.stranger.email


def test_of_two_who_confirm_at_once_one_does(owner: Person, database: Database) -> None:
    new = address()
    ask_for(owner, new)
    token = link_in(mails_to(database, new)[0][1]).rpartition("/")[2]
    results: list[object] = []
    start = threading.Barrier(2)

    def confirm() -> None:
        with owner.acting():
            start.wait(10)
            results.append(account_actions.change_email(token, None))

    threads = [threading.Thread(target=confirm) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Ok"]
    assert [subject for subject, _ in mails_to(database, owner.email)].count("Your email address was changed") == 1


def test_a_link_for_an_email_sets_no_password_and_the_other_way_round(
    owner: Person, visitor: Browser, database: Database
) -> None:
    new = address()
    ask_for(owner, new)
    token = link_in(mails_to(database, new)[0][1]).rpartition("/")[2]
    visitor.get(f"/password/reset/{token}", 410)
    visitor.get("/password/forgot")
    visitor.submit("/password/forgot", {"email": owner.email})
    plain = mails_to(database, owner.email)[-1][1]
    found = re.search(r"/password/reset/(\S+)", plain)
    assert found
    visitor.get(f"/email/confirm/{found[1]}", 410)
    visitor.post(f"/email/confirm/{found[1]}", {}, 410)
    visitor.get(f"/password/reset/{found[1]}")


def test_known_and_unknown_addresses_answer_and_cost_the_same(
    cast: Cast, database: Database, count_statements: CountStatements
) -> None:
    seen = []
    unknown = address()
    for email in (cast.stranger.email, unknown):
        cast.owner.browser.get(ACCOUNT)
        with count_statements() as statements:
            page = cast.owner.browser.submit(f"{ACCOUNT}/email", {"email": email, "current_password": PASSWORD})
        told = cast.owner.browser.follow(page).words().replace(email, "EMAIL")
        seen.append((page.location, told, [re.sub(r"\s+", " ", statement) for statement in statements]))
        assert "mailed to EMAIL" in told
    # The second one takes the place of the first, which changes no statement.
    assert seen[0] == seen[1]
    ((subject, plain),) = mails_to(database, cast.stranger.email)
    assert (subject, "/email/confirm/" in plain) == ("You have an account with this address", False)
    assert [subject for subject, _ in mails_to(database, unknown)] == ["Confirm your new email address"]


def test_an_address_that_was_taken_meanwhile(app: Flask, owner: Person, database: Database) -> None:
    new = address()
    ask_for(owner, new)
    link = link_in(mails_to(database, new)[0][1])
    owner.browser.get(link)
    newcomer = make_owner(app, "Nina New", "New Ltd")
    with database.as_superuser() as connection:
        connection.execute("UPDATE users SET email = %s WHERE id = %s", [new, newcomer.user_id])
    assert account_actions.TAKEN_MEANWHILE in owner.browser.submit(link, status=409).words()
    with owner.acting():
        result = account_actions.change_email(link.rpartition("/")[2], None)
        assert isinstance(result, Conflict)
    assert database.value("SELECT email FROM users WHERE id = %s", owner.user_id) == owner.email
    owner.browser.get("/clients")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("email", "", "Enter your new email address."),
        ("email", "nonsense", "Enter an email address, such as name@example.com."),
        ("current_password", "", "Enter your password."),
        ("current_password", "not the password", "This is not your password."),
    ],
)
def test_refusals_of_an_email_stand_beside_their_field(
    owner: Person, database: Database, field: str, value: str, sentence: str
) -> None:
    owner.browser.get(ACCOUNT)
    sent = {"email": address(), "current_password": PASSWORD, field: value}
    page = owner.browser.submit(f"{ACCOUNT}/email", sent, 422)
    assert page.error_of(field) == sentence
    assert database.value("SELECT count(*) FROM account_tokens WHERE user_id = %s", owner.user_id) == 0
    assert mails_to(database, owner.email) == []


def test_ones_own_address_is_no_new_one(owner: Person) -> None:
    assert "This is your address already." in ask_for(owner, owner.email, status=422)


def test_a_change_can_be_withdrawn(owner: Person, visitor: Browser, database: Database) -> None:
    new = address()
    ask_for(owner, new)
    link = link_in(mails_to(database, new)[0][1])
    owner.browser.submit(f"{ACCOUNT}/email/withdraw")
    assert new not in owner.browser.get(ACCOUNT).words().replace("stays as it is", "")
    visitor.get(link, 410)


def test_a_new_password_signs_in_and_tells_by_mail(owner: Person, visitor: Browser, database: Database) -> None:
    owner.browser.get(ACCOUNT)
    sent = {"current_password": PASSWORD, "password": NEW}
    page = owner.browser.submit(f"{ACCOUNT}/password", sent)
    assert "Your password is changed." in owner.browser.follow(page).words()
    assert [subject for subject, _ in mails_to(database, owner.email)] == ["Your password was changed"]
    sign_in(visitor, owner.email, status=422)
    sign_in(visitor, owner.email, NEW)
    action = "SELECT count(*) FROM audit_events WHERE actor_id = %s AND action = 'password.changed'"
    assert database.value(action, owner.user_id) == 1


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("current_password", "", "Enter your password."),
        ("current_password", "not the password", "This is not your password."),
        ("password", "", "Choose a password."),
        ("password", "too short", "Use at least 12 characters."),
        ("password", "x" * 257, "Use at most 256 characters."),
    ],
)
def test_refusals_of_a_password_stand_beside_their_field(
    owner: Person, visitor: Browser, field: str, value: str, sentence: str
) -> None:
    owner.browser.get(ACCOUNT)
    sent = {"current_password": PASSWORD, "password": NEW, field: value}
    page = owner.browser.submit(f"{ACCOUNT}/password", sent, 422)
    assert page.error_of(field) == sentence
    assert not value or value not in page.text
    sign_in(visitor, owner.email)


def test_links_of_before_end_with_the_password(owner: Person, visitor: Browser, database: Database) -> None:
    new = address()
    ask_for(owner, new)
    visitor.get("/password/forgot")
    visitor.submit("/password/forgot", {"email": owner.email})
    owner.browser.get(ACCOUNT)
    owner.browser.submit(f"{ACCOUNT}/password", {"current_password": PASSWORD, "password": NEW})
    assert database.value("SELECT count(*) FROM account_tokens WHERE user_id = %s", owner.user_id) == 0


def test_guessing_the_current_password_is_slow(database: Database, request: pytest.FixtureRequest) -> None:
    """Ten wrong ones in five minutes by one person, over both forms; the right one starts anew."""
    app = create_app(replace(database.settings, ratelimit_enabled=True))
    request.addfinalizer(partial(close_database, app))
    person, other = make_owner(app, "Ada Owner", "Limited Ltd"), make_owner(app, "Bo Other", "Other Ltd")
    wrong = {"current_password": "not the password", "password": NEW, "email": address()}
    for _ in range(9):
        person.browser.get(ACCOUNT)
        person.browser.send(f"{ACCOUNT}/password", {**wrong, "csrf_token": person.browser.token()}, 422)
    person.browser.get(ACCOUNT)
    ask_for(person, address())
    for path in ("password",) * 7 + ("email",) * 3:
        person.browser.send(f"{ACCOUNT}/{path}", {**wrong, "csrf_token": person.browser.token()}, 422)
    refused = person.browser.send(f"{ACCOUNT}/password", {**wrong, "csrf_token": person.browser.token()}, 429)
    assert int(refused.headers["Retry-After"]) > 0
    other.browser.send(f"{ACCOUNT}/password", {**wrong, "csrf_token": other.browser.token()}, 422)
    person.browser.get("/clients")
