"""Error monitoring, on when SENTRY_DSN is set: what went wrong and where, and the person's id, nothing else of them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import g, has_request_context, request

from invoices_app.config import Settings
from invoices_app.observability.logging import who
from invoices_app.observability.scrubbing import chain, message_of, scrub

if TYPE_CHECKING:
    from sentry_sdk.types import Event, Hint

PROJECT_FILE = Path(__file__).resolve().parent.parent.parent / "pyproject.toml"
SAFE_SPAN_DATA = ("db.", "code.", "thread.", "sentry.")


def init_sentry(settings: Settings) -> None:
    """Start the SDK for this process; without a DSN it is not even loaded."""
    if not settings.sentry_dsn:
        return
    import sentry_sdk  # noqa: PLC0415
    from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.flask import FlaskIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.sqlalchemy import SqlalchemyIntegration  # noqa: PLC0415

    sentry_sdk.init(
        dsn=settings.sentry_dsn,
        environment=settings.app_env,
        release=settings.release or _release(),
        sample_rate=settings.sentry_sample_rate,
        traces_sample_rate=settings.sentry_traces_sample_rate or None,
        integrations=[
            FlaskIntegration(),
            SqlalchemyIntegration(),
            AtexitIntegration(callback=lambda _pending, _timeout: None),  # by default it writes into our log
        ],
        auto_enabling_integrations=False,
        auto_session_tracking=False,
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        before_send=scrub_event,
        before_send_transaction=scrub_event,
        before_breadcrumb=_scrub_breadcrumb,
    )


def report(error: BaseException) -> str | None:
    """Send an exception that ends in an error page; answers the event's id, None when nothing was sent."""
    return _capture(lambda sdk: sdk.capture_exception(error))


def report_message(message: str, details: dict[str, str]) -> str | None:
    """Send what is no exception of ours, such as an error in a browser."""

    def capture(sdk: Any) -> Any:
        sdk.get_current_scope().set_context("browser", details)
        return sdk.capture_message(message, level="error")

    return _capture(capture)


def _capture(send: Any) -> str | None:
    import sys  # noqa: PLC0415

    sdk = sys.modules.get("sentry_sdk")
    if sdk is None or not sdk.get_client().is_active():
        return None
    with sdk.new_scope() as scope:
        person = who()
        scope.set_user({"id": person["user"]} if person else {})
        scope.set_tag("request_id", g.get("request_id", "") if has_request_context() else "")
        if person:
            scope.set_tag("business", person["business"])
        event_id = send(sdk)
    return str(event_id) if event_id else None


def scrub_event(event: Event, hint: Hint) -> Event:
    """Leave of an event what we want to know, and of the request its method and route only."""
    person = event.get("user", {})
    event["user"] = {"id": person["id"]} if "id" in person else {}
    if "request" in event:
        event["request"] = _plain_request(event["request"])
    if "logentry" in event:
        logentry = event["logentry"]
        text = str(logentry.get("formatted") or logentry.get("message") or "")
        event["logentry"] = {"message": scrub(text), "formatted": scrub(text)}
    if "message" in event:
        event["message"] = scrub(str(event["message"]))
    event.pop("extra", None)
    _scrub_exceptions(event, hint)
    spans: Any = event.get("spans", [])
    for span in spans:
        data = span.get("data", {})
        span["data"] = {name: value for name, value in data.items() if name.startswith(SAFE_SPAN_DATA)}
    contexts = event.get("contexts", {})
    if "trace" in contexts:
        contexts["trace"].pop("data", None)
    return event


def _scrub_exceptions(event: Event, hint: Hint) -> None:
    """Messages of exceptions as our log has them. Sentry lists the first cause first."""
    error = (hint.get("exc_info") or (None, None, None))[1]
    messages = {type(step).__name__: message_of(step) for step in chain(error)} if error else {}
    described: Any = event.get("exception", {})
    for value in described.get("values", []):
        first, _, _ = str(value.get("value", "")).partition("\n")
        value["value"] = messages.get(str(value.get("type")), scrub(first))


def _plain_request(described: dict[str, Any]) -> dict[str, Any]:
    """The method, and the address with names in place of ids and tokens, without a query."""
    rule = request.url_rule.rule if has_request_context() and request.url_rule else ""
    return {"method": described.get("method", ""), "url": f"{request.host_url.rstrip('/')}{rule}" if rule else ""}


def _scrub_breadcrumb(crumb: dict[str, Any], _hint: Any) -> dict[str, Any]:
    return {**crumb, "message": scrub(str(crumb.get("message", ""))), "data": {}}


def _release() -> str:
    with PROJECT_FILE.open("rb") as file:
        project = tomllib.load(file)["project"]
    return f"{project['name']}@{project['version']}"
