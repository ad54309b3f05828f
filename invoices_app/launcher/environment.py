"""What the launcher decides on, and what its child processes get to know."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.engine import URL

from invoices_app.config import SECRET_KEY_MIN_LENGTH, Settings, SettingsError
from invoices_app.db.data_dir import open_data_dir, secret_file

PROJECT_ROOT = Path(__file__).resolve().parent.parent.parent
METRICS_HOST = "127.0.0.1"
LAUNCHER_DEFAULTS = {"LOG_FORMAT": "pretty", "WEB_CONCURRENCY": "1"}
LEAN = {"MALLOC_ARENA_MAX": "1", "PYTHONOPTIMIZE": "2"}
"""Less memory for each process that serves.

glibc gives each thread a heap of its own, and each keeps what it has had, though only one thread of ours runs at a
time. The docstrings of a thousand modules take 6 MB, and nobody reads them there.
"""

KEEP_BYTECODE = {"PYTHONDONTWRITEBYTECODE": ""}
"""Containers often forbid it, and then each worker would compile those modules whenever it starts."""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of this run; an unset SECRET_KEY is made once and kept in DATA_DIR.

    Raises SettingsError before anything is written, or StartupError when DATA_DIR cannot be used.
    """
    environ = {**LAUNCHER_DEFAULTS, **{name: value for name, value in environ.items() if value}}
    generate = "SECRET_KEY" not in environ
    settings = Settings.from_env({**environ, "SECRET_KEY": "0" * SECRET_KEY_MIN_LENGTH} if generate else environ)
    if settings.database_url is not None and settings.owner_database_url is None:
        raise SettingsError("APP_DATABASE_URL is set but DATABASE_URL is not; set both, or neither")
    open_data_dir(settings.data_dir)
    return replace(settings, secret_key=secret_file(settings.data_dir / "secret_key")) if generate else settings


def read_seed(environ: Mapping[str, str]) -> bool:
    """Whether SEED asks for the demo business."""
    value = environ.get("SEED") or "0"
    if value not in ("0", "1"):
        raise SettingsError(f"SEED must be 0 or 1, not {value!r}")
    return value == "1"


@dataclass(frozen=True, slots=True)
class Logins:
    """The two logins of one database. `generated` tells that the app's role is ours to make."""

    owner: URL
    app: URL
    generated: bool


def app_environment(settings: Settings, logins: Logins) -> dict[str, str]:
    """Environment of the web workers, which never learn the owner's login."""
    environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    if settings.metrics_port:
        environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_folder(settings))
    return {
        **LEAN,
        **environ,
        **KEEP_BYTECODE,
        "APP_DATABASE_URL": logins.app.render_as_string(hide_password=False),
        "SECRET_KEY": settings.secret_key,
        "DATA_DIR": str(settings.data_dir),
        "HOST": settings.host,
        "PORT": str(settings.port),
        "WEB_CONCURRENCY": str(settings.web_concurrency),
        "LOG_FORMAT": settings.log_format,
    }


def metrics_folder(settings: Settings) -> Path:
    """Where the workers write their figures, each into files of its own."""
    return settings.data_dir / "metrics"


def owner_environment(settings: Settings, logins: Logins) -> dict[str, str]:
    """Environment of commands that may change the schema."""
    owner = logins.owner.render_as_string(hide_password=False)
    return {**app_environment(settings, logins), "DATABASE_URL": owner, "METRICS_PORT": ""}
