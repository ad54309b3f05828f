"""Error monitoring, on when SENTRY_DSN is set."""

from __future__ import annotations

import sentry_sdk

from invoices_app.config import Settings


def init_sentry(settings: Settings) -> None:
    if settings.sentry_dsn:
        sentry_sdk.init(dsn=settings.sentry_dsn, environment=settings.app_env, send_default_pii=False)
