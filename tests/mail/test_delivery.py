"""Mail goes out after the commit that caused it, once, to a real SMTP server or into a folder; none is lost."""

from __future__ import annotations

import email
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from flask import Flask
from sqlalchemy.exc import IntegrityError

from invoices_app.config import Settings, SettingsError
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.mail import Letter, outbox, post
from invoices_app.mail.sender import Sender
from tests.support.databases import SECRET_KEY, Database
from tests.support.live import free_port
from tests.support.mail import Inbox, make_certificate, tls_server
from tests.support.people import Person

LETTER = Letter("Héllo <b>", ["First & foremost."], ("Go on", "http://localhost/a?b=1&c=2"))


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def settings(database: Database, inbox: Inbox, tmp_path: Path) -> Iterator[Settings]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(inbox, hostname="127.0.0.1", port=port)
    server.start()
    sending = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_tls": "none",
        "mail_from": "Bills <bills@example.com>",
    }
    yield replace(database.settings, data_dir=tmp_path, **cast("Any", sending))
    server.stop()


@pytest.fixture(autouse=True)
def empty(database: Database) -> None:
    with database.as_superuser() as connection:
        connection.execute("DELETE FROM mail_outbox")


def write(person: Person, letter: Letter = LETTER, recipient: str = "") -> None:
    with person.acting(), transaction() as session:
        post(session, recipient or person.email, letter)


def test_a_mail_arrives_once_as_text_and_html(
    app: Flask, owner: Person, settings: Settings, inbox: Inbox, database: Database
) -> None:
    write(owner)
    sender = Sender(app, settings)
    assert (sender.deliver_due(), sender.deliver_due()) == (1, 0)
    ((recipients, message),) = inbox.mails
    assert recipients == [owner.email]
    assert (message["Subject"], message["From"], message["To"]) == (
        "Héllo <b>",
        "Bills <bills@example.com>",
        owner.email,
    )
    plain, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert "First & foremost." in plain.get_content()
    assert "http://localhost/a?b=1&c=2" in plain.get_content()
    assert "First &amp; foremost." in html.get_content()
    assert 'href="http://localhost/a?b=1&amp;c=2"' in html.get_content()
    assert database.value("SELECT count(*) FROM mail_outbox") == 0


def test_what_is_rolled_back_is_never_sent(app: Flask, owner: Person, settings: Settings, inbox: Inbox) -> None:
    with owner.acting():
        with suppress(ZeroDivisionError), transaction() as session:
            post(session, owner.email, LETTER)
            raise ZeroDivisionError
        assert outbox.POSTED not in db.session.info
    assert Sender(app, settings).deliver_due() == 0
    assert inbox.mails == []


def test_a_refused_mail_is_tried_again_and_at_last_given_up(
    app: Flask, owner: Person, settings: Settings, inbox: Inbox, database: Database
) -> None:
    write(owner)
    inbox.refusal = "451 Come again later"
    sender = Sender(app, settings)
    for attempt in range(1, len(outbox.RETRY_MINUTES) + 2):
        assert sender.deliver_due() == 0
        query = (
            "SELECT attempts, last_error ~ 'Come again', given_up_at IS NOT NULL, next_try_at > now() FROM mail_outbox"
        )
        is_last = attempt > len(outbox.RETRY_MINUTES)
        assert database.ask(query) == [(attempt, True, is_last, True)]
        assert sender.deliver_due() == 0
        assert database.value("SELECT attempts FROM mail_outbox") == attempt
        _make_due(database)
    inbox.refusal = ""
    assert sender.deliver_due() == 0
    with database.as_superuser() as connection:
        connection.execute("UPDATE mail_outbox SET given_up_at = NULL")
    assert sender.deliver_due() == 1


def test_two_senders_never_take_the_same_mail(app: Flask, owner: Person) -> None:
    write(owner)
    write(owner)
    with app.app_context():
        claimed = [outbox.claim(db.engine) for _ in range(3)]
    assert claimed[2] is None
    assert claimed[0] is not None
    assert claimed[1] is not None
    assert claimed[0].id != claimed[1].id


def test_a_mail_outlives_the_process_that_was_sending_it(
    app: Flask, owner: Person, settings: Settings, inbox: Inbox, database: Database
) -> None:
    write(owner)
    with app.app_context():
        assert outbox.claim(db.engine) is not None  # and then the process is gone
    sender = Sender(app, settings)
    assert sender.deliver_due() == 0
    _make_due(database)
    assert sender.deliver_due() == 1
    assert len(inbox.mails) == 1


