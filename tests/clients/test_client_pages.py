"""The client list, the client page, archive and restore."""

from __future__ import annotations

import uuid

import pytest

from tests.support.factories import archive, make_client, make_invoice, make_issued, pay
from tests.support.people import Person

DETAILS = {
    "name": "Söhne & Partner <GmbH>",
    "email": "post@soehne.example.com",
    "phone": "+49 221 000000",
    "address_line1": "Lindenstraße 12",
    "address_line2": "3. Etage",
    "city": "Köln",
    "region": "NRW",
    "postal_code": "50674",
    "country": "DE",
    "tax_id": "DE123456789",
    "currency": "EUR",
    "payment_terms_days": "21",
    "notes": "Calls on Mondays.\nLikes <b>tea</b>.",
}


def test_everything_is_kept_and_shown(owner: Person) -> None:
    owner.browser.get("/clients/new")
    url = owner.browser.submit("/clients", DETAILS).location
    page = owner.browser.get(url)
    for value in DETAILS.values():
        shown = {"EUR": "EUR, 21 days", "DE": "Germany", "21": "21 days"}.get(value, value)
        assert " ".join(shown.split()) in page.words()
    form = owner.browser.get(f"{url}/edit").form(url).values
    assert {name: form[name] for name in DETAILS} == DETAILS


def test_a_name_is_enough(owner: Person) -> None:
    url = owner.browser.post("/clients", {"name": "Just a Name"}).location
    assert "Your currency, your usual terms" in owner.browser.get(url).words()


def test_spaces_around_what_was_typed_do_not_count(owner: Person) -> None:
    url = owner.browser.post("/clients", {"name": "  In\tthe \r\n middle  "}).location
    assert owner.browser.get(f"{url}/edit").typed("name") == ["In the   middle"]


def test_list_is_by_name_and_ours(owner: Person, teammate: Person, stranger: Person) -> None:
    for name in ("beta", "Alpha", "Ärger", "Zeta", "alpha 2"):
        make_client(owner, name)
    theirs = make_client(stranger, "Theirs")
    page = teammate.browser.get("/clients")
    names = [page.words(page.by_id(f"client-{name}")).split(" Archive")[0] for name in page.row_ids("client")]
    assert names == ["Alpha", "alpha 2", "Ärger", "beta", "Zeta"]
    assert str(theirs) not in page.text


@pytest.mark.parametrize("query", ["acme", "ACME", "Àcm", "the comp"])
def test_search(owner: Person, query: str) -> None:
    found = make_client(owner, "The Acme Company")
    make_client(owner, "Others")
    assert owner.browser.get(f"/clients?q={query}").row_ids("client") == [str(found)]


@pytest.mark.parametrize("query", ["%", "_", "\\", "'", "<script>alert(1)</script>", "a" * 5000, "%00", "\U0001f4a9"])
def test_search_takes_text_as_text(owner: Person, query: str) -> None:
    make_client(owner)
    page = owner.browser.get("/clients", query_string={"q": query})
    assert page.row_ids("client") == []
    assert owner.browser.get("/clients", query_string={"q": query}, htmx=True).row_ids("client") == []


def test_pages_of_25_meet_without_gap_or_overlap(owner: Person) -> None:
    made = {str(make_client(owner, f"Client {number % 7}")) for number in range(55)}
    seen: list[str] = []
    url, sizes = "/clients", []
    while url:
        page = owner.browser.get(url, htmx=bool(seen))
        sizes.append(len(page.row_ids("client")))
        seen += page.row_ids("client")
        url = next((link.get("hx-get", "") for link in page.all("a") if "cursor=" in link.get("hx-get", "")), "")
    assert sizes == [25, 25, 5]
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize("cursor", ["x", "e30.abc", "%00", "W10.x" * 500])
def test_a_cursor_that_is_none_of_ours(owner: Person, cursor: str) -> None:
    owner.browser.get(f"/clients?cursor={cursor}", 400)
    owner.browser.get(f"/invoices?cursor={cursor}", 400)


