"""The role that the app works as: it logs in, reads and writes rows, and owns nothing.

Row-level security binds it because it neither owns a table nor may bypass the policies, and it stays bound because
it is a member of no other role: RESET ROLE and SET ROLE lead nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import cast

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ProgrammingError

from invoices_app.db.data_dir import StartupError

NAME_LIMIT_BYTES = 63
"""PostgreSQL's limit; it would cut a longer name silently."""

APP_SUFFIX = "_app"
LOCK_KEY = 4_861_213
"""Advisory lock: two launchers on one database server change the role one after the other."""

ATTRIBUTES = {
    "rolcanlogin": "LOGIN",
    "rolsuper": "NOSUPERUSER",
    "rolcreatedb": "NOCREATEDB",
    "rolcreaterole": "NOCREATEROLE",
    "rolinherit": "NOINHERIT",
    "rolbypassrls": "NOBYPASSRLS",
    "rolreplication": "NOREPLICATION",
}

TABLE_PRIVILEGES: dict[str, str] = {
    "alembic_version": "SELECT",
    "users": "SELECT, INSERT, UPDATE",
    "businesses": "SELECT, INSERT, UPDATE",
    "memberships": "SELECT, INSERT, UPDATE, DELETE",
    "former_members": "SELECT, INSERT",
    "invitations": "SELECT, INSERT, UPDATE, DELETE",
    "logos": "SELECT, INSERT",
    "user_sessions": "SELECT, INSERT, UPDATE, DELETE",
    "audit_events": "SELECT, INSERT",
    "audit_heads": "SELECT",
    "submissions": "SELECT, INSERT",
    "clients": "SELECT, INSERT, UPDATE",
    "number_series": "SELECT, INSERT, UPDATE",
    "number_counters": "SELECT, INSERT, UPDATE",
    "invoices": "SELECT, INSERT, UPDATE",
    "line_items": "SELECT, INSERT, UPDATE, DELETE",
    "draft_edits": "SELECT, INSERT, UPDATE, DELETE",
    "invoice_taxes": "SELECT, INSERT, UPDATE, DELETE",
    "payments": "SELECT, INSERT, UPDATE",
    "business_figures": "SELECT",
    "search_documents": "SELECT",
    "mail_outbox": "SELECT, INSERT, UPDATE, DELETE",
    "account_tokens": "SELECT, INSERT, DELETE",
    "second_factors": "SELECT, INSERT, UPDATE, DELETE",
    "recovery_codes": "SELECT, INSERT, DELETE",
    "pending_logins": "SELECT, INSERT, UPDATE, DELETE",
    "imports": "SELECT, INSERT, UPDATE, DELETE",
    "import_parts": "SELECT, INSERT, DELETE",
    "import_problems": "SELECT, INSERT, DELETE",
    "scope_keys": "",
}
"""What the app may do with each table. A table that is missing here is an error, so nothing is open by accident."""

OWNERS_FUNCTIONS = frozenset({"sign_scope"})
"""What the app may not call: only functions with the owner's rights do."""


class RoleError(StartupError):
    """The app's role cannot be made, or could do more than it may."""


def app_role_name(url: URL) -> str:
    """The name of the app's role for the database of `url`; roles belong to the whole server, databases do not."""
    database = (url.database or "").encode()[: NAME_LIMIT_BYTES - len(APP_SUFFIX)]
    return database.decode(errors="ignore") + APP_SUFFIX


def app_login(owner_url: URL, secret_key: str) -> URL:
    """The app's login for the owner's database; its password follows from the secret key and the role's name."""
    role = app_role_name(owner_url)
    password = hmac.new(secret_key.encode(), role.encode(), hashlib.sha256).hexdigest()
    return owner_url.set(username=role, password=password)


