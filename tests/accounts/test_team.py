"""The team of a business: invitations, roles, removal, and a person in several businesses."""

from __future__ import annotations

import threading
import uuid

import pytest
from flask import Flask
from psycopg import sql

from invoices_app.accounts import team, team_actions
from invoices_app.accounts.models import Role
from invoices_app.results import ActionResult, Conflict, Invalid, Ok
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.factories import make_client, make_invitation
from tests.support.people import PASSWORD, Cast, Person, make_teammate

NEW_PASSWORD = "another sentence to sign in"
INVITATIONS = "/settings/team/invitations"


def address() -> str:
    return f"new-{uuid.uuid4().hex}@example.com"


def roles_of(person: Person) -> dict[uuid.UUID, Role]:
    with person.acting():
        return {member.user_id: member.role for member in team.members()}


def run_sql(database: Database, statement: str, *values: object) -> list[tuple[object, ...]]:
    with database.as_superuser() as connection:
        cursor = connection.execute(sql.SQL(statement), values)
        return cursor.fetchall() if cursor.description else []


def test_inviting_says_the_same_for_known_and_unknown_addresses(cast: Cast, database: Database) -> None:
    for email in (address(), cast.stranger.email):
        cast.owner.browser.get("/settings/team")
        page = cast.owner.browser.submit(INVITATIONS, {"email": email.upper(), "role": "member"})
        assert f"Invitation sent to {email}." in cast.owner.browser.follow(page).words()
        mails = run_sql(database, "SELECT plain FROM mail_outbox WHERE recipient = %s", email)
        assert len(mails) == 1
        assert "/invitations/" in str(mails[0][0])


def test_inviting_who_is_there_or_invited_says_so_beside_the_field(cast: Cast) -> None:
    invited = address()
    make_invitation(cast.owner, invited)
    for email, sentence in (
        (cast.teammate.email, "in your team already"),
        (invited, "is invited already"),
        ("nonsense", "Enter an email address"),
    ):
        cast.owner.browser.get("/settings/team")
        page = cast.owner.browser.submit(INVITATIONS, {"email": email, "role": "member"}, 422)
        assert sentence in page.words()
        assert f'value="{email}"' in page.text


def test_a_new_person_joins_with_a_name_and_a_password(cast: Cast, visitor: Browser, database: Database) -> None:
    email = address()
    token = make_invitation(cast.owner, email, Role.BOOKKEEPER)
    url = f"/invitations/{token}"
    assert "Join Owner & Sons Ltd" in visitor.get(url).words()
    assert "at least 12" in visitor.submit(url, {"name": "Nina New", "password": "short"}, 422).words()
    visitor.submit(url, {"name": "Nina New", "password": NEW_PASSWORD})
    assert "Owner & Sons Ltd" in visitor.get("/invoices").words()
    visitor.get("/invoices/new", 403)
    assert Role.BOOKKEEPER in roles_of(cast.owner).values()
    visitor.get(url, 404)
    stored = run_sql(database, "SELECT count(*) FROM invitations WHERE email = %s", email)
    assert stored == [(0,)]


def test_an_account_joins_with_its_password_and_then_signs_in(cast: Cast, visitor: Browser) -> None:
    url = f"/invitations/{make_invitation(cast.owner, cast.stranger.email)}"
    visitor.get(url)
    assert "not the password" in visitor.submit(url, {"password": NEW_PASSWORD}, 422).words()
    assert cast.stranger.user_id not in roles_of(cast.owner)
    assert visitor.submit(url, {"password": PASSWORD}).location == "/login"
    assert roles_of(cast.owner)[cast.stranger.user_id] == Role.MEMBER
    visitor.get("/invoices", 303)


def test_a_signed_in_person_joins_goes_over_and_comes_back(cast: Cast) -> None:
    make_client(cast.owner, "Client of the owner")
    browser = cast.stranger.browser
    url = f"/invitations/{make_invitation(cast.owner, cast.stranger.email)}"
    browser.get(url)
    browser.submit(url)
    assert "Client of the owner" in browser.get("/clients").words()
    switch = f"/businesses/{cast.stranger.business_id}/switch"
    browser.get("/businesses")
    browser.submit(switch)
    assert "Client of the owner" not in browser.get("/clients").words()


def test_an_invitation_is_for_its_own_address(cast: Cast) -> None:
    url = f"/invitations/{make_invitation(cast.owner, address())}"
    assert "You are signed in as" in cast.stranger.browser.get(url).words()
    cast.stranger.browser.post(url, {}, 403)
    assert cast.stranger.user_id not in roles_of(cast.owner)


def test_ended_withdrawn_and_resent_invitations(cast: Cast, visitor: Browser, database: Database) -> None:
    email = address()
    first = make_invitation(cast.owner, email)
    with cast.owner.acting():
        (pending,) = team.invitations()
    owner = cast.owner.browser
    run_sql(database, "UPDATE invitations SET expires_at = now() - interval '1 second' WHERE id = %s", pending.id)
    assert "invitation has ended" in visitor.get(f"/invitations/{first}", 404).words()
    assert "ended" in owner.get("/settings/team").words()
    owner.submit(f"{INVITATIONS}/{pending.id}/resend")
    visitor.get(f"/invitations/{first}", 404)
    ((plain,),) = run_sql(
        database, "SELECT plain FROM mail_outbox WHERE recipient = %s ORDER BY id DESC LIMIT 1", email
    )
    token = str(plain).rpartition("/invitations/")[2].strip()
    visitor.get(f"/invitations/{token}")
    owner.get("/settings/team")
    owner.submit(f"{INVITATIONS}/{pending.id}/withdraw")
    visitor.get(f"/invitations/{token}", 404)


