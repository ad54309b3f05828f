"""A request that lost a race inside the database runs again, so that nobody hears of it."""

from __future__ import annotations

import time
from random import SystemRandom

import structlog
from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DBAPIError

from invoices_app.db.transaction import has_committed
from invoices_app.extensions import db

log = structlog.get_logger(__name__)

ATTEMPTS = 3
PAUSE_SECONDS = 0.05
LOST_RACES = frozenset({"40001", "40P01"})
"""What PostgreSQL calls a serialization failure and a deadlock: a transaction was rolled back for another one."""


class RetryingFlask(Flask):
    """Flask that calls a view again when its transaction lost a race.

    That is safe because an action is one transaction, rolled back whole, and mail and the like go out after it. A view
    is not called again once it has committed anything, nor when a file came with the request, which is read by then.
    The last refusal goes on, and is answered by 503 and Retry-After.
    """

    def dispatch_request(self) -> ResponseReturnValue:
        for attempt in range(1, ATTEMPTS):
            try:
                return super().dispatch_request()
            except DBAPIError as error:
                if not _has_lost_a_race(error) or has_committed(db.session) or request.files:
                    raise
                db.session.rollback()
                log.warning("transaction tried again", attempt=attempt, reason=type(error.orig).__name__)
            time.sleep(PAUSE_SECONDS * attempt * SystemRandom().uniform(0.5, 1.5))  # not in step with whoever won
        return super().dispatch_request()


def _has_lost_a_race(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in LOST_RACES
