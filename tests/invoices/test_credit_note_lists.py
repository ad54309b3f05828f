"""Credit notes where invoices are listed and counted."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal

from invoices_app.db.keyset import START
from invoices_app.invoices.export import HEADER, export_batches
from invoices_app.invoices.queries import InvoiceFilters, invoice_page
from tests.invoices.test_corrections import correct, rows
from tests.support.factories import archive, make_client, make_issued, pay, today
from tests.support.people import Person


def test_lists_say_what_it_is(owner: Person) -> None:
    paid, unpaid = make_issued(owner), make_issued(owner)
    pay(owner, paid)
    refund, settled = correct(owner, paid), correct(owner, unpaid)
    found = rows(owner)
    assert {key: row.status_word for key, row in found.items() if row.shown_status != "draft"} == {
        paid: "Credited", unpaid: "Credited", refund.credit_note_id: "To refund", settled.credit_note_id: "Settled",
    }  # fmt: skip
    assert {row.shown_status for row in found.values()} == {"draft", "sent", "paid"}
    assert sum(row.total for row in found.values() if row.number) == 0
    words = owner.browser.get("/invoices").words()
    assert words.count("Credit note") == 3, "two rows, and the tab"
    assert "late" not in words
    with owner.acting():
        ahead = invoice_page(InvoiceFilters(status="overdue"), START, today() + timedelta(days=400)).rows
    assert not [row for row in ahead if row.type_code == 381 or row.id in {paid, unpaid}]


def test_a_list_of_credit_notes_alone(owner: Person) -> None:
    client_id = make_client(owner)
    unpaid, other = (make_issued(owner, client_id=client_id) for _ in range(2))
    pay(owner, other)
    notes = {str(correct(owner, key, with_draft=False).credit_note_id) for key in (unpaid, other)}
    for url in ("/invoices?type=credit", f"/clients/{client_id}?type=credit", "/invoices?type=credit&sort=client"):
        page = owner.browser.get(url)
        assert set(page.row_ids("invoice")) == notes
        assert "archived hidden" not in page.words()
    archive(owner, uuid.UUID(min(notes)))
    assert owner.browser.get("/invoices?type=credit").row_ids("invoice") == [max(notes)]
    assert len(owner.browser.get("/invoices?type=credit&archived=1").row_ids("invoice")) == 2
    assert "/invoices.csv?type=credit" in owner.browser.get("/invoices?type=credit").text
    with owner.acting():
        exported = [row for rows in export_batches(InvoiceFilters(credit_notes=True), today()) for row in rows]
    kind, total = HEADER.index("type_code"), HEADER.index("total")
    assert [(row[kind], row[total]) for row in exported] == [(381, Decimal(-120))]
    owner.browser.get("/invoices?type=debit", 400)


def test_the_dashboard_asks_for_the_refund(owner: Person) -> None:
    paid, unpaid = make_issued(owner), make_issued(owner)
    pay(owner, paid)
    refund = correct(owner, paid, with_draft=False)
    correct(owner, unpaid, with_draft=False)
    page = owner.browser.get("/")
    assert page.row_ids("invoice") == [str(refund.credit_note_id)]
    assert "To refund" in page.words()
    pay(owner, refund.credit_note_id)
    assert "to be refunded" in owner.browser.get("/").words()
