"""What is suggested for a description: earlier lines, this client's first, as they were last, and nobody else's."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element

import pytest

from tests.support.factories import archive, line, make_client, make_invoice
from tests.support.people import Cast, Person


def options(person: Person, invoice_id: uuid.UUID, typed: str) -> list[Element]:
    page = person.browser.get(f"/invoices/{invoice_id}/suggestions?q={quote(typed)}", htmx=True)
    found = [element for element in page.all("li") if element.get("role") == "option"]
    assert [option.get("id") for option in found] == [f"suggestion-{place + 1}" for place in range(len(found))]
    assert page.by_id("line-suggestions").get("data-count") == str(len(found))
    return found


def suggested(person: Person, invoice_id: uuid.UUID, typed: str) -> list[tuple[str, str]]:
    """Description and price of each suggestion."""
    return [
        (str(option.get("data-description")), str(option.get("data-unit_price")))
        for option in options(person, invoice_id, typed)
    ]


def described(person: Person, invoice_id: uuid.UUID, typed: str) -> list[str]:
    return [description for description, _price in suggested(person, invoice_id, typed)]


def billed(person: Person, *descriptions: str, client_id: uuid.UUID | None = None, **header: Any) -> uuid.UUID:
    return make_invoice(person, [line(words) for words in descriptions], client_id, **header)


def test_what_a_suggestion_holds(owner: Person) -> None:
    lines = [line("Räder <b>", unit="set", unit_price="1234.5", tax_rate="5.5", discount_percent="2.25")]
    earlier = make_invoice(owner, lines, make_client(owner, "Other & Co"))
    invoice_id = billed(owner)
    (option,) = options(owner, invoice_id, "rad")
    names = ("description", "unit", "unit_price", "tax_rate", "discount_percent")
    held = [option.get(f"data-{name}") for name in names]
    assert held == ["Räder <b>", "set", "1234.50", "5.5", "2.25"]
    words = " ".join("".join(option.itertext()).split())
    assert words.startswith("Räder <b> £1,234.50 / set Other & Co, ")
    (option,) = options(owner, earlier, "rad")
    assert "this client, " in "".join(option.itertext())


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("crè", True), ("CREME", True), ("brul", True), ("brulee cr", True), ("12 pie", True), ("o'br", True),
        ("brien", True), ("crème brûlée, 12 pieces", True), ("pieces 12 brulee creme o", True),
        ("reme", False), ("creme cake", False), ("!", False), ("%", False), ("\\", False), (".*", False), ("(", False),
        ("[[:alpha:]]", False),
    ],
)  # fmt: skip
def test_every_word_begins_one_of_the_description(owner: Person, typed: str, *, found: bool) -> None:
    billed(owner, "Crème brûlée, 12 pieces for O'Brien")
    assert (described(owner, billed(owner), typed) != []) == found


def test_words_far_behind_in_a_long_description(owner: Person) -> None:
    words = " ".join(f"word{number}" for number in range(50))
    billed(owner, words)
    assert described(owner, billed(owner), "word1 word49") == [words]
    assert described(owner, billed(owner), "word1 word50") == []


def test_this_clients_come_first_and_the_newest_price_wins(owner: Person) -> None:
    client_id = make_client(owner)
    for price in (1, 2):
        make_invoice(owner, [line("Advice", unit_price=price)], client_id)
    make_invoice(owner, [line("Advice", unit_price=3), line("advice by phone", unit_price=4)])
    make_invoice(owner, [line("ADVICE by phone", unit_price=5)])
    assert suggested(owner, billed(owner, client_id=client_id), "adv") == [
        ("Advice", "2.00"), ("ADVICE by phone", "5.00"),
    ]  # fmt: skip
    assert suggested(owner, billed(owner), "adv") == [("ADVICE by phone", "5.00"), ("Advice", "3.00")]


def test_the_latest_lines_when_nothing_is_typed(owner: Person) -> None:
    client_id = make_client(owner)
    billed(owner, "Old", "Older", client_id=client_id)
    billed(owner, *(f"Line {number}" for number in range(10)))
    found = described(owner, billed(owner, client_id=client_id), "")
    assert found == ["Older", "Old", *(f"Line {number}" for number in range(9, 3, -1))]


def test_nothing_that_says_only_what_is_typed(owner: Person) -> None:
    invoice_id = billed(owner, "Design")
    assert described(owner, invoice_id, "Desig") == ["Design"]
    assert described(owner, invoice_id, " Design ") == []
    billed(owner, "Design work")
    assert described(owner, invoice_id, "Design") == ["Design", "Design work"]


def test_only_prices_in_the_same_currency(owner: Person) -> None:
    client_id = make_client(owner)
    billed(owner, "Design", client_id=client_id, currency="EUR")
    assert described(owner, billed(owner, client_id=client_id), "d") == []
    assert described(owner, billed(owner, client_id=client_id, currency="EUR"), "d") == ["Design"]


def test_nothing_of_archived_invoices(owner: Person) -> None:
    archive(owner, billed(owner, "Mistake"))
    invoice_id = billed(owner, "Work")
    assert described(owner, invoice_id, "m") == []
    assert described(owner, invoice_id, "") == ["Work"]


def test_what_changed_is_suggested_as_it_is_now(owner: Person) -> None:
    earlier = billed(owner, "Before")
    (option,) = options(owner, earlier, "bef")
    assert option.get("data-description") == "Before"
    page = owner.browser.get(f"/invoices/{earlier}")
    (line_id,) = page.row_ids("line")
    owner.browser.submit(f"/invoices/{earlier}/lines/{line_id}", {"description": "Afterwards"})
    assert described(owner, earlier, "bef") == []
    assert described(owner, earlier, "aft") == ["Afterwards"]


def test_nobody_elses(cast: Cast) -> None:
    ours, theirs = billed(cast.owner, "Secret sauce"), billed(cast.stranger, "Secret recipe")
    for typed in ("secret", ""):
        assert described(cast.owner, ours, typed) == described(cast.teammate, ours, typed) == ["Secret sauce"]
        assert described(cast.stranger, theirs, typed) == ["Secret recipe"]
    for htmx in (False, True):
        cast.stranger.browser.get(f"/invoices/{ours}/suggestions?q=secret", 404, htmx=htmx)
        cast.owner.browser.get(f"/invoices/{uuid.uuid4()}/suggestions", 404, htmx=htmx)


def test_as_a_page(owner: Person) -> None:
    invoice_id = billed(owner, "Design")
    page = owner.browser.get(f"/invoices/{invoice_id}/suggestions?q=des")
    assert "Design £100.00 this client" in page.words(page.by_id("line-suggestions"))
    assert f"/invoices/{invoice_id}" in [link.get("href") for link in page.all("a")]
    assert "No earlier line is found for “x”" in owner.browser.get(f"/invoices/{invoice_id}/suggestions?q=x").words()
