"""Two-factor sign-in when SECRET_KEY changes, and when it is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from flask import Flask

from invoices_app import create_app
from invoices_app.accounts import actions, second_factor_login
from invoices_app.accounts.actions import Browser as Device
from invoices_app.db import scope_keys
from invoices_app.extensions import db
from invoices_app.results import Conflict, Ok
from tests.support.databases import SECRET_KEY, Database
from tests.support.factories import value_of
from tests.support.people import PASSWORD, Person
from tests.support.second_factor import Authenticator, forget_steps, set_up

DEVICE = Device("Tests", "127.0.0.1")


@pytest.fixture
def app_of_owner(owner: Person) -> Authenticator:
    """The owner's authenticator, switched on, its first code used."""
    return set_up(owner)


@pytest.fixture
def with_keys(database: Database) -> Iterator[Callable[..., Flask]]:
    """Starts the app anew with another SECRET_KEY and earlier ones, which the database learns of as at any start."""

    def start(key: str, *fallbacks: str) -> Flask:
        with database.owner_transaction() as connection:
            scope_keys.install(connection, key)
        return create_app(replace(database.settings, secret_key=key, secret_key_fallbacks=fallbacks))

    yield start
    with database.owner_transaction() as connection:
        scope_keys.install(connection, SECRET_KEY)


def enter_at(app: Flask, owner: Person, code: str) -> object:
    with app.app_context():
        waiting = value_of(actions.sign_in(owner.email, PASSWORD, DEVICE, remember=False))
        result = second_factor_login.enter_code(waiting.token, code, DEVICE)
        db.session.close()
        db.engine.dispose()
        return result


def test_an_earlier_key_opens_and_the_newest_one_seals(
    owner: Person, app_of_owner: Authenticator, database: Database, with_keys: Callable[..., Flask]
) -> None:
    new = "a new secret key, as long as it must be, 0123456789"
    sealed = "SELECT sealed_secret FROM second_factors WHERE user_id = %s"
    before = bytes(database.value(sealed, owner.user_id))
    assert isinstance(enter_at(with_keys(new, SECRET_KEY), owner, app_of_owner.next()), Ok)
    assert bytes(database.value(sealed, owner.user_id))[:4] != before[:4]
    # The old key may go now: authenticator and recovery codes both go on.
    assert isinstance(enter_at(with_keys(new), owner, app_of_owner.codes[3]), Ok)
    forget_steps(database, owner)
    assert isinstance(enter_at(with_keys(new), owner, app_of_owner.next()), Ok)


def test_a_lost_key_is_told_and_lets_nobody_in(
    owner: Person, app_of_owner: Authenticator, with_keys: Callable[..., Flask]
) -> None:
    lost = with_keys("quite another secret key, 01234567890123456789")
    for code in (app_of_owner.next(), app_of_owner.codes[0]):
        refused = enter_at(lost, owner, code)
        assert not isinstance(refused, Ok | Conflict)
        assert "Ask who runs Invoices" in str(refused)
