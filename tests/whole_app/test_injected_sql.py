"""What SQL could do that somebody managed to inject: anything as the app's role, and nothing outside its tenant."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql
from sqlalchemy import text

from invoices_app.db import scope_keys
from invoices_app.db.roles import TABLE_PRIVILEGES
from invoices_app.db.tenancy import Scope, settings_of
from invoices_app.extensions import db
from tests.support.databases import SECRET_KEY, Database, connect
from tests.support.people import Cast, Person

SETTINGS = ("delivering", "business_id", "user_id", "login_email", "scope_until", "signature")
MESSAGE = ("delivering", "business_id", "user_id", "login_email")
OF_PEOPLE = {
    "users": "id",
    "businesses": "id",
    "user_sessions": "user_id",
    "account_tokens": "user_id",
    "second_factors": "user_id",
    "recovery_codes": "user_id",
    "pending_logins": "user_id",
}
TABLES = sorted(name for name, privileges in TABLE_PRIVILEGES.items() if privileges and name != "alembic_version")
SET = "SELECT set_config('app.{}', {}, true)"

# Statements that try to become somebody else, or to reach what row-level security does not guard. {theirs}, {them} and
# {email} are the stranger's business, id and address, which whoever injects SQL is taken to know.
HOSTILE = (
    SET.format("business_id", "'{theirs}'"),
    SET.format("user_id", "'{them}'"),
    SET.format("login_email", "'{email}'"),
    SET.format("delivering", "'on'"),
    SET.format("maintenance", "'on'"),
    SET.format("clearing", "'on'"),
    SET.format("signature", "''"),
    SET.format("scope_until", "''"),
    "SET LOCAL app.business_id = '{theirs}'",
    "SET SESSION app.business_id = '{theirs}'",
    "RESET app.signature",
    "RESET ALL",
    "DISCARD PLANS",
    "SELECT set_config(name, '{theirs}', true) FROM (VALUES ('app.business_id'), ('app.user_id')) AS names (name)",
    "WITH now AS MATERIALIZED (SELECT set_config('app.business_id', '{theirs}', true)) SELECT i.* FROM now, invoices i",
    "DO $$ BEGIN PERFORM set_config('app.business_id', '{theirs}', false); END $$",
    "PREPARE hostile AS SELECT set_config('app.business_id', '{theirs}', false); EXECUTE hostile",
    "SELECT sign_scope('{them}', '{theirs}')",
    "SELECT * FROM scope_keys",
    "INSERT INTO scope_keys (signer, inner_block, outer_block) VALUES ('app', decode(repeat('00', 64), 'hex'), '')",
    "SET ROLE {owner}",
    "SET SESSION AUTHORIZATION {owner}",
    "SET SESSION AUTHORIZATION postgres",
    "SET row_security = off",
    "ALTER TABLE invoices DISABLE ROW LEVEL SECURITY",
    "ALTER POLICY tenant ON invoices USING (true)",
    "DROP POLICY tenant ON invoices",
    "CREATE FUNCTION public.current_business_id(int) RETURNS uuid LANGUAGE sql RETURN NULL",
    "CREATE OR REPLACE FUNCTION current_business_id() RETURNS uuid LANGUAGE sql RETURN '{theirs}'::uuid",
    "CREATE TEMPORARY TABLE scope_keys (signer text)",
    "CREATE SCHEMA mine",
    "CREATE EXTENSION dblink",
    "COPY invoices TO PROGRAM 'cat'",
    "COPY (SELECT 1) TO '/tmp/invoices-injected'",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT lo_import('PG_VERSION')",
    "SELECT * FROM pg_authid",
    "SELECT * FROM pg_statistic",
    "SELECT pg_reload_conf()",
    "SELECT enter_session(repeat('0', 64)), enter_invitation(repeat('0', 64))",
    "SELECT settle_figures('{theirs}'), index_invoices(ARRAY(SELECT id FROM invoices))",
    "SELECT clear_expired(1000)",
    "SELECT search('invoice', 'client', 1000)",
    "SELECT currval('hostile'), 1 / 0",
    "UPDATE users SET email = email WHERE id = '{them}'",
    "UPDATE memberships SET business_id = '{theirs}'",
    "INSERT INTO memberships (business_id, user_id, role) VALUES ('{theirs}', '{me}', 'owner')",
    "INSERT INTO user_sessions (id, user_id, token_hash, expires_at) VALUES (uuidv7(), '{them}', sha256('a'), now())",
    "UPDATE user_sessions SET business_id = '{theirs}' WHERE user_id = '{me}'",
)


@pytest.fixture
def injected(database: Database, two: Cast) -> Iterator[psycopg.Connection]:
    """A connection of the app's role in the middle of the owner's request."""
    with database.as_app(two.owner.business_id, two.owner.user_id) as connection:
        yield connection
        connection.rollback()


def foreign(connection: psycopg.Connection, mine: Person, team: frozenset[uuid.UUID]) -> dict[str, list[Any]]:
    """What a connection sees that is not this person's: by table the ids of others. Every table is asked.

    A table that refuses to be read, after `row_security = off` or with an id that is none, shows nothing.
    """
    own, found = {mine.business_id, *team}, {}
    for table in TABLES:
        column = "id" if table == "mail_outbox" else OF_PEOPLE.get(table, "business_id")
        query = sql.SQL("SELECT DISTINCT {} FROM {}").format(sql.Identifier(column), sql.Identifier(table))
        with contextlib.suppress(psycopg.Error), connection.transaction():
            found[table] = [value for (value,) in connection.execute(query) if value not in own]
    return {table: ids for table, ids in found.items() if ids}


@pytest.fixture
def team(database: Database, two: Cast) -> frozenset[uuid.UUID]:
    """Everybody whom the owner may see."""
    query = (
        "SELECT user_id FROM memberships WHERE business_id = %s"
        " UNION SELECT user_id FROM former_members WHERE business_id = %s"
    )
    return frozenset(row[0] for row in database.ask(query, two.owner.business_id, two.owner.business_id))


@pytest.mark.parametrize("statement", HOSTILE)
def test_no_statement_opens_another_tenant(
    injected: psycopg.Connection, database: Database, two: Cast, team: frozenset[uuid.UUID], statement: str
) -> None:
    """Whatever it does, nothing of others is seen after it, in its transaction or the next, and nothing is changed."""
    before = everything_of(database, two.stranger)
    known = {
        "theirs": two.stranger.business_id,
        "them": two.stranger.user_id,
        "me": two.owner.user_id,
        "email": two.stranger.email,
        "owner": database.owner_url.username,
    }
    with contextlib.suppress(psycopg.Error), injected.transaction():  # refused is as good
        injected.execute(statement.format(**known).encode())
    assert foreign(injected, two.owner, team) == {}
    injected.commit()
    assert foreign(injected, two.owner, team) == {}
    injected.execute("RESET ALL")
    injected.commit()
    assert everything_of(database, two.stranger) == before


def everything_of(database: Database, person: Person) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of a person and their business, as texts."""
    found = {}
    for table in TABLES:
        if table == "mail_outbox":
            query, value = "SELECT mail_outbox::text FROM mail_outbox WHERE recipient = %s", person.email
        elif table in OF_PEOPLE and table != "businesses":
            query, value = f"SELECT {table}::text FROM {table} WHERE {OF_PEOPLE[table]} = %s", str(person.user_id)
        else:
            column = "id" if table == "businesses" else "business_id"
            query, value = f"SELECT {table}::text FROM {table} WHERE {column} = %s", str(person.business_id)
        found[table] = sorted(database.ask(query, value))
    return found


