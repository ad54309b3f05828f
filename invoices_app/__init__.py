"""A hypermedia invoice system: Flask on PostgreSQL, pages and fragments from one set of templates."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask

from invoices_app.config import Settings

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def create_app(settings: Settings | None = None) -> Flask:
    """The application; its settings come from the environment unless they are given."""
    from invoices_app import cli, features  # noqa: PLC0415  (features need the extensions, not the other way round)
    from invoices_app.db import init_db  # noqa: PLC0415
    from invoices_app.mail import init_mail  # noqa: PLC0415
    from invoices_app.observability import init_observability  # noqa: PLC0415
    from invoices_app.web import init_web  # noqa: PLC0415
    from invoices_app.web.lean import LeanFlask  # noqa: PLC0415

    settings = settings or Settings.from_env(os.environ)
    app = LeanFlask(__name__, template_folder=str(PROJECT_ROOT / "templates"), static_folder=None)
    app.config["SETTINGS"] = settings
    app.secret_key = settings.secret_key
    app.config["SECRET_KEY_FALLBACKS"] = list(settings.secret_key_fallbacks)
    init_observability(app, settings)
    init_db(app, settings)
    init_mail(app, settings)
    init_web(app, settings)
    features.init_features(app)
    cli.init_cli(app)
    return app