def ensure_app_role(connection: Connection, role: str, password: str) -> None:
    """Make the role, or set its password, and check it; the caller commits.

    Raises RoleError when the login of `connection` may not make roles or the role is not as bound as it must be.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    found = _attributes(connection, role)
    wrong = [word for column, word in ATTRIBUTES.items() if found.get(column) != (word == "LOGIN")]
    verb = "ALTER" if found else "CREATE"
    secret = _password_verifier(connection, role, password)
    statement = f"{verb} ROLE {_quote(connection, role)} {' '.join(wrong)} PASSWORD '{secret}'"
    _as_owner(
        connection,
        statement,
        f"The login in DATABASE_URL may not {verb.lower()} the role {role}; create a role for the app yourself and "
        "set APP_DATABASE_URL to its login",
    )
    check_app_role(connection, role)


def check_app_role(connection: Connection, role: str) -> None:
    """Raise RoleError unless `role` is bound by row-level security for good."""
    found = _attributes(connection, role)
    if not found:
        raise RoleError(f"The role {role} does not exist on the database server")
    powers = [column for column in ("rolsuper", "rolbypassrls", "rolcreaterole", "rolreplication") if found[column]]
    if powers:
        raise RoleError(
            f"The app's role {role} could see every tenant ({', '.join(powers)}); "
            "use a role that is NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOREPLICATION"
        )
    if connection.scalar(
        text(
            "SELECT count(*) FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND deptype = 'o'"
            " AND refobjid = (SELECT oid FROM pg_roles WHERE rolname = :role)"
        ),
        {"role": role},
    ):
        raise RoleError(f"The app's role {role} owns objects, so row-level security would not bind it; use another")
    groups = connection.scalars(
        text(
            "SELECT roleid::regrole::text FROM pg_auth_members"
            " WHERE member = (SELECT oid FROM pg_roles WHERE rolname = :role)"
        ),
        {"role": role},
    ).all()
    if groups:
        raise RoleError(f"The app's role {role} could become {', '.join(groups)}; use a role that is in no other")


def grant(connection: Connection, role: str) -> None:
    """Give `role` exactly what `TABLE_PRIVILEGES` says, and nobody else anything; the caller commits.

    Raises RoleError when a table has no entry there, or the login of `connection` owns too little to do it.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
    tables = _tables(connection)
    if missing := sorted(set(tables) - TABLE_PRIVILEGES.keys()):
        raise RoleError(f"TABLE_PRIVILEGES in db/roles.py does not say what the app may do with {', '.join(missing)}")
    app = _quote(connection, role)
    for statement in (
        *_close_database(connection, role),
        f"GRANT USAGE ON SCHEMA public TO {app}",
        *_grant_tables(connection, app, tables),
        *_grant_functions(connection, app),
    ):
        _as_owner(
            connection,
            statement,
            "The login in DATABASE_URL must own the database and its schema public, for it decides who may use them",
        )


def _close_database(connection: Connection, role: str) -> list[str]:
    """Statements that take from everybody what the app's role still holds: making tables, even temporary ones."""
    database = _quote(connection, cast("str", connection.scalar(text("SELECT current_database()"))))
    who = f"PUBLIC, {_quote(connection, role)}"
    held = connection.execute(
        text(
            "SELECT has_schema_privilege(:role, 'public', 'CREATE') AS in_schema,"
            " has_database_privilege(:role, current_database(), 'CREATE, TEMP') AS in_database"
        ),
        {"role": role},
    ).one()
    return [
        *([f"REVOKE CREATE ON SCHEMA public FROM {who}"] if held.in_schema else []),
        *([f"REVOKE CREATE, TEMP ON DATABASE {database} FROM {who}"] if held.in_database else []),
    ]


def _grant_tables(connection: Connection, app: str, tables: list[str]) -> list[str]:
    statements = []
    for name in tables:
        table = f"public.{_quote(connection, name)}"
        statements.append(f"REVOKE ALL ON {table} FROM PUBLIC, {app}")
        if privileges := TABLE_PRIVILEGES[name]:
            statements.append(f"GRANT {privileges} ON {table} TO {app}")
    return statements


def _grant_functions(connection: Connection, app: str) -> list[str]:
    """Only functions of our own: an extension's belong to who installed it."""
    functions = connection.execute(
        text(
            "SELECT oid::regprocedure::text AS signature, proname AS name FROM pg_proc"
            " WHERE pronamespace = 'public'::regnamespace AND proowner = current_user::regrole ORDER BY 1"
        )
    ).all()
    closed = [f"REVOKE ALL ON ROUTINE {signature} FROM PUBLIC, {app}" for signature, _ in functions]
    open_to_app = (signature for signature, name in functions if name not in OWNERS_FUNCTIONS)
    return [*closed, *(f"GRANT EXECUTE ON ROUTINE {signature} TO {app}" for signature in open_to_app)]


def _tables(connection: Connection) -> list[str]:
    query = (
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    return list(connection.scalars(text(query)))


def _attributes(connection: Connection, role: str) -> dict[str, bool]:
    query = text("SELECT * FROM pg_roles WHERE rolname = :role")
    found = connection.execute(query, {"role": role}).mappings().one_or_none()
    return {name: found[name] for name in ATTRIBUTES} if found else {}


def _password_verifier(connection: Connection, role: str, password: str) -> str:
    """The password as the server stores it, so that no server log ever holds the password itself."""
    driver = cast("psycopg.Connection", connection.connection.driver_connection)
    return driver.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()


def _quote(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _as_owner(connection: Connection, statement: str, sentence: str) -> None:
    """Run a statement that takes rights; raises RoleError with `sentence` when the login does not have them."""
    try:
        connection.exec_driver_sql(statement)
    except ProgrammingError as error:
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise RoleError(sentence) from None
        raise
