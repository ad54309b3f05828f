"""The history: what people did, in words, newest first, a page at a time; never an id or a structure."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoices_app.accounts import audit
from invoices_app.db.transaction import transaction
from invoices_app.invoices import actions, history_words, line_actions, status_actions
from invoices_app.invoices.history import Event
from invoices_app.invoices.history_words import sentences
from invoices_app.web.filters import moment
from tests.support.factories import ORIGIN, archive, line, make_client, make_invoice, pay, read, today, value_of
from tests.support.html import Page
from tests.support.people import Cast, Person
from tests.support.statements import CountStatements

LINE = {"line": str(uuid.uuid4()), "of": "Teapot"}
CLIENTS = {"11111111-1111-4111-8111-111111111111": "Ann & Co", "22222222-2222-4222-8222-222222222222": "Ben Ltd"}
ANN, BEN = CLIENTS

WORDS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "created": ("invoice.created", {"client": ANN, "total": "120"}, ["made this draft for Ann & Co"]),
    "client gone": ("invoice.created", {"client": str(uuid.uuid4())}, ["made this draft for one that is gone"]),
    "price": ("line.changed", {**LINE, "unit_price": ["12", "14.125"]},
              ["changed the price of “Teapot” from €12.00 to €14.125"]),
    "several": ("line.changed", {**LINE, "quantity": ["1", "2.5"], "tax_rate": ["0", "7.5"], "unit": ["", "h"]},
                ["changed the quantity of “Teapot” from 1 to 2.5", "changed the tax of “Teapot” from 0% to 7.5%",
                 "set the unit of “Teapot” to “h”"]),
    "renamed": ("line.changed", {**LINE, "description": ["Teapot", "Tea <pot>"]},
                ["changed the description from “Teapot” to “Tea <pot>”"]),
    "line without a name": ("line.changed", {"line": "x", "quantity": ["1", "2"]},
                            ["changed the quantity of a line from 1 to 2"]),
    "line at a place": ("line.added", {**LINE, "position": 3}, ["added line 3, “Teapot”"]),
    "line added": ("line.added", {**LINE, "description": "Teapot", "quantity": "2", "unit": "h", "unit_price": "12"},
                   ["added the line “Teapot”, 2 h at €12.00"]),
    "deleted": ("line.deleted", {**LINE, "quantity": "2", "unit_price": "12"},
                ["deleted the line “Teapot”, 2 at €12.00"]),
    "moved": ("line.moved", {**LINE, "position": [1, 3]}, ["moved “Teapot” from line 1 to line 3"]),
    "duplicated line": ("line.duplicated", LINE, ["duplicated the line “Teapot”"]),
    "restored line": ("line.restored", LINE, ["put the line “Teapot” back"]),
    "pasted": ("line.pasted", {"lines": [{"description": letter} for letter in "ABCDEFG"]},
               ["added 7 lines: “A”, “B”, “C”, “D”, “E” and 2 more"]),
    "pasted texts": ("line.pasted", {"lines": ["A", "B"]}, ["added 2 lines: “A”, “B”"]),
    "undone": ("edit.undone", {"undone": "line.deleted", "revision": 4}, ["took back the deletion of a line"]),
    "undone something": ("edit.undone", {"undone": "line.blessed"}, ["took back an edit"]),
    "header": ("invoice.changed", {"client_id": [ANN, BEN], "due_date": ["2026-11-22", "2026-12-01"],
                                   "notes": ["a\n b", ""], "discount_percent": ["0", "5"], "currency": ["EUR", "GBP"]},
               ["changed the client from Ann & Co to Ben Ltd",
                "changed the due date from 22 November 2026 to 1 December 2026", "removed the notes, “a b”",
                "changed the discount from 0% to 5%", "changed the currency from “EUR” to “GBP”"]),
    "imported": ("data.imported", {"file": "old.csv", "invoices": 3}, ["imported it from “old.csv”"]),
    "long": ("invoice.changed", {"notes": ["", "x" * 200]}, [f"set the notes to “{'x' * 80}…”"]),
    "issued": ("invoice.issued", {"number": "INV-2026-0004", "total": "120"},
               ["issued it as INV-2026-0004, €120.00 in total"]),
    "paid": ("invoice.paid", {"amount": "20", "paid_on": "2026-11-03", "method": "bank_transfer"},
             ["recorded a payment of €20.00 by bank transfer, received 3 November 2026"]),
    "paid back": ("invoice.paid", {"amount": "-20", "method": "other"}, ["recorded a refund of €20.00"]),
    "reopened": ("invoice.reopened", {"amount": "20"}, ["took the last payment back, €20.00"]),
    "archived": ("invoice.archived", {}, ["archived it"]),
    "restored": ("invoice.restored", {}, ["brought it back from the archive"]),
    "credited": ("invoice.credited", {"credit_note": BEN, "draft": None, "reason": "Wrong"},
                 ["credited it by Ben Ltd: “Wrong”"]),
    "credited and put right": ("invoice.credited", {"credit_note": BEN, "draft": BEN, "reason": ""},
                               ["credited it by Ben Ltd, and opened a draft to put it right"]),
    "credits": ("invoice.credits", {"from": BEN, "reason": "Wrong"},
                ["took Ben Ltd back by this credit note: “Wrong”"]),
    "copied": ("invoice.duplicated", {"from": BEN}, ["made this draft as a copy of Ben Ltd"]),
    "client": ("client.changed", {"payment_terms_days": [None, 14], "tax_id": ["A1", "B2"], "name": ["A", "B"]},
               ["set the payment terms to 14 days", "changed the tax id from “A1” to “B2”",
                "changed the name from “A” to “B”"]),
    "settings": ("business.changed", {"city": ["Bath", ""], "logo_id": [None, ANN]},
                 ["removed the city, “Bath”", "changed the logo"]),
    "no logo": ("business.changed", {"logo_id": [ANN, None]}, ["removed the logo"]),
    "seeded": ("business.seeded", {"invoices": 1000}, ["had 1000 invoices made"]),
    "invited": ("member.invited", {"email": "a@b.example", "role": "owner"}, ["invited a@b.example as owner"]),
    "joined": ("member.joined", {"role": "member"}, ["joined as member"]),
    "role": ("member.role_changed", {"role": ["member", "owner"]}, ["changed a role from member to owner"]),
    "removed": ("member.removed", {"name": "Tom <b>", "role": "owner"}, ["removed Tom <b> from the team"]),
    "invited again": ("invitation.resent", {"email": "a@b.example"}, ["sent the invitation to a@b.example again"]),
    "withdrawn": ("invitation.withdrawn", {"email": "a@b.example"}, ["withdrew the invitation to a@b.example"]),
    "signed in": ("session.opened", {}, ["signed in"]),
    "signed out": ("session.ended", {"device": "Firefox on Linux"}, ["signed out Firefox on Linux"]),
    "password": ("password.changed", {}, ["changed the password"]),
    "email": ("email.changed", {"email": ["a@b.example", "c@d.example"]},
              ["changed the email from “a@b.example” to “c@d.example”"]),
    "keys": ("user.changed", {"single_keys": [True, False]}, ["changed the use of single keys from yes to no"]),
    "unknown": ("line.was_blessed", {"secret": {"id": ANN}, "by": [1, 2]}, ["did “line was blessed”"]),
    "unknown field": ("invoice.changed", {"odd_thing": [{"a": 1}, ["b"]], "kind": [True, False]},
                      ["emptied the odd thing", "changed the kind from yes to no"]),
    "nothing": ("invoice.changed", {}, ["changed nothing that is shown"]),
    "odd amount": ("invoice.paid", {"amount": "a lot"}, ["recorded a payment of “a lot”"]),
}  # fmt: skip


@pytest.mark.parametrize("name", WORDS)
def test_words(name: str) -> None:
    action, changes, said = WORDS[name]
    event = Event(uuid.uuid4(), datetime.now(UTC), "Ann", action, changes)
    assert [str(sentence.striptags()) for sentence in sentences(event, "EUR", CLIENTS)] == said


def test_every_action_has_its_words() -> None:
    """Those whose name stands in the code beside the recording of an event."""
    package = Path(history_words.__file__).parent.parent
    sources = "".join(path.read_text("utf-8") for path in package.rglob("*.py"))
    recorded = set(re.findall(r'(?:record|entry)\(\s*(?:self\._)?session,\s*"([a-z_.]+)"', sources))
    assert len(recorded) > 25
    for action in recorded:
        event = Event(uuid.uuid4(), datetime.now(UTC), "Ann", action, {})
        assert not str(sentences(event, "EUR", {})[0]).startswith("did “"), action


def test_what_people_wrote_is_escaped() -> None:
    event = Event(uuid.uuid4(), datetime.now(UTC), "Ann", "line.deleted", {"of": "<script>"})
    assert "<script>" not in sentences(event, "EUR", {})[0]


def test_amounts_and_days_are_readable_for_machines() -> None:
    event = Event(uuid.uuid4(), datetime.now(UTC), "Ann", "invoice.paid", {"amount": "20", "paid_on": "2026-11-03"})
    (said,) = sentences(event, "JPY", {})
    assert '<data value="20">¥20</data>' in said.replace("JP¥", "¥")
    assert '<time datetime="2026-11-03">' in said


def test_moments_are_where_the_business_is() -> None:
    at = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    shown = '<time datetime="2026-11-23T00:30:00+01:00">23 Nov 2026, 00:30</time>'
    assert moment(at, "Europe/Berlin") == shown


def told(page: Page) -> list[str]:
    """The events on the page, in words, without their moments."""
    items = [page.words(item) for item in page.all("li") if item.get("id") != "more-events"]
    return [re.sub(r"^\d+ \w+ \d{4}, \d\d:\d\d ", "", words) for words in items]


def test_the_life_of_an_invoice(cast: Cast) -> None:
    owner, teammate = cast.owner, cast.teammate
    invoice_id = make_invoice(owner, [line("Teapot", 1, 12)], make_client(owner, "Ann & Co"), currency="EUR")
    teapot = read(owner, invoice_id).lines[0].id
    with teammate.acting():
        value_of(line_actions.change_line(invoice_id, teapot, {"unit_price": Decimal(14)}, 1, ORIGIN))
        value_of(line_actions.add_lines(invoice_id, [line("Cup", 2, 3)], ORIGIN))
        value_of(actions.update_invoice(invoice_id, {"currency": "GBP"}, 1, ORIGIN))
    with owner.acting():
        value_of(line_actions.delete_line(invoice_id, teapot, ORIGIN))
        number = value_of(status_actions.issue_invoice(invoice_id, today()))
    pay(owner, invoice_id, 2)
    archive(owner, invoice_id)
    page = owner.browser.get(f"/invoices/{invoice_id}/history")
    day = f"{today().day} {today():%B %Y}"
    assert told(page) == [
        "Ada Owner archived it",
        f"Ada Owner recorded a payment of £2.00 by cash, received {day}",
        f"Ada Owner issued it as {number}, £7.20 in total",
        "Ada Owner deleted the line “Teapot”, 1 at £14.00",
        "Tom Teammate changed the currency from “EUR” to “GBP”",
        "Tom Teammate added the line “Cup”, 2 at €3.00",
        "Tom Teammate changed the price of “Teapot” from €12.00 to €14.00",
        "Ada Owner made this draft for Ann & Co",
    ]
    assert page.words(next(iter(page.all("title")))).startswith(f"History of {number}")
    assert str(teapot) not in page.text.replace(str(invoice_id), "")


def many_events(person: Person, invoice_id: uuid.UUID, count: int) -> None:
    with person.acting(), transaction() as session:
        for number in range(count):
            audit.record(
                session, "invoice.changed", "invoice", invoice_id, {"reference": [f"R{number}", f"R{number + 1}"]}
            )


def test_pages_follow_each_other(owner: Person) -> None:
    invoice_id = make_invoice(owner)
    many_events(owner, invoice_id, 60)
    url, seen = f"/invoices/{invoice_id}/history", []
    page = owner.browser.get(url)
    while True:
        seen += told(page)
        more = [str(link.get("hx-get")) for link in page.all("a") if "cursor=" in str(link.get("hx-get"))]
        if not more:
            break
        plain = owner.browser.get(more[0])
        assert plain.is_whole
        page = owner.browser.get(more[0], htmx=True)
        assert told(plain)[1:] == told(page)  # besides the way back to the newest
        assert not page.is_whole
    assert len(seen) == 61
    assert seen[0].endswith("from “R59” to “R60”")
    assert seen[-1].endswith("made this draft for A Client")
    assert len(set(seen)) == 61


def test_back_shows_what_had_been_loaded(owner: Person) -> None:
    invoice_id = make_invoice(owner)
    many_events(owner, invoice_id, 60)
    url = f"/invoices/{invoice_id}/history"
    (more,) = [
        str(link.get("hx-get")) for link in owner.browser.get(url).all("a") if "cursor=" in str(link.get("hx-get"))
    ]
    kept = owner.browser.open(more, headers={"HX-Request": "true", "HX-Request-Type": "partial"}).headers[
        "HX-Replace-Url"
    ]
    assert len(told(owner.browser.get(kept))) == 50
    owner.browser.get(f"{url}?cursor=made-up", 400)


def test_statements_do_not_grow(owner: Person, count_statements: CountStatements) -> None:
    few, many = (make_invoice(owner) for _ in range(2))
    with owner.acting(), transaction() as session:
        for _ in range(30):
            ids = [str(uuid.uuid4()) for _ in range(2)]
            audit.record(session, "invoice.changed", "invoice", many, {"client_id": ids})
    owner.browser.get("/clients")
    counts = []
    for invoice_id in (few, many):
        with count_statements() as statements:
            owner.browser.get(f"/invoices/{invoice_id}/history")
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_strangers_find_nothing(cast: Cast) -> None:
    invoice_id, client_id = make_invoice(cast.owner), make_client(cast.owner)
    cast.stranger.browser.get(f"/invoices/{invoice_id}/history", 404)
    cast.stranger.browser.get(f"/clients/{client_id}/history", 404)


def test_history_of_a_client(owner: Person) -> None:
    client_id = make_client(owner, "Ann & Co")
    owner.browser.get(f"/clients/{client_id}/edit")
    owner.browser.submit(f"/clients/{client_id}", {"city": "Bath", "payment_terms_days": "14"})
    owner.browser.get(f"/clients/{client_id}")
    owner.browser.post(f"/clients/{client_id}/archive")
    page = owner.browser.get(f"/clients/{client_id}/history")
    assert told(page)[0] == "Ada Owner archived it"
    assert "set the city to “Bath”" in page.text
    assert "set the payment terms to 14 days" in page.text
    assert told(page)[-1] == "Ada Owner added this client"
