"""Who may what, proved by requests: every route of the table, as each role, and as a stranger: somebody who was
signed in when they were taken out of the only business that they belonged to. `test_routes.py` has the visitor."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from psycopg.errors import ForeignKeyViolation

from invoices_app.accounts import team_actions
from invoices_app.accounts.models import Role
from invoices_app.web.access import OWNERS, PUBLIC, READERS, WRITERS
from tests.support.browser import HTMX, Browser
from tests.support.databases import Database
from tests.support.factories import make_client, make_invoice, make_issued, value_of
from tests.support.people import Cast, Person, make_cast, make_teammate
from tests.support.snapshot import snapshot
from tests.whole_app.test_routes import ROUTES, any_url

MAY = {
    Role.BOOKKEEPER: {PUBLIC, READERS},
    Role.MEMBER: {PUBLIC, READERS, WRITERS},
    Role.OWNER: {PUBLIC, READERS, WRITERS, OWNERS},
}
# A reader's POSTs: none changes what belongs to the business.
OWN = "/settings/account/second-factor"
HARMLESS_POSTS = {
    "/businesses/<business_id>/switch",
    "/invoices/selection/print",
    "/settings/account",
    "/settings/account/email",
    "/settings/account/email/withdraw",
    "/settings/account/password",
    "/settings/account/sessions/<session_id>/end",
    "/settings/account/sessions/end-others",
    "/shortcuts",
    *(f"{OWN}/{step}" for step in ("begin", "codes", "codes/file", "confirm", "off")),
}
# But signing out, which would end the session that the other calls use; tests/accounts/test_sessions.py does it.
CALLS = [
    (method, path, who) for path, methods in ROUTES.items() if path != "/logout" for method, who in methods.items()
]
HREF = re.compile(r'href="([^"?#]*)')
REFUSED = {WRITERS: "may read everything here, but change nothing", OWNERS: "Only an owner"}


@pytest.fixture(scope="module")
def people(app: Flask) -> dict[Role, Person]:
    """One person of each role in one business."""
    owner = make_cast(app).owner
    others = {role: make_teammate(owner, f"{role.value.capitalize()} Person", role) for role in MAY}
    return {**others, Role.OWNER: owner}


@pytest.mark.parametrize("role", list(Role), ids=str)
@pytest.mark.parametrize(("method", "path", "who"), CALLS)
def test_each_role_comes_in_where_the_table_says(
    people: dict[Role, Person], database: Database, role: Role, method: str, path: str, who: str
) -> None:
    browser = people[role].browser
    url = any_url(path)
    headers = {"X-CSRFToken": browser.token()}
    allowed = who in MAY[role]
    before = {} if allowed else snapshot(database)
    for extra in ({}, HTMX):
        response = browser.open(url, method=method, headers={**headers, **extra}, buffered=True)
        assert (response.status_code == 403) is not allowed
        assert response.status_code < 500 or path == "/readyz"
        if not allowed:
            assert REFUSED[who] in response.text
            assert ("<html" in response.text) is not bool(extra)
    assert allowed or snapshot(database) == before


@pytest.fixture(scope="module")
def dead_token(people: dict[Role, Person]) -> str:
    """What a browser goes on sending whose person is in no business any more."""
    owner, stranger = people[Role.OWNER], make_teammate(people[Role.OWNER], "Sid Stranger")
    with stranger.browser.session_transaction() as cookie:
        token = str(cookie["_user_id"])
    assert stranger.browser.open("/clients").status_code == 200
    with owner.acting():
        value_of(team_actions.remove_member(stranger.user_id))
    return token


@pytest.mark.parametrize(("method", "path", "who"), [call for call in CALLS if call[2] != PUBLIC])
def test_a_stranger_comes_in_nowhere(
    app: Flask, database: Database, dead_token: str, method: str, path: str, who: str
) -> None:
    before = snapshot(database)
    for extra, status in (({}, 303), (HTMX, 204)):
        browser = Browser(app, use_cookies=True)
        headers = {"X-CSRFToken": browser.token(), **extra}
        with browser.session_transaction() as cookie:
            cookie["_user_id"] = dead_token
        response = browser.open(any_url(path), method=method, headers=headers, buffered=True)
        assert response.status_code == status
        assert response.headers.get("Location" if status == 303 else "HX-Redirect", "").startswith("/login")
        assert response.text == "" or "redirected" in response.text
    assert snapshot(database) == before


def test_a_stranger_is_given_no_session(database: Database, cast: Cast) -> None:
    """A session needs a membership, so that none can be without: the database says so, to the owner of the tables."""
    insert = (
        "INSERT INTO user_sessions (id, token_hash, user_id, business_id, expires_at, idle_timeout)"
        " VALUES (gen_random_uuid(), sha256('x'), %s, %s, now() + interval '1 hour', interval '1 hour')"
    )
    ids = [cast.stranger.user_id, cast.owner.business_id]
    with pytest.raises(ForeignKeyViolation), database.as_superuser() as connection:
        connection.execute(insert, ids)
    with database.as_superuser() as connection:
        assert connection.execute(insert, [cast.stranger.user_id, cast.stranger.business_id]).rowcount == 1
        connection.rollback()


def test_a_bookkeeper_may_post_only_what_changes_nothing() -> None:
    found = {path for method, path, who in CALLS if method == "POST" and who == READERS}
    assert found == HARMLESS_POSTS


def test_a_bookkeeper_reads_and_finds_nothing_to_change(cast: Cast) -> None:
    keeper = make_teammate(cast.owner, "Bo Keeper", Role.BOOKKEEPER)
    client, draft, issued = make_client(cast.owner), make_invoice(cast.owner), make_issued(cast.owner)
    allowed = ("/logout", "/shortcuts", "/invoices/selection/print")
    for url in (
        "/", "/clients", f"/clients/{client}", f"/clients/{client}/history", "/invoices", f"/invoices/{draft}",
        f"/invoices/{draft}/print", f"/invoices/{draft}/history", f"/invoices/{issued}", "/invoices/numbers",
    ):  # fmt: skip
        page = keeper.browser.get(url)
        posts = {form.action for form in page.forms if form.method == "post"}
        assert posts <= set(allowed), url
        for nothing in ("/invoices/new", "/clients/new", "/settings/business", "/settings/team", "/edit"):
            assert f'href="{nothing}' not in page.text, url
    for url in ("/invoices.csv", "/clients.csv"):
        assert keeper.browser.open(url, buffered=True).status_code == 200


def test_a_member_finds_no_settings(cast: Cast) -> None:
    page = cast.teammate.browser.get("/invoices")
    assert set(re.findall(r'href="(/settings/[^"]*)', page.text)) == {"/settings/account"}
    assert "/settings/team" in cast.owner.browser.get("/invoices").text
