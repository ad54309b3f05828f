"""Writing mail, and taking it out again: the table's side of delivery."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Connection, Engine, insert, literal, select, text
from sqlalchemy.orm import Session

from invoices_app.db.base import new_id
from invoices_app.db.tenancy import Scope, enter
from invoices_app.mail.models import ERROR_LENGTH, SUBJECT_LENGTH, OutgoingMail

POSTED = "mail_posted"
RETRY_MINUTES = (2, 5, 30, 120, 720)
"""How long after each attempt the next one follows; after the last, at the sixth failure, a mail is given up.

The first is also the time after which another process takes up a mail whose sender died: longer than any attempt.
"""

_CLAIM = text(
    "UPDATE mail_outbox SET attempts = attempts + 1, next_try_at = now() +"
    " (CAST(:minutes AS integer[]))[least(attempts + 1, :last)] * interval '1 minute'"
    " WHERE id = (SELECT id FROM mail_outbox WHERE given_up_at IS NULL AND next_try_at <= now()"
    " ORDER BY next_try_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " RETURNING id, recipient, subject, plain, html, attempts"
)
_DONE = text("DELETE FROM mail_outbox WHERE id = :id")
_FAILED = text(
    "UPDATE mail_outbox SET last_error = :problem,"
    " given_up_at = CASE WHEN attempts > :last THEN now() END WHERE id = :id"
)


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says: paragraphs, and one link that asks to be followed (its words and its whole address)."""

    subject: str
    paragraphs: Sequence[str]
    link: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Claimed:
    """A mail that this process alone delivers now."""

    id: uuid.UUID
    recipient: str
    subject: str
    plain: str
    html: str
    attempts: int

    @property
    def is_last_attempt(self) -> bool:
        return self.attempts > len(RETRY_MINUTES)


def values_of(recipient: str, letter: Letter) -> dict[str, Any]:
    """The row of a mail. Names that people chose may stand in the subject: line breaks in it become spaces."""
    plain, html = (current_app.jinja_env.get_template(f"mail/_letter.{kind}") for kind in ("txt", "html"))
    return {
        "id": new_id(),
        "recipient": recipient,
        "subject": " ".join(letter.subject.split())[:SUBJECT_LENGTH],
        "plain": plain.render(letter=letter),
        "html": html.render(letter=letter),
    }


def post(session: Session, recipient: str, letter: Letter, only_if: ColumnElement[bool] | None = None) -> None:
    """Write a mail into the running transaction: it goes out right after the commit, and never without one.

    The database refuses an address or subject that could add a header. With `only_if` it decides whether there is one.
    """
    values = values_of(recipient, letter)
    row = select(*(literal(value).label(name) for name, value in values.items()))
    row = row if only_if is None else row.where(only_if)
    session.execute(insert(OutgoingMail).from_select(list(values), row, include_defaults=False))
    session.info[POSTED] = True


def claim(engine: Engine) -> Claimed | None:
    """Take the next mail that is due, so that nobody else does until its next attempt is."""
    with engine.begin() as connection:
        _deliver_in(connection)
        values = {"minutes": list(RETRY_MINUTES), "last": len(RETRY_MINUTES)}
        row = connection.execute(_CLAIM, values).one_or_none()
        return Claimed(**row._mapping) if row else None  # noqa: SLF001  (SQLAlchemy's public name)


def delivered(engine: Engine, mail: Claimed) -> None:
    """Forget a mail that the server has taken."""
    with engine.begin() as connection:
        _deliver_in(connection)
        connection.execute(_DONE, {"id": mail.id})


def failed(engine: Engine, mail: Claimed, problem: str) -> None:
    """Keep why an attempt failed; after the last one the mail stays, given up."""
    with engine.begin() as connection:
        _deliver_in(connection)
        values = {"id": mail.id, "problem": problem[:ERROR_LENGTH], "last": len(RETRY_MINUTES)}
        connection.execute(_FAILED, values)


def _deliver_in(connection: Connection) -> None:
    enter(connection, Scope(delivering=True))
