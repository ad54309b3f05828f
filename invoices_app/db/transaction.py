"""One action, one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session, scoped_session

from invoices_app.extensions import db

_ACTING = "inside_action"
_COMMITTED = "has_committed"


class NestedActionError(RuntimeError):
    """An action called another action; share a helper that takes the session instead."""


@contextmanager
def transaction() -> Iterator[Session]:
    """Run the body in one transaction of its own: committed at its end, rolled back when it raises.

    Whatever the request had read before (its login) is over by then, so that nothing is decided on an old snapshot.
    """
    session = db.session
    if session.info.get(_ACTING):
        raise NestedActionError("an action runs in one transaction and never inside another action")
    session.info[_ACTING] = True
    try:
        end_reading(session)
        with session.begin():
            yield session
        session.info[_COMMITTED] = True
    finally:
        session.info[_ACTING] = False


def end_reading(session: Session) -> None:
    """End a transaction in which a page was read, if there is one.

    By a COMMIT: at a ROLLBACK psycopg forgets which statements the connection has prepared. Outside of an action
    nothing is written, and should anybody have tried, it is not kept.
    """
    if not session.in_transaction():
        return
    if session.is_active and not (session.new or session.dirty or session.deleted):
        session.commit()
    else:
        session.rollback()


def has_committed(session: Session | scoped_session[Session]) -> bool:
    """Whether an action has changed something since the request began."""
    return bool(session.info.get(_COMMITTED))