def test_the_hostile_statements_would_be_seen(database: Database, two: Cast, team: frozenset[uuid.UUID]) -> None:
    """The looking itself works: in the stranger's scope, or to who sees all, the same question finds much."""
    with database.as_app(two.stranger.business_id, two.stranger.user_id) as connection:
        assert {"invoices", "clients", "users", "businesses"} <= set(foreign(connection, two.owner, team))
    with database.as_superuser() as connection:
        assert set(foreign(connection, two.owner, team)) == set(TABLES)


values = st.sampled_from(["mine", "theirs", "empty", "on", "nonsense", "until", "signed", "joined"])


@given(chosen=st.fixed_dictionaries(dict.fromkeys(SETTINGS, values)))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_mixture_of_settings_opens_another_tenant(
    injected: psycopg.Connection, two: Cast, team: frozenset[uuid.UUID], chosen: dict[str, str]
) -> None:
    """The settings of one's own scope, those of the stranger and nonsense, in any mixture."""
    own = settings_of(Scope(two.owner.user_id, two.owner.business_id), SECRET_KEY)
    own["scope_until"] = own.pop("until")
    theirs = {
        "business_id": str(two.stranger.business_id),
        "user_id": str(two.stranger.user_id),
        "login_email": two.stranger.email,
        "delivering": "on",
        "scope_until": "999999999999",
        "signature": scope_keys.sign("another secret key " * 3, [two.stranger.email])["signature"],
    }
    for name, kind in chosen.items():
        value = {
            "mine": own[name],
            "theirs": theirs[name],
            "empty": "",
            "on": "on",
            "nonsense": "|'%s\\x00",
            "until": own["scope_until"],
            "signed": own["signature"],
            "joined": "|".join(own[part] for part in MESSAGE),
        }[kind]
        injected.execute("SELECT set_config(%s, %s, true)", [f"app.{name}", value])
    assert foreign(injected, two.owner, team) == {}
    injected.rollback()


