"""What happens, made visible: logs, SQL figures, Sentry, metrics, health. `init_observability` binds them to an app."""

from __future__ import annotations

from flask import Flask

from invoices_app.config import Settings


def init_observability(app: Flask, settings: Settings) -> None:
    from invoices_app.observability import health, logging, problems, requests, sentry  # noqa: PLC0415

    logging.configure_logging(settings)
    sentry.init_sentry(settings)
    requests.init_requests(app, settings)
    health.init_health(app)
    problems.init_problems(app)
