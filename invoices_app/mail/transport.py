"""Handing one mail over: to the SMTP server of the settings, or into a folder where there is none."""

from __future__ import annotations

import os
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path

from invoices_app import clock
from invoices_app.config import Settings
from invoices_app.mail.outbox import Claimed

TIMEOUT_SECONDS = 15.0
FOLDER_MODE = 0o700
FILE_MODE = 0o600


def compose(settings: Settings, mail: Claimed) -> EmailMessage:
    """The mail as it is sent. Its Message-ID is that of its row, so that a mail sent twice can be told for one."""
    name, sender = parseaddr(settings.mail_from)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = mail.subject
    message["From"] = Address(name, addr_spec=sender)
    message["To"] = Address(addr_spec=mail.recipient)
    message["Date"] = format_datetime(clock.now())
    message["Message-ID"] = f"<{mail.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.plain)
    message.add_alternative(mail.html, subtype="html")
    return message


def hand_over(settings: Settings, mail: Claimed) -> None:
    """Deliver; raises OSError, or smtplib.SMTPException (which is one), when it cannot be."""
    message = compose(settings, mail)
    if not settings.smtp_host:
        _into_folder(settings.data_dir / "outbox", mail, message)
        return
    context = ssl.create_default_context()
    port = settings.smtp_port
    server: smtplib.SMTP
    if settings.smtp_tls == "tls":
        server = smtplib.SMTP_SSL(settings.smtp_host, port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(settings.smtp_host, port, timeout=TIMEOUT_SECONDS)
    with server:
        if settings.smtp_tls == "starttls":
            server.starttls(context=context)
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password)
        server.send_message(message)


def _into_folder(folder: Path, mail: Claimed, message: EmailMessage) -> None:
    """Write the mail beside its name and move it there, so that nobody reads half of one."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    folder.chmod(FOLDER_MODE)
    unfinished = folder / f".{mail.id}.part"
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "wb") as file:
        file.write(bytes(message))
    unfinished.replace(folder / f"{mail.id}.eml")
