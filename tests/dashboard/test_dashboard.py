"""The dashboard: what is owed, late, paid and drafted, a strip for each currency; and the demo."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from invoices_app.dashboard import queries
from invoices_app.dashboard.queries import Figures
from tests.support.databases import Database
from tests.support.factories import archive, line, make_invoice, make_issued, pay, today
from tests.support.people import Person


def figures(person: Person) -> list[Figures]:
    with person.acting():
        return list(queries.figures(today()))


def test_the_first_steps(owner: Person) -> None:
    page = owner.browser.get("/")
    assert "Welcome, Ada Owner" in page.words()
    assert page.has_form("/demo")


def test_figures_by_currency(owner: Person, stranger: Person) -> None:
    yesterday = today() - timedelta(days=1)
    make_issued(owner, issue_date=yesterday, due_date=yesterday)
    pay(owner, make_issued(owner), 20)
    pay(owner, make_issued(owner, [line(unit_price=50)]))
    make_invoice(owner, [line(unit_price=10)])
    make_invoice(owner, [line(unit_price=1)], currency="EUR")
    archive(owner, make_issued(owner))
    make_issued(stranger)
    pounds, euros = figures(owner)
    assert pounds == Figures("GBP", Decimal(220), Decimal(120), Decimal(60), 1, Decimal(12))
    assert euros == Figures("EUR", Decimal(0), Decimal(0), Decimal(0), 1, Decimal("1.2"))


def test_money_to_pay_back_is_never_late(owner: Person) -> None:
    yesterday = today() - timedelta(days=1)
    make_issued(owner, [line(quantity=-1)], issue_date=yesterday, due_date=yesterday)
    (pounds,) = figures(owner)
    assert (pounds.outstanding, pounds.overdue) == (Decimal(-120), Decimal(0))


def test_latest(owner: Person) -> None:
    rows = [str(make_invoice(owner)) for _ in range(10)]
    assert owner.browser.get("/").row_ids("invoice") == rows[:1:-1]


def test_what_is_due_and_new_as_well(owner: Person) -> None:
    invoice = make_issued(owner)
    assert owner.browser.get("/").row_ids("invoice") == [str(invoice)]


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
