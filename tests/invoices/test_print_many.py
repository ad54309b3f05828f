"""Many documents printed as one: each sheet as it is printed alone, with ids of its own, at a constant cost."""

from __future__ import annotations

import uuid
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.factories import archive, line, make_client, make_invoice, make_issued, pay, read
from tests.support.html import Page
from tests.support.people import Person
from tests.support.statements import CountStatements

FIGURES = ("subtotal", "tax", "total")


def url_of(*ids: object) -> str:
    return "/invoices/print?" + "&".join(f"ids={invoice_id}" for invoice_id in ids)


def sheets(page: Page) -> list[str]:
    return [str(sheet.get("id")).removeprefix("sheet-") for sheet in page.all("article")]


def test_each_sheet_as_it_is_printed_alone(owner: Person) -> None:
    lines = [line("Survey", "1.5", "420.00"), line("Books", 2, "6.75", 0)]
    draft = make_invoice(
        owner, lines, client_id=make_client(owner, "Alder & Finch"), discount_percent=10, notes="Thanks"
    )
    issued, hidden = make_issued(owner), make_invoice(owner)
    pay(owner, issued, 20)
    archive(owner, hidden)
    chosen = [issued, hidden, draft]
    many = owner.browser.get(url_of(*chosen))
    assert sheets(many) == list(map(str, chosen))
    assert many.words(next(many.all("title"))) == "3 invoices, Owner & Sons Ltd"
    for invoice_id in chosen:
        alone = owner.browser.get(f"/invoices/{invoice_id}/print")
        assert many.words(many.by_id(f"sheet-{invoice_id}")) == alone.words(alone.by_id("sheet"))
        for name in FIGURES:
            assert many.amount(f"invoice-{name}-{invoice_id}") == alone.amount(f"invoice-{name}")
    assert not list(many.all("form", "input", "nav"))


def test_one_alone_and_one_twice(owner: Person) -> None:
    invoice_id = make_issued(owner)
    for url in (url_of(invoice_id), url_of(invoice_id, invoice_id)):
        page = owner.browser.get(url)
        assert sheets(page) == [str(invoice_id)]
        assert page.words(next(page.all("h1"))) == "1 invoice"


def test_the_bar_leads_to_an_address_with_nothing_but_the_ids(owner: Person) -> None:
    ids = [str(make_invoice(owner)) for _ in range(3)]
    owner.browser.get("/invoices")
    page = owner.browser.post("/invoices/selection/print", {"ids": ids})
    assert parse_qs(urlsplit(page.location).query) == {"ids": ids}
    assert sheets(owner.browser.follow(page)) == ids
    assert owner.browser.post("/invoices/selection/print", {"ids": ids}, 204, htmx=True).location == page.location


def test_what_is_not_ours_is_not_found(owner: Person, stranger: Person) -> None:
    mine, theirs = make_invoice(owner), make_invoice(stranger)
    for other in (theirs, uuid.uuid4()):
        page = owner.browser.get(url_of(mine, other), 404)
        assert str(read(owner, mine).total) not in page.words()


@pytest.mark.parametrize("wrong", ["", "ids=", "ids=1", "ids=%00", "id=1"])
def test_addresses_that_name_no_invoices(owner: Person, wrong: str) -> None:
    words = owner.browser.get(f"/invoices/print?{wrong}", 400).words()
    assert "Select at least one invoice." in words or "Reload the list and select again" in words


def test_at_most_a_hundred(owner: Person) -> None:
    many = [str(uuid.uuid4()) for _ in range(101)]
    assert "Select at most 100 invoices to print at once." in owner.browser.get(url_of(*many), 400).words()
    owner.browser.get("/invoices")
    page = owner.browser.post("/invoices/selection/print", {"ids": many}, 422)
    assert "Select at most 100 invoices to print at once." in page.words()
    assert "Select at least one invoice." in owner.browser.post("/invoices/selection/print", {}, 422).words()
    owner.browser.post("/invoices/selection/print", {"ids": ["x"]}, 422)
    owner.browser.get(url_of(*many[:100]), 404)


def test_thirty_cost_as_many_statements_as_one(owner: Person, count_statements: CountStatements) -> None:
    ids = [make_invoice(owner, [line(), line("More", 2)]) for _ in range(30)]
    owner.browser.token()
    for chosen in (ids[:1], ids):
        with count_statements() as statements:
            assert sheets(owner.browser.get(url_of(*chosen))) == list(map(str, chosen))
        assert len(statements) == 2, "\n".join(statements)
