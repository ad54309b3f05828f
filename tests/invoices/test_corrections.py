"""Corrections: a credit note takes an issued invoice back, to the cent and everywhere; what was issued stays."""

from __future__ import annotations

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoices_app.db.keyset import START
from invoices_app.invoices import actions, correction_actions, line_actions, selection_actions, series, status_actions
from invoices_app.invoices.correction_actions import Correction
from invoices_app.invoices.document import Document
from invoices_app.invoices.figures import Figures, figures
from invoices_app.invoices.queries import InvoiceFilters, InvoiceRow, invoice_page
from invoices_app.results import Conflict, Invalid, NotFound, Ok
from tests.support.databases import Database
from tests.support.factories import (
    ORIGIN,
    archive,
    issue,
    line,
    make_client,
    make_invoice,
    make_issued,
    pay,
    read,
    today,
    value_of,
)
from tests.support.people import Cast, Person

YEAR = today().year
SUMS = ("subtotal", "discount_amount", "net_total", "tax_total", "total")
STORED = f"SELECT {', '.join(SUMS)}, amount_due, paid_total, status, type_code FROM invoices WHERE id = %s"


def correct(person: Person, invoice_id: uuid.UUID, reason: str = "", **more: Any) -> Correction:
    with person.acting():
        return value_of(correction_actions.correct_invoice(invoice_id, today(), reason, **more))


def refusal(person: Person, invoice_id: uuid.UUID) -> str:
    with person.acting():
        result = correction_actions.correct_invoice(invoice_id, today())
    assert isinstance(result, Invalid | Conflict), result
    return " ".join(result.sentences()) if isinstance(result, Invalid) else result.message


def kept_figures(person: Person, client_id: uuid.UUID | None = None) -> Figures:
    with person.acting():
        return figures(today(), client_id)


def rows(person: Person, **filters: Any) -> dict[uuid.UUID, InvoiceRow]:
    with person.acting():
        return {row.id: row for row in invoice_page(InvoiceFilters(**filters), START, today()).rows}


def drift(database: Database, person: Person) -> list[Any]:
    with database.as_app(person.business_id, person.user_id) as connection:
        return connection.execute("SELECT * FROM figures_drift()").fetchall()


def test_an_unpaid_invoice(owner: Person, database: Database) -> None:
    invoice_id = make_issued(owner, [line("Work", 2, 50), line("Travel", 1, 33.33, 5)], reference="PO 7")
    made = correct(owner, invoice_id, "Wrong address")
    original, note = read(owner, invoice_id), read(owner, made.credit_note_id)
    assert (note.number, note.type_code, note.issue_date) == (f"INV-{YEAR}-0002", 381, today())
    assert (note.preceding.number, note.preceding.issue_date) == (original.number, original.issue_date)
    assert (original.status, original.status_word, note.status_word) == ("paid", "Credited", "Settled")
    assert original.credited_by.id == note.id
    assert original.replaced_by.id == made.draft_id
    assert note.amount_due == 0
    assert note.notes == "Wrong address"
    stored = dict(
        zip(("original", "note"), (database.ask(STORED, key)[0] for key in (invoice_id, note.id)), strict=True)
    )
    assert stored["original"][:5] == tuple(-value for value in stored["note"][:5])
    assert stored["original"][5] == stored["note"][5] == 0
    assert [(one.quantity, one.line_net, one.tax_rate) for one in note.lines] == [
        (one.quantity, one.line_net, one.tax_rate) for one in original.lines
    ]
    assert drift(database, owner) == []


def test_the_draft_that_opens(owner: Person) -> None:
    invoice_id = make_issued(owner, [line("Work", 2, 50), line("Travel", 1, 30)], reference="PO 7", notes="Thanks")
    made = correct(owner, invoice_id)
    assert made.draft_id is not None
    original, draft = read(owner, invoice_id), read(owner, made.draft_id)
    assert (draft.status, draft.type_code, draft.number, draft.issue_date) == ("draft", 380, None, today())
    assert (draft.reference, draft.notes, draft.total, draft.client_id) == (
        "PO 7", "Thanks", original.total, original.client_id,
    )  # fmt: skip
    assert draft.preceding.number == original.number
    assert issue(owner, made.draft_id) == f"INV-{YEAR}-0003"
    assert "Replaces invoice" in owner.browser.get(f"/invoices/{made.draft_id}/print").words()


def test_only_the_credit_note(owner: Person) -> None:
    invoice_id = make_issued(owner)
    made = correct(owner, invoice_id, with_draft=False)
    assert (made.draft_id, made.opens) == (None, made.credit_note_id)
    assert read(owner, invoice_id).replaced_by is None
    assert set(rows(owner)) == {invoice_id, made.credit_note_id}


