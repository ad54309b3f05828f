"""What of a file is here already: invoices by number and source, clients by tax number, email and name."""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

import pytest

from invoices_app.extensions import db
from invoices_app.imports import matching
from invoices_app.imports.matching import How, Match, Seen
from invoices_app.imports.plan import Planned, PlannedClient
from tests.support.databases import Database
from tests.support.factories import archive, make_client, make_invoice, make_issued, read
from tests.support.people import Cast, Person
from tests.support.planned import client, invoice, write


def match(person: Person, planned: list[Planned], seen: Seen | None = None) -> list[Match]:
    with person.acting():
        return matching.match(db.session, planned, seen)


def hows(person: Person, *planned: Planned) -> list[How]:
    return [found.how for found in match(person, list(planned))]


# ---- Clients ----

MADE = {"name": "Café Größe", "tax_id": "DE 123.456", "email": "Info@Example.com"}
FOUND = {
    "tax number": (client("Else", tax_id="de123456", email="x@example.com"), How.TAX_ID),
    "email": (client("Else", email=" info@EXAMPLE.com"), How.EMAIL),
    "name": (client("CAFE grosse"), How.NAME),
    "name with accents": (client("Café Größe"), How.NAME),
    "tax number before email": (client("Café Größe", tax_id="DE123456", email="info@example.com"), How.TAX_ID),
    "another tax number": (client("Café Größe", tax_id="DE999", email="info@example.com"), How.NEW),
    "another email": (client("Café Größe", email="other@example.com"), How.NAME),
    "nothing": (client("Cafe"), How.NEW),
}


@pytest.mark.parametrize(("planned", "how"), FOUND.values(), ids=FOUND)
def test_a_client_is_known_by_what_is_surest(owner: Person, planned: PlannedClient, how: How) -> None:
    client_id = make_client(owner, **MADE)
    [found] = match(owner, [planned])
    assert found.how is how
    assert (found.id == client_id) is (how is not How.NEW)


def test_clients_at_work_come_before_those_in_the_archive(owner: Person, database: Database) -> None:
    first, second = make_client(owner, "Same"), make_client(owner, "Same")
    assert match(owner, [client("Same")])[0].id == first
    with database.as_app(owner.business_id) as connection:
        connection.execute("UPDATE clients SET archived_at = now() WHERE id = %s", [first])
    assert match(owner, [client("Same")])[0].id == second


def test_two_that_are_alike_in_a_file_are_one(owner: Person) -> None:
    planned: list[Planned] = [
        client("A", source_id="1"),
        client("a", source_id="2"),
        client("B", tax_id="1"),
        client("b", tax_id="2"),
        client("C", tax_id="1"),
        client("D", email="d@example.com"),
        client("E", email="D@example.com"),
    ]
    assert hows(owner, *planned) == [
        How.NEW, How.REPEATED, How.NEW, How.NEW, How.REPEATED, How.NEW, How.REPEATED,
    ]  # fmt: skip
    seen = Seen()
    one_by_one = [match(owner, [one], seen)[0] for one in planned]
    assert [found.how for found in one_by_one] == hows(owner, *planned)
    assert one_by_one[0].id == one_by_one[1].id != one_by_one[2].id


def test_what_is_previewed_is_what_is_created(owner: Person, database: Database) -> None:
    planned: list[Planned] = [
        client("A"), client("a "), client("A", tax_id="1"), client("A", tax_id="2"), client("B", email="a@example.com"),
        client("C", email="A@example.com", tax_id="2"),
    ]  # fmt: skip
    expected = sum(found.is_new for found in match(owner, planned))
    assert write(owner, planned).clients == expected
    assert all(not found.is_new for found in match(owner, planned))
    assert database.value("SELECT count(*) FROM clients WHERE business_id = %s", owner.business_id) == expected


def test_no_client_of_others_is_found(cast: Cast) -> None:
    make_client(cast.stranger, **MADE)
    assert hows(cast.owner, client(**MADE)) == [How.NEW]


# ---- Invoices ----


def test_an_invoice_is_known_by_its_number_or_its_source(owner: Person) -> None:
    issued = make_issued(owner)
    number = str(read(owner, issued).number)
    write(owner, [invoice(None, source="their draft"), invoice("N-1")])
    found = match(
        owner,
        [
            invoice(number),
            invoice("other", source="their draft"),
            invoice(None, source="N-1"),
            invoice("N-1", 5),
            invoice("N-2"),
            invoice("N-2"),
        ],
    )
    assert [one.how for one in found] == [
        How.NUMBER, How.SOURCE, How.SOURCE, How.NUMBER, How.NEW, How.REPEATED,
    ]  # fmt: skip
    assert found[0].id == issued
    assert [one.same for one in found] == [False, True, True, False, True, True]
    assert [one.client is not None for one in found] == [False, False, False, False, True, False]


@pytest.mark.parametrize(
    "changes", [{}, {"currency": "EUR"}, {"issue_date": "2024-03-02"}, {"price": Decimal(101)}], ids=str
)
def test_a_different_document_with_the_same_number_is_told(owner: Person, changes: dict[str, Any]) -> None:
    from datetime import date

    write(owner, [invoice("1")])
    price = changes.pop("price", 100)
    is_same = not changes and price == 100
    if "issue_date" in changes:
        changes["issue_date"] = date.fromisoformat(changes["issue_date"])
    [found] = match(owner, [invoice("1", price, **changes)])
    assert (found.how, found.same) == (How.NUMBER, is_same)


def test_archived_invoices_are_here(owner: Person, database: Database) -> None:
    issued = make_issued(owner)
    archive(owner, issued)
    assert hows(owner, invoice(str(read(owner, issued).number))) == [How.NUMBER]


def test_clients_of_a_file_count_once_over_all_portions(owner: Person) -> None:
    make_invoice(owner)
    seen = Seen()
    counted: dict[How, set[uuid.UUID | None]] = {}
    for start in (0, 10):
        planned: list[Planned] = [invoice(f"{start + one}", client=client(f"C{one % 4}")) for one in range(10)]
        for found in match(owner, planned, seen):
            assert found.is_new
            assert found.client is not None
            counted.setdefault(found.client.how, set()).add(found.client.id)
    assert len(counted[How.NEW]) == 4
    assert counted[How.REPEATED] == counted[How.NEW]


def test_matching_costs_the_same_for_any_portion(owner: Person, count_statements: Any) -> None:
    for count in (1, 100):
        with owner.acting(), count_statements() as statements:
            matching.match(db.session, [invoice(str(one), client=client(f"C{one}")) for one in range(count)])
        assert len([one for one in statements if one.startswith("SELECT") and "set_config" not in one]) == 4
