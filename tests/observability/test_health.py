"""Alive and ready."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import Flask

from invoices_app import create_app
from invoices_app.extensions import db
from invoices_app.observability.health import newest_migration
from tests.support import plain_http
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.live import LiveServer


def test_alive_and_ready(visitor: Browser) -> None:
    for url, words in (("/healthz", "ok\n"), ("/readyz", "ready\n")):
        answer = visitor.open(url)
        assert (answer.status_code, answer.text, answer.mimetype) == (200, words, "text/plain")


def test_the_real_server_is_ready(live_server: LiveServer) -> None:
    answer = plain_http.get(f"{live_server.base_url}/readyz")
    assert (answer.status_code, answer.text) == (200, "ready\n")
    assert "granian" not in answer.headers.get("server", "").lower()


def test_an_older_schema_is_not_ready(database: Database, visitor: Browser) -> None:
    newest = database.value("SELECT version_num FROM alembic_version")
    set_version(database, "0001")
    try:
        answer = visitor.open("/readyz")
    finally:
        set_version(database, newest)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert f"at migration 0001, this version needs {newest}" in answer.text


def test_files_of_migrations_bear_their_number(app: Flask) -> None:
    """Readiness is told by the newest file's name, so Alembic must agree with it."""
    scripts = ScriptDirectory(str(Path(app.root_path).parent / "migrations"))
    revisions = {Path(script.path).name: script.revision for script in scripts.walk_revisions()}
    assert all(name.startswith(f"{revision}_") for name, revision in revisions.items())
    with app.app_context():
        assert newest_migration() == scripts.get_current_head()


def set_version(database: Database, version: str) -> None:
    with database.as_superuser() as connection:
        connection.execute("UPDATE alembic_version SET version_num = %s", [version])


def test_not_ready_without_room(database: Database) -> None:
    settings = replace(database.settings, min_free_mb=10**9, data_dir=Path.cwd())
    app = create_app(settings)
    answer = app.test_client().get("/readyz")
    with app.app_context():
        db.engine.dispose()
    create_app(database.settings)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert f" MB are free in DATA_DIR {Path.cwd()}, 1000000000 are needed" in answer.text
