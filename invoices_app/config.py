"""Typed settings, read once from the environment.

`Settings.from_env` refuses to go on when a value is wrong or unsafe: it raises `SettingsError` with one sentence
that names the variable, which the launcher prints and the WSGI entry point lets through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

AppEnv = Literal["production", "development", "test"]
LogFormat = Literal["json", "pretty"]
SmtpTls = Literal["starttls", "tls", "none"]

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SECRET_KEY_MIN_LENGTH = 32

WORKER_THREADS = 4
"""Requests that a worker answers at once, so that someone who downloads slowly keeps nobody waiting."""

DEFAULT_MAIL_FROM = "Invoices <invoices@localhost>"
SMTP_PORTS = {"starttls": 587, "tls": 465, "none": 25}
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  (compared with, never listened on)


class SettingsError(RuntimeError):
    """A setting is missing, malformed or unsafe; the message is a sentence for the person who set it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the environment decides.

    `database_url` is the login of the role that the app works as; it owns nothing. `owner_database_url` is the
    login that migrates and creates that role; it is None in the worker processes, which never need it.
    """

    secret_key: str = field(repr=False)
    secret_key_fallbacks: tuple[str, ...] = field(default=(), repr=False)
    database_url: URL | None = None
    owner_database_url: URL | None = None
    app_env: AppEnv = "production"
    host: str = "127.0.0.1"
    port: int = 8000
    data_dir: Path = Path("var")
    web_concurrency: int = 1
    worker_threads: int = WORKER_THREADS
    remember_pages: bool = True
    ratelimit_enabled: bool = True
    ratelimit_storage_uri: str = field(default="memory://", repr=False)
    log_format: LogFormat = "json"
    log_level: str = "INFO"
    sentry_dsn: str | None = field(default=None, repr=False)
    sentry_sample_rate: float = 1.0
    sentry_traces_sample_rate: float = 0.0
    release: str = ""
    trusted_proxies: int = 0
    trusted_hosts: tuple[str, ...] = ()
    metrics_port: int = 0
    slow_query_ms: int = 500
    min_free_mb: int = 100
    auto_migrate: bool = True
    import_worker: bool = True
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    smtp_tls: SmtpTls = "starttls"
    mail_from: str = DEFAULT_MAIL_FROM
    public_url: str = ""
    session_hours: int = 12
    session_idle_minutes: int = 120
    remember_days: int = 30
    remember_idle_days: int = 14

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """What opens what was sealed: the key of now, which alone seals, and those from before it."""
        return (self.secret_key, *self.secret_key_fallbacks)

    @property
    def address(self) -> str:
        """Where the app is, for links in mail; without a slash at its end."""
        return self.public_url or self.local_address

    @property
    def local_host(self) -> str:
        """Where this machine itself reaches the app."""
        return EVERY_ADDRESS.get(self.host, self.host)

    @property
    def local_address(self) -> str:
        """What to type into a browser on this machine."""
        host = f"[{self.local_host}]" if ":" in self.local_host else self.local_host
        return f"http://{host}:{self.port}"

    @property
    def shares_rate_limits(self) -> bool:
        """Whether limits are counted in a store that workers share, rather than in each one's memory."""
        return not self.ratelimit_storage_uri.startswith("memory:")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """Read the environment; SECRET_KEY must be there by now (the launcher generates one when it is not)."""
        secret_key = environ.get("SECRET_KEY", "")
        if len(secret_key) < SECRET_KEY_MIN_LENGTH:
            raise SettingsError(
                f"SECRET_KEY must be a random text of at least {SECRET_KEY_MIN_LENGTH} characters; "
                'make one with: python3 -c "import secrets; print(secrets.token_hex(32))"'
            )
        return cls(
            secret_key=secret_key,
            secret_key_fallbacks=_fallbacks(environ),
            database_url=read_database_url(environ, "APP_DATABASE_URL"),
            owner_database_url=read_database_url(environ, "DATABASE_URL"),
            app_env=cast("AppEnv", _one_of(environ, "APP_ENV", ("production", "development", "test"), "production")),
            host=environ.get("HOST") or "127.0.0.1",
            port=_whole_number(environ, "PORT", default=8000, low=1, high=65535),
            data_dir=Path(environ.get("DATA_DIR") or "var").absolute(),
            web_concurrency=_whole_number(environ, "WEB_CONCURRENCY", default=1, low=1, high=256),
            remember_pages=_one_of(environ, "REMEMBER_PAGES", ("0", "1"), "1") == "1",
            ratelimit_enabled=_one_of(environ, "RATELIMIT_ENABLED", ("0", "1"), "1") == "1",
            ratelimit_storage_uri=_storage_uri(environ),
            log_format=cast("LogFormat", _one_of(environ, "LOG_FORMAT", ("json", "pretty"), "json")),
            log_level=_one_of(environ, "LOG_LEVEL", LOG_LEVELS, "INFO"),
            sentry_dsn=_sentry_dsn(environ),
            sentry_sample_rate=_fraction(environ, "SENTRY_SAMPLE_RATE", default=1.0),
            sentry_traces_sample_rate=_fraction(environ, "SENTRY_TRACES_SAMPLE_RATE", default=0.0),
            release=environ.get("RELEASE", ""),
            trusted_proxies=_whole_number(environ, "TRUSTED_PROXIES", default=0, low=0, high=8),
            trusted_hosts=_hosts(environ, "TRUSTED_HOSTS"),
            metrics_port=_whole_number(environ, "METRICS_PORT", default=0, low=0, high=65535),
            slow_query_ms=_whole_number(environ, "SLOW_QUERY_MS", default=500, low=0, high=3_600_000),
            min_free_mb=_whole_number(environ, "MIN_FREE_MB", default=100, low=0, high=1_000_000_000),
            auto_migrate=_one_of(environ, "AUTO_MIGRATE", ("0", "1"), "1") == "1",
            import_worker=_one_of(environ, "IMPORT_WORKER", ("0", "1"), "1") == "1",
            **_mail(environ),
            public_url=_public_url(environ),
            session_hours=_whole_number(environ, "SESSION_HOURS", default=12, low=1, high=24 * 7),
            session_idle_minutes=_whole_number(environ, "SESSION_IDLE_MINUTES", default=120, low=15, high=60 * 24),
            remember_days=_whole_number(environ, "REMEMBER_DAYS", default=30, low=1, high=365),
            remember_idle_days=_whole_number(environ, "REMEMBER_IDLE_DAYS", default=14, low=1, high=365),
        )


