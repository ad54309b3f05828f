"""Corrections at the same moment, and what the database itself refuses."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from psycopg.errors import CheckViolation, IntegrityError, UniqueViolation

from invoices_app.invoices import correction_actions, series, status_actions
from invoices_app.results import Conflict, Ok
from tests.invoices.conftest import THREADS
from tests.invoices.test_corrections import YEAR, correct, drift, rows
from tests.support.databases import Database
from tests.support.factories import (
    issue,
    line,
    make_invoice,
    make_issued,
    pay,
    read,
    today,
)
from tests.support.people import Person

# ---- At the same moment ----


def test_one_correction_of_many(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    invoice_id = make_issued(owner)
    results = at_once([lambda: correction_actions.correct_invoice(invoice_id, today())] * THREADS)
    assert sum(isinstance(result, Ok) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == THREADS - 1
    assert issue(owner, make_invoice(owner)) == f"INV-{YEAR}-0003"


def test_one_token_makes_one_correction(owner: Person, at_once: Callable[..., list[Any]]) -> None:
    token, invoice_id = uuid.uuid4(), make_issued(owner)
    results = at_once([lambda: correction_actions.correct_invoice(invoice_id, today(), "", token)] * THREADS)
    assert len({result.value for result in results}) == 1
    assert len(rows(owner)) == 3


def test_corrected_while_it_is_paid(owner: Person, database: Database, at_once: Callable[..., list[Any]]) -> None:
    """Whoever comes first: what was paid is owed back, and nothing is due on the invoice."""
    ids = [make_issued(owner) for _ in range(8)]
    steps: list[Callable[[], Any]] = []
    for key in ids:
        steps.append(lambda key=key: correction_actions.correct_invoice(key, today()))
        steps.append(lambda key=key: status_actions.pay_invoice(key, today(), Decimal(20), "cash"))
        steps.append(lambda key=key: status_actions.reopen_invoice(key))
    at_once(steps)
    for key in ids:
        original = read(owner, key)
        note = read(owner, original.credited_by.id)
        assert original.status == "paid"
        assert note.amount_due == original.paid_total
        assert note.amount_due in {0, 20}
    assert drift(database, owner) == []
    with owner.acting():
        assert all(one.missing == 0 for one in series.reports(today()))


# ---- What the database holds ----


@pytest.fixture
def pair(owner: Person) -> dict[str, uuid.UUID]:
    invoice_id = make_issued(owner)
    pay(owner, invoice_id, 50)
    return {"original": invoice_id, "note": correct(owner, invoice_id).credit_note_id, "draft": make_invoice(owner)}


PAYMENT = """
    INSERT INTO payments (business_id, id, invoice_id, amount, paid_on, method)
    VALUES (current_business_id(), uuidv7(), %({0})s, {1}, current_date, 'credit_note');
"""
PAID = "UPDATE invoices SET paid_total = paid_total + {1} WHERE id = %({0})s;"
REFUSED = {
    "a set-off without credit note": PAYMENT.format("other", 20) + PAID.format("other", 20),
    "a set-off on one side": PAYMENT.format("note", -20) + PAID.format("note", -20),
    "a payment taken back": """
        UPDATE payments SET voided_at = now() WHERE invoice_id = %(original)s AND method = 'cash';
        UPDATE invoices SET paid_total = 70, status = 'sent', paid_on = NULL WHERE id = %(original)s;
    """,
    "a set-off taken back": "UPDATE payments SET voided_at = now() WHERE method = 'credit_note';",
    "a draft": "UPDATE invoices SET type_code = 381, preceding_invoice_id = %(other)s WHERE id = %(draft)s;",
    "a second one": "UPDATE invoices SET type_code = 381, preceding_invoice_id = %(original)s WHERE id = %(draft)s;",
    "one of nothing": "UPDATE invoices SET type_code = 381 WHERE id = %(draft)s;",
    "one of another": "UPDATE invoices SET preceding_invoice_id = %(other)s WHERE id = %(note)s;",
    "an invoice after all": "UPDATE invoices SET type_code = 380 WHERE id = %(note)s;",
}


def execute_all(connection: psycopg.Connection, statements: str, values: dict[str, uuid.UUID]) -> None:
    for statement in filter(str.strip, statements.split(";")):
        connection.execute(statement.encode(), values)
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_database_refuses(owner: Person, database: Database, pair: dict[str, uuid.UUID], name: str) -> None:
    values = {**pair, "other": make_issued(owner)}
    with database.as_app(owner.business_id, owner.user_id) as connection, pytest.raises(IntegrityError) as refused:
        execute_all(connection, REFUSED[name], values)
    assert isinstance(refused.value, CheckViolation | UniqueViolation)
    assert re.search("credit|frozen", str(refused.value.diag.constraint_name))


def test_a_mirror_with_a_crack(owner: Person, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that adds up, but is not that of the invoice."""
    invoice_id = make_issued(owner, [line("A", 1, 10), line("B", 1, 10)])
    names = correction_actions._MIRRORED_OF_LINE  # noqa: SLF001
    monkeypatch.setattr(correction_actions, "_MIRRORED_OF_LINE", tuple(n for n in names if n != "item_number"))
    with database.as_owner(owner.business_id) as connection:
        connection.execute("SET LOCAL app.maintenance = 'on'")
        connection.execute("UPDATE line_items SET item_number = 'X' WHERE invoice_id = %s", [invoice_id])
        connection.commit()
    with owner.acting(), pytest.raises(Exception, match="a line is no mirror"):
        correction_actions.correct_invoice(invoice_id, today())
    assert read(owner, invoice_id).credited_by is None
