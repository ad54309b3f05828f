"""The dashboard's page: what is drawn, what stands behind it as a table, where it leads, and what it leaves out."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from xml.etree.ElementTree import Element

import pytest

from invoices_app import clock
from tests.support.browser import Browser
from tests.support.factories import line, make_client, make_invoice, make_issued, pay, today
from tests.support.html import Page
from tests.support.people import Person

SVG = "{http://www.w3.org/2000/svg}"


def charts(page: Page) -> list[Element]:
    return [svg for svg in page.all(f"{SVG}svg") if svg.get("class") == "chart"]


def table_of_months(page: Page, currency: str) -> dict[str, list[Decimal]]:
    """By month, what was invoiced and what was paid."""
    (table,) = [t for t in page.all("table") if f"paid in {currency}, by month" in page.words(t)]
    return {
        page.words(head): [Decimal(str(data.get("value"))) for data in row.iter("data")]
        for row in table.iter("tr")
        for head in row.iter("th")
        if head.get("scope") == "row"
    }


def links(page: Page) -> dict[str, str]:
    return {page.words(link): str(link.get("href")) for link in page.all("a")}


def dashboard(browser: Browser) -> Page:
    return browser.get("/")


def test_only_drafts_draw_no_chart(owner: Person) -> None:
    make_invoice(owner)
    make_invoice(owner, currency="EUR")
    page = dashboard(owner.browser)
    assert "Nothing invoiced yet" in page.words()
    assert not charts(page)
    assert "Owed to you" not in page.words()


def test_the_table_behind_the_chart_has_its_figures(owner: Person) -> None:
    first = today().replace(day=1)
    last_month = first - timedelta(days=1)
    make_issued(owner, issue_date=last_month, due_date=today())
    pay(owner, make_issued(owner, [line(quantity=2)], issue_date=today()), 50)
    page = dashboard(owner.browser)
    months = table_of_months(page, "GBP")
    assert len(months) == 12
    assert months[first.strftime("%B %Y")] == [Decimal(240), Decimal(50)]
    assert months[last_month.strftime("%B %Y")] == [Decimal(120), Decimal(0)]
    assert len(charts(page)) == 1
    assert charts(page)[0].get("aria-hidden") == "true"


@pytest.mark.parametrize(
    ("now", "first", "last"),
    [
        (date(2027, 1, 1), "February 2026", "January 2027"),
        (date(2026, 12, 31), "January 2026", "December 2026"),
        (date(2027, 2, 28), "March 2026", "February 2027"),
    ],
)
def test_the_twelve_months_at_the_change_of_a_year(
    owner: Person, monkeypatch: pytest.MonkeyPatch, now: date, first: str, last: str
) -> None:
    make_issued(owner, issue_date=today() - timedelta(days=5), due_date=today() + timedelta(days=700))
    browser = owner.signed_in_browser()
    monkeypatch.setattr(clock, "today", lambda _time_zone: now)
    page = dashboard(browser)
    months = list(table_of_months(page, "GBP"))
    assert (months[0], months[-1]) == (first, last)
    assert f"Paid in {last.partition(' ')[0]}" in page.words()


def test_the_month_before_january_is_december(owner: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    make_issued(owner)
    browser = owner.signed_in_browser()
    next_year = date(today().year + 1, 1, 2)
    monkeypatch.setattr(clock, "today", lambda _time_zone: next_year)
    words = dashboard(browser).words()
    assert "Paid in January£0.00" in words
    assert "Paid in December£0.00" in words


def test_a_month_of_credit_notes_is_drawn_below_the_line(owner: Person) -> None:
    make_issued(owner, [line(quantity=-3)])
    page = dashboard(owner.browser)
    base = next(float(str(at.get("y1"))) for at in charts(page)[0].iter(f"{SVG}line") if at.get("class") == "base")
    bars = [bar for bar in charts(page)[0].iter(f"{SVG}rect") if float(str(bar.get("height")))]
    assert [float(str(bar.get("y"))) for bar in bars] == [base]
    assert all(float(str(bar.get(name))) >= 0 for bar in bars for name in ("x", "y", "width", "height"))


def test_three_currencies_are_drawn_and_the_others_are_tables(owner: Person) -> None:
    currencies = ("GBP", "EUR", "USD", "JPY", "KWD")
    for place, currency in enumerate(currencies):
        make_issued(owner, [line(unit_price=5000 - place * 1000, tax_rate=0)], currency=currency)
    page = dashboard(owner.browser)
    assert len(charts(page)) == 3
    assert "Also in JPY, KWD" in page.words()
    for currency in currencies:
        assert len(table_of_months(page, currency)) == 12
    strips = [str(strip.get("aria-label")) for strip in page.all("dl") if strip.get("class", "").startswith("figures")]
    assert strips == [f"Figures in {currency}" for currency in currencies]


def test_what_is_late_leads_to_the_overdue_ones_by_due_date(owner: Person) -> None:
    late = today() - timedelta(days=31)
    make_issued(owner, issue_date=late, due_date=late)
    found = links(dashboard(owner.browser))
    assert found["31–60 days"] == found["All 1 overdue"] == "/invoices?status=overdue&sort=due"
    assert "1–30 days late" not in found
    assert owner.browser.get(found["31–60 days"]).row_ids("invoice")


def test_the_best_clients_lead_to_their_pages(owner: Person) -> None:
    client_id = make_client(owner, "Best & Co")
    make_issued(owner, client_id=client_id)
    assert links(dashboard(owner.browser))["Best & Co"] == f"/clients/{client_id}"


def test_nothing_to_do_is_said(owner: Person) -> None:
    pay(owner, make_issued(owner))
    assert "Nothing is overdue" in dashboard(owner.browser).words()
