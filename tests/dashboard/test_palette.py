"""The command palette, answered by the server, and the switch for single keys."""

from __future__ import annotations

import pytest

from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.factories import archive, issue, line, make_client, make_invoice
from tests.support.people import Person


def options(browser: Browser, typed: str, *, htmx: bool = True) -> list[str]:
    """The words of what the palette offers."""
    page = browser.get("/palette", query_string={"q": typed}, htmx=htmx)
    return [page.words(option) for option in page.all("a") if option.get("role") == "option"]


def test_it_starts_with_what_can_be_done(browser: Browser) -> None:
    found = options(browser, "")
    assert found[0].startswith("New invoice")
    assert any(option.startswith("Keyboard shortcuts") for option in found)
    assert options(browser, "", htmx=False) == found


def test_it_finds_clients_invoices_and_actions(owner: Person) -> None:
    client_id = make_client(owner, "Söhne & Partner", city="Köln")
    invoice_id = make_invoice(owner, [line("Glaze tests")], client_id)
    number = issue(owner, invoice_id)
    for typed in ("SOHNE", "part söh"):
        found = options(owner.browser, typed)
        assert found[0] == "Söhne & Partner Client, Köln"
        assert found[1].startswith(f"{number} Söhne & Partner, £120.00")
    assert options(owner.browser, number[-4:])[0].startswith(number)
    assert options(owner.browser, "glaze")[0].startswith(number)
    assert options(owner.browser, "overdue")[0].startswith("Overdue invoices")
    page = owner.browser.get("/palette?q=glaze")
    assert f"/invoices/{invoice_id}" in [link.get("href") for link in page.all("a")]


def test_archived_invoices_are_found_and_archived_clients_are_not(owner: Person) -> None:
    client_id = make_client(owner, "Tidewater Trust")
    archive(owner, make_invoice(owner, client_id=client_id))
    owner.browser.get(f"/clients/{client_id}")
    owner.browser.post(f"/clients/{client_id}/archive")
    found = options(owner.browser, "tidewater")
    assert len(found) == 1
    assert found[0].startswith("Draft Tidewater Trust")


def test_others_are_not_found(owner: Person, stranger: Person) -> None:
    make_invoice(stranger, client_id=make_client(stranger, "Tidewater Trust"))
    page = owner.browser.get("/palette?q=tidewater", htmx=True)
    assert "Tidewater" not in page.text
    assert "No client and no invoice is found for" in page.words()


@pytest.mark.parametrize("typed", ["'", "& | !", "a:*", "%", "\\", "<b>x</b>", "x" * 5000, "\u202e", "\x00", "🧾"])
def test_whatever_is_typed(browser: Browser, typed: str) -> None:
    for htmx in (True, False):
        browser.get("/palette", query_string={"q": typed}, htmx=htmx)


def test_single_keys_can_be_switched_off_and_on(owner: Person, teammate: Person, database: Database) -> None:
    for switched, word in (("0", "off"), ("1", "on")):
        page = owner.browser.get("/shortcuts")
        assert page.form("/shortcuts").values["single_keys"] == switched
        page = owner.browser.follow(owner.browser.submit("/shortcuts"))
        assert f"Single-key shortcuts are {word}." in page.words()
        assert ("data-single-keys" in owner.browser.get("/").text) == (word == "on")
        assert "data-single-keys" in teammate.browser.get("/").text
    events = database.ask("SELECT changes FROM audit_events WHERE entity_id = %s ORDER BY id", owner.user_id)
    assert events == [({"single_keys": [True, False]},), ({"single_keys": [False, True]},)]


def test_switching_twice_is_harmless(owner: Person, database: Database) -> None:
    for _ in range(2):
        owner.browser.send("/shortcuts", {"csrf_token": owner.browser.token(), "single_keys": "0"}, 303)
    assert database.value("SELECT count(*) FROM audit_events WHERE entity_id = %s", owner.user_id) == 1


def test_a_hostile_way_back_is_not_followed(owner: Person) -> None:
    sent = {"csrf_token": owner.browser.token(), "single_keys": "1", "next": "//evil.example"}
    assert owner.browser.send("/shortcuts", sent, 303).location == "/shortcuts"
