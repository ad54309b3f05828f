"""At the same moment, over real connections: numbers without gaps, one row for one token, one winner of an edit."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from invoices_app import create_app
from invoices_app.clients import actions as client_actions
from invoices_app.extensions import db
from invoices_app.invoices import actions, line_actions, status_actions
from invoices_app.results import Conflict, Ok
from tests.invoices.conftest import THREADS
from tests.support.databases import Database
from tests.support.factories import ORIGIN, make_client, make_invoice, make_issued, read, today
from tests.support.people import Person

INVOICES = 60


def test_sixty_numbers_without_gap_or_duplicate(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    client_id = make_client(owner)
    drafts = [make_invoice(owner, client_id=client_id) for _ in range(INVOICES)]
    results = at_once([lambda draft=draft: status_actions.issue_invoice(draft, today()) for draft in drafts])
    assert all(isinstance(result, Ok) for result in results)
    assert sorted(result.value for result in results) == [
        f"INV-{today().year}-{seq:04}" for seq in range(1, INVOICES + 1)
    ]
    assert sorted(str(read(owner, draft).number) for draft in drafts) == sorted(result.value for result in results)


def test_one_draft_issued_by_all(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    draft = make_invoice(owner)
    results = at_once([lambda: status_actions.issue_invoice(draft, today())] * THREADS)
    assert {result.value for result in results} == {f"INV-{today().year}-0001"}
    assert str(read(owner, make_issued(owner)).number).endswith("-0002")


def test_the_first_numbers_of_a_business(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    """The series and its counter do not exist yet when all come."""
    drafts = [make_invoice(owner) for _ in range(THREADS)]
    results = at_once([lambda draft=draft: status_actions.issue_invoice(draft, today()) for draft in drafts])
    assert sorted(result.value[-1] for result in results) == [str(seq) for seq in range(1, THREADS + 1)]


def test_one_token_makes_one_client(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    token = uuid.uuid4()
    results = at_once([lambda: client_actions.create_client({"name": "Once"}, token)] * THREADS)
    assert len({result.value for result in results}) == 1
    assert len(owner.browser.get("/clients").row_ids("client")) == 1


def test_one_token_makes_one_invoice(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    token, client_id = uuid.uuid4(), make_client(owner)
    results = at_once([lambda: actions.create_invoice({"client_id": client_id}, [], today(), token)] * THREADS)
    assert len({result.value for result in results}) == 1
    assert len(owner.browser.get("/invoices").row_ids("invoice")) == 1


def test_one_token_records_one_payment(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    token, invoice_id = uuid.uuid4(), make_issued(owner)
    results = at_once([lambda: status_actions.pay_invoice(invoice_id, today(), None, "cash", token)] * THREADS)
    assert all(isinstance(result, Ok) for result in results)
    assert len(read(owner, invoice_id).payments) == 1


def test_the_whole_amount_is_paid_once(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    invoice_id = make_issued(owner)
    results = at_once([lambda: status_actions.pay_invoice(invoice_id, today(), None, "cash")] * THREADS)
    assert sum(isinstance(result, Ok) for result in results) == 1
    assert read(owner, invoice_id).amount_due == 0


def test_one_of_two_edits_of_a_line_wins(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    invoice_id = make_invoice(owner)
    line_id = read(owner, invoice_id).lines[0].id
    edits = [
        lambda words=words: line_actions.change_line(invoice_id, line_id, {"description": words}, 1, ORIGIN)
        for words in ("Mine", "Yours")
    ]
    results = at_once(edits)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Ok"]
    winner = "Mine" if isinstance(results[1], Conflict) else "Yours"
    assert read(owner, invoice_id).lines[0].description == winner


def test_lines_added_together_all_stay(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    invoice_id = make_invoice(owner, [])
    values = {"description": "X", "quantity": 1, "unit_price": 1, "tax_rate": None, "discount_percent": 0, "unit": ""}
    at_once([lambda: line_actions.add_lines(invoice_id, [values], ORIGIN)] * 20)
    shown = read(owner, invoice_id)
    assert [line.position for line in shown.lines] == list(range(1, 21))
    assert shown.total == 20


def test_two_edits_over_http(owner: Person, teammate: Person) -> None:
    """One 303, one 409, whichever comes first."""
    invoice_id = make_invoice(owner)
    url = f"/invoices/{invoice_id}/lines/{read(owner, invoice_id).lines[0].id}"
    posts = []
    for person in (owner, teammate):
        form = person.browser.get(f"/invoices/{invoice_id}").form(url)
        posts.append((person.browser, {**form.values, "description": person.name}))
    start = threading.Barrier(2)

    def post(browser: Any, values: dict[str, str]) -> int:
        start.wait(10)
        return int(browser.open(url, method="POST", data=values).status_code)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(post, *zip(*posts, strict=True))) == [303, 409]


def test_a_database_that_is_away_is_told(database: Database, owner: Person) -> None:
    from dataclasses import replace

    away = create_app(replace(database.settings, database_url=database.app_url.set(database="nothing_there")))
    client = away.test_client()
    ready = client.get("/readyz")
    assert (ready.status_code, ready.headers["Retry-After"]) == (503, "5")
    assert client.get("/healthz").status_code == 200
    with client.session_transaction() as session:
        session["_user_id"] = "a token"
    page = client.get("/clients")
    assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
    with away.app_context():
        db.engine.dispose()


def test_apps_share_nothing(app: Flask, owner: Person, stranger: Person) -> None:
    """Scopes of two people at once, on one pool of connections, never mix."""
    mine, theirs = make_invoice(owner), make_invoice(stranger)

    def look(person: Person) -> list[list[str]]:
        return [person.browser.get("/invoices").row_ids("invoice") for _ in range(10)]

    with ThreadPoolExecutor(2) as pool:
        for found, expected in zip(pool.map(look, (owner, stranger)), (mine, theirs), strict=True):
            assert found == [[str(expected)]] * 10