def test_a_new_role_counts_at_the_next_request(cast: Cast) -> None:
    cast.teammate.browser.get("/invoices/new")
    cast.owner.browser.get("/settings/team")
    cast.owner.browser.submit(f"/settings/team/{cast.teammate.user_id}/role", {"role": "bookkeeper"})
    cast.teammate.browser.get("/invoices/new", 403)
    cast.teammate.browser.get("/invoices")


def test_the_history_goes_on_naming_who_was_removed(cast: Cast) -> None:
    client = make_client(cast.teammate, "Client of the teammate")
    with cast.owner.acting():
        team_actions.remove_member(cast.teammate.user_id)
    assert cast.teammate.name in cast.owner.browser.get(f"/clients/{client}/history").words()


def test_who_was_removed_is_out_at_the_next_request(cast: Cast, visitor: Browser) -> None:
    cast.teammate.browser.get("/invoices")
    cast.owner.browser.get("/settings/team")
    cast.owner.browser.submit(f"/settings/team/{cast.teammate.user_id}/remove")
    assert cast.teammate.browser.get("/invoices", 303).location.startswith("/login")
    visitor.get("/login")
    page = visitor.submit("/login", {"email": cast.teammate.email, "password": PASSWORD}, 422)
    assert "no business any more" in page.words()


@pytest.mark.parametrize(("step", "sent"), [("remove", {}), ("role", {"role": "member"})])
def test_the_last_owner_stays(cast: Cast, step: str, sent: dict[str, str]) -> None:
    cast.owner.browser.get("/settings/team")
    page = cast.owner.browser.submit(f"/settings/team/{cast.owner.user_id}/{step}", sent, 422)
    assert "the last owner" in page.words()
    assert roles_of(cast.owner)[cast.owner.user_id] == Role.OWNER


def test_a_role_that_is_none_is_refused(cast: Cast) -> None:
    url = f"/settings/team/{cast.teammate.user_id}/role"
    assert "Choose a role" in cast.owner.browser.post(url, {"role": "emperor"}, 422).words()
    assert roles_of(cast.owner)[cast.teammate.user_id] == Role.MEMBER


def at_once(*calls: object) -> list[ActionResult[object]]:
    """Run each (person, action, arguments...) in a thread of its own, all released together."""
    start = threading.Barrier(len(calls))
    results: list[ActionResult[object]] = []

    def run(person: Person, action: object, *arguments: object) -> None:
        with person.acting():
            start.wait(10)
            results.append(action(*arguments))  # type: ignore[operator]

    threads = [threading.Thread(target=run, args=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == len(calls)
    return results


def test_two_owners_who_remove_each_other_leave_one(cast: Cast) -> None:
    for number in range(8):
        other = make_teammate(cast.owner, f"Olga{number} Owner", Role.OWNER)
        results = at_once(
            (cast.owner, team_actions.change_role, other.user_id, Role.MEMBER),
            (other, team_actions.change_role, cast.owner.user_id, Role.MEMBER),
        )
        assert sum(isinstance(result, Ok) for result in results) == 1
        owners = [user_id for user_id, role in roles_of(cast.owner).items() if role == Role.OWNER]
        assert len(owners) == 1
        if owners == [other.user_id]:
            with other.acting():
                assert isinstance(team_actions.change_role(cast.owner.user_id, Role.OWNER), Ok)
        with cast.owner.acting():
            assert isinstance(team_actions.remove_member(other.user_id), Ok)


def test_two_owners_who_step_down_at_once_leave_one(cast: Cast) -> None:
    other = make_teammate(cast.owner, "Olga Owner", Role.OWNER)
    results = at_once(
        (cast.owner, team_actions.change_role, cast.owner.user_id, Role.MEMBER),
        (other, team_actions.change_role, other.user_id, Role.MEMBER),
    )
    assert {type(result) for result in results} == {Ok, Invalid}


def test_an_invitation_works_once_for_two_at_once(cast: Cast) -> None:
    token = make_invitation(cast.owner, cast.stranger.email)
    call = (cast.stranger, team_actions.join, token, cast.stranger.user_id)
    results = at_once(call, call)
    assert {type(result) for result in results} == {Ok, Conflict}


def test_what_happened_stands_in_the_audit_trail(app: Flask, cast: Cast, database: Database) -> None:
    token = make_invitation(cast.owner, cast.stranger.email)
    with cast.stranger.acting():
        assert isinstance(team_actions.join(token, cast.stranger.user_id), Ok)
    with cast.owner.acting():
        team_actions.change_role(cast.stranger.user_id, Role.BOOKKEEPER)
        team_actions.remove_member(cast.stranger.user_id)
    found = run_sql(
        database, "SELECT action FROM audit_events WHERE business_id = %s ORDER BY seq", cast.owner.business_id
    )
    actions = [action for (action,) in found]
    assert actions == ["member.invited", "member.joined", "member.role_changed", "member.removed"]
