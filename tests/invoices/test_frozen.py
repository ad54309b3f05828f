"""An issued document stays as it was: for the app, for the owner of the tables, and on paper."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import CheckViolation, InsufficientPrivilege, IntegrityError
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError as WrappedError

from invoices_app.db import constraints
from invoices_app.db.transaction import transaction
from tests.support.databases import Database
from tests.support.factories import line, make_client, make_invoice, make_issued, pay, read
from tests.support.people import Person

Connect = Callable[[], psycopg.Connection]
MAINTENANCE = "SET LOCAL app.maintenance = 'on'"
FREE = {"archived_at", "archiving_id", "internal_notes", "updated_at", "version"}
# Other rules refuse these alone, before it is asked whether they are frozen; some are tried below in company.
REFUSED_BY_OTHER_RULES = {
    "client_id", "discount_amount", "id", "net_total", "paid_on", "paid_total", "preceding_invoice_id", "status",
    "subtotal", "tax_total", "total", "type_code", "wanted_series",
}  # fmt: skip
UNISSUED = """
    seller = NULL, buyer = NULL, number = NULL, seq = NULL, issued_at = NULL, series = '', status = 'draft',
    paid_total = 0
"""
TOGETHER = [
    "subtotal = subtotal + 1, net_total = net_total + 1, total = total + 1",
    "tax_total = tax_total + 1, total = total + 1",
    "discount_amount = 1, net_total = net_total - 1, total = total - 1",
    "total = total + 1, tax_total = tax_total + 1, archived_at = now()",
    UNISSUED,
    "issue_date = issue_date - 1, due_date = due_date + 1",
    "type_code = 381, preceding_invoice_id = id",
]
OTHER_TEXT = "CASE WHEN COALESCE({0}, '') = '' THEN 'x' ELSE left({0}, -1) END"
CHANGED = {
    "uuid": "gen_random_uuid()",
    "text": OTHER_TEXT,
    "character varying": OTHER_TEXT,
    "integer": "{} + 1",
    "smallint": "{} + 1",
    "numeric": "{} + 1",
    "boolean": "NOT {}",
    "date": "COALESCE({}, '2026-01-01') + 1",
    "timestamp with time zone": "COALESCE({}, now()) + interval '1 day'",
    "jsonb": '{} || \'{{"name": "Other"}}\'',
}
ODD = {"currency": "'JPY'", "type_code": "381", "minor_units": "3", "status": "'paid'", "number": "'X'"}
MORE_LINES = """
    INSERT INTO line_items (business_id, id, invoice_id, position, description, line_net)
    VALUES (current_business_id(), uuidv7(), %(issued)s, 9, 'More', 0)
"""
MORE_TAXES = """
    INSERT INTO invoice_taxes (business_id, invoice_id, category, rate, taxable, tax)
    VALUES (current_business_id(), %(issued)s, 'Z', 0, 0, 0)
"""
PARTS = {
    "line_items": [
        "UPDATE line_items SET description = 'Other'",
        "UPDATE line_items SET position = position",
        "UPDATE line_items SET invoice_id = %(draft)s WHERE invoice_id = %(issued)s",
        "UPDATE line_items SET invoice_id = %(issued)s, position = 9 WHERE invoice_id = %(draft)s",
        "DELETE FROM line_items",
        MORE_LINES,
    ],
    "invoice_taxes": [
        "UPDATE invoice_taxes SET tax = tax",
        "DELETE FROM invoice_taxes WHERE invoice_id = %(issued)s",
        MORE_TAXES,
    ],
    "payments": [
        "UPDATE payments SET amount = amount + 1",
        "UPDATE payments SET paid_on = paid_on - 1",
        "UPDATE payments SET method = 'card'",
        "DELETE FROM payments",
    ],
    "invoices": ["DELETE FROM invoices WHERE id = %(issued)s"],
}
EVERY_PART = [(table, statement) for table, statements in PARTS.items() for statement in statements]
TABLES = list(PARTS)


@pytest.fixture
def issued(owner: Person) -> uuid.UUID:
    """Issued, and paid for a part."""
    invoice_id = make_issued(owner, [line("Work", 2, 50)])
    pay(owner, invoice_id, 10)
    return invoice_id


@pytest.fixture(params=["app", "owner"])
def connection(request: pytest.FixtureRequest, owner: Person, database: Database) -> Iterator[psycopg.Connection]:
    """A connection of the app's role, and one of the owner of the tables."""
    as_app = request.param == "app"
    opened = database.as_app(owner.business_id, owner.user_id) if as_app else database.as_owner(owner.business_id)
    with opened:
        yield opened
        opened.rollback()


def columns(database: Database) -> list[tuple[str, str]]:
    return database.ask(
        "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name = 'invoices' AND is_generated = 'NEVER' ORDER BY 1"
    )


def refusal_of(connection: psycopg.Connection, statement: str, values: dict[str, object]) -> str | None:
    """The constraint that refuses a statement, also at commit; None when it may be done."""
    try:
        with connection.transaction(force_rollback=True):
            assert connection.execute(statement.encode(), values).rowcount > 0
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except IntegrityError as error:
        return str(error.diag.constraint_name)
    return None


