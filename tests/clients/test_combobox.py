"""Choosing a client by typing: who is offered, in which order, and making one on the way."""

from __future__ import annotations

import uuid
from xml.etree.ElementTree import Element

import pytest

from invoices_app.clients import queries
from invoices_app.clients.queries import CHOICES, LATELY
from tests.support.crowd import Crowd
from tests.support.databases import Database
from tests.support.factories import make_client, make_invoice
from tests.support.html import Page
from tests.support.people import Cast, Person

URL = "/clients/search"


def archive(person: Person, client_id: uuid.UUID) -> None:
    person.browser.post(f"/clients/{client_id}/archive")


def options(page: Page) -> list[Element]:
    return [element for element in page.all("li") if element.get("role") == "option"]


def offered(person: Person, typed: str = "") -> list[str]:
    """What the options say they stand for; the one that makes a client begins with a plus."""
    page = person.browser.get(f"{URL}?q={typed}", htmx=True)
    found = options(page)
    assert [option.get("id") for option in found] == [f"client-option-{place + 1}" for place in range(len(found))]
    made = [option for option in found if "data-create" in option.attrib]
    assert page.by_id("client-options").get("data-count") == str(len(found) - len(made))
    return [str(option.get("data-label") or f"+{option.get('data-create')}") for option in found]


def test_what_an_option_holds(owner: Person) -> None:
    client_id = make_client(owner, "Söhne & <b>", email="post@soehne.example", city="Bath")
    make_client(owner, "Other", city="Wells")
    other, option = options(owner.browser.get(URL, htmx=True))
    assert (option.get("data-value"), option.get("data-label")) == (str(client_id), "Söhne & <b>")
    assert " ".join("".join(option.itertext()).split()) == "Söhne & <b> post@soehne.example"
    assert "".join(other.itertext()) == "Other Wells"


def test_names_that_begin_with_it_come_first(owner: Person) -> None:
    for name in ("Partner AG", "Beta Part", "Alpha", "Élan Part", "Partner", "part of it"):
        make_client(owner, name, **({"city": "Partenkirchen"} if name == "Alpha" else {}))
    assert offered(owner, "PART") == ["part of it", "Partner", "Partner AG", "Alpha", "Beta Part", "Élan Part", "+PART"]
    assert offered(owner, "partner") == ["Partner", "Partner AG"]
    assert offered(owner, "elan p") == ["Élan Part", "+elan p"]


def test_making_one_is_offered_unless_someone_has_that_name(owner: Person) -> None:
    make_client(owner, "Łódź Meble")
    assert offered(owner, "lodz") == ["Łódź Meble", "+lodz"]
    assert offered(owner, "LODZ MEBLE") == ["Łódź Meble"]
    assert offered(owner, "Nobody") == ["+Nobody"]
    assert offered(owner, "%26!") == offered(owner, "  ")[1:] == []
    text = owner.browser.get(f"{URL}?q=Nobody", htmx=True).words()
    assert text == "Create “Nobody”"


def test_no_more_than_fit(owner: Person) -> None:
    for number in range(CHOICES + 3):
        make_client(owner, f"Client {number:02}")
    assert offered(owner, "client") == [*(f"Client {number:02}" for number in range(CHOICES)), "+client"]
    assert len(offered(owner)) == CHOICES


def test_those_used_lately_when_nothing_is_typed(owner: Person) -> None:
    first, second, third = (make_client(owner, name) for name in ("First", "Second", "Third"))
    assert offered(owner) == ["Third", "Second", "First"]
    for client_id in (second, first, second):
        make_invoice(owner, client_id=client_id)
    assert offered(owner) == ["Second", "First", "Third"]
    archive(owner, second)
    archive(owner, third)
    assert offered(owner) == ["First"]


def test_archived_ones_are_not_offered_and_their_names_are_free(owner: Person) -> None:
    archive(owner, make_client(owner, "Gone Ltd"))
    assert offered(owner, "gone ltd") == ["+gone ltd"]


