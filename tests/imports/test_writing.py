"""What an import writes: everything it was given, as if people had written it, and nothing when it fails."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from invoices_app.accounts import chain
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.imports import writing
from invoices_app.imports.plan import PlannedInvoice
from invoices_app.imports.writing import Writer, Written
from invoices_app.invoices import correction_actions, status_actions
from invoices_app.invoices.document import Document
from tests.support.databases import Database
from tests.support.factories import make_client, make_issued, read, today, value_of
from tests.support.people import Cast, Person
from tests.support.planned import CHOICES, client, invoice, write

IDS = "SELECT id FROM invoices WHERE business_id = %s ORDER BY id"


def documents(person: Person, database: Database) -> list[Document]:
    return [read(person, one) for (one,) in database.ask(IDS, person.business_id)]


def drift(person: Person) -> list[Any]:
    with person.acting():
        return list(db.session.execute(text("SELECT * FROM figures_drift()")))


def test_an_invoice_comes_in_whole(owner: Person, database: Database) -> None:
    buyer = client("Bäckerei Süß", country="DE", city="Köln", email="brot@example.com", payment_terms_days=14)
    details = {
        "reference": "Order 7",
        "purchase_order": "PO 7",
        "notes": "Thanks",
        "internal_notes": "paid late",
        "delivery_date": date(2024, 2, 28),
        "discount_percent": Decimal("2.5"),
    }
    one = invoice("OLD-7", 100, "19.99", client=buyer, paid=50, paid_on=date(2024, 3, 9), **details)
    written = write(owner, [one])
    assert written == Written(
        clients=1, invoices=1, own_numbers=1, lines=2, payments=1, totals={"GBP": one.totals.total}
    )
    [found] = documents(owner, database)
    assert (found.number, found.status, found.currency) == ("OLD-7", "sent", "GBP")
    assert (found.issue_date, found.due_date) == (date(2024, 3, 1), date(2024, 3, 31))
    assert (found.reference, found.purchase_order, found.notes) == ("Order 7", "PO 7", "Thanks")
    assert (found.seller.name, found.buyer.name, found.buyer.country) == ("Owner & Sons Ltd", "Bäckerei Süß", "DE")
    assert [(line.position, line.description, line.line_net) for line in found.lines] == [
        (1, "Thing 1", Decimal(200)),
        (2, "Thing 2", Decimal("39.98")),
    ]
    assert (found.total, found.paid_total) == (one.totals.total, 50)
    assert found.amount_due == one.totals.total - 50
    [payment] = found.payments
    assert (payment.paid_on, payment.amount, payment.method) == (date(2024, 3, 9), 50, "other")
    kept = database.ask(
        "SELECT internal_notes, delivery_date, imported_as, incoming, unit_code, c.payment_terms_days, c.city"
        " FROM invoices i JOIN line_items l ON l.invoice_id = i.id AND l.position = 1"
        " JOIN clients c ON c.id = i.client_id WHERE i.business_id = %s",
        owner.business_id,
    )
    assert kept == [("paid late", date(2024, 2, 28), "OLD-7", False, "HUR", 14, "Köln")]


def test_drafts_sent_paid_and_archived(owner: Person, database: Database) -> None:
    planned = [
        invoice(None, source="draft 1"),
        invoice("1", 10),
        invoice("2", 20, paid="all"),
        invoice("3", 0),
        invoice("4", archived=True, client=client("Gone", archived=True)),
    ]
    written = write(owner, planned)
    assert (written.drafts, written.paid, written.payments, written.invoices) == (1, 2, 1, 5)
    found = {one.number: one for one in documents(owner, database)}
    assert {number: one.status for number, one in found.items()} == {
        None: "draft", "1": "sent", "2": "paid", "3": "paid", "4": "sent",
    }  # fmt: skip
    assert found["2"].paid_on == found["2"].issue_date == date(2024, 3, 1)
    assert found["4"].archived
    archived = "SELECT name FROM clients WHERE business_id = %s AND archived"
    assert database.ask(archived, owner.business_id) == [("Gone",)]


def test_all_that_is_kept_of_them_is_right(owner: Person, database: Database) -> None:
    """Figures, words to find, the chain of the history, lists, totals."""
    make_issued(owner)
    planned = [
        invoice(
            f"N{number}" if number % 3 else None,
            number,
            source=f"s{number}",
            client=client(f"Firm{'abcdefg'[number % 7]}"),
            paid="all" if number % 3 == 1 else 0,
            currency="EUR" if number % 5 else "JPY",
            issue_date=date(2023, 1 + number % 12, 1),
            due_date=date(2024, 1, 1),
        )
        for number in range(1, 61)
    ]
    written = write(owner, planned)
    assert (written.invoices, written.drafts, written.paid, written.clients) == (60, 20, 20, 7)
    sums: dict[str, Decimal] = {}
    for one in planned:
        sums[one.currency] = sums.get(one.currency, Decimal(0)) + one.totals.total
    assert written.totals == sums
    assert drift(owner) == []
    with database.owner_transaction() as connection:
        engine = connection.engine
    with engine.connect() as unbound:
        verdict = chain.verify(unbound, owner.business_id)
    assert verdict.problem is None
    documents_of = "SELECT count(*) FROM search_documents WHERE business_id = %s AND kind = 'invoice'"
    assert database.value(documents_of, owner.business_id) == 61
    wrong = "SELECT count(*) FROM search_documents WHERE business_id = %s AND kind = 'invoice' AND document = ''"
    assert database.value(wrong, owner.business_id) == 0
    page = owner.browser.get("/invoices?q=n16")
    assert "N16" in page.text
    assert len(page.row_ids("invoice")) == 1
    assert len(owner.browser.get("/invoices?q=thing+firmd").row_ids("invoice")) == 9


def test_search_is_what_it_would_be_made_anew(owner: Person, database: Database) -> None:
    write(owner, [invoice("X/007", 1, 2, reference="Ref"), invoice(None, source="y", reference="Only a draft")])
    kept = "SELECT entity_id, document::text FROM search_documents WHERE business_id = %s ORDER BY 1"
    before = database.ask(kept, owner.business_id)
    with database.as_owner(owner.business_id) as connection:
        connection.execute("ALTER TABLE search_documents NO FORCE ROW LEVEL SECURITY")
        connection.execute("UPDATE search_documents SET document = '' WHERE kind = 'invoice'")
        connection.execute("ALTER TABLE search_documents FORCE ROW LEVEL SECURITY")
        connection.execute("SELECT index_invoices(ARRAY(SELECT id FROM invoices))")
        connection.commit()
    assert database.ask(kept, owner.business_id) == before


def test_they_are_frozen(owner: Person, database: Database) -> None:
    write(owner, [invoice("1")])
    for change in ("number = '2'", "imported_as = 'x'", "import_id = NULL", "incoming = true", "total = 1"):
        with database.as_app(owner.business_id) as connection, pytest.raises(Exception, match=r"frozen|check"):
            connection.execute(f"UPDATE invoices SET {change}")
    with database.as_app(owner.business_id) as connection, pytest.raises(Exception, match="frozen"):
        connection.execute("DELETE FROM line_items")


def test_they_can_be_paid_and_corrected(owner: Person, database: Database) -> None:
    write(owner, [invoice("1", 10), invoice("2", 10)])
    first, second = (one for (one,) in database.ask(IDS, owner.business_id))
    with owner.acting():
        value_of(status_actions.pay_invoice(first, today(), None, "cash"))
        value_of(correction_actions.correct_invoice(second, today()))
    statuses = "SELECT status::text, type_code FROM invoices WHERE business_id = %s AND status <> 'draft' ORDER BY id"
    assert database.ask(statuses, owner.business_id) == [("paid", 380), ("paid", 380), ("paid", 381)]
    assert drift(owner) == []


def test_the_same_again_creates_nothing(owner: Person, database: Database) -> None:
    planned = [invoice("1"), invoice(None, source="d"), invoice("2", client=client("Other", email="o@example.com"))]
    write(owner, planned)
    counted = (
        "SELECT (SELECT count(*) FROM invoices WHERE business_id = b),"
        " (SELECT count(*) FROM clients WHERE business_id = b),"
        " (SELECT count(*) FROM line_items WHERE business_id = b) FROM (VALUES (%s::uuid)) AS v (b)"
    )
    before = database.ask(counted, owner.business_id)
    assert before == [(3, 2, 3)]
    assert write(owner, planned) == Written(invoices_skipped=3)
    assert database.ask(counted, owner.business_id) == before


def test_clients_alone(owner: Person, database: Database) -> None:
    make_client(owner, "Known")
    planned = [client("known"), client("New", tax_id="DE 1"), client("Also new", tax_id="de1")]
    assert write(owner, planned) == Written(clients=1, clients_matched=2)
    names = "SELECT name, tax_id FROM clients WHERE business_id = %s ORDER BY id"
    assert database.ask(names, owner.business_id) == [("Known", ""), ("New", "DE 1")]


def test_another_business_has_nothing_of_it(cast: Cast, database: Database) -> None:
    write(cast.owner, [invoice("1")])
    assert database.ask(IDS, cast.stranger.business_id) == []
    assert write(cast.stranger, [invoice("1")]).invoices == 1


def test_its_history_says_who_imported_it_and_from_what(cast: Cast, database: Database) -> None:
    write(cast.teammate, [invoice("1")], file_name="books 2024.csv")
    [(invoice_id,)] = database.ask(IDS, cast.owner.business_id)
    [(client_id,)] = database.ask("SELECT id FROM clients WHERE business_id = %s", cast.owner.business_id)
    for path in (f"/invoices/{invoice_id}/history", f"/clients/{client_id}/history"):
        assert "Tom Teammate imported it from “books 2024.csv”" in cast.owner.browser.get(path).words()
    with cast.owner.acting():
        value_of(status_actions.pay_invoice(invoice_id, today(), None, "cash"))
    told = cast.owner.browser.get(f"/invoices/{invoice_id}/history").words()
    assert told.index("recorded a payment") < told.index("imported it")
    events = "SELECT count(*) FROM audit_events WHERE business_id = %s AND action = 'data.imported'"
    assert database.value(events, cast.owner.business_id) == 1


# ---- All or nothing ----


class CancelledError(Exception):
    """Somebody has had enough of an import."""


def test_whoever_stops_has_written_nothing(owner: Person, database: Database) -> None:
    def cancelled() -> None:
        with owner.acting(), transaction() as session:
            writer = Writer(session, CHOICES, import_id=uuid.uuid4(), file_name="x", today=today())
            writer.write([invoice(f"INV-{today().year}-0001"), invoice("2")])
            raise CancelledError

    with pytest.raises(CancelledError):
        cancelled()
    assert database.ask(IDS, owner.business_id) == []
    assert read(owner, make_issued(owner)).number == f"INV-{today().year}-0001"
    assert drift(owner) == []


def wrong(one: PlannedInvoice, **changes: Any) -> PlannedInvoice:
    return dataclasses.replace(one, totals=dataclasses.replace(one.totals, **changes))


@pytest.mark.parametrize(
    "one",
    [
        wrong(invoice("1"), total=Decimal(1)),
        wrong(invoice("1"), net_total=Decimal(1), total=Decimal(41), subtotal=Decimal(1)),
        wrong(invoice("1"), taxes=()),
        dataclasses.replace(invoice("1"), lines=()),
        dataclasses.replace(invoice("1"), due_date=date(2020, 1, 1)),
    ],
)
def test_what_does_not_add_up_is_refused_at_once(owner: Person, database: Database, one: PlannedInvoice) -> None:
    """The checks of the database are all on, and speak up with their portion, not after hours."""

    def refused() -> None:
        with owner.acting(), transaction() as session:
            writer = Writer(session, CHOICES, import_id=uuid.uuid4(), file_name="x", today=today())
            writer.write([invoice("0")])
            with pytest.raises(IntegrityError) as caught:
                writer.write([one])
            raise caught.value

    with pytest.raises(IntegrityError):
        refused()
    assert database.ask(IDS, owner.business_id) == []


def test_none_stays_half_imported(owner: Person, database: Database) -> None:
    client_id = make_client(owner)
    with database.as_app(owner.business_id) as connection:
        connection.execute(
            "INSERT INTO invoices (business_id, id, client_id, currency, minor_units, issue_date, due_date, incoming)"
            " VALUES (%s, gen_random_uuid(), %s, 'EUR', 2, '2024-01-01', '2024-01-01', true)",
            [owner.business_id, client_id],
        )
        with pytest.raises(Exception, match="left half imported"):
            connection.commit()


# ---- Portions ----


def test_portions_are_neither_long_nor_heavy() -> None:
    planned = [client(str(number)) for number in range(writing.INVOICES_AT_ONCE + 1)]
    assert [len(batch) for batch in writing.batches(planned)] == [writing.INVOICES_AT_ONCE, 1]
    heavy = invoice("1", *range(1, 1001))
    assert [len(batch) for batch in writing.batches([heavy] * 21)] == [10, 10, 1]
    assert list(writing.batches([])) == []


def test_a_portion_costs_the_same_statements_however_long(owner: Person, count_statements: Any) -> None:
    write(owner, [invoice("first")])
    counted = []
    for start, count in ((0, 3), (100, 90)):
        planned = [invoice(f"{start + place}", 1, 2, 3, paid="all") for place in range(count)]
        with count_statements() as statements:
            write(owner, planned)
        counted.append(len(statements))
    assert counted[0] == counted[1] < 40
