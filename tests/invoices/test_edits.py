"""Edits of a draft: who sees what of them, what they cost, and how they are taken back."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from invoices_app.invoices import actions, line_actions, rules
from invoices_app.invoices.document import Document, Sheet
from invoices_app.invoices.edits import Origin
from invoices_app.invoices.models import MAX_LINES
from invoices_app.results import Conflict, Invalid, NotFound, Ok
from tests.support.factories import ORIGIN, issue, line, make_client, make_invoice, read, today, value_of
from tests.support.people import Person


def words(person: Person, invoice_id: uuid.UUID) -> str:
    return " ".join(found.description for found in read(person, invoice_id).lines)


def three(person: Person) -> uuid.UUID:
    return make_invoice(person, [line(name) for name in "ABC"])


def id_of(person: Person, invoice_id: uuid.UUID, description: str) -> uuid.UUID:
    return next(found.id for found in read(person, invoice_id).lines if found.description == description)


def undo(person: Person, invoice_id: uuid.UUID) -> Any:
    with person.acting():
        return line_actions.undo(invoice_id, ORIGIN)


def assert_adds_up(shown: Document) -> None:
    lines = [
        rules.Line(found.quantity, found.unit_price, found.tax_rate, found.tax_category, found.discount_percent)
        for found in shown.lines
    ]
    totals = rules.compute(lines, shown.currency, shown.discount_percent)
    assert [found.line_net for found in shown.lines] == list(totals.line_nets)
    assert (shown.subtotal, shown.tax_total, shown.total) == (totals.subtotal, totals.tax_total, totals.total)
    assert [found.position for found in shown.lines] == list(range(1, len(lines) + 1))


# ---- Undo ----


def test_everything_is_taken_back_step_by_step(owner: Person) -> None:
    invoice_id = three(owner)
    before = read(owner, invoice_id)
    a, b = (id_of(owner, invoice_id, name) for name in "AB")
    steps: list[Callable[[], Any]] = [
        lambda: line_actions.change_line(invoice_id, a, {"quantity": Decimal(7), "tax_rate": Decimal(5)}, 1, ORIGIN),
        lambda: line_actions.delete_line(invoice_id, b, ORIGIN),
        lambda: line_actions.move_line(invoice_id, a, 9, ORIGIN),
        lambda: line_actions.duplicate_line(invoice_id, a, ORIGIN),
        lambda: line_actions.add_lines(invoice_id, [line("D"), line("E")], ORIGIN, after=a),
        lambda: actions.update_invoice(invoice_id, {"currency": "JPY", "reference": "PO"}, 1, ORIGIN),
    ]
    seen = []
    for step in steps:
        seen.append([(found.description, found.line_net) for found in read(owner, invoice_id).lines])
        with owner.acting():
            value_of(step())
        assert_adds_up(read(owner, invoice_id))
    for lines in reversed(seen):
        value_of(undo(owner, invoice_id))
        assert_adds_up(read(owner, invoice_id))
        assert [(found.description, found.line_net) for found in read(owner, invoice_id).lines] == lines
    after = read(owner, invoice_id)
    assert (after.currency, after.reference, after.total) == (before.currency, before.reference, before.total)
    assert isinstance(undo(owner, invoice_id), Invalid)


def test_only_ones_own_edits_are_undone(owner: Person, teammate: Person) -> None:
    invoice_id = three(owner)
    with owner.acting():
        value_of(line_actions.delete_line(invoice_id, id_of(owner, invoice_id, "A"), ORIGIN))
    with teammate.acting():
        value_of(line_actions.delete_line(invoice_id, id_of(owner, invoice_id, "C"), ORIGIN))
    value_of(undo(owner, invoice_id))
    assert words(owner, invoice_id) == "A B"
    assert isinstance(undo(owner, invoice_id), Invalid)


def test_undoing_never_overwrites_what_someone_else_wrote_since(owner: Person, teammate: Person) -> None:
    invoice_id = three(owner)
    a = id_of(owner, invoice_id, "A")
    with owner.acting():
        value_of(line_actions.change_line(invoice_id, a, {"quantity": Decimal(2)}, 1, ORIGIN))
    with teammate.acting():
        value_of(line_actions.change_line(invoice_id, a, {"quantity": Decimal(3)}, 2, ORIGIN))
    refusal = undo(owner, invoice_id)
    assert isinstance(refusal, Conflict)
    assert teammate.name in refusal.message
    assert read(owner, invoice_id).lines[0].quantity == 3


def test_nothing_is_undone_after_issue(owner: Person) -> None:
    invoice_id = three(owner)
    with owner.acting():
        value_of(line_actions.delete_line(invoice_id, id_of(owner, invoice_id, "A"), ORIGIN))
    issue(owner, invoice_id)
    assert isinstance(undo(owner, invoice_id), Invalid)
    assert words(owner, invoice_id) == "B C"


def test_nothing_is_issued_that_someone_else_has_changed_unseen(owner: Person, teammate: Person) -> None:
    invoice_id = three(owner)
    url = f"/invoices/{invoice_id}"
    owner.browser.get(url)
    form = owner.browser.get(url).form(f"{url}/issue").values
    teammate.browser.get(url)
    teammate.browser.post(f"{url}/lines/{id_of(owner, invoice_id, 'B')}", {"quantity": "9"})
    page = owner.browser.send(f"{url}/issue", form, 409)
    assert f"{teammate.name} has changed this invoice since you opened it" in page.words()
    owner.browser.get(url)
    for _ in range(2):
        owner.browser.send(f"{url}/issue", owner.browser.page.form(f"{url}/issue").values, 303)
    assert len(owner.browser.get("/invoices?status=sent").row_ids("invoice")) == 1


def test_undo_as_a_plain_form(owner: Person, teammate: Person) -> None:
    invoice_id = three(owner)
    url = f"/invoices/{invoice_id}"
    owner.browser.get(url)
    owner.browser.post(f"{url}/lines/{id_of(owner, invoice_id, 'B')}/delete")
    teammate.browser.get(url)
    assert "nothing of yours" in teammate.browser.submit(f"{url}/undo", status=422).words()
    owner.browser.get(url)
    owner.browser.submit(f"{url}/undo")
    assert words(owner, invoice_id) == "A B C"


# ---- Conflicts ----


def test_what_is_gone_can_be_put_back_with_what_was_typed(owner: Person, teammate: Person) -> None:
    invoice_id = three(owner)
    url = f"/invoices/{invoice_id}"
    line_url = f"{url}/lines/{id_of(owner, invoice_id, 'B')}"
    mine = owner.browser.get(url).form(line_url).values
    teammate.browser.get(url)
    teammate.browser.post(f"{line_url}/delete")
    page = owner.browser.send(line_url, {**mine, "quantity": "12"}, 409)
    assert f"{teammate.name} deleted this line" in page.words()
    owner.browser.submit(f"{line_url}/restore")
    assert words(owner, invoice_id) == "A B C"
    shown = read(owner, invoice_id)
    assert shown.lines[1].quantity == 12
    assert_adds_up(shown)
    owner.browser.send(f"{line_url}/restore", {"csrf_token": owner.browser.token(), "quantity": "13"}, 303)
    assert read(owner, invoice_id).lines[1].quantity == 12


def test_what_an_undo_took_off_can_be_put_back(owner: Person, teammate: Person) -> None:
    """An undo cannot be undone itself, but what another person was writing meanwhile is not lost with it."""
    invoice_id = three(owner)
    with owner.acting():
        value_of(line_actions.add_lines(invoice_id, [{"description": "D"}], ORIGIN))
    added = id_of(owner, invoice_id, "D")
    assert isinstance(undo(owner, invoice_id), Ok)
    assert words(owner, invoice_id) == "A B C"
    with teammate.acting():
        refusal = line_actions.change_line(invoice_id, added, {"quantity": Decimal(5)}, 1, ORIGIN)
        assert isinstance(refusal, Conflict)
        assert refusal.gone
        value_of(line_actions.put_back(invoice_id, added, {"quantity": Decimal(5)}, ORIGIN))
    shown = read(owner, invoice_id)
    assert [line.description for line in shown.lines] == ["A", "B", "C", "D"]
    assert shown.lines[3].quantity == 5
    assert_adds_up(shown)
    assert isinstance(undo(owner, invoice_id), Invalid)


def test_a_line_that_never_was_cannot_be_put_back(owner: Person) -> None:
    invoice_id, other = three(owner), three(owner)
    with owner.acting():
        assert isinstance(line_actions.put_back(invoice_id, uuid.uuid4(), {}, ORIGIN), NotFound)
        theirs = id_of(owner, other, "A")
        value_of(line_actions.delete_line(other, theirs, ORIGIN))
        assert isinstance(line_actions.put_back(invoice_id, theirs, {}, ORIGIN), NotFound)


def test_a_heading_of_two_people(owner: Person, teammate: Person) -> None:
    """Both versions are told by field; keeping mine writes it over theirs, and only what I had changed."""
    invoice_id = three(owner)
    url = f"/invoices/{invoice_id}"
    owner.browser.get(url)
    teammate.browser.get(url)
    teammate.browser.post(url, {"reference": "Theirs", "notes": "Kept"})
    page = owner.browser.post(url, {"reference": "Mine", "client_id": make_client(owner, "Another")}, 409)
    for told in (f"{teammate.name} changed this heading", "Mine", "Theirs", "Another"):
        assert told in page.words()
    values = page.form(url).values  # the form of the choice stands first
    assert "notes" not in values or values["notes"] == "Kept"
    owner.browser.send(url, {"csrf_token": owner.browser.token(), "version": "2", "reference": "Mine"}, 303)
    shown = read(owner, invoice_id)
    assert (shown.reference, shown.notes) == ("Mine", "Kept")


def test_the_same_change_again_is_harmless(owner: Person) -> None:
    """An answer that was lost: the same cell with the version of before."""
    invoice_id = three(owner)
    url = f"/invoices/{invoice_id}/lines/{id_of(owner, invoice_id, 'A')}"
    owner.browser.get(f"/invoices/{invoice_id}")
    for _ in range(2):
        owner.browser.post(url, {"quantity": "4", "version": "1"})
    assert read(owner, invoice_id).lines[0].version == 2


# ---- Limits ----


def test_no_more_lines_than_an_invoice_has(owner: Person) -> None:
    invoice_id = make_invoice(owner, [line()] * (MAX_LINES - 1))
    with owner.acting():
        assert isinstance(line_actions.add_lines(invoice_id, [line(), line()], ORIGIN), Invalid)
        value_of(line_actions.add_lines(invoice_id, [line()], ORIGIN))
        chosen = read(owner, invoice_id).lines[0].id
        assert isinstance(line_actions.duplicate_line(invoice_id, chosen, ORIGIN), Invalid)
        value_of(line_actions.delete_line(invoice_id, chosen, ORIGIN))
        value_of(line_actions.add_lines(invoice_id, [line()], ORIGIN))
        assert isinstance(line_actions.put_back(invoice_id, chosen, {}, ORIGIN), Invalid)


# ---- Dates and terms ----


def test_a_due_date_follows_the_terms_until_it_is_chosen(owner: Person) -> None:
    prompt, slow = make_client(owner, "Prompt", payment_terms_days=7), make_client(owner, "Slow", payment_terms_days=60)
    invoice_id = make_invoice(owner, client_id=prompt, issue_date=date(2026, 3, 1))
    url = f"/invoices/{invoice_id}"

    def write(**values: str) -> date:
        owner.browser.get(url)
        owner.browser.post(url, values)
        return read(owner, invoice_id).due_date

    assert read(owner, invoice_id).due_date == date(2026, 3, 8)
    assert write(issue_date="2026-03-02") == date(2026, 3, 9)
    assert write(client_id=str(slow)) == date(2026, 5, 1)
    assert write(reference="PO") == date(2026, 5, 1)
    assert write(due_date="2026-04-01") == date(2026, 4, 1)
    assert write(issue_date="2026-03-03") == date(2026, 4, 1)
    assert write(due_date="") == date(2026, 5, 2)
    assert write(client_id=str(prompt)) == date(2026, 3, 10)


# ---- The lines of last time ----


def test_last_lines_of_the_client_once_for_a_form(owner: Person) -> None:
    client_id = make_client(owner)
    older = make_invoice(owner, [line("Older")], client_id, issue_date=date(2026, 1, 1))
    newer = make_invoice(owner, [line("Newer", 2, 3), line("And")], client_id, issue_date=date(2026, 1, 2))
    for made in (older, newer):
        issue(owner, made)
    make_invoice(owner, [line("Somebody else's")], make_client(owner, "Another"), issue_date=today())
    invoice_id = make_invoice(owner, [line("First")], client_id)
    url = f"/invoices/{invoice_id}"
    form = owner.browser.get(url).form(f"{url}/lines/repeat").values
    for _ in range(2):
        owner.browser.send(f"{url}/lines/repeat", form, 303)
    assert words(owner, invoice_id) == "First Newer And"
    assert_adds_up(read(owner, invoice_id))
    lonely = f"/invoices/{make_invoice(owner)}"
    owner.browser.get(lonely)
    assert "no other invoice" in owner.browser.submit(f"{lonely}/lines/repeat", status=422).words()


# ---- Many at once ----


def test_eight_at_one_draft(owner: Person, teammate: Person) -> None:
    """Two people with four windows each: no edit is lost or half done, whatever is refused."""
    invoice_id = make_invoice(owner, [line(f"Line {number}") for number in range(6)])
    refused: list[Any] = []

    def work(person: Person, seed: int) -> None:
        dice = random.Random(seed)
        with person.acting():
            for _ in range(12):
                shown = read_here(invoice_id)
                chosen = dice.choice(shown.lines) if shown.lines else None
                at = Origin(today(), uuid.UUID(int=seed), shown.revision)
                match dice.randrange(6) if chosen else 0:
                    case 0:
                        result = line_actions.add_lines(invoice_id, [line("New", dice.randrange(9), 7)], at)
                    case 1:
                        result = line_actions.delete_line(invoice_id, chosen.id, at)
                    case 2:
                        result = line_actions.move_line(invoice_id, chosen.id, dice.randrange(1, 9), at)
                    case 3:
                        result = line_actions.duplicate_line(invoice_id, chosen.id, at)
                    case 4:
                        result = line_actions.undo(invoice_id, at)
                    case _:
                        values = {"unit_price": Decimal(dice.randrange(999)) / 7 // Decimal("0.01") / 100}
                        result = line_actions.change_line(invoice_id, chosen.id, values, chosen.version, at)
                if not isinstance(result, Ok):
                    refused.append(result)
                else:
                    assert isinstance(result.value, Sheet)

    threads = [threading.Thread(target=work, args=(person, seed)) for seed, person in enumerate([owner, teammate] * 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    shown = read(owner, invoice_id)
    assert_adds_up(shown)
    assert all(isinstance(result, Conflict | Invalid | NotFound) for result in refused)
    assert shown.revision >= 8 * 12 - len(refused) - 12  # moves to where a line stands already do not count


def read_here(invoice_id: uuid.UUID) -> Document:
    from invoices_app.invoices.document import document

    return document(invoice_id, today()) or pytest.fail("the draft is gone")
