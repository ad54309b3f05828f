"""The log of everything that people do, at its most talkative: JSON line by line, and nothing secret in it."""

from __future__ import annotations

import uuid

import pytest

from tests.journeys.pages import PASSWORD, Visitor
from tests.observability.conftest import Program

WRONG_PASSWORD = "not my password at all"
TYPED = {
    "name": "Zebulon Quackenbush",
    "address_line1": "77 Nightingale Crescent",
    "tax_id": "GB 999 0000 73",
    "notes": "Pays late, drinks early",
}
DESCRIPTION = "Discreet advice on a delicate matter"
BUSINESS = "Verbena Wickerwork Ltd"


@pytest.fixture(scope="module")
def secrets(program: Program) -> set[str]:
    """All that went over the wire in a journey and has no place in a log."""
    email = f"{uuid.uuid4().hex}@example.com"
    secrets = {PASSWORD, WRONG_PASSWORD, email, BUSINESS, DESCRIPTION, "Ada Verbena", *TYPED.values()}
    with Visitor(program.base_url) as visitor:

        def remember() -> None:
            for cookie in visitor.client.cookies.jar:
                secrets.update({str(cookie.value), max(str(cookie.value).split("."), key=len)})

        page = visitor.register(BUSINESS, email, "Ada Verbena")
        remember()
        visitor.send(page.form("/logout"))
        form = visitor.open("/login").form("/login")
        secrets.add(form.values["csrf_token"])
        visitor.send(form, 422, email=email, password=WRONG_PASSWORD)
        visitor.send(visitor.open("/login").form("/login"), email=email, password=PASSWORD)
        remember()
        client = visitor.add_client(**TYPED)
        draft = visitor.write_invoice(client.id, [{"description": DESCRIPTION, "unit_price": "12345.67"}])
        secrets.add(draft.form("/issue").values["csrf_token"])
        visitor.open("/invoices?q=Discreet+advice")
        visitor.open(f"/clients?q={TYPED['name']}")
        sent = visitor.send(draft.form("/issue"))
        visitor.send(sent.form("/pay"))
        visitor.open(f"/invoices/{uuid.uuid4()}", 404)
        visitor.open("/invoices.csv")
        visitor.post("/clients", {"name": TYPED["name"], "csrf_token": "made up"}, 400)
        visitor.send(visitor.open("/clients/new").form("/clients"), 422, name="", notes=TYPED["notes"])
    with program.database.as_superuser() as connection:
        rows = connection.execute("SELECT encode(token_hash, 'hex') FROM user_sessions").fetchall()
    return secrets | {found for (found,) in rows}


def test_nothing_secret_in_any_line(program: Program, secrets: set[str]) -> None:
    text = program.text
    assert [secret for secret in secrets if secret in text] == []
    assert "Set-Cookie" not in text
    assert "127.0.0.1" not in text


def test_every_line_is_json_with_time_level_and_event(program: Program, secrets: set[str]) -> None:
    lines = program.lines()
    assert len(lines) > 100
    assert all({"timestamp", "level", "event"} <= line.keys() for line in lines)


def test_every_action_and_request_has_its_line(program: Program, secrets: set[str]) -> None:
    """With the outcome, what it took, and who it was."""
    user = program.lines(event="action", action="invoice.paid")[-1]["user"]
    actions = program.lines(event="action", user=user)
    assert [line["action"] for line in actions] == [
        "business.registered",
        "session.opened",
        "client.created",
        "invoice.created",
        "invoice.issued",
        "invoice.paid",
    ]
    figures = {"milliseconds", "sql_statements", "sql_milliseconds", "request_id", "route", "business", "entity_id"}
    assert all(line["outcome"] == "ok" and figures <= line.keys() for line in actions)
    assert all(line["sql_statements"] > 1 and 0 < line["sql_milliseconds"] < line["milliseconds"] for line in actions)
    assert program.lines(event="action", action="session.refused", outcome="invalid", route="accounts.open_session")
    for action in actions:
        (request,) = program.lines(event="request", request_id=action["request_id"])
        assert request["milliseconds"] >= action["milliseconds"]
        assert request["sql_statements"] >= action["sql_statements"]
    ended = {(line["status"], line["outcome"]) for line in program.lines(event="request", user=user)}
    assert {(200, "ok"), (303, "ok"), (404, "not found"), (422, "invalid"), (400, "invalid")} <= ended