def test_a_signature_ends(database: Database, two: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    scope = Scope(two.owner.user_id, two.owner.business_id)
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    with database.as_app(two.owner.business_id, two.owner.user_id) as connection:
        assert settings_of(scope, SECRET_KEY)["until"] == "1000003600"
        assert connection.execute("SELECT count(*) FROM clients").fetchone() == (0,)


def test_an_email_cannot_pass_for_another_field(database: Database, two: Cast) -> None:
    """Whoever signs in writes the email, and could write what separates the fields of the message."""
    email = f"|{two.stranger.user_id}|"
    signed = settings_of(Scope(login_email=email), SECRET_KEY)
    with connect(database.app_url) as connection:
        forged = {"delivering": "|", "user_id": str(two.stranger.user_id), "scope_until": signed["until"]}
        for name, value in (forged | {"signature": signed["signature"]}).items():
            connection.execute("SELECT set_config(%s, %s, true)", [f"app.{name}", value])
        assert connection.execute("SELECT id FROM users").fetchall() == []


def test_nobody_reads_a_signature_over_the_shoulder(injected: psycopg.Connection, two: Cast) -> None:
    """All connections of the app have one role, so each may read what the others run; but values are sent apart."""
    with two.stranger.acting():
        found = db.session.execute(text("SELECT id, :secret FROM businesses"), {"secret": "a secret value"}).all()
        assert len(found) == 1
        own = db.session.execute(text("SELECT pg_backend_pid(), current_setting('app.signature')")).one()
        seen = injected.execute("SELECT pid, query FROM pg_stat_activity").fetchall()
    assert own[0] in {pid for pid, _ in seen}
    told = " ".join(query or "" for _, query in seen)
    for secret in ("a secret value", own[1], str(two.stranger.business_id)):
        assert secret not in told


def test_what_is_known_of_columns_tells_no_values(injected: psycopg.Connection, database: Database, two: Cast) -> None:
    """The planner's statistics hold the commonest values of every tenant."""
    with database.as_superuser() as connection:
        connection.execute("ANALYZE clients, invoices, users")
        connection.commit()
        assert connection.execute("SELECT count(*) FROM pg_stats WHERE tablename = 'clients'").fetchone() != (0,)
    told = injected.execute("SELECT * FROM pg_stats WHERE schemaname = 'public' AND tablename = ANY(%s)", [TABLES])
    assert told.fetchall() == []
    assert injected.execute("SELECT * FROM pg_stats_ext").fetchall() == []


def test_a_secret_key_of_before_is_believed_once_more(database: Database, two: Cast) -> None:
    """While processes are replaced one by one: the key before, and not the one before that."""
    scope = Scope(two.owner.user_id, two.owner.business_id)
    keys = [SECRET_KEY, "the next secret key, 0123456789abcdef", "the one after that, 0123456789abcdef"]
    believed = []
    try:
        for key in keys[1:]:
            with database.owner_transaction() as connection:
                scope_keys.install(connection, key)
            believed.append([is_believed(database, scope, other) for other in keys])
    finally:
        with database.owner_transaction() as connection:
            connection.execute(text("DELETE FROM scope_keys WHERE signer = 'app'"))
            scope_keys.install(connection, SECRET_KEY)
    assert believed == [[True, True, False], [False, True, True]]


def is_believed(database: Database, scope: Scope, key: str) -> bool:
    with connect(database.app_url) as connection:
        for name, value in settings_of(scope, key).items():
            setting = {"until": "scope_until"}.get(name, name)
            connection.execute("SELECT set_config(%s, %s, true)", [f"app.{setting}", value])
        return connection.execute("SELECT count(*) > 0 FROM clients").fetchone() == (True,)
