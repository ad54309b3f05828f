"""The dashboard: what is owed, late, paid and drafted, by currency; what waits; the best clients; and the demo."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from invoices_app.dashboard import queries
from invoices_app.invoices import status_actions
from invoices_app.invoices.figures import CurrencyFigures
from invoices_app.web.filters import month_before
from tests.support.databases import Database
from tests.support.factories import archive, line, make_client, make_invoice, make_issued, pay, today
from tests.support.people import Person


def currencies(person: Person) -> list[CurrencyFigures]:
    with person.acting():
        return list(queries.overview(today())[0].currencies)


def best(person: Person) -> list[tuple[str, str, Decimal]]:
    with person.acting():
        return [(client.currency, client.name, client.amount) for client in queries.overview(today())[1]]


def waiting(person: Person) -> list[uuid.UUID]:
    with person.acting():
        return [invoice.id for invoice in queries.to_do(today())]


def days(count: int) -> date:
    """The date that many days from today."""
    return today() + timedelta(days=count)


def make_late(person: Person, by: int, **header: Any) -> uuid.UUID:
    """An issued invoice of 120.00 that many days late. Numbers follow dates, so the latest come first."""
    return make_issued(person, issue_date=days(-by), due_date=days(-by), **header)


def test_the_first_steps(owner: Person) -> None:
    page = owner.browser.get("/")
    assert "Welcome, Ada Owner" in page.words()
    assert page.has_form("/demo")


def test_figures_by_currency(owner: Person, stranger: Person) -> None:
    make_late(owner, 1)
    pay(owner, make_issued(owner), 20)
    pay(owner, make_issued(owner, [line(unit_price=50)]))
    make_invoice(owner, [line(unit_price=10)])
    make_invoice(owner, [line(unit_price=1)], currency="EUR")
    archive(owner, make_issued(owner))
    make_issued(stranger)
    pounds, euros = currencies(owner)
    month = today().replace(day=1)
    assert (pounds.currency, pounds.outstanding, pounds.overdue) == ("GBP", Decimal(220), Decimal(120))
    assert (pounds.draft_count, pounds.drafts, pounds.received_in(month)) == (1, Decimal(12), Decimal(80))
    assert pounds.invoiced[month] + pounds.invoiced.get(month_before(month), 0) == Decimal(420)  # the archived one too
    assert (euros.currency, euros.outstanding, euros.drafts) == ("EUR", Decimal(0), Decimal("1.2"))


def test_currencies_without_minor_units_and_with_three(owner: Person) -> None:
    make_issued(owner, [line(unit_price=1000, tax_rate=10)], currency="JPY")
    make_issued(owner, [line(unit_price="1.005", tax_rate=0)], currency="KWD")
    assert [(money.currency, money.outstanding) for money in currencies(owner)] == [
        ("JPY", Decimal(1100)),
        ("KWD", Decimal("1.005")),
    ]
    words = owner.browser.get("/").words()
    assert "¥1,100" in words
    assert "1.005" in words


def test_a_payment_counts_in_its_month_until_it_is_taken_back(owner: Person) -> None:
    invoice_id = make_issued(owner, issue_date=days(-70), due_date=days(0))
    with owner.acting():
        status_actions.pay_invoice(invoice_id, month_before(today()), Decimal(50), "cash")
        status_actions.pay_invoice(invoice_id, today(), Decimal(30), "cash")
    (pounds,) = currencies(owner)
    this, last = today().replace(day=1), month_before(today())
    assert (pounds.received_in(last), pounds.received_in(this)) == (Decimal(50), Decimal(30))
    assert "Paid in " + last.strftime("%B") + "£50.00" in owner.browser.get("/").words()
    with owner.acting():
        status_actions.reopen_invoice(invoice_id)
    (pounds,) = currencies(owner)
    assert (pounds.received_in(last), pounds.received_in(this), pounds.outstanding) == (Decimal(50), 0, Decimal(70))


@pytest.mark.parametrize(
    ("late", "age"), [(0, 0), (1, 1), (30, 1), (31, 2), (60, 2), (61, 3), (90, 3), (91, 4), (4000, 4)]
)
def test_ageing(owner: Person, late: int, age: int) -> None:
    make_late(owner, late)
    (pounds,) = currencies(owner)
    assert [at for at, amount in enumerate(pounds.ageing) if amount] == [age]
    assert pounds.ageing[age] == Decimal(120)


def test_money_to_pay_back_is_never_late(owner: Person) -> None:
    make_issued(owner, [line(quantity=-1)], issue_date=days(-1), due_date=days(-1))
    (pounds,) = currencies(owner)
    assert (pounds.outstanding, pounds.overdue) == (Decimal(-120), Decimal(0))
    owner.browser.get("/")


def test_to_do_is_late_ones_then_those_due_soon_then_forgotten_drafts(owner: Person, database: Database) -> None:
    later = make_invoice(owner, issue_date=days(-8))
    fresh = make_invoice(owner, issue_date=days(-8))
    oldest, older = make_late(owner, 40), make_late(owner, 3)
    tomorrow, in_a_week, in_8_days = (make_issued(owner, due_date=days(ahead)) for ahead in (1, 7, 8))
    paid, hidden = make_issued(owner, due_date=days(2)), make_issued(owner, due_date=days(2))
    pay(owner, paid)
    archive(owner, hidden)
    with database.as_app(owner.business_id) as connection:
        connection.execute("UPDATE invoices SET created_at = now() - interval '8 days' WHERE id = %s", [later])
    assert waiting(owner) == [oldest, older, tomorrow, in_a_week, later]
    assert {fresh, in_8_days, paid, hidden}.isdisjoint(waiting(owner))
    assert owner.browser.get("/").row_ids("invoice") == [str(invoice_id) for invoice_id in waiting(owner)]


def test_to_do_shows_the_most_urgent(owner: Person) -> None:
    late = [make_late(owner, by) for by in range(20, 9, -1)]
    assert waiting(owner) == late[: queries.TO_DO_ROWS]
    assert "All 11 overdue" in owner.browser.get("/").words()


def test_best_clients_are_exact_before_and_after_figures_are_settled(owner: Person, database: Database) -> None:
    """Some of the best are settled, others are not, and one rises from below all of them."""
    clients = [make_client(owner, f"Client {number}") for number in range(7)]
    for round_of in range(3):
        for number, client_id in enumerate(clients):
            price = 1000 if (round_of, number) == (2, 0) else 10 + number
            make_issued(owner, [line(unit_price=price, tax_rate=0)], client_id=client_id)
        if round_of == 1:
            settle(database, owner)
    expected = [("GBP", "Client 0", Decimal(1020))]
    expected += [("GBP", f"Client {number}", Decimal(3 * (10 + number))) for number in (6, 5, 4, 3)]
    assert best(owner) == expected
    settle(database, owner)
    assert best(owner) == expected


def test_best_clients_of_last_year_as_long_as_this_one_has_none(owner: Person) -> None:
    last_year = date(today().year - 1, 12, 31)
    make_issued(owner, client_id=make_client(owner, "Early Bird"), issue_date=last_year, due_date=today())
    assert best(owner) == [("GBP", "Early Bird", Decimal(120))]
    assert f"Best clients of {last_year.year}" in owner.browser.get("/").words()
    make_issued(owner, client_id=make_client(owner, "New Year"))
    assert best(owner) == [("GBP", "New Year", Decimal(120))]


def settle(database: Database, person: Person) -> None:
    """Let the database settle the figures, as it does when very many rows have gathered."""
    passing = make_client(person, "Passing")
    with database.as_app(person.business_id) as connection:
        for _ in range(101):
            for moment in ("now()", "NULL"):
                connection.execute(f"UPDATE clients SET archived_at = {moment} WHERE id = %s", [passing])
    unsettled = "SELECT count(*) FROM business_figures WHERE business_id = %s AND NOT settled AND client_id IS NOT NULL"
    assert database.value(unsettled, person.business_id) == 0


def test_the_demo_fills_an_empty_business_once(owner: Person, stranger: Person, database: Database) -> None:
    owner.browser.get("/")
    assert owner.browser.submit("/demo").location == "/"
    count = "SELECT count(*) FROM invoices WHERE business_id = %s"
    made = database.value(count, owner.business_id)
    assert made > 30
    assert "This business has invoices already" in owner.browser.post("/demo", {}, 422).words()
    assert database.value(count, owner.business_id) == made
    assert database.value(count, stranger.business_id) == 0
    for state in ("draft", "sent", "overdue", "paid"):
        assert owner.browser.get(f"/invoices?status={state}").row_ids("invoice")
    assert database.value("SELECT name FROM businesses WHERE id = %s", owner.business_id) == "Owner & Sons Ltd"
