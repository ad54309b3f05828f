"""Logs and health. `init_observability` binds them to an app."""

from __future__ import annotations

from flask import Flask

from invoices_app.config import Settings


def init_observability(app: Flask, settings: Settings) -> None:
    from invoices_app.observability import health, logging, sentry  # noqa: PLC0415

    logging.init_logging(app, settings)
    sentry.init_sentry(settings)
    health.init_health(app)
