"""Who is asking, told to PostgreSQL at the start of every transaction.

Row-level security shows a row only to its own tenant. The scope is kept beside the SQLAlchemy session and written
into transaction-local settings, so it can neither outlive a transaction nor leak to the next one that borrows the
connection. It is signed: SQL that somebody managed to inject can change the settings, but not sign them.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app
from sqlalchemy import ColumnElement, Connection, bindparam, event
from sqlalchemy.orm import Session, SessionTransaction

from invoices_app.config import Settings
from invoices_app.db import scope_keys
from invoices_app.db.connections import OpeningConnection
from invoices_app.extensions import db

_SCOPE = "tenancy_scope"
_SET_SCOPE = (
    "SELECT set_config('app.user_id', %(user_id)s, true), set_config('app.business_id', %(business_id)s, true),"
    " set_config('app.login_email', %(login_email)s, true), set_config('app.delivering', %(delivering)s, true),"
    " set_config('app.scope_until', %(until)s, true), set_config('app.signature', %(signature)s, true)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the transactions of a session may see.

    `business_id` opens that tenant's rows, `user_id` the person's own account and memberships, `login_email` the one
    account with that address, which is all that a login may look at, and `delivering` the mail that waits.
    """

    user_id: uuid.UUID | None = None
    business_id: uuid.UUID | None = None
    login_email: str = ""
    delivering: bool = False


NOBODY = Scope()


def set_scope(session: Session, scope: Scope) -> None:
    """Let every transaction that `session` begins from now on see what `scope` opens, and the running one too."""
    session.info[_SCOPE] = scope
    if session.in_transaction():
        _write(session.connection(), scope)


def current_scope(session: Session) -> Scope:
    scope: Scope = session.info.get(_SCOPE, NOBODY)
    return scope


@event.listens_for(Session, "after_begin")
def _tell_database(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    scope = current_scope(session)
    if scope != NOBODY:
        _write(connection, scope)


def _write(connection: Connection, scope: Scope) -> None:
    """Send the scope with the next statement of the transaction; at once where connections are not the app's own."""
    settings: Settings = current_app.config["SETTINGS"]
    values = settings_of(scope, settings.secret_key)
    driver = connection.connection.driver_connection
    if isinstance(driver, OpeningConnection):
        driver.open_with((_SET_SCOPE, values))
    else:
        connection.exec_driver_sql(_SET_SCOPE, values)


def enter(connection: Connection, scope: Scope) -> None:
    """Let the running transaction of a connection without a session see what `scope` opens."""
    _write(connection, scope)


def settings_of(scope: Scope, secret_key: str) -> dict[str, str]:
    """The settings that tell the database the scope, by their names without `app.`, signed for an hour."""
    values = {
        "delivering": "on" if scope.delivering else "",
        "business_id": str(scope.business_id or ""),
        "user_id": str(scope.user_id or ""),
    }
    # Whatever somebody writes as their email, it cannot be read as another field of the message.
    message = (*values.values(), scope.login_email.encode().hex())
    return {**values, "login_email": scope.login_email, **scope_keys.sign(secret_key, message)}


def in_business(table: Any) -> ColumnElement[bool]:
    """The condition that rows of `table` belong to the current business.

    Row-level security says the same; saying it here lets the planner use the indexes, which begin with the tenant.
    """
    return cast("ColumnElement[bool]", table.business_id == current_scope(db.session).business_id)


def in_given_business(table: Any) -> ColumnElement[bool]:
    """The same for a statement that is built once and used by all: its parameters come from `given_business()`."""
    return cast("ColumnElement[bool]", table.business_id == bindparam("business_id", type_=table.business_id.type))


def given_business() -> dict[str, Any]:
    """The parameter of `in_given_business`: the current business."""
    return {"business_id": current_scope(db.session).business_id}
