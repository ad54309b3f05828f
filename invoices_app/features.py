"""The features, as blueprints, and what templates of all of them may use."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_login import current_user

from invoices_app import clock
from invoices_app.accounts import (
    account_routes,
    login_code_routes,
    logo_routes,
    password_routes,
    second_factor_routes,
    team_routes,
)
from invoices_app.accounts.housekeeping import init_housekeeping
from invoices_app.accounts.routes import blueprint as accounts
from invoices_app.clients import export_routes as client_export_routes
from invoices_app.clients.routes import blueprint as clients
from invoices_app.dashboard import palette_routes
from invoices_app.dashboard.routes import blueprint as dashboard
from invoices_app.extensions import login
from invoices_app.imports import archive_routes, import_routes
from invoices_app.imports.blueprint import blueprint as imports
from invoices_app.invoices import (
    client_routes,
    correction_routes,
    export_routes,
    history_routes,
    line_routes,
    routes,
    selection_routes,
    series_routes,
    status_routes,
    suggestion_routes,
)
from invoices_app.invoices.blueprint import blueprint as invoices

# Each of these hangs its routes on a blueprint when it is imported.
ROUTES = (
    routes, line_routes, status_routes, selection_routes, suggestion_routes, export_routes, history_routes,
    series_routes, client_routes, correction_routes, client_export_routes, palette_routes, logo_routes,
    password_routes, team_routes, account_routes, login_code_routes, second_factor_routes,
    archive_routes, import_routes,
)  # fmt: skip


def init_features(app: Flask) -> None:
    login.session_protection = None  # the session's own record decides whether it lives
    login.init_app(app)
    init_housekeeping(app)
    for blueprint in (accounts, clients, dashboard, imports, invoices):
        app.register_blueprint(blueprint)

    @app.context_processor
    def everywhere() -> dict[str, Any]:
        person = current_user if current_user.is_authenticated else None
        return {
            "identity": person,
            "today": person.today() if person else clock.today("UTC"),
        }
