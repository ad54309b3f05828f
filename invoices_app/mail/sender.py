"""The thread of each web worker that delivers: at once after a commit that posted, and what was left now and then."""

from __future__ import annotations

import threading
from typing import cast

import structlog
from flask import Flask, current_app, has_app_context
from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from invoices_app.config import Settings
from invoices_app.extensions import db
from invoices_app.mail import outbox, transport

SWEEP_SECONDS = 60.0
EXTENSION = "mail_sender"

log = structlog.get_logger(__name__)


class Sender:
    """Delivers what is due; `start` makes it do so by itself, from a thread that ends with the process.

    A process that is killed while it sends leaves the mail claimed; another attempt follows when the claim ends.
    """

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._app = app
        self._settings = settings
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to deliver, with what an earlier process left."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="mail", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """Look for mail now."""
        self._wake.set()

    def deliver_due(self) -> int:
        """Deliver all that is due, one by one; how many were taken by the server."""
        with self._app.app_context():
            engine = db.engine
            taken = 0
            while mail := outbox.claim(engine):
                taken += self._deliver(engine, mail)
            return taken

    def _deliver(self, engine: Engine, mail: outbox.Claimed) -> bool:
        try:
            transport.hand_over(self._settings, mail)
        except (OSError, ValueError) as error:  # smtplib's errors are OSErrors; ValueError is a header that is none
            problem = f"{type(error).__name__}: {error}"
            outbox.failed(engine, mail, problem)
            line = {"mail_id": str(mail.id), "attempt": mail.attempts, "reason": type(error).__name__}
            if mail.is_last_attempt:
                log.error("mail given up", **line)  # noqa: TRY400  (the address may stand in the message)
            else:
                log.warning("mail not delivered", **line)
            return False
        outbox.delivered(engine, mail)
        log.info("mail delivered", mail_id=str(mail.id), attempt=mail.attempts)
        return True

    def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                self.deliver_due()
            except SQLAlchemyError as error:  # the database is away: the mail waits in it
                log.warning("mail waits for the database", reason=type(error).__name__)
            except Exception:  # the thread must outlive what nobody foresaw, and says what it was
                log.exception("mail sender failed")
            self._wake.wait(SWEEP_SECONDS)


def init_mail(app: Flask, settings: Settings) -> None:
    app.extensions[EXTENSION] = Sender(app, settings)


def sender_of(app: Flask) -> Sender:
    return cast("Sender", app.extensions[EXTENSION])


@event.listens_for(Session, "after_commit")
def _after_commit(session: Session) -> None:
    if session.info.pop(outbox.POSTED, False) and has_app_context():
        sender_of(current_app).wake()


@event.listens_for(Session, "after_rollback")
def _after_rollback(session: Session) -> None:
    session.info.pop(outbox.POSTED, None)
