"""Two businesses whose rows must never meet."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from flask import Flask

from invoices_app import clock
from invoices_app.accounts import team_actions
from invoices_app.accounts.models import AccountToken
from invoices_app.accounts.second_factor_models import PendingLogin, RecoveryCode, SecondFactor
from invoices_app.clients import actions as client_actions
from invoices_app.db.transaction import transaction
from invoices_app.invoices import line_actions
from invoices_app.mail import Letter, post
from tests.support.factories import ORIGIN, line, make_invitation, make_invoice, make_issued, make_logo, pay
from tests.support.imports import BAD_ROW, bring, csv_bytes, some_invoices
from tests.support.people import Cast, make_cast, make_teammate

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def two(app: Flask) -> Cast:
    """Two businesses with rows in every table."""
    cast = make_cast(app)
    for person in (cast.owner, cast.stranger):
        pay(person, make_issued(person), 10)
        make_logo(person)
        with person.acting():
            client_actions.create_client({"name": "With a token"}, uuid.uuid4())
            with transaction() as session:
                post(session, person.email, Letter("Subject", ["Words."]))
                once = {
                    "token_hash": uuid.uuid4().bytes * 2,
                    "user_id": person.user_id,
                    "expires_at": clock.now() + HOUR,
                }
                session.add(AccountToken(**once))
                session.add(PendingLogin(**once, remember=False, password_seen=b"p" * 32))
                session.add(SecondFactor(user_id=person.user_id, sealed_secret=b"s" * 40, set_up_in=person.user_id))
                session.add(RecoveryCode(user_id=person.user_id, code_hash=uuid.uuid4().bytes * 2))
        leaver = make_teammate(person, "Lea Leaver")
        make_invitation(person, "invited@example.com")
        with person.acting():
            team_actions.remove_member(leaver.user_id)
        draft = make_invoice(person)
        with person.acting():
            line_actions.add_lines(draft, [line()], ORIGIN)
        bring(person.browser, csv_bytes([*some_invoices(1), BAD_ROW]))
        person.browser.get("/clients")
    return cast
