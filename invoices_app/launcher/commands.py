"""The launcher's commands: `run` the app, `worker` for another import worker, `flask` for one command beside it."""

from __future__ import annotations

import os
import subprocess
from contextlib import ExitStack
from typing import NoReturn

from invoices_app.config import Settings
from invoices_app.db import connections_needed
from invoices_app.db.data_dir import DataDirBusyError, DataDirLock, StartupError, lack_of_space
from invoices_app.db.embedded import CONNECTIONS, EmbeddedPostgres
from invoices_app.db.processes import wait_until
from invoices_app.launcher.database import (
    CONNECTIONS_FOR_OTHERS,
    ensure_role,
    find_logins,
    flask_command,
    open_to_app,
    prepare_database,
    run_flask,
)
from invoices_app.launcher.environment import (
    METRICS_HOST,
    PROJECT_ROOT,
    app_environment,
    owner_environment,
    read_settings,
)
from invoices_app.launcher.import_worker import ImportWorker
from invoices_app.launcher.supervisor import Service, supervise
from invoices_app.launcher.web_server import WebServer, check_port_free
from invoices_app.observability.logging import configure_logging

STARTING_SECONDS = 30.0


def run(*, seed: bool) -> NoReturn:
    """Start everything, say where it is, and keep it up until StopRequested; then stop it in reverse order."""
    settings = read_settings(os.environ)
    configure_logging(settings)
    with ExitStack() as stack:
        stack.enter_context(DataDirLock(settings.data_dir))
        check_can_start(settings)
        if settings.metrics_port:
            from invoices_app.launcher.metrics_server import MetricsServer  # noqa: PLC0415  (3 MB, used by few)

            stack.enter_context(MetricsServer(settings))
        services: list[Service] = []
        owner = settings.owner_database_url
        if owner is None:
            room = connections_needed(settings.web_concurrency) + CONNECTIONS_FOR_OTHERS
            postgres = stack.enter_context(EmbeddedPostgres(settings.data_dir, connections=max(CONNECTIONS, room)))
            owner = postgres.owner_url
            services.append(postgres)
        logins = find_logins(settings, owner)
        prepare_database(settings, logins)
        if seed:
            print(run_flask(settings, logins, "seed"), flush=True)
        environ = app_environment(settings, logins)
        web = WebServer(settings, environ)
        stack.callback(web.stop)
        web.start()
        web.wait_ready()
        services.append(web)
        if settings.import_worker:
            services.append(_started_worker(stack, environ))
        print(f"Invoices is running at {web.address}  (Ctrl-C stops it)", flush=True)
        if not settings.smtp_host:
            print(f"No SMTP_URL is set, so mail is kept in {settings.data_dir / 'outbox'}", flush=True)
        supervise(services)


def worker() -> NoReturn:
    """Import what waits, beside a launcher that is up or on the database of DATABASE_URL, until StopRequested."""
    settings = read_settings(os.environ)
    configure_logging(settings)
    with ExitStack() as stack:
        owner = settings.owner_database_url
        if owner is None:
            postgres = EmbeddedPostgres(settings.data_dir)
            if not wait_until(postgres.accepts_clients, STARTING_SECONDS):
                raise StartupError(
                    f"No Invoices is running on DATA_DIR {settings.data_dir}; start it, or set DATABASE_URL"
                )
            owner = postgres.owner_url
        logins = find_logins(settings, owner)
        services = [_started_worker(stack, app_environment(settings, logins))]
        print("Waiting for imports  (Ctrl-C stops it)", flush=True)
        supervise(services)


def _started_worker(stack: ExitStack, environ: dict[str, str]) -> ImportWorker:
    started = ImportWorker(environ)
    stack.callback(started.stop)
    started.start()
    return started


def check_can_start(settings: Settings) -> None:
    """Raise StartupError when a port is taken or the disk is full: better now than as a stack trace of a worker."""
    check_port_free(settings.host, settings.port)
    if settings.metrics_port == settings.port:
        raise StartupError(f"METRICS_PORT and PORT are both {settings.port}; choose another METRICS_PORT")
    if settings.metrics_port:
        check_port_free(METRICS_HOST, settings.metrics_port, "METRICS_PORT")
    if settings.web_concurrency > 1 and settings.ratelimit_enabled and not settings.shares_rate_limits:
        raise StartupError(
            f"WEB_CONCURRENCY={settings.web_concurrency} needs RATELIMIT_STORAGE_URI, such as redis://127.0.0.1: "
            "a Redis or Valkey server in which all workers count sign-ins together"
        )
    if lack := lack_of_space(settings.data_dir, settings.min_free_mb):
        raise StartupError(f"Invoices does not start: {lack}")


def flask(arguments: list[str]) -> int:
    """Run one flask command with the owner's and the app's login; its exit code.

    Uses the server that is up on DATA_DIR, or starts one for the duration.
    """
    settings = read_settings(os.environ)
    with ExitStack() as stack:
        owner = settings.owner_database_url or embedded_server(stack, settings).owner_url
        logins = find_logins(settings, owner)
        ensure_role(logins)
        code = subprocess.run(
            flask_command(*arguments), cwd=PROJECT_ROOT, env=owner_environment(settings, logins), check=False
        ).returncode
        if arguments[:1] == ["db"]:
            open_to_app(settings, logins)
        return code


def embedded_server(stack: ExitStack, settings: Settings) -> EmbeddedPostgres:
    """The embedded server of a running launcher, or one of our own that `stack` stops."""
    postgres = EmbeddedPostgres(settings.data_dir)
    try:
        stack.enter_context(DataDirLock(settings.data_dir))
    except DataDirBusyError:
        if not wait_until(postgres.accepts_clients, STARTING_SECONDS):
            raise StartupError(
                f"Another Invoices works on DATA_DIR {settings.data_dir} and its PostgreSQL does not answer"
            ) from None
    else:
        stack.enter_context(postgres)
    return postgres