@pytest.mark.parametrize(("paid", "left"), [("50", "70"), ("120", "0")])
def test_what_was_paid_is_owed_to_the_client(owner: Person, database: Database, paid: str, left: str) -> None:
    invoice_id = make_issued(owner)
    pay(owner, invoice_id, paid)
    made = correct(owner, invoice_id)
    original, note = read(owner, invoice_id), read(owner, made.credit_note_id)
    assert (original.status, note.status, note.status_word) == ("paid", "sent", "To refund")
    assert (original.set_off, note.set_off, note.amount_due) == (Decimal(left), Decimal(left), Decimal(paid))
    assert original.paid_total == Decimal(paid)
    [money] = kept_figures(owner).currencies
    assert (money.outstanding, money.overdue) == (-Decimal(paid), 0)
    assert sum(money.received.values()) == Decimal(paid)
    pay(owner, made.credit_note_id)
    note = read(owner, made.credit_note_id)
    assert (note.amount_due, note.paid_total, note.status_word) == (0, Decimal(paid), "Settled")
    [money] = kept_figures(owner).currencies
    assert (money.outstanding, money.paid, sum(money.received.values()), sum(money.invoiced.values())) == (0, 0, 0, 0)
    assert drift(database, owner) == []


def test_a_refund_in_two_parts_and_back(owner: Person) -> None:
    invoice_id = make_issued(owner)
    pay(owner, invoice_id)
    note_id = correct(owner, invoice_id).credit_note_id
    page = owner.browser.get(f"/invoices/{note_id}")
    assert "Record refund" in page.words()
    form = owner.browser.form_for(f"/invoices/{note_id}/pay")
    assert form.values["amount"] == "120.00"
    url = f"/invoices/{note_id}/pay"
    page = owner.browser.send(url, {**form.values, "amount": "-20"}, 422)
    assert page.error_of("amount") == "Enter an amount above zero."
    page = owner.browser.send(url, {**form.values, "amount": "120.01"}, 422)
    assert page.error_of("amount") == "Only 120.00 is due on this credit note."
    owner.browser.send(url, {**form.values, "amount": "20"}, 303)
    assert read(owner, note_id).amount_due == 100
    pay(owner, note_id)
    assert read(owner, note_id).amount_due == 0
    with owner.acting():
        assert status_actions.reopen_invoice(note_id).value == -100
        assert status_actions.reopen_invoice(note_id).value == -20
        result = status_actions.reopen_invoice(note_id)
    assert isinstance(result, Invalid)
    assert read(owner, note_id).amount_due == 120


def test_what_was_set_off_is_never_taken_back(owner: Person) -> None:
    invoice_id = make_issued(owner)
    pay(owner, invoice_id, 20)
    note_id = correct(owner, invoice_id).credit_note_id
    with owner.acting():
        of_original, of_note = (status_actions.reopen_invoice(key) for key in (invoice_id, note_id))
    assert isinstance(of_original, Invalid)
    assert of_original.sentences() == [f"This invoice was credited by INV-{YEAR}-0002, so its payments stay."]
    assert isinstance(of_note, Invalid)
    assert of_note.sentences() == ["There is no payment to take back."]
    with owner.acting():
        paid = status_actions.pay_invoice(invoice_id, today(), None, "cash")
    assert isinstance(paid, Invalid)
    assert paid.sentences() == ["Nothing is due on this invoice any more."]


def test_what_cannot_be_corrected(cast: Cast) -> None:
    owner = cast.owner
    draft, issued, hidden = make_invoice(owner), make_issued(owner), make_issued(owner)
    archive(owner, hidden)
    made = correct(owner, issued)
    assert refusal(owner, draft) == correction_actions.IS_DRAFT
    assert refusal(owner, made.credit_note_id) == correction_actions.IS_CREDIT_NOTE
    assert refusal(owner, hidden) == "This invoice is archived; restore it to work on it."
    assert refusal(owner, issued) == f"INV-{YEAR}-0001 was credited by {made.number} already."
    with cast.stranger.acting():
        assert isinstance(correction_actions.correct_invoice(issued, today()), NotFound)
    for key in (draft, made.credit_note_id, hidden, issued):
        owner.browser.get(f"/invoices/{key}")
        assert owner.browser.form_for(f"/invoices/{key}/correct") is None
    assert issue(owner, draft) == f"INV-{YEAR}-0004"


def test_a_draft_token_is_not_used_up_by_a_refusal(owner: Person) -> None:
    token, draft = uuid.uuid4(), make_invoice(owner)
    with owner.acting():
        assert isinstance(correction_actions.correct_invoice(draft, today(), "", token), Invalid)
    issue(owner, draft)
    assert correct(owner, draft, token=token).number == f"INV-{YEAR}-0002"


