"""The named limits. They are generous to people and dull to machines."""

from __future__ import annotations

from flask import Flask

from invoices_app.config import Settings
from invoices_app.extensions import limiter

LOGIN = "60 per minute; 600 per hour"
REGISTER = "60 per minute; 600 per hour"


def init_rate_limits(app: Flask, settings: Settings) -> None:
    app.config.update(
        RATELIMIT_ENABLED=settings.ratelimit_enabled,
        RATELIMIT_STORAGE_URI=settings.ratelimit_storage_uri,
        RATELIMIT_HEADERS_ENABLED=True,
        RATELIMIT_STRATEGY="moving-window",
    )
    limiter.init_app(app)
