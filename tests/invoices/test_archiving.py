"""Archive, restore and undo of one invoice: from a list, from its page, as a plain form and by htmx."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from invoices_app.invoices import actions
from tests.support.databases import Database
from tests.support.factories import make_client, make_invoice, make_issued, read, today, value_of
from tests.support.html import Page
from tests.support.people import Person
from tests.support.snapshot import snapshot

NUMBER = f"INV-{today().year}-0001"


def behind(url: str) -> dict[str, Any]:
    """How htmx tells the page that a request comes from."""
    return {"htmx": True, "headers": {"HX-Current-URL": f"http://localhost{url}"}}


def undo_of(page: Page) -> str:
    """Where the Undo on a page leads."""
    (url,) = [form.action for form in page.forms if form.action.endswith("/undo")]
    return url


def archiving_of(person: Person, invoice_id: uuid.UUID) -> uuid.UUID | None:
    with person.acting():
        return value_of(actions.archive_invoice(invoice_id)).archiving_id


def test_archived_and_undone_without_javascript(owner: Person) -> None:
    invoice_id = make_issued(owner)
    browser = owner.browser
    ticked = {**browser.get("/invoices").form("/invoices/selection/archive").values, "ids": str(invoice_id)}
    page = browser.follow(browser.send("/invoices/selection/archive", ticked, 303))
    assert page.response.request.path == "/invoices"
    assert f"{NUMBER} archived." in page.words(page.by_id("flash"))
    assert page.row_ids("invoice") == []
    page = browser.follow(browser.submit(undo_of(page)))
    assert f"{NUMBER} is back." in page.words(page.by_id("flash"))
    assert page.row_ids("invoice") == [str(invoice_id)]
    assert not any(form.action.endswith("/undo") for form in page.forms)


def test_a_draft_is_named_by_its_client(owner: Person) -> None:
    invoice_id = make_invoice(owner, client_id=make_client(owner, "Alder & Finch"))
    owner.browser.get(f"/invoices/{invoice_id}")
    page = owner.browser.follow(owner.browser.submit(f"/invoices/{invoice_id}/archive"))
    assert page.response.request.path == f"/invoices/{invoice_id}"
    assert "Draft for Alder & Finch archived." in page.words(page.by_id("flash"))
    page = owner.browser.follow(owner.browser.submit(undo_of(page)))
    assert page.response.request.path == f"/invoices/{invoice_id}"
    assert "Draft for Alder & Finch is back." in page.words(page.by_id("flash"))
    assert not read(owner, invoice_id).archived


def test_the_row_goes_at_once(owner: Person) -> None:
    kept, invoice_id = make_invoice(owner), make_issued(owner)
    owner.browser.get("/invoices")
    page = owner.browser.post(f"/invoices/{invoice_id}/archive", status=200, **behind("/invoices"))
    assert page.row_ids("invoice") == []
    assert f"{NUMBER} archived." in page.words()
    assert "1 archived hidden" in page.words(page.by_id("list-foot"))
    undo = undo_of(page)
    (form,) = [form for form in page.all("form") if form.get("action") == undo]
    assert (form.get("hx-post"), form.get("hx-target"), form.get("hx-swap")) == (undo, "#list", "outerHTML")
    page = owner.browser.post(undo, status=200, **behind("/invoices"))
    assert set(page.row_ids("invoice")) == {str(kept), str(invoice_id)}
    assert f"{NUMBER} is back." in page.words()


def test_the_row_stays_where_archived_ones_are_shown(owner: Person) -> None:
    client_id = make_client(owner)
    invoice_id = make_invoice(owner, client_id=client_id)
    for url in (
        "/invoices?archived=1",
        f"/clients/{client_id}?archived=1",
        "/invoices?archived=1&status=draft&q=client",
    ):
        owner.browser.get(url)
        page = owner.browser.post(f"/invoices/{invoice_id}/archive", status=200, **behind(url))
        assert page.row_ids("invoice") == [str(invoice_id)]
        assert page.by_id(f"invoice-{invoice_id}").get("class") == "archived"
        page = owner.browser.post(f"/invoices/{invoice_id}/restore", status=200, **behind(url))
        assert page.by_id(f"invoice-{invoice_id}").get("class") is None
        assert "Draft for A Client is back." in page.words()


def test_htmx_from_no_list_is_sent_to_a_page(owner: Person) -> None:
    invoice_id = make_invoice(owner)
    owner.browser.get(f"/invoices/{invoice_id}")
    for url in ("", "/", "/invoices?sort=wrong", "/clients/new", f"/clients/{uuid.uuid4()}", "//[x"):
        page = owner.browser.post(f"/invoices/{invoice_id}/archive", status=204, **behind(url))
        assert page.location == f"/invoices/{invoice_id}"
        owner.browser.post(f"/invoices/{invoice_id}/restore", status=204, **behind(url))


def test_archiving_twice_keeps_the_first_undo(owner: Person) -> None:
    invoice_id = make_issued(owner)
    first = archiving_of(owner, invoice_id)
    assert first is not None
    assert archiving_of(owner, invoice_id) is None
    page = owner.browser.follow(owner.browser.post(f"/invoices/{invoice_id}/archive"))
    assert f"{NUMBER} had been archived before." in page.words(page.by_id("flash"))
    owner.browser.post(f"/invoices/archivings/{first}/undo")
    assert not read(owner, invoice_id).archived


def test_undoing_twice_and_after_a_restore_is_harmless(owner: Person, teammate: Person, database: Database) -> None:
    invoice_id = make_invoice(owner)
    archiving_id = archiving_of(owner, invoice_id)
    owner.browser.token()
    teammate.browser.post(f"/invoices/archivings/{archiving_id}/undo")
    before = snapshot(database)
    for htmx in (False, True):
        page = owner.browser.post(f"/invoices/archivings/{archiving_id}/undo", status=204 if htmx else 303, htmx=htmx)
        assert page.location == "/invoices"
    assert snapshot(database) == before


def test_an_undo_does_not_reach_a_later_archiving(owner: Person) -> None:
    invoice_id = make_invoice(owner)
    first = archiving_of(owner, invoice_id)
    with owner.acting():
        value_of(actions.restore_invoice(invoice_id))
    second = archiving_of(owner, invoice_id)
    assert second != first
    owner.browser.post(f"/invoices/archivings/{first}/undo", status=404)
    assert read(owner, invoice_id).archived
    owner.browser.post(f"/invoices/archivings/{second}/undo")
    assert not read(owner, invoice_id).archived


def test_nobody_undoes_the_archiving_of_another_business(owner: Person, stranger: Person, database: Database) -> None:
    archiving_id = archiving_of(owner, make_invoice(owner))
    stranger.browser.token()
    before = snapshot(database)
    for wanted in (archiving_id, uuid.uuid4()):
        for htmx in (False, True):
            page = stranger.browser.post(f"/invoices/archivings/{wanted}/undo", status=404, htmx=htmx)
            assert "Not found" in page.words()
    assert snapshot(database) == before


def test_archived_once_restored_once_in_the_history(owner: Person, database: Database) -> None:
    invoice_id = make_invoice(owner, issue_date=date(2026, 1, 1))
    archiving_id = archiving_of(owner, invoice_id)
    archiving_of(owner, invoice_id)
    for _ in range(2):
        owner.browser.post(f"/invoices/archivings/{archiving_id}/undo")
    actions_of = "SELECT action FROM audit_events WHERE entity_id = %s ORDER BY id"
    history = [action for (action,) in database.ask(actions_of, invoice_id)]
    assert history == ["invoice.created", "invoice.archived", "invoice.restored"]
