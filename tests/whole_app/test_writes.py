"""Every write route six ways: works, teammate, stranger, invalid, stale, wrong method; as a plain form and by htmx."""

from __future__ import annotations

import re

import pytest

from tests.support.browser import HTMX
from tests.support.databases import Database
from tests.support.html import Page
from tests.support.people import Cast, Person
from tests.support.snapshot import snapshot
from tests.support.writes import WRITES, Place, Write
from tests.whole_app.test_routes import POSTS

CHOICES = {"client_id", "currency", "method"}
every_write = pytest.mark.parametrize("write", WRITES, ids=lambda write: write.name)
plain_and_htmx = pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
WITH_BAD_FIELDS = [(write, name) for write in WRITES for name in write.bad]
ELSEWHERE = {
    "/businesses/<business_id>/switch",
    "/clients/archivings/<archiving_id>/undo",
    "/demo",
    "/email/confirm/<token>",
    "/export",
    "/import",
    "/import/<import_id>",
    "/import/<import_id>/cancel",
    "/import/<import_id>/start",
    "/invitations/<token>",
    "/invoices/<invoice_id>/lines/<line_id>/restore",
    "/invoices/<invoice_id>/undo",
    "/invoices/archivings/<archiving_id>/undo",
    "/invoices/selection/print",
    "/login",
    "/login/code",
    "/logout",
    "/password/forgot",
    "/password/reset/<token>",
    "/problems",
    "/register",
    "/settings/account",
    "/settings/account/email",
    "/settings/account/email/withdraw",
    "/settings/account/password",
    "/settings/account/sessions/<session_id>/end",
    "/settings/account/sessions/end-others",
    "/settings/account/second-factor/begin",
    "/settings/account/second-factor/codes",
    "/settings/account/second-factor/codes/file",
    "/settings/account/second-factor/confirm",
    "/settings/account/second-factor/off",
    "/settings/business",
    "/settings/numbers",
    "/settings/numbers/<code>",
    "/settings/logo",
    "/settings/logo/remove",
    "/settings/team/<user_id>/remove",
    "/settings/team/<user_id>/role",
    "/settings/team/second-factor",
    "/settings/team/invitations",
    "/settings/team/invitations/<invitation_id>/resend",
    "/settings/team/invitations/<invitation_id>/withdraw",
    "/shortcuts",
}


def send(person: Person, write: Write, place: Place, status: int, *, htmx: bool, **changes: str) -> Page:
    """Open the page of the form, fill it in, send it."""
    person.browser.get(place.page)
    form = person.browser.form_for(place.url)
    assert form is not None, f"{place.page} has no form to {place.url}"
    return person.browser.send(place.url, {**form.values, **place.more, **write.good, **changes}, status, htmx=htmx)


def check_success(page: Page, write: Write, *, htmx: bool) -> None:
    if not htmx:
        assert page.location.startswith("/")
    elif write.fragment:
        assert page.is_html
        assert not page.is_whole
    else:
        assert page.location.startswith("/")
        assert page.text == ""


def good_status(write: Write, *, htmx: bool) -> int:
    return 303 if not htmx else 200 if write.fragment else 204


def test_every_post_route_is_tried() -> None:
    names = {"create client": "/clients", "create invoice": "/invoices"}
    tried = len(WRITES) + len(ELSEWHERE)
    assert tried == len(POSTS)
    assert set(names.values()) <= set(POSTS)


@every_write
@plain_and_htmx
def test_works_for_owner_and_teammate(cast: Cast, database: Database, write: Write, *, htmx: bool) -> None:
    for person in (cast.owner, cast.teammate):
        place = write.place(cast.owner)
        before = snapshot(database)
        page = send(person, write, place, good_status(write, htmx=htmx), htmx=htmx)
        check_success(page, write, htmx=htmx)
        assert snapshot(database) != before
        actor = "SELECT actor_id FROM audit_events WHERE business_id = %s ORDER BY id DESC LIMIT 1"
        assert database.value(actor, person.business_id) == person.user_id
        person.browser.get(page.location or place.page)


@every_write
@plain_and_htmx
def test_strangers_find_nothing(cast: Cast, database: Database, write: Write, *, htmx: bool) -> None:
    """Not even with a form that the owner has filled in."""
    if not write.foreign:
        return
    place = write.place(cast.owner)
    form = cast.owner.browser.get(place.page).form(place.url)
    token = cast.stranger.browser.token()
    before = snapshot(database)
    values = {**form.values, **place.more, **write.good, "csrf_token": token}
    page = cast.stranger.browser.send(place.url, values, 404, htmx=htmx)
    assert "Not found" in page.words()
    assert page.is_whole != htmx
    assert snapshot(database) == before


@pytest.mark.parametrize(("write", "name"), WITH_BAD_FIELDS, ids=lambda value: getattr(value, "name", value))
@plain_and_htmx
def test_refusals_stand_beside_their_field(
    owner: Person, database: Database, write: Write, name: str, *, htmx: bool
) -> None:
    place = write.place(owner)
    owner.browser.get(place.page)
    before = snapshot(database)
    value, sentence = write.bad[name]
    page = send(owner, write, place, 422, htmx=htmx, **{name: value})
    assert page.error_of(name).removeprefix("Price: ") == sentence or page.error_of(name).endswith(f": {sentence}")
    if name not in CHOICES:
        assert value in page.typed(name)
    kept = {field: typed for field, typed in write.good.items() if field != name}
    assert all(typed in page.typed(field) for field, typed in kept.items())
    # The new invoice has no partial of its own yet, so htmx gets its page.
    assert page.is_whole == (not htmx or write.name == "create invoice")
    assert snapshot(database) == before


@pytest.mark.parametrize("write", [write for write in WRITES if write.versioned], ids=lambda write: write.name)
@plain_and_htmx
def test_stale_edits_are_told(cast: Cast, database: Database, write: Write, *, htmx: bool) -> None:
    place = write.place(cast.owner)
    mine, theirs = (person.browser.get(place.page).form(place.url).values for person in (cast.owner, cast.teammate))
    (field,) = write.good
    cast.owner.browser.send(place.url, {**mine, **write.good}, 303)
    before = snapshot(database)
    typed = "7" if field == "quantity" else "Mine"
    page = cast.teammate.browser.send(place.url, {**theirs, field: typed}, 409, htmx=htmx)
    assert re.search(rf"({cast.owner.name}|Someone else) changed this", page.words())
    assert typed in page.typed(field)
    assert snapshot(database) == before


@pytest.mark.parametrize("write", [write for write in WRITES if write.versioned], ids=lambda write: write.name)
def test_an_edit_says_what_it_saw(owner: Person, database: Database, write: Write) -> None:
    place = write.place(owner)
    owner.browser.get(place.page)
    before = snapshot(database)
    for version in ("", "0", "-1", "1.0", "99999999999999999999", "one"):
        send(owner, write, place, 422, htmx=False, version=version)
    assert snapshot(database) == before


@every_write
def test_other_methods_are_refused(owner: Person, write: Write) -> None:
    place = write.place(owner)
    token = {"X-CSRFToken": owner.browser.token()}
    readable = owner.browser.open(place.url).status_code == 200
    for method in ("PUT", "PATCH", "DELETE", *(() if readable else ("GET", "HEAD"))):
        answer = owner.browser.open(place.url, method=method, headers=token)
        assert answer.status_code == 405
        assert "POST" in answer.headers["Allow"]
    if not readable:
        assert "does not take that kind of request" in owner.browser.get(place.url, 405).words()
        assert owner.browser.open(place.url, headers=HTMX).headers["HX-Retarget"] == "#alerts"
