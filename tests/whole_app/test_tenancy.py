"""Row-level security, tried with the app's own login: one tenant's rows, and nothing without a tenant."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from invoices_app.db.roles import TABLE_PRIVILEGES
from tests.support.databases import Database
from tests.support.people import Cast, Person

NO_TENANTS = {"alembic_version", "scope_keys"}
# Found by the person or the token, not by the business.
SECOND_FACTOR = {"second_factors", "recovery_codes", "pending_logins"}
PERSONAL = {"users", "businesses", "user_sessions", "account_tokens", "mail_outbox"} | SECOND_FACTOR
# Its index works only without a policy that looks at rows, so search() reads it as the owner, for one business.
# Whoever verifies all chains of events finds out by their heads which there are.
# Sealed secrets are sealed anew when SECRET_KEY changes.
OPEN_TO_OWNER = {"audit_heads", "search_documents", "second_factors"}
# What triggers keep, the app may not write; search() must use an index that row-level security would close.
DEFINERS = {
    "clear_expired",
    "count_what_grew",
    "enter_invitation",
    "enter_session",
    "find_session",
    "index_invoices",
    "keep_audit_chain",
    "keep_client_figures",
    "keep_client_search",
    "keep_invoice_figures",
    "keep_invoice_search",
    "keep_line_search",
    "keep_payment_figures",
    "my_businesses",
    "scope_is_signed",
    "search",
    "settle_figures",
}
OF_TENANTS = sorted(set(TABLE_PRIVILEGES) - NO_TENANTS - PERSONAL)


def rows(connection: psycopg.Connection, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
    query = sql.SQL("SELECT {} FROM {}").format(sql.SQL(columns), sql.Identifier(table))
    return connection.execute(query).fetchall()


def test_tables_are_all_known(database: Database) -> None:
    assert set(database.tables()) == set(TABLE_PRIVILEGES)


@pytest.mark.parametrize("table", sorted(set(TABLE_PRIVILEGES) - NO_TENANTS))
def test_without_a_tenant_there_is_nothing(database: Database, two: Cast, table: str) -> None:
    with database.as_superuser() as all_seeing:
        assert rows(all_seeing, table)
    with database.as_app() as app:
        assert rows(app, table) == []
    with database.as_owner() as owner:
        assert bool(rows(owner, table)) == (table in OPEN_TO_OWNER)


@pytest.mark.parametrize("table", OF_TENANTS)
def test_a_tenant_sees_its_own_rows(database: Database, two: Cast, table: str) -> None:
    for person in (two.owner, two.stranger):
        with database.as_app(person.business_id, person.user_id) as app:
            assert set(rows(app, table, "business_id")) == {(person.business_id,)}


def test_a_tenant_sees_its_own_people(database: Database, two: Cast) -> None:
    with database.as_app(two.owner.business_id, two.owner.user_id) as app:
        assert rows(app, "businesses", "id") == [(two.owner.business_id,)]
        former = set(rows(app, "former_members", "user_id"))
        assert len(former) == 1
        assert set(rows(app, "users", "id")) == {(two.owner.user_id,), (two.teammate.user_id,)} | former
        assert set(rows(app, "user_sessions", "user_id")) == {(two.owner.user_id,)}


@pytest.mark.parametrize("table", OF_TENANTS)
def test_nothing_can_be_put_into_another_business(database: Database, two: Cast, table: str) -> None:
    """A row of ours, copied or moved under the other's name, is refused."""
    columns = database.ask(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER'",
        table,
    )
    names = [sql.Identifier(name) for (name,) in columns]
    theirs = sql.Literal(two.stranger.business_id)
    values = [theirs if name == sql.Identifier("business_id") else name for name in names]
    target = sql.Identifier(table)
    insert = sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} LIMIT 1").format(
        target, sql.SQL(", ").join(names), sql.SQL(", ").join(values), target
    )
    for statement in (insert, sql.SQL("UPDATE {} SET business_id = {}").format(target, theirs)):
        with (
            pytest.raises(InsufficientPrivilege),
            database.as_app(two.owner.business_id, two.owner.user_id) as app,
        ):
            app.execute(statement)


