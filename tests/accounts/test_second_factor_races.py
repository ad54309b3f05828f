"""Signing in with a second factor, several at the same time: each code opens one session."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from invoices_app.accounts import actions, second_factor_login
from invoices_app.accounts.actions import Browser as Device
from tests.support.databases import Database
from tests.support.factories import value_of
from tests.support.people import PASSWORD, Person
from tests.support.second_factor import (
    Authenticator,
    forget_steps,
    sessions_of,
    set_up,
)

DEVICE = Device("Tests", "127.0.0.1")


@pytest.fixture
def app_of_owner(owner: Person) -> Authenticator:
    """The owner's authenticator, switched on, its first code used."""
    return set_up(owner)


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
