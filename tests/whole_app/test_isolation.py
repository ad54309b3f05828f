"""Every route with every id of another business, as every role: nothing of theirs is shown or changes."""

from __future__ import annotations

import itertools
import re
import uuid

import pytest
from flask import Flask
from psycopg import sql

from invoices_app.accounts import sessions, team
from invoices_app.accounts.models import Role
from tests.support.browser import HTMX
from tests.support.databases import Database
from tests.support.factories import make_client, make_invitation, make_invoice, make_issued, make_logo, pay, read
from tests.support.people import Person, make_owner, make_teammate
from tests.whole_app.test_routes import ROUTES

SECRET = "Umbrella Secret"
NAMED = [(method, path) for path, methods in ROUTES.items() for method in methods if "_id>" in path]


def rows_of(database: Database, business_id: uuid.UUID) -> dict[str, list[tuple[object, ...]]]:
    """All rows of a tenant in all tables, byte for byte, with the transactions that wrote them."""
    keyed = "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = %s"
    found = {}
    with database.as_superuser() as connection:
        for (name,) in connection.execute(keyed, ["business_id"]).fetchall():
            if name == "user_sessions":
                continue
            query = sql.SQL("SELECT t::text, xmin::text FROM {} t WHERE business_id = %s ORDER BY 1")
            found[name] = connection.execute(query.format(sql.Identifier(name)), [business_id]).fetchall()
        own = "SELECT t::text, xmin::text FROM businesses t WHERE id = %s"
        found["businesses"] = connection.execute(own, [business_id]).fetchall()
    return found


@pytest.fixture(scope="module")
def victim(app: Flask) -> tuple[Person, dict[str, list[str]]]:
    """A business with something of everything, and its ids by the names that routes give them."""
    person = make_owner(app, "Vic Victim", SECRET)
    draft, issued = make_invoice(person, client_id=make_client(person, SECRET)), make_issued(person)
    pay(person, issued, 10)
    make_invitation(person, "invited@example.com")
    with person.acting():
        invitation_ids = [str(one.id) for one in team.invitations()]
    person.browser.get("/clients")
    with person.acting():
        session_ids = [str(one.id) for one in sessions.own_sessions(uuid.uuid4())]
    lines = [str(line.id) for invoice in (draft, issued) for line in read(person, invoice).lines]
    ids = {
        "client_id": [str(make_client(person, SECRET))],
        "invoice_id": [str(draft), str(issued)],
        "line_id": lines[:1] or [str(uuid.uuid4())],
        "logo_id": [str(make_logo(person))],
        "user_id": [str(person.user_id)],
        "invitation_id": invitation_ids,
        "business_id": [str(person.business_id)],
        "archiving_id": [str(uuid.uuid4())],
        "session_id": session_ids,
    }
    return person, ids


@pytest.mark.parametrize("role", list(Role), ids=str)
def test_ids_of_another_business_lead_nowhere(
    app: Flask, database: Database, victim: tuple[Person, dict[str, list[str]]], role: Role
) -> None:
    person, ids = victim
    owner = make_owner(app, "Mal Intruder", "Intruder Ltd")
    browser = make_teammate(owner, "Max Intruder", role).browser
    token = browser.token()
    before = rows_of(database, person.business_id)
    assert ids["session_id"]
    assert all(before[name] for name in ("invoices", "clients", "memberships", "invitations", "audit_events"))
    refusals = {404} if role == Role.OWNER else {403, 404}
    walked = 0
    for method, path in NAMED:
        names = re.findall(r"<(\w+)>", path)
        for chosen in itertools.product(*(ids[name] for name in names)):
            url = path
            for name, value in zip(names, chosen, strict=True):
                url = url.replace(f"<{name}>", value)
            for extra in ({}, HTMX):
                sent = (
                    {"csrf_token": token, "role": "member", "name": "Taken", "version": "1"}
                    if method == "POST"
                    else None
                )
                response = browser.open(url, method=method, data=sent, headers=extra, buffered=True)
                assert response.status_code in refusals, (method, url, response.status_code)
                assert SECRET not in response.text
                walked += 1
    assert walked > 2 * len(NAMED)
    assert rows_of(database, person.business_id) == before