def test_the_same_form_twice(owner: Person, database: Database) -> None:
    url = f"/invoices/{make_issued(owner)}"
    owner.browser.get(url)
    values = owner.browser.form_for(f"{url}/correct").values
    first, second = (owner.browser.send(f"{url}/correct", values, 303).location for _ in range(2))
    assert first == second
    assert len(rows(owner)) == 3
    owner.browser.get(first)
    owner.browser.send(f"{url}/correct", {**values, "one_time_token": str(uuid.uuid4())}, 409)
    assert len(rows(owner)) == 3


def test_a_replacement_can_be_corrected_itself(owner: Person) -> None:
    first = correct(owner, make_issued(owner))
    issue(owner, first.draft_id)
    second = correct(owner, first.draft_id)
    assert read(owner, second.credit_note_id).preceding.id == first.draft_id
    replaced = read(owner, first.draft_id)
    assert (replaced.credited_by.id, replaced.replaced_by.id) == (second.credit_note_id, second.draft_id)
    assert kept_figures(owner).currencies[0].outstanding == 0


def test_the_print_of_the_original_stays_byte_for_byte(owner: Person) -> None:
    for paid in (None, 50, 120):
        invoice_id = make_issued(owner, [line("Work"), line("More", 3, 0)], reference="PO 7")
        if paid:
            pay(owner, invoice_id, paid)
        before = owner.browser.get(f"/invoices/{invoice_id}/print").text
        made = correct(owner, invoice_id, "Wrong")
        assert owner.browser.get(f"/invoices/{invoice_id}/print").text == before
        issue(owner, made.draft_id)
        assert owner.browser.get(f"/invoices/{invoice_id}/print").text == before
        page = owner.browser.get(f"/invoices/{invoice_id}")
        assert f"Credited by {made.number}" in page.words()
        assert f"/invoices/{made.draft_id}" in page.text
        assert page.amount("invoice-due") == 0


def test_the_sheet_of_a_credit_note(owner: Person) -> None:
    invoice_id = make_issued(owner)
    pay(owner, invoice_id, 50)
    made = correct(owner, invoice_id, "Wrong address")
    for page in (f"/invoices/{made.credit_note_id}", f"/invoices/{made.credit_note_id}/print"):
        shown = owner.browser.get(page)
        words = shown.words()
        for said in (
            "Credit note", f"INV-{YEAR}-0002", f"INV-{YEAR}-0001 of", "Total credited", "To be refunded",
            "Wrong address", f"Set off against INV-{YEAR}-0001",
        ):  # fmt: skip
            assert said in words, said
        for unsaid in ("How to pay", "overdue", "Terms"):
            assert unsaid not in words
        values = {name: shown.amount(f"invoice-{name}") for name in ("subtotal", "tax", "total", "due")}
        assert values == {"subtotal": 100, "tax": 20, "total": 120, "due": 50}


def test_lines_are_not_repeated_from_a_credit_note(owner: Person) -> None:
    client_id = make_client(owner)
    correct(owner, make_issued(owner, [line("Work", 3)], client_id=client_id), with_draft=False)
    draft = make_invoice(owner, [], client_id=client_id)
    with owner.acting():
        value_of(line_actions.repeat_lines(draft, ORIGIN))
    assert [one.quantity for one in read(owner, draft).lines] == [3]


def test_selections(owner: Person) -> None:
    invoice_id, other = make_issued(owner), make_issued(owner)
    pay(owner, invoice_id)
    note_id = correct(owner, invoice_id, with_draft=False).credit_note_id
    with owner.acting():
        copied = selection_actions.duplicate_invoices([other, note_id], today())
        paid = selection_actions.pay_invoices([other, note_id], today())
        alone = actions.duplicate_invoice(note_id, today())
        archived = selection_actions.archive_invoices([invoice_id, note_id])
        restored = selection_actions.restore_invoices([invoice_id, note_id])
    number = f"INV-{YEAR}-0003"
    assert isinstance(copied, Invalid)
    assert copied.sentences() == [f"Credit notes cannot be duplicated: {number}.", "Nothing was changed."]
    assert isinstance(paid, Invalid)
    assert paid.sentences()[0].endswith(f"leave these out: {number}.")
    assert isinstance(alone, Invalid)
    assert isinstance(archived, Ok)
    assert isinstance(restored, Ok)
    assert len(rows(owner)) == 3