@pytest.mark.parametrize("table", OF_TENANTS)
def test_another_business_cannot_be_changed(database: Database, two: Cast, table: str) -> None:
    target, theirs = sql.Identifier(table), sql.Literal(two.stranger.business_id)
    for statement, privilege in (
        ("UPDATE {} SET business_id = business_id WHERE business_id = {}", "UPDATE"),
        ("DELETE FROM {} WHERE business_id = {}", "DELETE"),
    ):
        with database.as_app(two.owner.business_id, two.owner.user_id) as app:
            change = sql.SQL(statement).format(target, theirs)
            if privilege in TABLE_PRIVILEGES[table]:
                assert app.execute(change).rowcount == 0
            else:
                with pytest.raises(InsufficientPrivilege):
                    app.execute(change)


def test_the_other_business_itself_cannot_be_changed(database: Database, two: Cast) -> None:
    with database.as_app(two.owner.business_id, two.owner.user_id) as app:
        for table, person in (("businesses", two.stranger.business_id), ("users", two.stranger.user_id)):
            change = sql.SQL("UPDATE {} SET name = 'Taken' WHERE id = {}").format(sql.Identifier(table), person)
            assert app.execute(change).rowcount == 0
        change = sql.SQL("UPDATE users SET name = 'Taken' WHERE id = {}").format(two.owner.user_id)
        assert app.execute(change).rowcount == 1
        app.rollback()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_events",
        "UPDATE audit_events SET action = 'other'",
        "TRUNCATE audit_events",
        "DELETE FROM invoices",
        "DELETE FROM payments",
        "DELETE FROM number_counters",
        "TRUNCATE invoices CASCADE",
        "SET ROLE postgres",
        "SET ROLE invoices_owner",
        "SET SESSION AUTHORIZATION invoices_owner",
        "ALTER TABLE invoices DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE invoices NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON invoices",
        "ALTER TABLE invoices DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "ALTER ROLE CURRENT_USER BYPASSRLS",
        "GRANT invoices_owner TO CURRENT_USER",
        "CREATE TABLE mine (id int)",
        "CREATE TEMP TABLE mine (id int)",
        "CREATE FUNCTION mine() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1",
        "CREATE SCHEMA mine",
        "UPDATE alembic_version SET version_num = '0000'",
        "COPY invoices TO PROGRAM 'cat'",
    ],
)
def test_the_apps_role_may_not(database: Database, two: Cast, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege), database.as_app(two.owner.business_id, two.owner.user_id) as app:
        app.execute(statement.encode())


@pytest.mark.parametrize("statement", ["RESET ROLE", "SET ROLE NONE", "RESET SESSION AUTHORIZATION", "RESET ALL"])
def test_becoming_someone_else_leads_nowhere(database: Database, two: Cast, statement: str) -> None:
    with database.as_app() as app:
        app.execute(statement.encode())
        assert app.execute("SELECT current_user").fetchone() == (database.app_url.username,)
        assert rows(app, "invoices") == []


def test_switching_row_security_off_shows_nothing(database: Database, two: Cast) -> None:
    with database.as_app() as app:
        app.execute("SET row_security = off")
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            rows(app, "invoices")


def test_a_scope_ends_with_its_transaction(database: Database, two: Cast) -> None:
    with database.as_app(two.owner.business_id) as app:
        assert rows(app, "invoices")
        app.commit()
        assert rows(app, "invoices") == []


def test_functions_run_with_the_callers_rights(database: Database) -> None:
    """A SECURITY DEFINER function can look past grants: the few that do are known, and nobody can lead them astray."""
    ours = "pronamespace = 'public'::regnamespace"
    found = database.ask(f"SELECT proname, prosecdef, proconfig FROM pg_proc WHERE {ours}")
    assert {name for name, as_definer, _ in found if as_definer} == DEFINERS
    for name, as_definer, settings in found:
        assert not as_definer or "search_path=public, pg_temp" in settings, name


