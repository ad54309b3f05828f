"""A mail server of our own, also one that wants TLS and a login."""

from __future__ import annotations

import email
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class Inbox:
    """Takes mail, or answers what `refusal` says."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.refusal = ""

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refusal:
            return self.refusal
        message = email.message_from_bytes(envelope.content, policy=default)
        self.mails.append((envelope.rcpt_tos, message))
        return "250 OK"


def make_certificate(folder: Path) -> Path:
    """A certificate for localhost, with its key in the same file."""
    file = folder / "localhost.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=localhost"
    options = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(file), "-out", str(file)]
    key = file.with_suffix(".key")
    options[3] = str(key)
    subprocess.run([*command.split(), *options], check=True, capture_output=True)
    file.write_text(file.read_text() + key.read_text())
    return file


def check_login(_server: Any, _session: Any, _envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = mechanism in {"LOGIN", "PLAIN"} and (data.login, data.password) == (b"me", b"pw")
    return AuthResult(success=right, handled=False)


@contextmanager
def tls_server(inbox: Inbox, certificate: Path, port: int, *, at_once: bool) -> Iterator[None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    way = {"ssl_context": context} if at_once else {"tls_context": context, "require_starttls": True}
    options = {"authenticator": check_login, "auth_required": not at_once, "auth_require_tls": not at_once, **way}
    server = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    server.start()
    try:
        yield
    finally:
        server.stop()
