"""Opening an account: person, business and first session, all or nothing."""

from __future__ import annotations

import pytest
from flask import Flask

from invoices_app.accounts import actions
from invoices_app.accounts.actions import Registration
from invoices_app.accounts.models import PASSWORD_MAX_LENGTH, PASSWORD_MIN_LENGTH
from invoices_app.db.base import new_id
from invoices_app.results import Invalid
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.people import PASSWORD, Person
from tests.support.snapshot import snapshot


def fields(**changes: str) -> dict[str, str]:
    return {
        "name": "Nina Newcomer",
        "email": f"nina-{new_id()}@example.com",
        "password": PASSWORD,
        "business_name": "Newcomer & Daughters",
        **changes,
    }


@pytest.mark.parametrize("htmx", [False, True])
def test_register_and_be_in(visitor: Browser, database: Database, *, htmx: bool) -> None:
    visitor.get("/register")
    sent = fields(email=f"Nina-{new_id()}@Example.COM")
    page = visitor.submit("/register", sent, 204 if htmx else 303, htmx=htmx)
    assert page.location == "/"
    visitor.csrf_token = ""
    assert "Welcome, Nina Newcomer" in visitor.get("/").words()
    query = "SELECT name, email FROM users WHERE email = %s"
    assert database.ask(query, sent["email"].lower()) == [("Nina Newcomer", sent["email"].lower())]


def test_passwords_are_kept_as_argon2id_only(visitor: Browser, database: Database) -> None:
    visitor.get("/register")
    sent = fields()
    visitor.submit("/register", sent)
    stored = database.value("SELECT password_hash FROM users WHERE email = %s", sent["email"])
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


@pytest.mark.parametrize(
    ("language", "currency"),
    [("en-GB", "GBP"), ("de-DE,de;q=0.9", "EUR"), ("ja-JP", "JPY"), ("xx-QQ", "EUR"), ("", "EUR")],
)
def test_currency_follows_the_browsers_country(
    visitor: Browser, database: Database, language: str, currency: str
) -> None:
    visitor.get("/register")
    business = f"Business {new_id()}"
    visitor.submit("/register", fields(business_name=business), headers={"Accept-Language": language})
    assert database.value("SELECT currency FROM businesses WHERE name = %s", business) == currency


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Enter your name."),
        ("name", "n" * 201, "Use at most 200 characters."),
        ("name", "a\x00b", "Remove the control characters."),
        ("email", "", "Enter your email address."),
        ("email", "nina", "Enter an email address, such as name@example.com."),
        ("email", "nina@@example.com", "Enter an email address, such as name@example.com."),
        ("email", "nina@example.com\r\nBcc: all@example.com", "Enter an email address, such as name@example.com."),
        (
            "email",
            f"{'n' * 250}@example.com",
            "Use at most 254 characters. Enter an email address, such as name@example.com.",
        ),
        ("password", "", "Choose a password."),
        ("password", "p" * (PASSWORD_MIN_LENGTH - 1), f"Use at least {PASSWORD_MIN_LENGTH} characters."),
        ("password", "p" * (PASSWORD_MAX_LENGTH + 1), f"Use at most {PASSWORD_MAX_LENGTH} characters."),
        ("business_name", "   ", "Enter the name of your business."),
    ],
)
def test_refusals_stand_beside_their_field(
    visitor: Browser, database: Database, field: str, value: str, sentence: str
) -> None:
    visitor.get("/register")
    before = snapshot(database)
    sent = fields(**{field: value})
    page = visitor.submit("/register", sent, 422)
    assert page.error_of(field) == sentence
    assert page.typed("business_name") == [sent["business_name"].strip()]
    assert page.typed("password") == [""]
    assert snapshot(database) == before


def test_an_email_has_one_account(visitor: Browser, owner: Person, database: Database) -> None:
    before = snapshot(database)
    visitor.get("/register")
    page = visitor.submit("/register", fields(email=owner.email.upper()), 422)
    assert page.error_of("email") == "This email address cannot be used for a new account. If it is yours, sign in."
    assert snapshot(database) == before


def test_all_of_it_or_nothing(app: Flask, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last write of the transaction fails in the database: neither person nor business is left."""
    before = snapshot(database)
    too_long = actions.Browser("", "an address that no column of the database could hold, being much too long")
    with app.app_context(), pytest.raises(Exception, match="value too long"):
        actions.register(Registration("N", f"{new_id()}@example.com", PASSWORD, "B", "EUR"), too_long)
    assert snapshot(database) == before


def test_the_database_decides_between_two_at_once(app: Flask, owner: Person) -> None:
    registration = Registration("N", owner.email, PASSWORD, "B", "EUR")
    with app.app_context():
        assert isinstance(actions.register(registration, actions.Browser("", "")), Invalid)
