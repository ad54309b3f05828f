"""One line per action, with its outcome.

Inside of an action nobody knows how it will end, so its line is held back until the request does.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import structlog
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, SessionTransaction

from invoices_app.observability.trace import Action, Trace, current

log = structlog.get_logger("action")


def hold(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor, the first of all: keeps the running request's action lines for `write`."""
    trace = current.get()
    if line.get("event") != "action" or "outcome" in line or trace is None:
        return line
    trace.actions.append(Action(dict(line)))
    raise structlog.DropEvent


def write(trace: Trace, outcome: str) -> list[tuple[str, str]]:
    """Write the lines of the request's actions; answers their names, each with its outcome.

    What was committed is ok, even when the page that should have told so could not be made.
    """
    done = []
    for action in trace.actions:
        ended = "ok" if action.figures and outcome == "error" else outcome
        figures = action.figures or trace.figures()
        log.info(**{**action.event, "outcome": ended, **figures})
        done.append((str(action.event.get("action")), ended))
    trace.actions.clear()
    return done


@event.listens_for(Session, "after_begin")
def _begin(_session: Session, _transaction: SessionTransaction, _connection: Connection) -> None:
    if trace := current.get():
        trace.set_mark()


@event.listens_for(Session, "after_commit")
def _commit(_session: Session) -> None:
    if trace := current.get():
        for action in trace.actions:
            action.figures = action.figures or trace.figures(trace.mark)