def read_database_url(environ: Mapping[str, str], name: str) -> URL | None:
    """The PostgreSQL URL in variable `name` with the psycopg driver set, or None when it is unset."""
    text = environ.get(name)
    if not text:
        return None
    try:
        url = make_url(text)
    except ArgumentError:
        raise SettingsError(f"{name} is not a database URL; it reads postgresql://user:password@host/name") from None
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise SettingsError(f"{name} must be a postgresql:// URL; no other database is supported")
    if not url.database:
        raise SettingsError(f"{name} names no database; it reads postgresql://user:password@host/name")
    return url.set(drivername="postgresql+psycopg")


def _fallbacks(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Earlier secret keys, with commas between them, the newest first."""
    keys = tuple(part.strip() for part in environ.get("SECRET_KEY_FALLBACKS", "").split(",") if part.strip())
    if any(len(key) < SECRET_KEY_MIN_LENGTH for key in keys):
        raise SettingsError(
            "SECRET_KEY_FALLBACKS must hold earlier values of SECRET_KEY with commas between them, "
            f"each of at least {SECRET_KEY_MIN_LENGTH} characters"
        )
    return keys


def _whole_number(environ: Mapping[str, str], name: str, *, default: int, low: int, high: int) -> int:
    text = environ.get(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {text!r}")
    return int(text)


def _hosts(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Names with commas between them, such as `invoices.example.com, .example.org`; a dot in front means all below."""
    hosts = tuple(part.strip().lower() for part in environ.get(name, "").split(",") if part.strip())
    if bad := [host for host in hosts if not re.fullmatch(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*(:\d{1,5})?", host)]:
        raise SettingsError(f"{name} must be host names with commas between them; {bad[0]!r} is none")
    return hosts


def _fraction(environ: Mapping[str, str], name: str, *, default: float) -> float:
    text = environ.get(name)
    if not text:
        return default
    if not (re.fullmatch(r"[0-9]*\.?[0-9]+", text, re.ASCII) and float(text) <= 1):
        raise SettingsError(f"{name} must be a number from 0 to 1, such as 0.25, not {text!r}")
    return float(text)


def _sentry_dsn(environ: Mapping[str, str]) -> str | None:
    """The DSN, checked, for the SDK would end the workers with a stack trace."""
    text = environ.get("SENTRY_DSN")
    if not text:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not (parts.username and parts.hostname and parts.path.strip("/")):
        raise SettingsError("SENTRY_DSN is not the address that Sentry shows for a project: https://key@host/number")
    return text


def _storage_uri(environ: Mapping[str, str]) -> str:
    """Where limits are counted, tried when it is not memory, for the store's own package may be missing."""
    text = environ.get("RATELIMIT_STORAGE_URI") or "memory://"
    if text != "memory://":
        from limits.errors import ConfigurationError  # noqa: PLC0415  (rarely needed, and never in the launcher)
        from limits.storage import storage_from_string  # noqa: PLC0415

        try:
            storage_from_string(text)
        except (ConfigurationError, ValueError):  # whose message quotes the address, password and all
            raise SettingsError(
                "RATELIMIT_STORAGE_URI cannot be used; it reads redis://host or redis://:password@host:6379"
            ) from None
    return text


def _public_url(environ: Mapping[str, str]) -> str:
    text = environ.get("PUBLIC_URL", "").rstrip("/")
    if text and not re.fullmatch(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?", text):
        raise SettingsError(f"PUBLIC_URL must be the address of the app, https://bills.example.com, not {text!r}")
    return text


def _mail(environ: Mapping[str, str]) -> dict[str, Any]:
    """How mail goes out, from SMTP_URL: smtp://user:password@host:587, or smtps:// where TLS comes first.

    smtp:// goes on to TLS by STARTTLS. Only to this machine, or by `?tls=none`, does mail travel in the clear, and a
    password never does.
    """
    mail_from = environ.get("MAIL_FROM") or DEFAULT_MAIL_FROM
    if not re.fullmatch(r"[^\x00-\x1f\x7f]*", mail_from):
        raise SettingsError("MAIL_FROM must be one line")
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", parseaddr(mail_from)[1]):
        raise SettingsError(f"MAIL_FROM must hold an address: Invoices <invoices@example.com>, not {mail_from!r}")
    text = environ.get("SMTP_URL")
    if not text:
        return {"mail_from": mail_from}
    try:
        url, port = urlsplit(text), urlsplit(text).port
    except ValueError:
        url, port = urlsplit(""), None
    if (
        url.scheme not in ("smtp", "smtps")
        or not url.hostname
        or url.query not in ("", "tls=none")
        or url.path not in ("", "/")
    ):
        raise SettingsError("SMTP_URL must read smtp://user:password@host:587 or smtps://user:password@host:465")
    tls: SmtpTls = "tls" if url.scheme == "smtps" else "starttls"
    if tls == "starttls" and (url.query or url.hostname in THIS_MACHINE):
        tls = "none"
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if bool(user) != bool(password):
        raise SettingsError("SMTP_URL has a user without a password, or a password without a user")
    if user and tls == "none":
        raise SettingsError("SMTP_URL would send its password in the clear; use smtps://, or smtp:// with TLS")
    return {
        "smtp_host": url.hostname,
        "smtp_port": port or SMTP_PORTS[tls],
        "smtp_user": user,
        "smtp_password": password,
        "smtp_tls": tls,
        "mail_from": mail_from,
    }


def _one_of(environ: Mapping[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    text = environ.get(name) or default
    if text not in choices:
        raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {text!r}")
    return text
