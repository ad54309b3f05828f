"""What an edit of a draft answers: what has changed, what others did meanwhile, and what that costs."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal

import pytest
from psycopg._queries import MAX_CACHED_STATEMENT_LENGTH, MAX_CACHED_STATEMENT_PARAMS

from invoices_app.invoices import line_actions
from invoices_app.invoices.edits import MOST_TO_FOLLOW
from tests.invoices.test_edits import assert_adds_up, id_of, three
from tests.support.factories import ORIGIN, line, make_invoice, read, value_of
from tests.support.html import Page
from tests.support.people import Person
from tests.support.statements import CountStatements

# ---- The line itself ----

TOKENS = re.compile(r'(?<=_token" value=")[^"]+')

CHANGES: dict[str, dict[str, str]] = {
    "a quantity": {"quantity": "77"},
    "a quantity as typed in Germany": {"quantity": "1,50"},
    "a price": {"unit_price": "3.3333"},
    "a rate that no other line has": {"tax_rate": "5.5"},
    "the rate of the others": {"tax_rate": "20"},
    "a rate left empty": {"tax_rate": ""},
    "a discount": {"discount_percent": "12.5"},
    "a long description": {"description": "What does not fit into one line of the sheet, & <b>more</b>"},
    "a unit": {"unit": "hours"},
    "all of it": {
        "description": "Work", "quantity": "-2", "unit": "d", "unit_price": "0", "tax_rate": "0",
        "discount_percent": "1",
    },
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_the_answer_says_what_is_stored(owner: Person, change: str) -> None:
    """The same again changes nothing, so its answer is made of what the database holds: only tokens differ."""
    invoice_id = make_invoice(owner, [line("A", 3, "33.33", 7), line("B", 1, "0.05"), line("C", 2, "9.99")])
    chosen = read(owner, invoice_id).lines[0]
    url = f"/invoices/{invoice_id}/lines/{chosen.id}"
    first, again = (sent(owner, url, uuid.uuid4().hex, 1, version="1", **CHANGES[change]) for _ in range(2))
    assert TOKENS.sub("", first.text) == TOKENS.sub("", again.text)
    assert first.text.count("data-version=") == 1
    stored = read(owner, invoice_id)
    assert_adds_up(stored)
    assert (stored.revision, stored.lines[0].version) == (1, 2)
    assert first.amount("invoice-total") == stored.total


def test_a_cell_costs_three_statements(owner: Person, count_statements: CountStatements) -> None:
    """Who it is, the draft with its line, and all that is written; one more where others have edited meanwhile."""
    invoice_id = three(owner)
    url = f"/invoices/{invoice_id}/lines/{read(owner, invoice_id).lines[0].id}"
    owner.browser.token()
    for version, (seen, cost) in enumerate([(0, 3), (1, 3), (1, 5)], start=1):
        with count_statements() as statements:
            sent(owner, url, uuid.uuid4().hex, seen, version=str(version), quantity=str(9 + version))
        assert len(statements) == cost, statements


def test_its_statements_stay_known_to_psycopg(owner: Person, count_statements: CountStatements) -> None:
    """psycopg keeps what it found out about a statement only up to a length, and would read a longer one each time."""
    invoice_id = three(owner)
    url = f"/invoices/{invoice_id}/lines/{read(owner, invoice_id).lines[0].id}"
    owner.browser.token()
    with count_statements() as statements:
        sent(owner, url, uuid.uuid4().hex, 0, version="1", quantity="10")
    for statement in statements:
        assert len(statement) <= MAX_CACHED_STATEMENT_LENGTH, statement
        assert statement.count("%(") <= MAX_CACHED_STATEMENT_PARAMS, statement


# ---- What other pages are told ----


def sent(person: Person, url: str, page: str, seen: int, **values: str) -> Page:
    headers = {"Sheet-Page": page, "Sheet-Revision": str(seen)}
    data = {"csrf_token": person.browser.token(), **values}
    return person.browser.send(url, data, 200, htmx=True, headers=headers)


def touched(page: Page) -> list[str]:
    """The lines that an answer shows or takes away."""
    return re.findall(r'(?:<tr id="|hx-target="#)line-([0-9a-f-]{36})', page.text)


def test_an_answer_brings_what_others_did_and_nothing_twice(owner: Person, teammate: Person) -> None:
    invoice_id = three(owner)
    url = f"/invoices/{invoice_id}/lines"
    a, b, c = (found.id for found in read(owner, invoice_id).lines)
    mine, theirs = uuid.uuid4().hex, uuid.uuid4().hex
    sent(owner, f"{url}/{a}", mine, 0, quantity="2", version="1")
    page = sent(teammate, f"{url}/{b}", theirs, 0, quantity="2", version="1")
    assert set(touched(page)) == {str(a), str(b)}
    page = sent(teammate, f"{url}/{b}", theirs, 2, quantity="3", version="2")
    assert set(touched(page)) == {str(b)}
    page = sent(owner, f"{url}/{c}/delete", mine, 1)
    assert set(touched(page)) == {str(b), str(c)}
    page = sent(teammate, f"{url}/{a}/move", theirs, 3, position="2")
    assert set(touched(page)) >= {str(a), str(c)}
    assert 'data-revision="5"' in page.text


def test_a_page_far_behind_gets_all_lines(owner: Person, teammate: Person) -> None:
    invoice_id = three(owner)
    a, b, c = (found.id for found in read(owner, invoice_id).lines)
    with teammate.acting():
        for number in range(MOST_TO_FOLLOW + 1):
            values = {"quantity": Decimal(number + 2)}
            value_of(line_actions.change_line(invoice_id, a, values, number + 1, ORIGIN))
    page = sent(owner, f"/invoices/{invoice_id}/lines/{b}", uuid.uuid4().hex, 0, quantity="2", version="1")
    assert {str(a), str(c)} <= set(touched(page))
    assert 'hx-target="#invoice-lines"' in page.text


def test_a_header_of_nonsense_is_no_page(owner: Person) -> None:
    invoice_id = three(owner)
    url = f"/invoices/{invoice_id}/lines/{id_of(owner, invoice_id, 'A')}"
    for wrong in ("", "-1", "x", "9" * 40, "١"):
        headers = {"Sheet-Page": wrong, "Sheet-Revision": wrong.encode().decode("latin-1")}
        data = {"csrf_token": owner.browser.token(), "quantity": "4", "version": "1"}
        owner.browser.send(url, data, 200, htmx=True, headers=headers)


# ---- What it costs ----


EDITS: dict[str, tuple[str, dict[str, str]]] = {
    "change": ("/{line}", {"quantity": "5", "version": "1"}),
    "move down": ("/{line}/move", {"position": "3"}),
    "move up": ("/{line}/move", {"position": "1"}),
    "duplicate": ("/{line}/duplicate", {}),
    "delete": ("/{line}/delete", {}),
    "add": ("", {"description": "More", "unit_price": "1"}),
    "paste": ("/paste", {"rows": "More\t2\t10\nAnd more\t1\t1"}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_of_900_lines_costs_what_one_of_nine_does(
    owner: Person, edit: str, count_statements: CountStatements
) -> None:
    """The same number of statements, and an answer below 6 KB, not compressed."""
    path, values = EDITS[edit]
    counts, sizes = [], []
    for lines in (9, 900):
        invoice_id = make_invoice(owner, [line(f"Line {number} of a long invoice") for number in range(lines)])
        chosen = read(owner, invoice_id).lines[1].id
        url = f"/invoices/{invoice_id}/lines{path.format(line=chosen)}"
        owner.browser.token()
        with count_statements() as statements:
            page = sent(owner, url, uuid.uuid4().hex, 0, **values)
        counts.append(len(statements))
        sizes.append(len(page.text.encode()))
        assert_adds_up(read(owner, invoice_id))
    assert counts[0] == counts[1]
    assert max(sizes) < 6_000 + (5_500 if edit == "paste" else 0)  # two rows were pasted
