"""What other people's texts are cleaned of, and what stays readable."""

from __future__ import annotations

import uuid

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from invoices_app.observability.scrubbing import message_of, scrub, stack_of
from invoices_app.observability.sentry import scrub_event
from tests.support.databases import Database

KEPT = [
    "invoice 9757e929-a686-49b6-8cbe-43ba7167849f of request ecc45436010b4147829d48197d24b4a9 at 12:30:45",
    "KeyError: 'line_items'",
    "'NoneType' object has no attribute 'total'",
    'null value in column "name" of relation "clients" violates not-null constraint',
    'relation "clients" does not exist',
    "/static/js/app.js?v=0123456789ab:12:34",
]
UNSAFE = {
    "to ada.owner+x@mail.example.com now": "to […] now",
    "token HfzitosCmPwJelgr7Y4iwtEqHMWiCTqdXlDOwO4ZyB8": "token […]",
    'invalid input syntax for type uuid: "Ada"': "invalid input syntax for type uuid: […]",
    "ratelimit 60 per 1 minute (203.0.113.9) exceeded": "ratelimit 60 per 1 minute ([…]) exceeded",
    "from 2001:db8:0:1:2:3:4:5": "from […]",
    "from fe80::1": "from […]",
}


@pytest.mark.parametrize("text", KEPT)
def test_what_helps_stays(text: str) -> None:
    assert scrub(text) == text


@pytest.mark.parametrize(("text", "clean"), UNSAFE.items())
def test_what_is_personal_goes(text: str, clean: str) -> None:
    assert scrub(text) == clean


def test_what_this_request_carried_goes(app: Flask) -> None:
    client = str(uuid.uuid4())
    form = {"name": "Ada Lovelace", "client_id": client, "quantity": "7"}
    with app.test_request_context("/clients?q=Babbage", method="POST", data=form):
        message = message_of(ValueError(f"Ada Lovelace and Babbage have 7 of {client}"))
    assert message == f"[…] and […] have 7 of {client}"


def test_a_row_that_the_database_quotes_goes(database: Database) -> None:
    """Its second line holds the row that it refused."""
    name = "Ada Lovelace"
    with database.as_superuser() as connection, pytest.raises(psycopg.errors.NotNullViolation) as caught:
        connection.execute("INSERT INTO users (id, name) VALUES (gen_random_uuid(), %s)", [name])
    assert name in str(caught.value)
    error = IntegrityError("INSERT ...", {"name": name}, caught.value)
    error.__cause__ = caught.value
    assert "violates not-null constraint" in message_of(error)
    for text in (message_of(error), stack_of(error)):
        assert "Ada" not in text
    assert "NotNullViolation" in stack_of(error)
    assert "test_scrubbing.py" in stack_of(error)


def test_an_event_keeps_no_more_than_we_want_to_know(app: Flask) -> None:
    event = {
        "user": {"id": "42", "email": "ada@example.com", "ip_address": "203.0.113.9", "username": "ada"},
        "request": {
            "method": "POST",
            "url": "https://books.example/password/reset/secret-token",
            "query_string": "q=Ada",
            "headers": {"Cookie": "invoices_session=x", "Authorization": "Bearer x"},
            "cookies": {"invoices_session": "x"},
            "data": {"password": "hush"},
            "env": {"REMOTE_ADDR": "203.0.113.9"},
        },
        "extra": {"anything": "Ada"},
        "logentry": {"message": "refused %s", "formatted": "refused ada@example.com", "params": ["ada@example.com"]},
        "exception": {"values": [{"type": "ValueError", "value": "no ada@example.com\nDETAIL: Ada"}]},
        "spans": [{"description": "SELECT 1", "data": {"db.system": "postgresql", "http.query": "q=Ada"}}],
    }
    with app.test_request_context("/clients?q=Ada", base_url="https://books.example"):
        left = scrub_event(event, {})
    assert left == {
        "user": {"id": "42"},
        "request": {"method": "POST", "url": "https://books.example/clients"},
        "logentry": {"message": "refused […]", "formatted": "refused […]"},
        "exception": {"values": [{"type": "ValueError", "value": "no […]"}]},
        "spans": [{"description": "SELECT 1", "data": {"db.system": "postgresql"}}],
    }
