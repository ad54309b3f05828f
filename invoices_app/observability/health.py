"""Alive, and ready: the database answers and is migrated to the newest version."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from invoices_app.extensions import db
from invoices_app.web.access import public

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@public
def readyz() -> Response:
    try:
        found = db.session.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except SQLAlchemyError:
        return _not_ready("the database cannot be reached or is not migrated")
    if found != newest_migration():
        return _not_ready(f"the database is at migration {found}, this version needs {newest_migration()}")
    return Response("ready\n", mimetype="text/plain")


@cache
def newest_migration() -> str | None:
    """The newest revision that ships with this version: the number in the name of its file.

    Alembic knows it too, but is 10 MB that a worker needs for nothing else.
    """
    versions = (Path(current_app.root_path).parent / "migrations" / "versions").glob("[0-9]*_*.py")
    return max((path.name.partition("_")[0] for path in versions), default=None)


def _not_ready(reason: str) -> Response:
    return Response(f"not ready: {reason}\n", 503, {"Retry-After": "5"}, mimetype="text/plain")


def init_health(app: Flask) -> None:
    app.register_blueprint(blueprint)
