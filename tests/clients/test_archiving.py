"""Archive, restore and undo of a client: from the list and from its page, as a plain form and by htmx."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from invoices_app.clients import actions
from tests.support.databases import Database
from tests.support.factories import make_client, value_of
from tests.support.html import Page
from tests.support.people import Person
from tests.support.snapshot import snapshot


def behind(url: str) -> dict[str, Any]:
    return {"htmx": True, "headers": {"HX-Current-URL": url and f"http://localhost{url}"}}


def undo_of(page: Page) -> str:
    (url,) = [form.action for form in page.forms if form.action.endswith("/undo")]
    return url


def test_archived_and_undone_without_javascript(owner: Person) -> None:
    client_id = make_client(owner, "Alder & Finch")
    owner.browser.get("/clients")
    page = owner.browser.follow(owner.browser.submit(f"/clients/{client_id}/archive"))
    assert "Alder & Finch archived." in page.words(page.by_id("flash"))
    assert page.row_ids("client") == []
    page = owner.browser.follow(owner.browser.submit(undo_of(page)))
    assert page.response.request.path == "/clients"
    assert "Alder & Finch is back." in page.words(page.by_id("flash"))
    assert page.row_ids("client") == [str(client_id)]


def test_from_its_own_page(owner: Person) -> None:
    client_id = make_client(owner, "Alder & Finch")
    owner.browser.get(f"/clients/{client_id}")
    page = owner.browser.follow(owner.browser.submit(f"/clients/{client_id}/archive"))
    assert page.response.request.path == f"/clients/{client_id}"
    page = owner.browser.follow(owner.browser.submit(undo_of(page)))
    assert page.response.request.path == f"/clients/{client_id}"
    assert page.has_form(f"/clients/{client_id}/archive")


def test_the_row_goes_at_once(owner: Person) -> None:
    kept, client_id = make_client(owner, "Kept"), make_client(owner, "Alder & Finch")
    owner.browser.get("/clients")
    page = owner.browser.post(f"/clients/{client_id}/archive", status=200, **behind("/clients"))
    assert page.row_ids("client") == []
    assert "Alder & Finch archived." in page.words()
    assert "1 archived hidden" in page.words(page.by_id("list-foot"))
    page = owner.browser.post(undo_of(page), status=200, **behind("/clients"))
    assert page.row_ids("client") == [str(client_id), str(kept)]
    assert "archived hidden" not in page.words(page.by_id("list-foot"))
    assert "Alder & Finch is back." in page.words()


def test_the_row_stays_where_archived_ones_are_shown(owner: Person) -> None:
    client_id = make_client(owner, "Alder & Finch")
    url = "/clients?archived=1&q=alder"
    owner.browser.get(url)
    page = owner.browser.post(f"/clients/{client_id}/archive", status=200, **behind(url))
    assert page.by_id(f"client-{client_id}").get("class") == "archived"
    assert page.form(f"/clients/{client_id}/restore").values["next"] == "/clients?q=alder&archived=1"
    page = owner.browser.post(f"/clients/{client_id}/restore", status=200, **behind(url))
    assert page.by_id(f"client-{client_id}").get("class") is None


@pytest.mark.parametrize("url", ["", "/", "/clients/new", "/clients?cursor=wrong", ":x[/clients"])
def test_htmx_from_no_list_is_sent_to_a_page(owner: Person, url: str) -> None:
    client_id = make_client(owner)
    owner.browser.get(f"/clients/{client_id}")
    page = owner.browser.post(f"/clients/{client_id}/archive", status=204, **behind(url))
    assert page.location == f"/clients/{client_id}"


def test_twice_is_harmless(owner: Person, teammate: Person, database: Database) -> None:
    client_id = make_client(owner)
    with owner.acting():
        first = value_of(actions.archive_client(client_id)).archiving_id
        assert value_of(actions.archive_client(client_id)).archiving_id is None
    owner.browser.token()
    teammate.browser.post(f"/clients/archivings/{first}/undo")
    before = snapshot(database)
    owner.browser.post(f"/clients/archivings/{first}/undo")
    owner.browser.post(f"/clients/archivings/{first}/undo", status=204, htmx=True)
    owner.browser.post(f"/clients/{client_id}/restore")
    assert snapshot(database) == before
    with owner.acting():
        second = value_of(actions.archive_client(client_id)).archiving_id
    owner.browser.post(f"/clients/archivings/{first}/undo", status=404)
    assert owner.browser.get("/clients").row_ids("client") == []
    owner.browser.post(f"/clients/archivings/{second}/undo")
    assert owner.browser.get("/clients").row_ids("client") == [str(client_id)]


def test_nobody_undoes_the_archiving_of_another_business(owner: Person, stranger: Person, database: Database) -> None:
    client_id = make_client(owner)
    with owner.acting():
        archiving_id = value_of(actions.archive_client(client_id)).archiving_id
    stranger.browser.token()
    before = snapshot(database)
    for wanted in (archiving_id, uuid.uuid4()):
        for htmx in (False, True):
            stranger.browser.post(f"/clients/archivings/{wanted}/undo", status=404, htmx=htmx)
    assert snapshot(database) == before
