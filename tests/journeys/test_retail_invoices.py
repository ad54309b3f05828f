"""A dozen real invoices, written, issued and printed: every figure to the cent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.journeys.pages import Page, Visitor
from tests.journeys.retail import INVOICES, RetailInvoice

each_invoice = pytest.mark.parametrize("invoice", INVOICES, ids=lambda invoice: invoice.number)


@pytest.fixture(scope="module")
def retailer(base_url: str) -> Iterator[Visitor]:
    with Visitor(base_url) as visitor:
        visitor.register("Online Retail")
        yield visitor


@pytest.fixture(scope="module")
def drafts(retailer: Visitor) -> dict[str, Page]:
    """All of them as drafts, as the page shows them after the last line."""
    clients: dict[str, str] = {}
    pages = {}
    for invoice in INVOICES:
        if invoice.client not in clients:
            clients[invoice.client] = retailer.add_client(name=invoice.client, city=invoice.country).id
        pages[invoice.number] = retailer.write_invoice(
            clients[invoice.client], invoice.lines, issue_date=invoice.day, currency="GBP", reference=invoice.number
        )
    return pages


@pytest.fixture(scope="module")
def issued(retailer: Visitor, drafts: dict[str, Page]) -> dict[str, Page]:
    """All of them issued, in the order of their dates."""
    return {number: retailer.send(page.form("/issue")) for number, page in drafts.items()}


def assert_figures(page: Page, invoice: RetailInvoice) -> None:
    assert page.amount("invoice-subtotal") == invoice.subtotal
    assert page.amount("invoice-tax") == invoice.tax
    assert page.amount("invoice-total") == invoice.total
    nets = [page.amounts(row)[-1] for row in page.rows("line").values()]
    assert nets == invoice.nets


def test_the_fixture_is_what_it_says() -> None:
    sizes = sorted(len(invoice.rows) for invoice in INVOICES)
    assert (len(sizes), sizes[0], sizes[-1]) == (12, 1, 36)


@each_invoice
def test_draft_is_right_to_the_cent_and_has_no_number(drafts: dict[str, Page], invoice: RetailInvoice) -> None:
    page = drafts[invoice.number]
    assert_figures(page, invoice)
    assert page.number == ""
    assert page.invoice_status == "draft"


@each_invoice
def test_issued_is_right_to_the_cent_and_has_a_number(issued: dict[str, Page], invoice: RetailInvoice) -> None:
    page = issued[invoice.number]
    assert_figures(page, invoice)
    assert page.number.startswith(f"INV-{invoice.day.year}-")
    assert page.invoice_status == ("overdue" if invoice.total else "paid")
    assert not page.forms(f"/invoices/{page.id}/lines")


def test_numbers_follow_the_dates_without_a_gap(issued: dict[str, Page]) -> None:
    years: Counter[int] = Counter()
    for invoice in INVOICES:
        years[invoice.day.year] += 1
        assert issued[invoice.number].number == f"INV-{invoice.day.year}-{years[invoice.day.year]:04}"


@each_invoice
def test_print_page_shows_the_same(retailer: Visitor, issued: dict[str, Page], invoice: RetailInvoice) -> None:
    document = issued[invoice.number]
    page = retailer.open(document.link("Print"))
    assert_figures(page, invoice)
    assert page.number == document.number
    assert invoice.day in page.days()
    assert invoice.client in page.text()
    for row in invoice.rows:
        assert " ".join(row["Description"].split()) in page.text()
    assert not list(page.all("nav"))
    assert not list(page.all("form"))


def test_list_shows_the_same_totals(retailer: Visitor, issued: dict[str, Page]) -> None:
    page = retailer.open("/invoices")
    rows = page.rows("invoice")
    assert len(rows) == len(INVOICES)
    for invoice in INVOICES:
        document = issued[invoice.number]
        assert page.amounts(rows[document.id]) == [invoice.total]
        assert document.number in page.text(rows[document.id])


def test_a_date_before_the_last_issued_one_is_refused(retailer: Visitor, issued: dict[str, Page]) -> None:
    client = next(iter(retailer.open("/clients").rows("client")))
    early = retailer.write_invoice(client, INVOICES[2].lines, issue_date="2010-12-01")
    refusal = retailer.send(early.form("/issue"), status=422)
    assert "numbers follow the dates" in refusal.text()
    assert retailer.open(early.path).number == ""