def test_without_a_server_mail_lands_in_a_private_folder(app: Flask, owner: Person, settings: Settings) -> None:
    write(owner)
    assert Sender(app, replace(settings, smtp_host="")).deliver_due() == 1
    folder = settings.data_dir / "outbox"
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777, file.suffix) == (0o700, 0o600, ".eml")
    assert email.message_from_bytes(file.read_bytes(), policy=default)["To"] == owner.email


def test_nobody_adds_a_header(app: Flask, owner: Person, settings: Settings, inbox: Inbox, database: Database) -> None:
    write(owner, Letter("One\r\nBcc: all@example.com", ["Words."]))
    assert Sender(app, settings).deliver_due() == 1
    ((recipients, message),) = inbox.mails
    assert (recipients, message["Bcc"], message["Subject"]) == ([owner.email], None, "One Bcc: all@example.com")
    for recipient in ("a@example.com\r\nBcc: b@example.com", "a@example.com b@example.com"):
        with pytest.raises(IntegrityError, match="headers_are_lines"):
            write(owner, recipient=recipient)


def test_the_app_sees_no_mail_unless_it_delivers(owner: Person, database: Database) -> None:
    write(owner)
    with database.as_app(owner.business_id, owner.user_id) as connection:
        assert connection.execute("SELECT * FROM mail_outbox").fetchall() == []
        assert connection.execute("DELETE FROM mail_outbox").rowcount == 0


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"MAIL_FROM": "nobody"}, "MAIL_FROM must hold an address"),
        ({"MAIL_FROM": "a@b.example\nBcc: c@d.example"}, "MAIL_FROM must be one line"),
        ({"SMTP_URL": "mail.example.com"}, "SMTP_URL must read smtp://user"),
        ({"SMTP_URL": "smtp://"}, "SMTP_URL must read"),
        ({"SMTP_URL": "https://mail.example.com"}, "SMTP_URL must read"),
        ({"SMTP_URL": "smtp://mail.example.com:99999"}, "SMTP_URL must read"),
        ({"SMTP_URL": "smtp://mail.example.com?tls=no"}, "SMTP_URL must read"),
        ({"SMTP_URL": "smtp://me@mail.example.com"}, "without a password"),
        ({"SMTP_URL": "smtp://me:secret@mail.example.com?tls=none"}, "in the clear"),
        ({"SMTP_URL": "smtp://me:secret@127.0.0.1"}, "in the clear"),
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=named) as caught:
        Settings.from_env({"SECRET_KEY": SECRET_KEY, **wrong})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "tls", "port", "user", "password"),
    [
        ("smtp://mail.example.com", "starttls", 587, "", ""),
        ("smtp://me%40example.com:p%2Fw@mail.example.com:2525", "starttls", 2525, "me@example.com", "p/w"),
        ("smtps://me:pw@mail.example.com", "tls", 465, "me", "pw"),
        ("smtp://relay?tls=none", "none", 25, "", ""),
        ("smtp://127.0.0.1:1025", "none", 1025, "", ""),
    ],
)
def test_the_server_by_one_address(url: str, tls: str, port: int, user: str, password: str) -> None:
    read = Settings.from_env({"SECRET_KEY": SECRET_KEY, "SMTP_URL": url})
    assert (read.smtp_tls, read.smtp_port, read.smtp_user, read.smtp_password) == (tls, port, user, password)
    assert "pw" not in repr(read)


# ---- Encrypted, and with a login ----


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("tls", ["tls", "starttls"])
@pytest.mark.parametrize(("trusted", "password", "taken"), [(True, "pw", 1), (True, "wrong", 0), (False, "pw", 0)])
def test_by_tls_with_a_login(  # noqa: PLR0917  (fixtures)
    app: Flask,
    owner: Person,
    inbox: Inbox,
    settings: Settings,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    tls: str,
    password: str,
    *,
    trusted: bool,
    taken: int,
) -> None:
    """Nothing is sent to a server whose certificate nobody vouches for, least of all the password."""
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    port = free_port()
    login: Any = {"smtp_host": "localhost", "smtp_port": port, "smtp_user": "me", "smtp_password": password}
    with owner.acting(), transaction() as session:
        post(session, "a@example.com", LETTER)
    with tls_server(inbox, certificate, port, at_once=tls == "tls"):
        assert Sender(app, replace(settings, **login, smtp_tls=cast("Any", tls))).deliver_due() == taken
    assert len(inbox.mails) == taken


def _make_due(database: Database) -> None:
    with database.as_superuser() as connection:
        connection.execute("UPDATE mail_outbox SET next_try_at = now()")
