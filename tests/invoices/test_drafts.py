"""Writing a draft: header, lines, order, and what the figures do meanwhile."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal

import pytest

from invoices_app.invoices.models import MAX_LINES
from tests.support.factories import line, make_client, make_invoice, read, today
from tests.support.people import Person


def url_of(invoice_id: uuid.UUID) -> str:
    return f"/invoices/{invoice_id}"


def id_in(url: str) -> uuid.UUID:
    return uuid.UUID(url.split("/")[2].partition("#")[0])


def descriptions(person: Person, invoice_id: uuid.UUID) -> list[str]:
    return [found.description for found in read(person, invoice_id).lines]


def line_url(person: Person, invoice_id: uuid.UUID, position: int) -> str:
    return f"{url_of(invoice_id)}/lines/{read(person, invoice_id).lines[position - 1].id}"


def test_what_the_header_leaves_out_is_the_clients(owner: Person) -> None:
    client_id = make_client(owner, currency="USD", payment_terms_days=7)
    owner.browser.get("/invoices/new")
    made = read(owner, id_in(owner.browser.post("/invoices", {"client_id": client_id}).location))
    assert (made.currency, made.issue_date, made.due_date) == ("USD", today(), today() + timedelta(days=7))


def test_what_the_client_leaves_out_is_the_business_own(owner: Person) -> None:
    owner.browser.get("/settings/business")
    changes = {"payment_terms_days": "3", "default_tax_rate": "8.1", "invoice_notes": "Thanks", "currency": "CHF"}
    owner.browser.submit("/settings/business", changes)
    owner.browser.get("/invoices/new")
    sent = {"client_id": make_client(owner), "lines-0-description": "Work", "lines-0-unit_price": "10"}
    made = read(owner, id_in(owner.browser.post("/invoices", sent).location))
    assert (made.currency, made.notes, made.due_date) == ("CHF", "Thanks", today() + timedelta(days=3))
    assert (made.lines[0].tax_rate, made.total) == (Decimal("8.1"), Decimal("10.81"))


def test_emptied_header_fields_take_the_usual_again(owner: Person) -> None:
    client_id = make_client(owner, currency="USD", payment_terms_days=7)
    invoice_id = make_invoice(owner, client_id=client_id, currency="EUR", issue_date=date(2026, 3, 1))
    owner.browser.get(url_of(invoice_id))
    owner.browser.submit(url_of(invoice_id), {"due_date": "", "currency": "", "discount_percent": ""})
    made = read(owner, invoice_id)
    assert (made.currency, made.due_date, made.discount_percent) == ("USD", date(2026, 3, 8), Decimal(0))


@pytest.mark.parametrize("day", ["2199-12-31", "2199-12-01", "1990-01-01"])
def test_the_last_days_that_there_are(owner: Person, day: str) -> None:
    owner.browser.get("/invoices/new")
    made = read(
        owner, id_in(owner.browser.post("/invoices", {"client_id": make_client(owner), "issue_date": day}).location)
    )
    assert made.due_date == min(date.fromisoformat(day) + timedelta(days=30), date(2199, 12, 31))
    owner.browser.post(f"{url_of(made.id)}/duplicate")


def test_several_lines_come_with_the_form_and_blank_ones_do_not_count(owner: Person) -> None:
    owner.browser.get("/invoices/new")
    cells = {
        "lines-0-description": "First",
        "lines-0-unit_price": "2,50",
        "lines-3-description": "Second",
        "lines-3-quantity": "1.5",
        "lines-3-unit_price": "10",
        "lines-3-discount_percent": "50",
    }
    invoice_id = (
        id_in(owner.browser.submit("/invoices", {"client_id": str(make_client(owner)), **cells}).location)
        if False
        else id_in(owner.browser.post("/invoices", {"client_id": make_client(owner), **cells}).location)
    )
    assert [(found.description, found.line_net) for found in read(owner, invoice_id).lines] == [
        ("First", Decimal("2.50")),
        ("Second", Decimal("7.50")),
    ]


def test_a_price_without_a_word_is_asked_about(owner: Person) -> None:
    client_id = make_client(owner)
    owner.browser.get("/invoices/new")
    page = owner.browser.submit("/invoices", {"client_id": str(client_id), "lines-1-unit_price": "5"}, 422)
    assert "Describe what this line is for." in page.alert
    assert "5" in page.typed("lines-0-unit_price") + page.typed("lines-1-unit_price")


def test_the_same_form_twice_makes_one_invoice(owner: Person) -> None:
    client_id = make_client(owner)
    form = owner.browser.get("/invoices/new").form("/invoices")
    first, second = (owner.browser.send("/invoices", {**form.values, "client_id": client_id}, 303) for _ in range(2))
    assert first.location == second.location
    assert len(owner.browser.get("/invoices").row_ids("invoice")) == 1


def test_the_same_line_twice_is_one_line(owner: Person) -> None:
    invoice_id = make_invoice(owner, [])
    url = f"{url_of(invoice_id)}/lines"
    form = owner.browser.get(url_of(invoice_id)).form(url)
    for _ in range(2):
        owner.browser.send(url, {**form.values, "description": "Once"}, 303)
    assert descriptions(owner, invoice_id) == ["Once"]


def test_the_same_copy_of_a_line_twice_is_one(owner: Person) -> None:
    invoice_id = make_invoice(owner)
    url = f"{line_url(owner, invoice_id, 1)}/duplicate"
    form = owner.browser.get(url_of(invoice_id)).form(url)
    for _ in range(2):
        owner.browser.send(url, form.values, 303)
    assert descriptions(owner, invoice_id) == ["Work", "Work"]


def test_the_same_payment_twice_is_one(owner: Person) -> None:
    invoice_id = make_invoice(owner)
    owner.browser.post(f"{url_of(invoice_id)}/issue")
    url = f"{url_of(invoice_id)}/pay"
    form = owner.browser.get(url_of(invoice_id)).form(url)
    for _ in range(2):
        owner.browser.send(url, {**form.values, "amount": "50"}, 303)
    assert read(owner, invoice_id).paid_total == Decimal(50)


def test_the_same_copy_of_an_invoice_twice_is_one(owner: Person) -> None:
    url = url_of(make_invoice(owner))
    form = owner.browser.get(url).form(f"{url}/duplicate")
    first, second = (owner.browser.send(f"{url}/duplicate", form.values, 303).location for _ in range(2))
    assert first == second != url


def test_a_token_that_is_none_counts_as_none(owner: Person) -> None:
    for _ in range(2):
        owner.browser.get("/clients/new")
        owner.browser.post("/clients", {"name": "A", "one_time_token": "not a token"})
    assert len(owner.browser.get("/clients").row_ids("client")) == 2


def test_a_line_behind_another(owner: Person) -> None:
    invoice_id = make_invoice(owner, [line("A"), line("B")])
    after = read(owner, invoice_id).lines[0].id
    owner.browser.get(url_of(invoice_id))
    owner.browser.post(f"{url_of(invoice_id)}/lines", {"description": "Between", "after": after})
    assert descriptions(owner, invoice_id) == ["A", "Between", "B"]


def test_a_line_behind_one_of_another_invoice(owner: Person, stranger: Person) -> None:
    invoice_id = make_invoice(owner)
    for person in (owner, stranger):
        elsewhere = read(person, make_invoice(person)).lines[0].id
        owner.browser.get(url_of(invoice_id))
        owner.browser.post(f"{url_of(invoice_id)}/lines", {"description": "X", "after": elsewhere}, 404)
    page = owner.browser.post(f"{url_of(invoice_id)}/lines", {"description": "X", "after": "last"}, 422)
    assert "That line is not on this invoice." in page.words()
    assert descriptions(owner, invoice_id) == ["Work"]


@pytest.mark.parametrize(
    ("moved", "to", "expected"),
    [(1, 3, "BCA"), (3, 1, "CAB"), (2, 2, "ABC"), (1, 2, "BAC"), (1, 999, "BCA"), (3, 2, "ACB")],
)
def test_moving_lines(owner: Person, moved: int, to: int, expected: str) -> None:
    invoice_id = make_invoice(owner, [line(name) for name in "ABC"])
    owner.browser.get(url_of(invoice_id))
    owner.browser.post(f"{line_url(owner, invoice_id, moved)}/move", {"position": to})
    assert "".join(descriptions(owner, invoice_id)) == expected
    assert [found.position for found in read(owner, invoice_id).lines] == [1, 2, 3]


@pytest.mark.parametrize("position", ["", "0", "-1", "1.5", "NaN", "9" * 400, str(MAX_LINES + 1)])
def test_nowhere_to_move_to(owner: Person, position: str) -> None:
    invoice_id = make_invoice(owner, [line("A"), line("B")])
    owner.browser.post(f"{line_url(owner, invoice_id, 1)}/move", {"position": position}, 422)
    assert descriptions(owner, invoice_id) == ["A", "B"]


def test_deleting_lines_closes_up_and_takes_off_the_total(owner: Person) -> None:
    invoice_id = make_invoice(owner, [line(name, unit_price=10) for name in "ABC"])
    owner.browser.post(f"{line_url(owner, invoice_id, 2)}/delete")
    assert descriptions(owner, invoice_id) == ["A", "C"]
    assert [found.position for found in read(owner, invoice_id).lines] == [1, 2]
    assert read(owner, invoice_id).total == Decimal(24)


def test_deleting_twice_is_harmless_and_editing_what_is_gone_is_told(owner: Person) -> None:
    invoice_id = make_invoice(owner)
    url = line_url(owner, invoice_id, 1)
    owner.browser.post(f"{url}/delete")
    owner.browser.post(f"{url}/delete")
    assert "deleted this line" in owner.browser.post(url, {"description": "Back", "version": "1"}, 409).words()


def test_a_line_under_another_invoice_is_not_found(owner: Person) -> None:
    first, second = make_invoice(owner), make_invoice(owner)
    line_id = read(owner, first).lines[0].id
    for step in ("", "/delete", "/duplicate", "/move"):
        owner.browser.post(f"{url_of(second)}/lines/{line_id}{step}", {"position": "1", "version": "1"}, 404)


def test_the_answer_to_a_changed_line_carries_row_and_totals(owner: Person) -> None:
    invoice_id = make_invoice(owner)
    owner.browser.get(url_of(invoice_id))
    url = line_url(owner, invoice_id, 1)
    page = owner.browser.submit(url, {"quantity": "2"}, 200, htmx=True)
    assert page.amount("invoice-total") == Decimal(240)
    assert page.form(url).values["version"] == "2"


def test_one_field_alone_can_be_sent(owner: Person) -> None:
    invoice_id = make_invoice(owner, [line("Kept", 2, 10, 20, unit="h", discount_percent=5)])
    owner.browser.get(url_of(invoice_id))
    owner.browser.post(line_url(owner, invoice_id, 1), {"unit_price": "20"})
    (found,) = read(owner, invoice_id).lines
    assert (found.description, found.quantity, found.unit, found.discount_percent) == ("Kept", 2, "h", 5)
    assert found.line_net == Decimal(38)


def test_another_business_client_cannot_be_billed(owner: Person, stranger: Person) -> None:
    theirs = str(make_client(stranger))
    invoice_id = make_invoice(owner)
    owner.browser.get("/invoices/new")
    page = owner.browser.post("/invoices", {"client_id": theirs}, 422)
    assert page.error_of("client_id") == "Choose one of your clients."
    owner.browser.get(url_of(invoice_id))
    page = owner.browser.post(url_of(invoice_id), {"client_id": theirs}, 422)
    assert page.error_of("client_id") == "Choose one of your clients."
    assert theirs not in {option.get("value") for option in page.all("option") if "selected" not in option.attrib}


@pytest.mark.parametrize("quantity", ["9999999999", "-9999999999"])
def test_amounts_that_do_not_fit_are_told(owner: Person, quantity: str) -> None:
    huge = {"quantity": quantity, "unit_price": "9999999999.9999"}
    invoice_id = make_invoice(owner)
    url = url_of(invoice_id)
    owner.browser.get(url)
    for target in (f"{url}/lines", line_url(owner, invoice_id, 1)):
        for htmx in (False, True):
            page = owner.browser.post(target, {"description": "Much", **huge}, 422, htmx=htmx)
            assert "would be larger than 999,999,999,999,999" in page.words()
            assert "9999999999.9999" in page.typed("unit_price")
    owner.browser.get("/invoices/new")
    cells = {f"lines-0-{name}": value for name, value in huge.items()}
    sent = {"client_id": make_client(owner), "lines-0-description": "Much", **cells}
    assert "would be larger than" in owner.browser.post("/invoices", sent, 422).words()
    assert read(owner, invoice_id).total == Decimal(120)


def test_no_more_lines_than_there_may_be(owner: Person) -> None:
    invoice_id = make_invoice(owner, [line(str(number)) for number in range(MAX_LINES)])
    token = {"csrf_token": owner.browser.token()}
    for url in (f"{url_of(invoice_id)}/lines", f"{line_url(owner, invoice_id, 1)}/duplicate"):
        answer = owner.browser.open(url, method="POST", data={**token, "description": "One more"})
        assert answer.status_code == 422
        assert "at most 1000 lines" in answer.text
