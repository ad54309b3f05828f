"""The database has the last word: with the owner's login, past every check in Python, a wrong document is refused."""

from __future__ import annotations

import pytest
from psycopg.errors import CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation

from tests.support.databases import Database
from tests.support.factories import make_client, make_invoice, make_issued, pay
from tests.support.people import Person

WRONG_TOTALS = [
    "UPDATE invoices SET subtotal = subtotal + 0.01, net_total = net_total + 0.01, total = total + 0.01 WHERE id = %s",
    "UPDATE invoices SET tax_total = tax_total + 0.01, total = total + 0.01 WHERE id = %s",
    "UPDATE invoices SET discount_amount = 1, net_total = net_total - 1, total = total - 1 WHERE id = %s",
    "UPDATE invoices SET discount_percent = 10 WHERE id = %s",
    "UPDATE invoices SET paid_total = 1 WHERE id = %s",
]
REFUSED_AT_ONCE = [
    "UPDATE invoices SET total = total + 1 WHERE id = %s",
    "UPDATE invoices SET net_total = net_total + 1 WHERE id = %s",
    "UPDATE invoices SET number = NULL WHERE id = %s",
    "UPDATE invoices SET status = 'draft' WHERE id = %s",
    "UPDATE invoices SET status = 'paid' WHERE id = %s",
    "UPDATE invoices SET seq = NULL WHERE id = %s",
    "UPDATE invoices SET seller = NULL WHERE id = %s",
    "UPDATE invoices SET issued_at = NULL WHERE id = %s",
    "UPDATE invoices SET series = '' WHERE id = %s",
    "UPDATE invoices SET paid_on = '2026-01-01' WHERE id = %s",
    "UPDATE invoices SET due_date = issue_date - 1 WHERE id = %s",
    "UPDATE invoices SET issue_date = '1989-12-31' WHERE id = %s",
    "UPDATE invoices SET currency = 'eur' WHERE id = %s",
    "UPDATE invoices SET minor_units = 4 WHERE id = %s",
    "UPDATE invoices SET discount_percent = 101 WHERE id = %s",
    "UPDATE invoices SET type_code = 1 WHERE id = %s",
    "UPDATE line_items SET unit_price = -1 WHERE invoice_id = %s",
    "UPDATE line_items SET description = '' WHERE invoice_id = %s",
    "UPDATE line_items SET position = 0 WHERE invoice_id = %s",
    "UPDATE line_items SET tax_category = 'X' WHERE invoice_id = %s",
    "UPDATE line_items SET tax_category = 'Z' WHERE invoice_id = %s",
    "UPDATE line_items SET tax_rate = 100.5 WHERE invoice_id = %s",
    "UPDATE payments SET amount = 0 WHERE invoice_id = %s",
    "UPDATE payments SET method = 'barter' WHERE invoice_id = %s",
]


@pytest.mark.parametrize("statement", WRONG_TOTALS)
def test_sums_are_checked_at_commit(owner: Person, database: Database, statement: str) -> None:
    """Also when what is frozen is repaired."""
    invoice_id = make_issued(owner)
    with database.as_owner(owner.business_id) as connection:
        connection.execute("SET LOCAL app.maintenance = 'on'")
        assert connection.execute(statement.encode(), [invoice_id]).rowcount == 1
        with pytest.raises(CheckViolation, match="does not add up") as refusal:
            connection.commit()
    assert refusal.value.diag.constraint_name == "ck_invoices_totals_add_up"


@pytest.mark.parametrize("statement", REFUSED_AT_ONCE)
def test_rules_of_a_row(owner: Person, database: Database, statement: str) -> None:
    invoice_id = make_issued(owner)
    pay(owner, invoice_id, 10)
    with database.as_owner(owner.business_id) as connection, pytest.raises(CheckViolation):
        connection.execute(statement.encode(), [invoice_id])


@pytest.mark.parametrize(
    "change",
    ["status = 'sent'", "number = 'INV-1'", "seq = 1", "series = 'INV'", "paid_total = 1", "issued_at = now()"],
)
def test_drafts_have_nothing_of_an_issued_one(owner: Person, database: Database, change: str) -> None:
    invoice_id = make_invoice(owner)
    with database.as_owner(owner.business_id) as connection, pytest.raises(CheckViolation):
        connection.execute(f"UPDATE invoices SET {change} WHERE id = %s".encode(), [invoice_id])


@pytest.mark.parametrize("key", ["number", "seq"])
def test_no_number_twice(owner: Person, database: Database, key: str) -> None:
    first, second = make_issued(owner), make_issued(owner)
    copy = f"UPDATE invoices SET {key} = (SELECT {key} FROM invoices WHERE id = %s) WHERE id = %s"
    with database.as_owner(owner.business_id) as connection, pytest.raises(UniqueViolation):
        connection.execute(copy.encode(), [first, second])


def test_no_client_of_another_business(owner: Person, stranger: Person, database: Database) -> None:
    invoice_id, theirs = make_invoice(owner), make_client(stranger)
    with database.as_superuser() as connection, pytest.raises(ForeignKeyViolation):
        connection.execute("UPDATE invoices SET client_id = %s WHERE id = %s", [theirs, invoice_id])


@pytest.mark.parametrize("column", ["client_id", "issue_date", "due_date", "currency", "total", "status"])
def test_nothing_is_left_unsaid(owner: Person, database: Database, column: str) -> None:
    invoice_id = make_invoice(owner)
    with database.as_owner(owner.business_id) as connection, pytest.raises(NotNullViolation):
        connection.execute(f"UPDATE invoices SET {column} = NULL WHERE id = %s".encode(), [invoice_id])


def test_documents_cannot_be_deleted_from_under_their_lines(owner: Person, database: Database) -> None:
    invoice_id = make_invoice(owner)
    with database.as_owner(owner.business_id) as connection, pytest.raises(ForeignKeyViolation):
        connection.execute("DELETE FROM invoices WHERE id = %s", [invoice_id])