def test_definers_see_one_business(database: Database, two: Cast) -> None:
    """What they could reach of another business they do not: neither find it, nor settle it, nor index it."""
    with database.as_superuser() as all_seeing:
        theirs = "SELECT id FROM invoices WHERE business_id = %s"
        (invoice_id,) = all_seeing.execute(theirs, [two.stranger.business_id]).fetchone() or (None,)
        all_seeing.execute("UPDATE search_documents SET document = '' WHERE entity_id = %s", [invoice_id])
        all_seeing.commit()
        figures = "SELECT id, settled FROM business_figures WHERE business_id = %s ORDER BY id"
        before = all_seeing.execute(figures, [two.stranger.business_id]).fetchall()
    with database.as_app(two.owner.business_id, two.owner.user_id) as app:
        mine = {row[0] for row in app.execute("SELECT id FROM invoices UNION ALL SELECT id FROM clients")}
        for kind in ("invoice", "client"):
            found = {row[0] for row in app.execute(f"SELECT search('{kind}', 'client', 100)")}
            assert found
            assert found <= mine
        app.execute("SELECT index_invoices(ARRAY[%s::uuid])", [invoice_id])
        app.execute("SELECT settle_figures(%s)", [two.stranger.business_id])
        app.commit()
    with database.as_superuser() as all_seeing:
        indexed = "SELECT document FROM search_documents WHERE entity_id = %s"
        assert all_seeing.execute(indexed, [invoice_id]).fetchall() == [("",)]
        assert all_seeing.execute(figures, [two.stranger.business_id]).fetchall() == before
        all_seeing.execute("SELECT sign_scope(NULL, %s)", [two.stranger.business_id])
        all_seeing.execute("SELECT index_invoices(ARRAY[%s::uuid])", [invoice_id])
        all_seeing.commit()


@pytest.mark.parametrize("table", sorted(set(TABLE_PRIVILEGES) - NO_TENANTS))
def test_row_security_is_on_and_forced(database: Database, table: str) -> None:
    query = "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass"
    assert database.ask(query, table) == [(True, True)]


def test_keys_begin_with_the_tenant(database: Database) -> None:
    """Primary keys, and the foreign keys between tables of tenants: a row cannot even refer to another's.

    A business is the tenant itself, so that its keys begin with its own id.
    """
    keys = database.ask(
        "SELECT c.conrelid::regclass::text, c.contype, c.confrelid::regclass::text,"
        " (SELECT attname FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = c.conkey[1])"
        " FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace AND c.contype IN ('p', 'f')"
    )
    primary = {table: column for table, kind, _, column in keys if kind == "p"}
    assert {table for table, column in primary.items() if column == "business_id"} == set(OF_TENANTS)
    wrong = [
        (table, column)
        for table, kind, other, column in keys
        if kind == "f" and other in OF_TENANTS and column != ("id" if table == "businesses" else "business_id")
    ]
    assert wrong == []


def test_people_are_told_apart_even_in_one_business(database: Database, two: Cast) -> None:
    """A teammate's sessions are the teammate's own."""
    two.teammate.browser.get("/clients")
    mine: Person = two.owner
    with database.as_app(mine.business_id, mine.user_id) as app:
        assert {user for (user,) in rows(app, "user_sessions", "user_id")} == {mine.user_id}


@pytest.mark.parametrize("table", sorted(SECOND_FACTOR))
def test_a_second_factor_is_its_persons_alone(database: Database, two: Cast, table: str) -> None:
    """Not even a teammate's, nor can one be put there for them; a sign-in is found by its token besides."""
    target = sql.Identifier(table)
    with database.as_app(two.owner.business_id, two.owner.user_id) as app:
        assert rows(app, table, "user_id") == [(two.owner.user_id,)]
    with database.as_app(two.owner.business_id, two.teammate.user_id) as app:
        assert rows(app, table) == []
    move = sql.SQL("UPDATE {} SET user_id = {}").format(target, sql.Literal(two.teammate.user_id))
    with pytest.raises(InsufficientPrivilege), database.as_app(two.owner.business_id, two.owner.user_id) as app:
        app.execute(move)


def test_a_sign_in_is_found_by_its_token(database: Database, two: Cast) -> None:
    token_hash = database.value("SELECT token_hash FROM pending_logins WHERE user_id = %s", two.owner.user_id)
    with database.as_app() as app:
        app.execute("SELECT set_config('app.token_hash', %s, true)", [bytes(token_hash).hex()])
        assert rows(app, "pending_logins", "user_id") == [(two.owner.user_id,)]
        for table in ("users", "second_factors", "recovery_codes"):
            assert rows(app, table) == []
