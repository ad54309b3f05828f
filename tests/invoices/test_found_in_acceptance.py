"""What a careless or hostile visitor once got past the forms, so that nobody does again."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from tests.support.factories import archive, issue, line, make_client, make_invoice, make_issued, pay, read, today
from tests.support.people import Person


def test_a_stale_form_is_no_fresh_one_when_its_version_is_left_out(owner: Person) -> None:
    invoice = make_invoice(owner)
    before = read(owner, invoice)
    for url in (f"/invoices/{invoice}", f"/invoices/{invoice}/lines/{before.lines[0].id}"):
        values = {"csrf_token": owner.browser.token(), "reference": "Lost", "description": "Lost"}
        page = owner.browser.send(url, values, 422)
        assert "Reload the page" in page.words()
    assert read(owner, invoice) == before


@pytest.mark.parametrize("version", ["abc", "-1", "0", "1.5", "99999999999"])
def test_a_version_that_is_none_is_told_in_a_sentence(owner: Person, version: str) -> None:
    invoice = make_invoice(owner)
    owner.browser.get(f"/invoices/{invoice}")
    page = owner.browser.submit(f"/invoices/{invoice}", {"version": version, "reference": "Mine"}, 422)
    assert "Enter a whole number" in page.words()
    assert page.typed("reference") == ["Mine"]


@pytest.mark.parametrize(
    ("typed", "price"), [("1,5", "1.5"), ("0,125", "0.125"), ("1.234", "1.234"), ("1234,5", "1234.5")]
)
def test_either_decimal_mark_is_read(owner: Person, typed: str, price: str) -> None:
    invoice = make_invoice(owner, [])
    owner.browser.get(f"/invoices/{invoice}")
    owner.browser.post(f"/invoices/{invoice}/lines", {"description": "Work", "unit_price": typed})
    assert f"{read(owner, invoice).lines[0].unit_price:f}".rstrip("0") == price


@pytest.mark.parametrize("typed", ["1,234", "-12,500", "999,000"])
def test_a_comma_that_may_mean_thousands_is_asked_about(owner: Person, typed: str) -> None:
    invoice = make_invoice(owner, [])
    owner.browser.get(f"/invoices/{invoice}")
    page = owner.browser.post(f"/invoices/{invoice}/lines", {"description": "Work", "quantity": typed}, 422)
    assert "can mean both" in page.words()
    assert not read(owner, invoice).lines


@pytest.mark.parametrize("cell", ["quantity", "unit", "tax_rate", "discount_percent"])
def test_a_new_line_with_anything_in_it_is_not_dropped(owner: Person, cell: str) -> None:
    client = make_client(owner)
    owner.browser.get("/invoices/new")
    page = owner.browser.post("/invoices", {"client_id": client, f"lines-0-{cell}": "5"}, 422)
    assert "Describe what this line is for." in page.words()


def test_a_payment_that_is_refused_keeps_what_was_typed_for_htmx_too(owner: Person) -> None:
    invoice = make_issued(owner)
    owner.browser.get(f"/invoices/{invoice}")
    page = owner.browser.post(f"/invoices/{invoice}/pay", {"amount": "99999"}, 422, htmx=True)
    assert "is due on this invoice" in page.words()
    assert page.typed("amount") == ["99999"]


def test_a_payment_cannot_lie_in_the_future(owner: Person) -> None:
    invoice = make_issued(owner)
    owner.browser.get(f"/invoices/{invoice}")
    page = owner.browser.post(f"/invoices/{invoice}/pay", {"paid_on": today() + timedelta(days=2)}, 422)
    assert "cannot lie in the future" in page.words()
    assert not read(owner, invoice).payments


def test_an_archived_invoice_takes_no_payment_and_gives_none_back(owner: Person) -> None:
    invoice = make_issued(owner)
    pay(owner, invoice, 10)
    archive(owner, invoice)
    for step in ("pay", "reopen"):
        page = owner.browser.post(f"/invoices/{invoice}/{step}", status=422)
        assert "restore it to work on it" in page.words()
    assert read(owner, invoice).paid_total == 10


def test_an_archived_client_gets_no_new_invoice(owner: Person) -> None:
    client = make_client(owner)
    owner.browser.get(f"/clients/{client}")
    owner.browser.post(f"/clients/{client}/archive")
    owner.browser.get("/invoices/new")
    page = owner.browser.post("/invoices", {"client_id": client}, 422)
    assert "This client is archived" in page.words()


def test_a_mistyped_year_does_not_lock_the_series(owner: Person) -> None:
    far = make_invoice(owner, issue_date=today() + timedelta(days=32))
    page = owner.browser.post(f"/invoices/{far}/issue", status=422)
    assert "days ahead" in page.words()
    assert issue(owner, make_invoice(owner)).endswith("-0001")


def test_a_token_of_one_form_says_nothing_about_another(owner: Person) -> None:
    owner.browser.get("/clients/new")
    form = owner.browser.form_for("/clients")
    assert form is not None
    token = form.values["one_time_token"]
    client = owner.browser.post("/clients", {"name": "First"}).location
    page = owner.browser.post("/invoices", {"client_id": client.rpartition("/")[2], "one_time_token": token})
    assert page.location.startswith("/invoices/")
    assert owner.browser.follow(page).words()


def test_an_amount_that_does_not_fit_is_refused_with_a_sentence(owner: Person) -> None:
    invoice = make_invoice(owner, [line()])
    owner.browser.get(f"/invoices/{invoice}")
    huge = {"description": "Huge", "quantity": "9999999999", "unit_price": "9999999999"}
    for htmx in (False, True):
        page = owner.browser.post(f"/invoices/{invoice}/lines", huge, 422, htmx=htmx)
        assert "would be larger than" in page.words()
        assert "9999999999" in page.typed("quantity")


@pytest.mark.parametrize("index", ["²", "9" * 5000, "-1", "x", "999999999999"])
def test_names_of_lines_that_are_no_plain_numbers_do_not_count(owner: Person, index: str) -> None:
    client = make_client(owner)
    owner.browser.get("/invoices/new")
    page = owner.browser.post("/invoices", {"client_id": client, f"lines-{index}-description": "Odd"})
    assert not read(owner, uuid.UUID(page.location.rpartition("/")[2])).lines
