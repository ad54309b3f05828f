"""A forgotten password: a link that works once, for an hour, and an answer that tells nothing."""

from __future__ import annotations

import re

from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.people import PASSWORD, Person
from tests.support.statements import CountStatements

NEW = "another sentence to sign in"


def link_to(visitor: Browser, person: Person, database: Database) -> str:
    visitor.get("/password/forgot")
    visitor.submit("/password/forgot", {"email": person.email.upper()})
    # The request came to localhost: the link's host is that of the settings, never that of the request.
    query = "SELECT plain FROM mail_outbox WHERE recipient = %s ORDER BY id DESC LIMIT 1"
    found = re.search(r"http://127\.0\.0\.1:8000(/password/reset/\S+)", database.value(query, person.email))
    assert found
    return found[1]


def test_a_link_sets_the_password_and_ends_every_session(visitor: Browser, owner: Person, database: Database) -> None:
    owner.browser.get("/clients")
    link = link_to(visitor, owner, database)
    visitor.get(link)
    assert visitor.submit(link, {"password": NEW}).location == "/login"
    assert owner.browser.get("/clients", 303).location == "/login?next=/clients"
    visitor.csrf_token = ""
    visitor.get("/login")
    visitor.submit("/login", {"email": owner.email, "password": PASSWORD}, 422)
    assert visitor.submit("/login", {"email": owner.email, "password": NEW}).location == "/"
    subjects = database.ask("SELECT subject FROM mail_outbox WHERE recipient = %s ORDER BY id", owner.email)
    assert [subject for (subject,) in subjects] == ["Set a new password", "Your password was changed"]
    action = "SELECT count(*) FROM audit_events WHERE actor_id = %s AND action = 'password.reset'"
    assert database.value(action, owner.user_id) == 1


def test_a_link_works_once(visitor: Browser, owner: Person, database: Database) -> None:
    first, second = (link_to(visitor, owner, database) for _ in range(2))
    for link in (first, second):
        visitor.get(link)
    visitor.submit(second, {"password": NEW})
    visitor.csrf_token = ""
    for link in (first, second):
        assert "has been used or is too old" in visitor.get(link, 410).words()
        sent = {"password": PASSWORD, "csrf_token": visitor.token()}
        assert "has been used or is too old" in visitor.send(link, sent, 410).words()


def test_a_link_is_over_after_an_hour(visitor: Browser, owner: Person, database: Database) -> None:
    link = link_to(visitor, owner, database)
    query = "SELECT extract(epoch FROM expires_at - created_at) FROM account_tokens WHERE user_id = %s"
    assert abs(database.value(query, owner.user_id) - 3600) < 60
    visitor.get(link)
    with database.as_superuser() as connection:
        connection.execute("UPDATE account_tokens SET expires_at = now() WHERE user_id = %s", [owner.user_id])
    visitor.submit(link, {"password": NEW}, 410)


def test_the_token_is_stored_as_a_hash_only(visitor: Browser, owner: Person, database: Database) -> None:
    token = link_to(visitor, owner, database).rpartition("/")[2].encode()
    stored = database.value("SELECT token_hash FROM account_tokens WHERE user_id = %s", owner.user_id)
    assert len(stored) == 32
    assert token not in bytes(stored)


def test_known_and_unknown_emails_cost_and_answer_the_same(
    visitor: Browser,
    owner: Person,
    database: Database,
    count_statements: CountStatements,
) -> None:
    seen = []
    for email in (owner.email, "nobody@example.com"):
        visitor.get("/password/forgot")
        with count_statements() as statements:
            page = visitor.submit("/password/forgot", {"email": email})
        told = visitor.get("/login").words()
        seen.append((page.location, told, [re.sub(r"\s+", " ", statement) for statement in statements]))
    assert seen[0] == seen[1]
    assert "a link is on its way" in seen[0][1]
    assert database.value("SELECT count(*) FROM mail_outbox WHERE recipient = 'nobody@example.com'") == 0
    assert database.value("SELECT count(*) FROM mail_outbox WHERE recipient = %s", owner.email) == 1


def test_nobodys_mailbox_is_flooded(visitor: Browser, owner: Person, database: Database) -> None:
    for _ in range(7):
        visitor.get("/password/forgot")
        visitor.submit("/password/forgot", {"email": owner.email})
    assert database.value("SELECT count(*) FROM mail_outbox WHERE recipient = %s", owner.email) == 5