def test_nobody_of_another_business(cast: Cast) -> None:
    client_id = make_client(cast.owner, "Ours")
    make_invoice(cast.owner, client_id=client_id)
    assert offered(cast.teammate) == offered(cast.teammate, "ours") == ["Ours"]
    assert offered(cast.stranger) == []
    assert offered(cast.stranger, "ours") == ["+ours"]


def test_as_a_page(owner: Person) -> None:
    client_id = make_client(owner, "Zoë")
    page = owner.browser.get(f"{URL}?q=zo")
    assert f"/clients/{client_id}" in [link.get("href") for link in page.all("a")]
    made = owner.browser.submit("/clients/quick")
    assert owner.browser.follow(made).typed("name") == ["zo"]
    assert "No client is found" in owner.browser.get(f"{URL}?q=...").words()


def test_made_on_the_way(owner: Person, database: Database) -> None:
    token = {"csrf_token": owner.browser.token(), "one_time_token": str(uuid.uuid4())}
    for _ in range(2):
        page = owner.browser.send("/clients/quick", {**token, "name": " Quick  Ltd "}, 200, htmx=True)
        (option,) = options(page)
        assert option.get("data-label") == "Quick  Ltd"
        assert "data-chosen" in option.attrib
        made = database.ask("SELECT id FROM clients WHERE business_id = %s", owner.business_id)
        assert made == [(uuid.UUID(option.get("data-value")),)]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Enter the client's name."),
        ("n" * 201, "Use at most 200 characters."),
        ("a\x01b", "Remove the control characters."),
    ],
)
def test_names_that_are_none(owner: Person, database: Database, name: str, sentence: str) -> None:
    for htmx in (False, True):
        sent = {"csrf_token": owner.browser.token(), "name": name}
        assert sentence in owner.browser.send("/clients/quick", sent, 422, htmx=htmx).words()
    assert database.value("SELECT count(*) FROM clients WHERE business_id = %s", owner.business_id) == 0


def test_the_list_offers_the_chosen_one_and_those_used_lately(owner: Person, database: Database) -> None:
    old = make_client(owner, "Old")
    with database.as_owner(owner.business_id) as connection:
        connection.execute(
            "INSERT INTO clients (business_id, id, name) SELECT %s, uuidv7(), 'Client ' || to_char(n, 'FM000')"
            " FROM generate_series(1, %s) n",
            [owner.business_id, LATELY + 10],
        )
    billed = database.value("SELECT id FROM clients WHERE business_id = %s AND name = 'Client 001'", owner.business_id)
    make_invoice(owner, client_id=billed)
    lately = ["Client 001", *(f"Client {number:03}" for number in range(12, LATELY + 11))]
    with owner.acting():
        assert [name for _, name in queries.client_options()] == lately
        assert [name for _, name in queries.client_options(billed)] == lately
        assert [name for _, name in queries.client_options(old)] == [*lately, "Old"]
        assert len(queries.client_options(every=True)) == LATELY + 11
    archive(owner, old)
    with owner.acting():
        assert len(queries.client_options(every=True)) == LATELY + 10
        assert [name for _, name in queries.client_options(old)] == [*lately, "Old"]


@pytest.mark.parametrize("typed", ["", "customer 1", "partners", "customer 1999 partners", "zzz"])
def test_few_are_offered_without_reading_a_hundred_thousand_invoices(crowd: Crowd, typed: str) -> None:
    """Of 2,000 clients some are read more than once, of the invoices the last ones."""
    plan = crowd.plan_of(crowd.hundred_thousand, lambda: queries.choices(typed))
    assert plan.rows_read < 5000, plan.text


def test_the_list_is_made_without_reading_a_hundred_thousand_invoices(crowd: Crowd) -> None:
    plan = crowd.plan_of(crowd.hundred_thousand, queries.client_options)
    assert "pk_invoices" in plan.indexes
    assert plan.rows_read < 5000, plan.text
