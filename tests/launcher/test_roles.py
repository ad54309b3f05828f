"""The app's role: what it is, what it may do, and that nothing leads out of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ProgrammingError

from invoices_app.db import roles
from invoices_app.db.embedded import EmbeddedPostgres
from invoices_app.db.roles import RoleError

SECRET = "k" * 32
SCHEMA = (
    "CREATE TABLE alembic_version (version_num text)",
    "CREATE TABLE notes (note text)",
    "CREATE TABLE hidden (note text)",
    "CREATE FUNCTION answer(integer, OUT integer, OUT text) LANGUAGE sql AS $$ SELECT 42, 'x' $$",
)
PRIVILEGES = {"alembic_version": "SELECT", "notes": "SELECT, INSERT", "hidden": ""}


@pytest.fixture(scope="module")
def server(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(open_folder / "roles", durable=False) as postgres:
        with connect(postgres.owner_url) as connection:
            for statement in SCHEMA:
                connection.exec_driver_sql(statement)
        yield postgres


def connect(url: URL) -> Connection:
    """A connection that is in autocommit and ends with its `with` block."""
    engine: Engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    return engine.connect()


@pytest.fixture
def owner(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setattr(roles, "TABLE_PRIVILEGES", PRIVILEGES)
    with connect(server.owner_url) as connection:
        yield connection


@pytest.fixture
def app(server: EmbeddedPostgres, owner: Connection) -> Iterator[Connection]:
    """Logged in as the app's role, after it was set up twice, as by two starts."""
    login = roles.app_login(server.owner_url, SECRET)
    for _ in range(2):
        roles.ensure_app_role(owner, str(login.username), str(login.password))
        roles.grant(owner, str(login.username))
    with connect(login) as connection:
        yield connection


@pytest.fixture
def loose_role(server: EmbeddedPostgres) -> Iterator[str]:
    """A role that a person made; the tests give it what it should not have."""
    with connect(server.superuser_url) as superuser:
        superuser.exec_driver_sql("CREATE ROLE loose LOGIN")
        yield "loose"
        superuser.exec_driver_sql("DROP OWNED BY loose")
        superuser.exec_driver_sql("DROP ROLE loose")


def test_login_follows_from_secret_and_database() -> None:
    url = make_url("postgresql+psycopg://owner:pw@db.example/books?sslmode=require")
    login = roles.app_login(url, SECRET)
    assert (login.username, login.host, login.database) == ("books_app", "db.example", "books")
    assert login.query == url.query
    assert login == roles.app_login(url, SECRET)
    assert login.password != roles.app_login(url, SECRET + "x").password
    assert len(str(login.password)) == 64


def test_name_is_cut_at_whole_characters() -> None:
    name = roles.app_role_name(make_url("postgresql://x").set(database="ä" * 40))
    assert name == "ä" * 29 + "_app"
    assert len(name.encode()) <= roles.NAME_LIMIT_BYTES


def test_role_has_no_powers(app: Connection, owner: Connection) -> None:
    found = owner.execute(text("SELECT * FROM pg_roles WHERE rolname = 'invoices_app'")).mappings().one()
    assert {name: found[name] for name in roles.ATTRIBUTES} == {
        name: name == "rolcanlogin" for name in roles.ATTRIBUTES
    }


@pytest.mark.parametrize(
    "statement",
    ["SET ROLE invoices_owner", "SET SESSION AUTHORIZATION invoices_owner", "SET ROLE postgres",
     "ALTER ROLE invoices_app BYPASSRLS", "CREATE TABLE mine ()", "CREATE TEMP TABLE mine ()", "CREATE SCHEMA mine",
     "SELECT * FROM hidden", "UPDATE notes SET note = ''", "DELETE FROM alembic_version",
     "ALTER TABLE notes DISABLE ROW LEVEL SECURITY", "SELECT rolpassword FROM pg_authid"],
)  # fmt: skip
def test_nothing_leads_out(app: Connection, statement: str) -> None:
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        app.exec_driver_sql(statement)


def test_reset_role_leads_nowhere(app: Connection) -> None:
    for statement in ("RESET ROLE", "SET ROLE NONE", "RESET SESSION AUTHORIZATION", "RESET ALL", "DISCARD ALL"):
        app.exec_driver_sql(statement)
        assert app.execute(text("SELECT current_user, session_user")).one() == ("invoices_app", "invoices_app")


def test_exactly_the_granted_works(app: Connection, owner: Connection) -> None:
    app.exec_driver_sql("INSERT INTO notes VALUES ('kept')")
    assert app.scalar(text("SELECT count(*) FROM notes")) == 1
    assert app.execute(text("SELECT * FROM answer(1)")).one() == (42, "x")
    owner.exec_driver_sql("GRANT UPDATE ON notes TO invoices_app; GRANT DELETE ON notes TO PUBLIC")
    roles.grant(owner, "invoices_app")
    for statement in ("UPDATE notes SET note = ''", "DELETE FROM notes"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            app.exec_driver_sql(statement)


def test_a_table_without_an_entry_is_refused(owner: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roles, "TABLE_PRIVILEGES", {"alembic_version": "SELECT", "notes": "SELECT"})
    with pytest.raises(RoleError, match="hidden"):
        roles.grant(owner, "invoices_app")


def test_login_that_may_not_make_roles_gets_the_way_out(loose_role: str, server: EmbeddedPostgres) -> None:
    with connect(server.superuser_url) as superuser:
        superuser.exec_driver_sql("ALTER ROLE loose PASSWORD 'pw'")
    with (
        connect(server.owner_url.set(username="loose", password="pw")) as connection,
        pytest.raises(RoleError, match="APP_DATABASE_URL"),
    ):
        roles.ensure_app_role(connection, "another_app", "pw")


def test_password_never_reaches_the_log(server: EmbeddedPostgres, owner: Connection, app: Connection) -> None:
    with connect(server.superuser_url) as superuser:
        superuser.exec_driver_sql("ALTER ROLE invoices_owner SET log_statement = 'all'")
        with connect(server.owner_url) as logged:
            roles.ensure_app_role(logged, "invoices_app", "hush-hush")
        superuser.exec_driver_sql("ALTER ROLE invoices_owner RESET log_statement")
    log = (server.data_dir / "postgres.log").read_text()
    assert "ROLE" in log
    assert "hush-hush" not in log


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("ALTER ROLE loose BYPASSRLS", "see every tenant"),
        ("ALTER ROLE loose SUPERUSER", "see every tenant"),
        ("ALTER ROLE loose CREATEROLE", "see every tenant"),
        ("CREATE SCHEMA nest AUTHORIZATION loose", "owns objects"),
        ("GRANT invoices_owner TO loose", "could become invoices_owner"),
        ("SELECT 1", ""),
    ],
)
def test_a_given_role_is_checked(loose_role: str, server: EmbeddedPostgres, statement: str, reason: str) -> None:
    with connect(server.superuser_url) as superuser:
        superuser.exec_driver_sql(statement)
        if reason:
            with pytest.raises(RoleError, match=reason):
                roles.check_app_role(superuser, loose_role)
        else:
            roles.check_app_role(superuser, loose_role)


def test_a_role_that_does_not_exist_is_named(owner: Connection) -> None:
    with pytest.raises(RoleError, match="nobody_here does not exist"):
        roles.check_app_role(owner, "nobody_here")
