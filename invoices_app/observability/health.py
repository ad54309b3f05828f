"""Alive, and ready: the database answers and is at our migration, and the disk has room."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from invoices_app.config import Settings
from invoices_app.db.data_dir import lack_of_space
from invoices_app.db.tenancy import NOBODY, enter
from invoices_app.extensions import db
from invoices_app.web import rate_limits
from invoices_app.web.access import public

READY_BUT_CLOSED = (
    "ready, but the store of the rate limits (RATELIMIT_STORAGE_URI) cannot be reached: nobody can sign in\n"
)
"""All nodes share that store: to call each of them unready would shut out those who are at work, too."""

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@public
def readyz() -> Response:
    checks: tuple[Callable[[], str | None], ...] = (_database, _disk)
    reasons = [reason for check in checks if (reason := check())]
    if reasons:
        return Response(f"not ready: {'; '.join(reasons)}\n", 503, {"Retry-After": "5"}, mimetype="text/plain")
    return Response("ready\n" if rate_limits.store_answers() else READY_BUT_CLOSED, mimetype="text/plain")


def _database() -> str | None:
    try:
        found = db.session.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
        needed = newest_migration()
        if found != needed:
            return f"the database is at migration {found}, this version needs {needed}"
        enter(db.session.connection(), NOBODY)
        is_believed = db.session.execute(text("SELECT scope_is_signed()")).scalar_one()
    except SQLAlchemyError:
        return "the database cannot be reached or is not migrated"
    return None if is_believed else "SECRET_KEY is not the one that the database knows; run `make migrate` with it"


def _disk() -> str | None:
    settings: Settings = current_app.config["SETTINGS"]
    return lack_of_space(settings.data_dir, settings.min_free_mb)


@cache
def newest_migration() -> str | None:
    """The newest revision that ships with this version: the number in the name of its file.

    Alembic knows it too, but is 10 MB that a worker needs for nothing else.
    """
    versions = (Path(current_app.root_path).parent / "migrations" / "versions").glob("[0-9]*_*.py")
    return max((path.name.partition("_")[0] for path in versions), default=None)


def init_health(app: Flask) -> None:
    app.register_blueprint(blueprint)
