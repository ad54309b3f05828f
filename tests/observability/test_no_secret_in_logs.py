"""No secret in any line: the whole program, at its most talkative, through everything that secrets go through.

Sign-up and sign-in, right and wrong; links of mail; a mail server that refuses the login; a database that refuses
statements with secrets in them; settings that are wrong. All that standard output and standard error got is searched.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import pyotp
import pytest
from itsdangerous import base64_decode
from psycopg import sql

from invoices_app.db import roles
from invoices_app.db.processes import wait_until
from invoices_app.launcher.environment import PROJECT_ROOT
from tests.journeys.pages import Form, Page, Visitor
from tests.observability.test_journey_log import WRONG_PASSWORD
from tests.support.databases import Database, ServerUrls
from tests.support.live import free_port
from tests.support.mail import Inbox, make_certificate, tls_server

MARK = uuid.uuid4().hex[:10]
"""In every password of this run, so that no other text of the log can hold one by chance."""

FIRST, SECOND, THIRD = (f"{word} horse {MARK} battery" for word in ("first", "second", "third"))
MISTYPED = f"{WRONG_PASSWORD} {MARK}"
SMTP_PASSWORD = f"smtp-{MARK}"
SECRET_KEY = f"key-{MARK}-0123456789-0123456789-0123456789"
BEARER = f"bearer-{MARK}"
CODE = "739204"
TOKEN_IN_MAIL = re.compile(r"/(?:reset|confirm|invitations)/([\w-]{20,})")
PATIENCE = 20
MUST_BE_TOLD = (
    "session.refused",
    "password.refused",
    "second_factor.refused",
    "access.refused",
    "unhandled error",
    "statement failed",
    "slow query",
    "mail not delivered",
    "browser error",
    "SMTPAuthenticationError",
    "INSERT INTO",
)


@dataclass
class Talk:
    """A running program, all that it said, and all that it must not have said."""

    process: subprocess.Popen[bytes]
    base_url: str
    log: Path
    database: Database
    secrets: set[str] = field(default_factory=set)

    @property
    def text(self) -> str:
        return self.log.read_text()

    def remember_cookies(self, visitor: Visitor) -> None:
        """The cookie as it is, and the tokens that anybody can read in it."""
        for cookie in visitor.client.cookies.jar:
            packed = base64_decode(str(cookie.value).removeprefix(".").split(".")[0])
            payload = json.loads(zlib.decompress(packed) if str(cookie.value).startswith(".") else packed)
            self.secrets |= {str(cookie.value), *(text for text in payload.values() if isinstance(text, str))}
            self.secrets |= {payload["pending_login"]["token"]} if "pending_login" in payload else set()

    def links(self) -> list[str]:
        """The tokens of all mail that waits, newest first."""
        mails = self.database.ask("SELECT plain FROM mail_outbox ORDER BY created_at DESC, id DESC")
        found = [token for (plain,) in mails for token in TOKEN_IN_MAIL.findall(plain)]
        self.secrets.update(found)
        return found


def leaks(text: str, secrets: set[str]) -> list[str]:
    """The secrets that stand in a text; a short code only where it is a word of its own, no part of a figure."""
    found = [secret for secret in secrets if secret in text]
    return found + re.findall(rf"(?<![\w.:-]){CODE}(?![\w-])", text)


@pytest.fixture(scope="module", params=["json", "pretty"])
def talk(request: pytest.FixtureRequest, server: ServerUrls, worker: str) -> Iterator[Talk]:
    database = server.make_database(f"talk_{request.param}_{worker}")
    folder = Path(tempfile.mkdtemp(prefix="invoices-talk-", dir="/tmp"))
    smtp_port, port = free_port(), free_port()
    certificate = make_certificate(folder)
    settings = {
        "DATABASE_URL": database.owner_url.render_as_string(hide_password=False).replace("+psycopg", ""),
        "SECRET_KEY": SECRET_KEY,
        "DATA_DIR": str(folder),
        "PORT": str(port),
        "LOG_FORMAT": request.param,
        "LOG_LEVEL": "DEBUG",
        "SLOW_QUERY_MS": "1",
        "SMTP_URL": f"smtps://me:{SMTP_PASSWORD}@localhost:{smtp_port}",
        "SSL_CERT_FILE": str(certificate),
        "APP_ENV": "test",
    }
    log = folder / "log"
    with tls_server(Inbox(), certificate, smtp_port, at_once=True), log.open("wb") as both:
        process = start(settings, both.fileno())
        running = Talk(process, f"http://127.0.0.1:{port}", log, database)
        try:
            assert wait_until(lambda: "is running at" in running.text, PATIENCE), running.text
            yield running
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0
    server.drop_database(database)
    shutil.rmtree(folder)


def start(settings: dict[str, str], output: int) -> subprocess.Popen[bytes]:
    command, environment = [sys.executable, "-m", "invoices_app", "run"], {**os.environ, **settings}
    return subprocess.Popen(
        command, cwd=PROJECT_ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
    )


@pytest.fixture(scope="module")
def told(talk: Talk) -> str:
    """The whole log after every journey that carries a secret."""
    email = f"{uuid.uuid4().hex}@example.com"
    with Visitor(talk.base_url) as visitor:
        visitor.client.headers["Authorization"] = f"Bearer {BEARER}"
        sign_up_and_in(talk, visitor, email)
        change_and_reset(talk, visitor, email)
        invite_and_join(talk, visitor)
        use_codes(talk, visitor, email)
        let_the_database_refuse(talk, visitor, email)
    talk.links()
    assert wait_until(lambda: "mail not delivered" in talk.text, PATIENCE)
    talk.secrets |= {FIRST, SECOND, THIRD, MISTYPED, MARK, quote(FIRST), BEARER, SECRET_KEY, SMTP_PASSWORD, email}
    talk.secrets |= set(in_base64(SMTP_PASSWORD, f"\0me\0{SMTP_PASSWORD}"))
    talk.secrets |= {str(talk.database.owner_url.password), stored_app_password(talk)}
    talk.secrets |= set(stored(talk.database))
    assert all(len(secret) >= 8 for secret in talk.secrets), sorted(talk.secrets, key=len)[:3]
    return talk.text


def sign_up_and_in(talk: Talk, visitor: Visitor, email: str) -> None:
    form = visitor.open("/register").form("/register")
    visitor.send(form, 422, name="Ada", email="wrong", password=FIRST, business_name="Quiet Ltd")
    form = visitor.open("/register").form("/register")
    page = visitor.send(form, name="Ada", email=email, password=FIRST, business_name="Quiet Ltd")
    talk.remember_cookies(visitor)
    visitor.send(page.form("/logout"))
    form = visitor.open("/login").form("/login")
    talk.secrets.add(form.values["csrf_token"])
    visitor.send(form, 422, email=email, password=MISTYPED)
    sent = {**visitor.open("/login").form("/login").values, "email": email, "password": FIRST, "code": CODE}
    visitor.post(f"/login?code={CODE}&token={BEARER}", sent)
    talk.remember_cookies(visitor)
    visitor.post("/login", {**sent, "csrf_token": f"made up {MARK}"}, 400)
    visitor.open(f"/invoices/{BEARER}", 404)
    sent["csrf_token"] = visitor.open("/clients").form("/logout").values["csrf_token"]
    visitor.post("/problems", {**sent, "message": "TypeError: x is undefined"}, 204)


def change_and_reset(talk: Talk, visitor: Visitor, email: str) -> None:
    account = visitor.open("/settings/account")
    visitor.send(account.form("/account/password"), 422, current_password=MISTYPED, password=SECOND)
    account = visitor.open("/settings/account")
    account = visitor.send(account.form("/account/password"), current_password=FIRST, password=SECOND)
    talk.remember_cookies(visitor)
    visitor.send(account.form("/account/email"), email=f"new-{email}", current_password=SECOND)
    link = talk.links()[0]
    visitor.send(visitor.open(f"/email/confirm/{link}").form(f"/confirm/{link}"))
    talk.remember_cookies(visitor)
    with Visitor(talk.base_url) as elsewhere:
        elsewhere.send(elsewhere.open("/password/forgot").form("/forgot"), email=f"new-{email}")
        link = talk.links()[0]
        elsewhere.send(elsewhere.open(f"/password/reset/{link}").form(f"/reset/{link}"), 422, password="short")
        elsewhere.send(elsewhere.open(f"/password/reset/{link}").form(f"/reset/{link}"), password=THIRD)
        elsewhere.open(f"/password/reset/{link}", 410)
    form = visitor.open("/login").form("/login")
    visitor.send(form, email=f"new-{email}", password=THIRD)
    talk.remember_cookies(visitor)


def invite_and_join(talk: Talk, visitor: Visitor) -> None:
    guest = f"{uuid.uuid4().hex}@example.com"
    team = visitor.open("/settings/team")
    visitor.send(team.form("/team/invitations"), email=guest, role="member")
    link = talk.links()[0]
    with Visitor(talk.base_url) as joining:
        form = joining.open(f"/invitations/{link}").form(f"/invitations/{link}")
        joining.send(form, 422, name="", password=SECOND)
        form = joining.open(f"/invitations/{link}").form(f"/invitations/{link}")
        joining.send(form, name="Guest", password=SECOND)
        joining.open("/settings/team", 403)
        talk.remember_cookies(joining)


def use_codes(talk: Talk, visitor: Visitor, email: str) -> None:
    """Set a second factor up; sign in with a wrong code, and with one to recover."""
    factor = "/settings/account/second-factor"
    page = visitor.send(visitor.open(factor).form("/begin"), password=THIRD)
    secret = page.text(page.by_id("secret-key")).replace(" ", "")
    page = visitor.send(page.form("/confirm"), one_time_code=pyotp.TOTP(secret).now())
    codes = [page.text(item) for item in page.by_id("recovery-codes").iter("li")]
    talk.secrets |= {secret, *codes, *(code.replace(" ", "") for code in codes)}
    talk.remember_cookies(visitor)
    visitor.send(visitor.open("/").form("/logout"))
    page = visitor.send(visitor.open("/login").form("/login"), email=f"new-{email}", password=THIRD)
    talk.remember_cookies(visitor)
    page = visitor.send(page.form("/login/code"), 422, one_time_code=CODE)
    visitor.send(page.form("/login/code"), one_time_code=codes[0])
    talk.remember_cookies(visitor)


def let_the_database_refuse(talk: Talk, visitor: Visitor, email: str) -> None:
    """The statements that carry hashes, tokens and addresses fail, and the views with them."""
    for table, attempt in refusable(visitor, email).items():
        rename = sql.SQL("ALTER TABLE {} RENAME TO {}")
        names = sql.Identifier(table), sql.Identifier(f"{table}_away")
        execute(talk.database, rename.format(*names))
        try:
            attempt()
        finally:
            execute(talk.database, rename.format(*reversed(names)))


def refusable(visitor: Visitor, email: str) -> dict[str, Callable[[], Page]]:
    forms: dict[str, Form] = {}
    with Visitor(str(visitor.client.base_url)) as other:
        for path in ("/register", "/login", "/password/forgot"):
            forms[path] = other.open(path).form(path)
        cookies = dict(other.client.cookies)

    def send(path: str, **values: str) -> Page:
        with Visitor(str(visitor.client.base_url)) as again:
            again.client.cookies.update(cookies)
            return again.post(path, {**forms[path].values, **values}, 500)

    person = {"name": "Eve", "business_name": "Eve Ltd", "password": FIRST, "email": f"eve-{email}"}
    return {
        "memberships": lambda: send("/register", **person),
        "user_sessions": lambda: send("/register", **person),
        "users": lambda: send("/login", email=f"new-{email}", password=THIRD),
        "account_tokens": lambda: send("/password/forgot", email=f"new-{email}"),
    }


def execute(database: Database, statement: sql.Composed) -> None:
    with database.as_superuser() as connection:
        connection.execute(statement)


def in_base64(*texts: str) -> Iterator[str]:
    yield from (base64.b64encode(text.encode()).decode() for text in texts)


def stored_app_password(talk: Talk) -> str:
    return str(roles.app_login(talk.database.owner_url, SECRET_KEY).password)


def stored(database: Database) -> Iterator[str]:
    """Hashes and keys as the database keeps them."""
    for query in (
        "SELECT encode(token_hash, 'hex') FROM user_sessions",
        "SELECT encode(token_hash, 'hex') FROM invitations",
        "SELECT encode(code_hash, 'hex') FROM recovery_codes",
        "SELECT encode(sealed_secret, 'hex') FROM second_factors",
        "SELECT password_hash FROM users",
        "SELECT encode(inner_block, 'hex') FROM scope_keys",
        "SELECT encode(outer_block, 'hex') FROM scope_keys",
    ):
        yield from (str(found) for (found,) in database.ask(query))


def test_no_secret_in_any_line(talk: Talk, told: str) -> None:
    assert len(talk.secrets) > 30
    assert leaks(told, talk.secrets) == []
    assert "Set-Cookie" not in told
    assert "127.0.0.1" not in told.replace(talk.base_url, "")


def test_the_log_told_everything_else(told: str) -> None:
    """Else there would have been nothing to leak from."""
    for event in MUST_BE_TOLD:
        assert event in told, event
    assert told.count("unhandled error") >= 4


def test_a_leak_is_seen(talk: Talk, told: str) -> None:
    """Else the search would prove nothing: each secret alone, in the middle of a line."""
    for secret in talk.secrets:
        assert leaks(f"{told}{secret}{told[:10]}", {secret}) == [secret]
    assert leaks(f"login code={CODE} refused", set()) == [CODE]


@pytest.mark.parametrize(
    "settings",
    [
        {"DATABASE_URL": f"postgresql://someone:{MARK}@127.0.0.1:1/none"},
        {"DATABASE_URL": f"postgresql://someone:{MARK}@127.0.0.1:wrong/none"},
        {"DATABASE_URL": f"mysql://someone:{MARK}@127.0.0.1/none"},
        {"SMTP_URL": f"smtp://me:{MARK}@mail.example.com:25?tls=none"},
        {"SMTP_URL": f"smtp://me:{MARK}@mail.example.com:wrong"},
        {"SMTP_URL": f"ftp://me:{MARK}@mail.example.com"},
        {"SECRET_KEY": MARK},
        {"RATELIMIT_STORAGE_URI": f"redis://:{MARK}@127.0.0.1:1"},
        {"RATELIMIT_STORAGE_URI": f"redis://:{MARK}@127.0.0.1:wrong"},
        {"RATELIMIT_STORAGE_URI": f"nothing://:{MARK}@127.0.0.1"},
        {"SENTRY_DSN": f"https://{MARK}@wrong"},
        {"SENTRY_DSN": MARK},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_a_setting_that_is_refused_is_not_quoted(tmp_path: Path, server: ServerUrls, settings: dict[str, str]) -> None:
    nowhere = "postgresql://someone@127.0.0.1:1/none"
    log = tmp_path / "log"
    usual = {"PORT": str(free_port()), "DATA_DIR": str(tmp_path), "SECRET_KEY": SECRET_KEY, "DATABASE_URL": nowhere}
    with log.open("wb") as both:
        process = start({**usual, "LOG_LEVEL": "DEBUG", **settings}, both.fileno())
        try:
            assert process.wait(60) != 0
        finally:
            process.kill()
    text = log.read_text()
    assert text.strip()
    assert MARK not in text