def test_numbers_and_their_dates(owner: Person) -> None:
    """A credit note takes the next number of its series, and the date of the last one when that lies ahead."""
    ahead = today() + timedelta(days=20)
    early, late = make_issued(owner), make_issued(owner, issue_date=ahead)
    note = read(owner, correct(owner, early).credit_note_id)
    assert (note.issue_date, note.number) == (ahead, f"INV-{ahead.year}-0003" if ahead.year == YEAR else note.number)
    assert read(owner, correct(owner, late).draft_id).issue_date == ahead
    with owner.acting():
        assert [one.missing for one in series.reports(today())] == [0]


def test_history_says_it(owner: Person) -> None:
    invoice_id = make_issued(owner)
    made = correct(owner, invoice_id, "Wrong address")
    words = owner.browser.get(f"/invoices/{invoice_id}/history").words()
    assert f"credited it by {made.number}, and opened a draft to put it right: “Wrong address”" in words
    words = owner.browser.get(f"/invoices/{made.credit_note_id}/history").words()
    assert f"took INV-{YEAR}-0001 back by this credit note" in words
    words = owner.browser.get(f"/invoices/{made.draft_id}/history").words()
    assert f"made this draft as a copy of INV-{YEAR}-0001" in words


def test_history_of_a_refund(owner: Person) -> None:
    invoice_id = make_issued(owner)
    pay(owner, invoice_id, 50)
    note_id = correct(owner, invoice_id).credit_note_id
    pay(owner, note_id)
    assert (
        "recorded a payment of £50.00 by cash, received" in owner.browser.get(f"/invoices/{invoice_id}/history").words()
    )
    assert "recorded a refund of £50.00 by cash, paid" in owner.browser.get(f"/invoices/{note_id}/history").words()


def test_the_parties_are_those_of_the_invoice(owner: Person, database: Database) -> None:
    client_id = make_client(owner, "Old Name", city="Bath")
    invoice_id = make_issued(owner, client_id=client_id)
    owner.browser.get(f"/clients/{client_id}/edit")
    form = owner.browser.form_for(f"/clients/{client_id}")
    owner.browser.send(f"/clients/{client_id}", {**form.values, "name": "New Name"}, 303)
    made = correct(owner, invoice_id)
    assert read(owner, made.credit_note_id).buyer == read(owner, invoice_id).buyer
    assert read(owner, made.draft_id).buyer.name == "New Name"


AMOUNTS = st.decimals(Decimal(0), Decimal(9999), places=4)
LINES = st.lists(
    st.builds(
        line,
        description=st.just("Work"),
        quantity=st.decimals(Decimal(-99), Decimal(999), places=4),
        unit_price=AMOUNTS,
        tax_rate=st.sampled_from(["0", "5", "7.5", "19", "20"]),
        discount_percent=st.sampled_from(["0", "3.3333", "50", "100"]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=LINES,
    discount=st.sampled_from(["0", "12.5", "33.3333", "100"]),
    currency=st.sampled_from(["GBP", "JPY", "KWD"]),
    share=st.sampled_from(["0", "0.3", "1"]),
)
def test_any_document_and_its_credit_note_come_to_nothing(
    owner: Person, database: Database, lines: list[dict[str, Any]], discount: str, currency: str, share: str
) -> None:
    client_id = make_client(owner)
    values = {"client_id": client_id, "currency": currency, "discount_percent": Decimal(discount)}
    invoice_id = make_issued(owner, lines, **values)
    total = read(owner, invoice_id).total
    paid = round(total * Decimal(share), {"GBP": 2, "JPY": 0, "KWD": 3}[currency])
    if paid:
        pay(owner, invoice_id, paid)
    note_id = correct(owner, invoice_id, with_draft=False).credit_note_id
    original, note = read(owner, invoice_id), read(owner, note_id)
    assert _printed(original) == _printed(note)
    assert note.amount_due == paid
    key = [invoice_id, note_id]
    sums = ", ".join(f"sum({name})" for name in (*SUMS, "amount_due"))
    [found] = database.ask(f"SELECT {sums} FROM invoices WHERE id = ANY (%s)", key)
    assert found == (*[0] * len(SUMS), -paid)
    groups = "SELECT sum(taxable), sum(tax) FROM invoice_taxes WHERE invoice_id = ANY (%s) GROUP BY category, rate"
    assert all(row == (0, 0) for row in database.ask(groups, key))
    assert database.ask("SELECT sum(quantity), sum(line_net) FROM line_items WHERE invoice_id = ANY (%s)", key) == [
        (0, 0)
    ]
    for money in kept_figures(owner, client_id).currencies:
        assert (money.outstanding, sum(money.invoiced.values())) == (-paid, 0)
        assert sum(money.received.values()) == paid
    assert drift(database, owner) == []


def _printed(shown: Document) -> Any:
    lines = [(one.position, one.quantity, one.unit_price, one.line_net, one.tax_rate) for one in shown.lines]
    return [*(getattr(shown, name) for name in SUMS), shown.taxes, lines]