def test_every_column_but_a_few(connection: psycopg.Connection, database: Database, issued: uuid.UUID) -> None:
    """A column that is added later is frozen, too, unless the migration says otherwise."""
    found: dict[str, str | None] = {}
    for name, kind in columns(database):
        if name == "business_id":
            continue  # row-level security refuses that
        value = ODD.get(name) or CHANGED.get(kind, "{}").format(name)
        value = f"COALESCE({value}, {CHANGED['uuid']})" if kind == "uuid" else value
        found[name] = refusal_of(connection, f"UPDATE invoices SET {name} = {value} WHERE id = %(id)s", {"id": issued})
    assert {name for name, refusal in found.items() if refusal is None} == FREE
    assert {name for name, refusal in found.items() if refusal != "ck_invoices_frozen"} - FREE <= REFUSED_BY_OTHER_RULES


@pytest.mark.parametrize("changes", TOGETHER)
def test_several_at_once(connection: psycopg.Connection, issued: uuid.UUID, changes: str) -> None:
    refusal = refusal_of(connection, f"UPDATE invoices SET {changes} WHERE id = %(id)s", {"id": issued})
    assert refusal == "ck_invoices_frozen"


@pytest.mark.parametrize(("table", "statement"), EVERY_PART)
def test_its_parts(
    connection: psycopg.Connection, owner: Person, issued: uuid.UUID, table: str, statement: str
) -> None:
    values = {"issued": issued, "draft": make_invoice(owner)}
    with pytest.raises((CheckViolation, InsufficientPrivilege)) as refused:
        connection.execute(statement.encode(), values)
    if isinstance(refused.value, CheckViolation):
        assert refused.value.diag.constraint_name == f"ck_{table}_frozen"
    else:
        assert connection.info.user.endswith("_app")
        assert statement.startswith("DELETE FROM")


@pytest.mark.parametrize("table", TABLES)
def test_nothing_is_emptied(owner: Person, database: Database, issued: uuid.UUID, table: str) -> None:
    truncate = sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(table))
    with database.as_owner(owner.business_id) as connection, pytest.raises(CheckViolation, match="never emptied"):
        connection.execute(truncate)
    with database.as_app(owner.business_id) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(truncate)


@pytest.mark.parametrize(("table", "statement"), EVERY_PART)
def test_the_app_cannot_switch_it_off(
    owner: Person, database: Database, issued: uuid.UUID, table: str, statement: str
) -> None:
    values = {"issued": issued, "draft": make_invoice(owner)}
    with database.as_app(owner.business_id) as app:
        app.execute(MAINTENANCE)
        with pytest.raises((CheckViolation, InsufficientPrivilege)):
            app.execute(statement.encode(), values)


def test_the_owner_can_for_one_transaction(owner: Person, database: Database, issued: uuid.UUID) -> None:
    rename = "UPDATE invoices SET reference = 'Repaired' WHERE id = %s"
    with database.as_owner(owner.business_id) as connection:
        connection.execute(MAINTENANCE)
        connection.execute(rename.encode(), [issued])
        connection.execute("UPDATE line_items SET description = 'Repaired' WHERE invoice_id = %s", [issued])
        connection.commit()
        connection.execute("SELECT sign_scope(NULL, %s)", [owner.business_id])
        with pytest.raises(CheckViolation):
            connection.execute(rename.replace("Repaired", "Again").encode(), [issued])
    assert read(owner, issued).reference == "Repaired"


def test_drafts_stay_free(owner: Person, database: Database) -> None:
    draft = make_invoice(owner)
    with database.as_owner(owner.business_id) as connection:
        for table, column in (("line_items", "invoice_id"), ("invoice_taxes", "invoice_id"), ("invoices", "id")):
            delete = sql.SQL("DELETE FROM {} WHERE {} = %s").format(sql.Identifier(table), sql.Identifier(column))
            assert connection.execute(delete, [draft]).rowcount == 1
        connection.rollback()


def test_the_sentence_for_people(owner: Person, issued: uuid.UUID) -> None:
    with owner.acting(), pytest.raises(WrappedError) as refused, transaction() as session:
        session.execute(text("UPDATE invoices SET reference = 'x' WHERE id = :id"), {"id": issued})
    assert constraints.explain(refused.value).sentences() == [
        "This invoice was issued and is frozen; it cannot be edited any more."
    ]


def test_the_print_is_the_same_to_the_byte(owner: Person) -> None:
    """Whatever becomes of the client and the business afterwards."""
    client_id = make_client(owner, "Ann & Co", city="Bath", tax_id="A1", email="ann@example.com")
    invoice_id = make_issued(owner, client_id=client_id)
    before = owner.browser.open(f"/invoices/{invoice_id}/print").data
    owner.browser.get(f"/clients/{client_id}/edit")
    changed = {"name": "Other", "city": "Leeds", "tax_id": "B2", "country": "FR"}
    owner.browser.submit(f"/clients/{client_id}", {**changed, "payment_terms_days": "7", "currency": "JPY"})
    settings = "/settings/business"
    owner.browser.get(settings)
    changed = {"name": "Elsewhere", "legal_name": "E Ltd", "address_line1": "1 Way", "country": "DE", "tax_id": "X"}
    changed |= {"iban": "GB33BUKB20201555555555", "account_name": "E", "payment_details": "Cash", "currency": "USD"}
    owner.browser.submit(settings, {**changed, "default_tax_rate": "7", "payment_terms_days": "3"})
    assert owner.browser.open(f"/invoices/{invoice_id}/print").data == before
    assert b"Ann &amp; Co" in before
