"""The client page: what the client owes and has paid, in its own figures; and what can be done from there."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from invoices_app.invoices import status_actions
from tests.support.factories import (
    archive,
    issue,
    line,
    make_client,
    make_invoice,
    make_issued,
    pay,
    today,
    value_of,
)
from tests.support.people import Person


def test_the_balance_is_this_clients_alone(owner: Person) -> None:
    client_id, other = make_client(owner, "Ours"), make_client(owner, "Another")
    yesterday = today() - timedelta(days=1)
    make_issued(owner, client_id=client_id, issue_date=yesterday, due_date=yesterday)
    pay(owner, make_issued(owner, client_id=client_id), 20)
    make_invoice(owner, [line(unit_price=10)], client_id=client_id)
    archive(owner, make_issued(owner, client_id=client_id))
    make_issued(owner, client_id=other)
    page = owner.browser.get(f"/clients/{client_id}")
    assert page.amounts("list-figures") == [Decimal(number) for number in (220, 120, 12, 20)]
    assert f"Paid in {today().year}" in page.words()


def test_each_currency_has_figures_of_its_own(owner: Person) -> None:
    client_id = make_client(owner)
    make_issued(owner, [line(unit_price=1000, tax_rate=0)], client_id=client_id, currency="JPY")
    make_issued(owner, [line(unit_price="1.005", tax_rate=0)], client_id=client_id, currency="KWD")
    page = owner.browser.get(f"/clients/{client_id}")
    yen, dinars = (page.words(strip) for strip in page.by_id("list-figures").iter("dl"))
    assert "¥1,000 Overdue" in yen
    assert "1.005" in dinars
    assert "1.01" not in page.words()


@pytest.mark.parametrize(("years_ago", "paid"), [(0, 120), (1, 0)])
def test_paid_is_of_this_year(owner: Person, years_ago: int, paid: int) -> None:
    client_id = make_client(owner)
    long_ago = date(today().year - 1, 1, 1)
    invoice_id = make_invoice(owner, client_id=client_id, issue_date=long_ago, due_date=long_ago)
    issue(owner, invoice_id)
    paid_on = date(today().year, 1, 1) - timedelta(days=1) if years_ago else date(today().year, 1, 1)
    with owner.acting():
        value_of(status_actions.pay_invoice(invoice_id, paid_on, None, "cash"))
    *_, this_year = owner.browser.get(f"/clients/{client_id}").amounts("list-figures")
    assert this_year == paid


def test_a_new_invoice_for_this_client(owner: Person) -> None:
    client_id = make_client(owner, "Ours", currency="EUR")
    make_client(owner, "Another")
    page = owner.browser.get(f"/clients/{client_id}")
    (link,) = [a.get("href", "") for a in page.all("a") if page.words(a).startswith("New invoice")]
    assert owner.browser.get(link).typed("client_id") == [str(client_id)]


def test_an_archived_client_gets_none_and_can_be_restored(owner: Person) -> None:
    client_id = make_client(owner)
    owner.browser.post(f"/clients/{client_id}/archive")
    page = owner.browser.get(f"/clients/{client_id}")
    assert "New invoice" not in page.words(page.by_id("main"))
    assert page.has_form(f"/clients/{client_id}/restore")


def test_a_client_without_invoices_says_so(owner: Person) -> None:
    client_id = make_client(owner, "Fresh Start")
    assert "No invoices for Fresh Start yet" in owner.browser.get(f"/clients/{client_id}").words()
