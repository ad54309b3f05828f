"""How far an import is, told and asked on a connection of its own.

The work itself is one transaction, of which nobody sees anything before its end; this is what people see meanwhile,
and how it hears that somebody wants it to stop.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, TextClause, text
from sqlalchemy.orm import Session

from invoices_app.db.tenancy import Scope, enter

TELL_SECONDS = 0.5
ATTEMPTS = 3

_CLAIM = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:business_id, 23))")
_KEY = "WHERE business_id = :business_id AND id = :id AND status = 'running'"
_BEGIN = text(
    f"UPDATE imports SET attempts = attempts + 1, rows_done = 0 {_KEY} RETURNING attempts, cancel_requested"  # noqa: S608
)
_TELL = text(f"UPDATE imports SET rows_done = :rows_done {_KEY} RETURNING cancel_requested")  # noqa: S608
_FAIL = text(
    "UPDATE imports SET status = 'failed', outcome = :outcome, cancel_requested = :cancelled,"  # noqa: S608
    f" changed_at = now() {_KEY}"
)

CANCELLED = "It was cancelled, and nothing of it was kept."
GIVEN_UP = (
    f"It was interrupted {ATTEMPTS} times, and nothing of it was kept. You can try again; "
    "if it happens again, tell whoever runs this Invoices."
)


def claim(session: Session, business_id: uuid.UUID) -> bool:
    """Take the imports of a business until the running transaction ends; False when somebody is at one of them."""
    return bool(session.scalar(_CLAIM, {"business_id": str(business_id)}))


class CancelledError(Exception):
    """Somebody wants the import to end, or it has ended already."""


@dataclass
class Progress:
    """One import's. The caller holds the lock of its business, so that nobody else is at it."""

    engine: Engine
    scope: Scope
    import_id: uuid.UUID
    rows_done: int = 0
    _told_at: float = field(default=0.0)

    def begin(self) -> bool:
        """Count another attempt; False when there is nothing to do any more: it has ended, or was given up just now."""
        found = self._run(_BEGIN)
        if found is None:
            return False
        attempts, cancelled = int(found[0]), bool(found[1])
        if cancelled:
            self.fail(CANCELLED, cancelled=True)
        elif attempts > ATTEMPTS:
            self.fail(GIVEN_UP)
        return not cancelled and attempts <= ATTEMPTS

    def tell(self, rows_done: int) -> None:
        """Say how many rows are done, now and then. Raises CancelledError when it is to end."""
        self.rows_done = rows_done
        if time.monotonic() - self._told_at < TELL_SECONDS:
            return
        self._told_at = time.monotonic()
        found = self._run(_TELL, rows_done=rows_done)
        if found is None or found[0]:
            raise CancelledError

    def fail(self, outcome: str, *, cancelled: bool = False) -> None:
        """End it without anything kept; `outcome` is the sentence for people."""
        self._run(_FAIL, outcome=outcome, cancelled=cancelled)

    def _run(self, statement: TextClause, **values: object) -> tuple[Any, ...] | None:
        key = {"business_id": self.scope.business_id, "id": self.import_id}
        with self.engine.begin() as connection:
            enter(connection, self.scope)
            done = connection.execute(statement, {**key, **values})
            return done.one_or_none() if done.returns_rows else None
