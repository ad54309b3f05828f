"""What whoever runs the app does: reset a person's second factor, and seal the secrets with a new SECRET_KEY."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import NullPool, create_engine

from invoices_app import create_app
from invoices_app.accounts import second_factor_operations as operations
from invoices_app.config import Settings
from invoices_app.extensions import db
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


AppWith = Callable[[Settings], Flask]


@pytest.fixture
def app_with() -> Iterator[AppWith]:
    """Apps with other settings, whose connections are closed afterwards."""
    made: list[Flask] = []

    def make(settings: Settings) -> Flask:
        made.append(create_app(settings))
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


def test_a_reset(owner: Person, visitor: Browser, database: Database, tmp_path: Path, app_with: AppWith) -> None:
    set_up(owner)
    app = app_with(replace(database.settings, data_dir=tmp_path))
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


def test_sealing_anew(owner: Person, stranger: Person, visitor: Browser, database: Database, app_with: AppWith) -> None:
    codes = [set_up(owner), set_up(stranger)]
    with database.as_superuser() as connection:
        connection.execute("DELETE FROM second_factors WHERE user_id <> ALL (%s)", [[owner.user_id, stranger.user_id]])
    settings = replace(database.owner_settings, secret_key=NEW, secret_key_fallbacks=(SECRET_KEY,))
    sealed = "SELECT sealed_secret FROM second_factors WHERE user_id = %s"
    before = bytes(database.value(sealed, owner.user_id))
    runner = app_with(settings).test_cli_runner()
    told = [runner.invoke(args=["second-factor", "reseal"]) for _ in range(2)]
    assert [result.exit_code for result in told] == [0, 0]
    assert told[0].output == "2 sealed anew, 0 were already, 0 cannot be opened\n"
    assert told[1].output == "0 sealed anew, 2 were already, 0 cannot be opened\n"
    assert bytes(database.value(sealed, owner.user_id)) != before
    # With the old key alone nothing opens any more, and that is told; back again everything is as it was.
    engine = create_engine(database.owner_url, poolclass=NullPool)
    lost = operations.reseal(engine, [SECRET_KEY])
    assert set(lost.lost) == {owner.user_id, stranger.user_id}
    back = app_with(replace(database.owner_settings, secret_key_fallbacks=(NEW,)))
    assert back.test_cli_runner().invoke(args=["second-factor", "reseal"]).exit_code == 0
    give_password(visitor, owner)
    assert give_code(visitor, codes[0].next()) == "/"


def test_sealing_goes_on_portion_by_portion(
    owner: Person, stranger: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(owner)
    set_up(stranger)
    monkeypatch.setattr(operations, "PORTION", 1)
    engine = create_engine(database.owner_url, poolclass=NullPool)
    expected = database.value("SELECT count(*) FROM second_factors")
    done = operations.reseal(engine, [NEW, SECRET_KEY])
    assert done.anew + done.already + len(done.lost) == expected
    assert done.anew >= 2
    assert operations.reseal(engine, [SECRET_KEY, NEW]).anew >= 2


def test_what_cannot_be_opened_is_named(owner: Person, database: Database, app_with: AppWith) -> None:
    set_up(owner)
    runner = app_with(replace(database.owner_settings, secret_key=NEW)).test_cli_runner()
    result = runner.invoke(args=["second-factor", "reseal"])
    assert result.exit_code == 1
    assert f"the second factor of user {owner.user_id}" in result.output


def test_sealing_needs_the_owners_login(app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["second-factor", "reseal"])
    assert result.exit_code == 1
    assert "needs the owner's login" in result.output
