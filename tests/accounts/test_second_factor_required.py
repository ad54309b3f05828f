"""A business that asks everyone for a second factor: who has none sets it up before they see its pages."""

from __future__ import annotations

import pytest

from invoices_app.accounts import team_actions
from invoices_app.accounts.models import Role
from invoices_app.results import Forbidden
from invoices_app.web.access import PUBLIC
from tests.support.browser import HTMX
from tests.support.databases import Database
from tests.support.factories import make_invitation
from tests.support.people import PASSWORD, Cast, Person
from tests.support.second_factor import BEGIN, OFF, PAGE, set_up
from tests.support.snapshot import snapshot
from tests.whole_app.test_routes import ROUTES, any_url

TEAM = "/settings/team"
URL = "/settings/team/second-factor"
OPEN = {"/businesses", "/businesses/<business_id>/switch", *(path for path in ROUTES if path.startswith(PAGE))}


@pytest.fixture
def strict(cast: Cast) -> Cast:
    """A business that asks for it, whose owner has one."""
    set_up(cast.owner)
    cast.owner.browser.get(TEAM)
    assert cast.owner.browser.post(URL, {"required": "y"}).location == TEAM
    return cast


def test_everyone_is_led_to_it(strict: Cast) -> None:
    """From every page and every form but those that it takes to set it up or to go elsewhere."""
    browser = strict.teammate.browser
    browser.get(PAGE)
    token = {"X-CSRFToken": browser.csrf_token}
    refused = 0
    for path, methods in ROUTES.items():
        for method, who in methods.items():
            if who == PUBLIC:
                continue
            plain = browser.open(any_url(path), method=method, headers=token, buffered=True)
            by_htmx = browser.open(any_url(path), method=method, headers=token | HTMX, buffered=True)
            led = plain.headers.get("Location") == PAGE and plain.status_code == 303
            if path not in OPEN and plain.status_code != 403:  # 403: not a member's to do in any case
                assert led, (method, path, plain.status_code)
                assert by_htmx.headers["HX-Redirect"] == PAGE
                refused += 1
            elif path == PAGE:
                assert plain.status_code == 200
    assert refused > 30


def test_setting_it_up_opens_the_business(strict: Cast) -> None:
    assert "asks everyone for a second factor" in strict.teammate.browser.get(PAGE).words()
    set_up(strict.teammate)
    strict.teammate.browser.get("/clients")
    assert "asks everyone" not in strict.teammate.browser.get(PAGE).words()
    strict.teammate.browser.submit(OFF, {"password": PASSWORD})
    assert strict.teammate.browser.get("/clients", 303).location == PAGE


def test_other_businesses_are_open(strict: Cast) -> None:
    """Who belongs to another one goes there; who comes in from there is asked."""
    link = f"/invitations/{make_invitation(strict.owner, strict.stranger.email)}"
    strict.stranger.browser.get(link)
    strict.stranger.browser.submit(link)
    assert strict.stranger.browser.get("/clients", 303).location == PAGE
    strict.stranger.browser.get("/businesses")
    strict.stranger.browser.submit(f"/businesses/{strict.stranger.business_id}/switch")
    strict.stranger.browser.get("/clients")


def test_it_can_be_taken_back(strict: Cast, database: Database) -> None:
    page = strict.owner.browser.get(TEAM)
    assert page.by_id("required").get("checked") is not None
    form = {name: value for name, value in page.form(URL).values.items() if name != "required"}
    strict.owner.browser.send(URL, form, 303)
    strict.teammate.browser.get("/clients")
    query = "SELECT changes FROM audit_events WHERE business_id = %s AND action = 'business.changed' ORDER BY id"
    found = [changes for (changes,) in database.ask(query, strict.owner.business_id)]
    assert found == [{"second_factor_required": [False, True]}, {"second_factor_required": [True, False]}]


def test_who_asks_has_one(cast: Cast, database: Database) -> None:
    cast.owner.browser.get(TEAM)
    before = snapshot(database)
    page = cast.owner.browser.post(URL, {"required": "y"}, 422)
    assert page.error_of("required") == "Set up your own second factor first."
    assert snapshot(database) == before


@pytest.mark.parametrize("role", [Role.MEMBER, Role.BOOKKEEPER])
def test_only_owners_ask(cast: Cast, database: Database, role: Role) -> None:
    with database.as_superuser() as connection:
        connection.execute("UPDATE memberships SET role = %s WHERE user_id = %s", [role.value, cast.teammate.user_id])
    cast.teammate.browser.post(URL, {"required": "y"}, 403)
    with cast.teammate.acting():
        assert isinstance(team_actions.require_second_factor(on=True), Forbidden)


def test_the_team_says_who_has_one(strict: Cast) -> None:
    words = strict.owner.browser.get(TEAM).words()
    assert words.count("Two-factor sign-in is on") == 1
    assert words.count("No second factor") == 1


def test_beginning_is_open_to_who_has_none(strict: Cast) -> None:
    person: Person = strict.teammate
    person.browser.get(PAGE)
    assert person.browser.submit(BEGIN, {"password": PASSWORD}).location == PAGE
