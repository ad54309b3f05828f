"""What whoever runs the app does: reset a person's second factor, and seal the secrets with a new SECRET_KEY."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from invoices_app import create_app
from invoices_app.accounts import second_factor_operations as operations
from tests.support.browser import Browser
from tests.support.databases import SECRET_KEY, Database
from tests.support.people import Person
from tests.support.second_factor import (
    PAGE,
    events_of,
    give_code,
    give_password,
    mails_to,
    sessions_of,
    set_up,
)

NEW = "a new secret key, as long as it must be, 0123456789"


def test_a_reset(owner: Person, visitor: Browser, database: Database, tmp_path: Path) -> None:
    set_up(owner)
    app = create_app(replace(database.settings, data_dir=tmp_path))
    result = app.test_cli_runner().invoke(args=["second-factor", "reset", f" {owner.email.upper()} "])
    assert result.exit_code == 0, result.output
    assert "signs in with the password alone" in result.output
    assert sessions_of(database, owner) == 0
    assert owner.browser.get(PAGE, 303).location.startswith("/login")
    assert give_password(visitor, owner) == "/"
    assert "Off" in visitor.get(PAGE).words()
    assert "second_factor.reset" in events_of(database, owner)
    actor = "SELECT actor_id, business_id, changes FROM audit_events WHERE action = %s AND entity_id = %s"
    found = database.ask(actor, "second_factor.reset", owner.user_id)
    assert found == [(None, owner.business_id, {"by": "operator"})]
    # The mail went out before the command ended, as its process has nobody who delivers later.
    assert "Your second factor was taken off" not in mails_to(database, owner)
    mails = [mail.read_text() for mail in (tmp_path / "outbox").glob("*.eml")]
    assert any(f"To: {owner.email}" in mail and "was taken off" in mail for mail in mails)


@pytest.mark.parametrize("who", ["nobody@example.com", "owner"])
def test_a_reset_of_nothing(app: Flask, owner: Person, database: Database, who: str) -> None:
    email = owner.email if who == "owner" else who
    result = app.test_cli_runner().invoke(args=["second-factor", "reset", email])
    assert result.exit_code == 1
    assert ("has no second factor" if who == "owner" else "There is no account") in result.output
    assert mails_to(database, owner) == []


def test_sealing_anew(app: Flask, owner: Person, stranger: Person, visitor: Browser, database: Database) -> None:
    codes = [set_up(owner), set_up(stranger)]
    with database.as_superuser() as connection:
        connection.execute("DELETE FROM second_factors WHERE user_id <> ALL (%s)", [[owner.user_id, stranger.user_id]])
    settings = replace(database.owner_settings, secret_key=NEW, secret_key_fallbacks=(SECRET_KEY,))
    sealed = "SELECT sealed_secret FROM second_factors WHERE user_id = %s"
    before = bytes(database.value(sealed, owner.user_id))
    runner = create_app(settings).test_cli_runner()
    told = [runner.invoke(args=["second-factor", "reseal"]) for _ in range(2)]
    assert [result.exit_code for result in told] == [0, 0]
    assert told[0].output == "2 sealed anew, 0 were already, 0 cannot be opened\n"
    assert told[1].output == "0 sealed anew, 2 were already, 0 cannot be opened\n"
    assert bytes(database.value(sealed, owner.user_id)) != before
    # With the old key alone nothing opens any more, and that is told; back again everything is as it was.
    with database.owner_transaction() as connection:
        lost = operations.reseal(connection, [SECRET_KEY])
    assert set(lost.lost) == {owner.user_id, stranger.user_id}
    back = create_app(replace(database.owner_settings, secret_key_fallbacks=(NEW,)))
    assert back.test_cli_runner().invoke(args=["second-factor", "reseal"]).exit_code == 0
    give_password(visitor, owner)
    assert give_code(visitor, codes[0].next()) == "/"


def test_what_cannot_be_opened_is_named(owner: Person, database: Database) -> None:
    set_up(owner)
    runner = create_app(replace(database.owner_settings, secret_key=NEW)).test_cli_runner()
    result = runner.invoke(args=["second-factor", "reseal"])
    assert result.exit_code == 1
    assert f"the second factor of user {owner.user_id}" in result.output


def test_sealing_needs_the_owners_login(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["second-factor", "reseal"])
    assert result.exit_code == 1
    assert "needs the owner's login" in result.output