def test_a_cursor_of_another_list(owner: Person) -> None:
    for number in range(26):
        make_client(owner, f"Client {number}")
    page = owner.browser.get("/clients")
    more = next(link.get("href", "") for link in page.all("a") if "cursor=" in link.get("href", ""))
    owner.browser.get(more.replace("/clients", "/invoices"), 400)


def test_archived_ones_are_hidden_until_asked_for(owner: Person) -> None:
    client_id = make_client(owner, "Old Friend")
    kept = make_client(owner, "Zeta")
    owner.browser.get("/clients")
    assert owner.browser.submit(f"/clients/{client_id}/archive").location == "/clients"
    assert owner.browser.get("/clients").row_ids("client") == [str(kept)]
    assert owner.browser.get("/clients?archived=1").row_ids("client") == [str(client_id), str(kept)]
    assert owner.browser.submit(f"/clients/{client_id}/restore").location == "/clients?archived=1"
    assert owner.browser.get("/clients").row_ids("client") == [str(client_id), str(kept)]


def test_archived_clients_are_not_offered_for_new_invoices(owner: Person) -> None:
    client_id = make_client(owner, "Old Friend")
    owner.browser.post(f"/clients/{client_id}/archive")
    options = [option.get("value") for option in owner.browser.get("/invoices/new").all("option")]
    assert str(client_id) not in options


def test_the_page_shows_the_clients_invoices(owner: Person) -> None:
    client_id = make_client(owner)
    ours = make_invoice(owner, client_id=client_id)
    other = make_invoice(owner)
    rows = owner.browser.get(f"/clients/{client_id}").row_ids("invoice")
    assert rows == [str(ours)]
    assert str(other) not in rows


def test_editing_nothing_changes_nothing(owner: Person) -> None:
    client_id = make_client(owner)
    url = f"/clients/{client_id}"
    version = owner.browser.get(f"{url}/edit").form(url).values["version"]
    owner.browser.submit(url)
    assert owner.browser.get(f"{url}/edit").form(url).values["version"] == version


def test_a_stale_edit_keeps_what_was_typed(owner: Person, teammate: Person) -> None:
    url = f"/clients/{make_client(owner)}"
    for browser in (owner.browser, teammate.browser):
        browser.get(f"{url}/edit")
    owner.browser.submit(url, {"city": "Ours"})
    page = teammate.browser.submit(url, {"city": "Theirs"}, 409)
    assert "Someone else changed this client while you worked on it." in page.alert
    assert page.typed("city") == ["Theirs"]
    assert teammate.browser.get(f"{url}/edit").typed("city") == ["Ours"]


def test_the_same_form_twice_makes_one_client(owner: Person) -> None:
    form = owner.browser.get("/clients/new").form("/clients")
    first, second = (owner.browser.send("/clients", {**form.values, "name": "Once"}, 303) for _ in range(2))
    assert first.location == second.location
    assert len(owner.browser.get("/clients").row_ids("client")) == 1


def test_a_refused_form_keeps_its_token(owner: Person) -> None:
    token = owner.browser.get("/clients/new").form("/clients").values["one_time_token"]
    page = owner.browser.submit("/clients", {"name": ""}, 422)
    assert page.form("/clients").values["one_time_token"] == token


def test_a_token_belongs_to_its_business(owner: Person, stranger: Person) -> None:
    token = str(uuid.uuid4())
    first = owner.browser.post("/clients", {"name": "A", "one_time_token": token})
    other = stranger.browser.post("/clients", {"name": "B", "one_time_token": token})
    assert first.location != other.location


def test_a_client_in_use_can_be_archived_and_its_invoices_stay(owner: Person) -> None:
    client_id = make_client(owner)
    issued = make_issued(owner, client_id=client_id)
    pay(owner, issued)
    archived = make_invoice(owner, client_id=client_id)
    archive(owner, archived)
    owner.browser.post(f"/clients/{client_id}/archive")
    assert owner.browser.get("/invoices").row_ids("invoice") == [str(issued)]
    owner.browser.get(f"/invoices/{issued}")
