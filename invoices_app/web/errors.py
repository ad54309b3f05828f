"""Errors as people meet them: a page that says what to do next, or one alert for the alert region."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import structlog
from flask import Flask, Response, g, render_template, request
from flask_login import AnonymousUserMixin
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import BadRequest, HTTPException, SecurityError

from invoices_app.extensions import db
from invoices_app.observability import sentry
from invoices_app.results import Conflict, Forbidden, Invalid, NotFound
from invoices_app.web import htmx, rate_limits
from invoices_app.web.access import NotYourRole
from invoices_app.web.forms import visible

log = structlog.get_logger(__name__)

RETRY_AFTER_SECONDS = "5"


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an error page says: its title, what happened, and what to do next."""

    title: str
    sentence: str
    advice: str


EXPLANATIONS = {
    400: Explanation("That request was not understood", "Something in it was malformed.", "Go back and try again."),
    403: Explanation("Not allowed", "You may not do this here.", "Ask the owner of the business for access."),
    404: Explanation(
        "Not found",
        "There is nothing at this address, or it belongs to another business.",
        "Check the address, or look for it in the lists.",
    ),
    405: Explanation("Not possible here", "This address does not take that kind of request.", "Go back and try again."),
    409: Explanation(
        "Changed meanwhile", "Someone changed this while you worked on it.", "Open it again to see it as it is now."
    ),
    413: Explanation("Too large", "What you sent is larger than this page takes.", "Send less at once."),
    422: Explanation("Not quite right", "Something in the form needs a correction.", "Go back and look at the fields."),
    429: Explanation(
        "Slow down a little", "That was a lot of requests in a short time.", "Wait a minute and try again."
    ),
    500: Explanation(
        "Something went wrong on our side",
        "Nothing was changed by this request.",
        "Try again. If it happens again, tell us the request number below.",
    ),
    503: Explanation("Back in a moment", "The database cannot be reached right now.", "Try again in a few seconds."),
}

EXPIRED_FORM = Explanation(
    "This form has expired",
    "It was opened in an earlier session, so it was not sent.",
    "Go back, reload the page and send it again.",
)


SECRET_FIELDS = frozenset({"csrf_token", "one_time_code", "recovery_codes"})
WORTH_SENDING_AGAIN = frozenset({400, 429, 500, 503})
"""Errors that may be over the next time; a form's one-time token keeps it from counting twice."""


class BadAddress(BadRequest):
    """The address asks for something that a list does not have; the description is a sentence for the person."""


def respond(status: int, explanation: Explanation, event_id: str | None = None) -> Response:
    """The error as a page, or as an alert that lands in the alert region whatever the request's target was.

    The page gives back what was sent to it; around an alert it still stands in its fields. `event_id` is Sentry's.
    """
    context = {"status": status, "error": explanation, "event_id": event_id}
    if htmx.is_fragment():
        body = render_template("errors/_alert.html", **context)
        headers = {"HX-Retarget": "#alerts", "HX-Reswap": "innerHTML"}
        return Response(body, status, headers, mimetype="text/html")
    typed = _typed()
    action = request.full_path.rstrip("?") if typed and status in WORTH_SENDING_AGAIN and _is_from_here() else ""
    body = render_template(
        "errors/error.html", **context, typed=typed, again=f"{request.script_root}{action}" if action else ""
    )
    return Response(body, status, mimetype="text/html")


def _typed() -> list[tuple[str, str]]:
    """The fields that a form sent, without tokens, passwords and codes; nothing when it cannot be read."""
    try:
        return [
            (visible(name), visible(value))
            for name, value in request.form.items(multi=True)
            if name not in SECRET_FIELDS and "password" not in name
        ]
    except HTTPException:
        return []


def _is_from_here() -> bool:
    """Whether a page of ours sent this form: nobody shall put words into a form that only waits to be sent."""
    return request.headers.get("Origin") == request.host_url.rstrip("/")


def answer(refusal: Invalid | Conflict | NotFound | Forbidden) -> Response:
    """The answer to an action that was refused, where no form can show the reason beside a field."""
    match refusal:
        case Invalid():
            sentence = " ".join(refusal.sentences())
            return respond(422, Explanation("That cannot be done now", sentence, "Go back to the page and look again."))
        case Conflict(message):
            return respond(409, Explanation(EXPLANATIONS[409].title, message, EXPLANATIONS[409].advice))
        case NotFound():
            return respond(404, EXPLANATIONS[404])
        case Forbidden(message):
            return respond(403, Explanation(EXPLANATIONS[403].title, message, EXPLANATIONS[403].advice))


def _do_without_the_person() -> None:
    """Show the error page to nobody in particular when the error came up before we knew who asks.

    Finding it out would fail again, within the error page.
    """
    if "_login_user" not in g:
        g._login_user = AnonymousUserMixin()  # noqa: SLF001  (where Flask-Login keeps it)


def _has_answered(error: Exception) -> bool:
    """Whether the database itself gave up, at a timeout or a deadlock; one that is away is no defect of ours."""
    answered = isinstance(error, DBAPIError) and not error.connection_invalidated
    return answered and getattr(error.__cause__, "sqlstate", None) is not None


def _not_our_address(_error: SecurityError) -> Response:
    """For a host that is none of ours Flask cannot make a page's links."""
    return Response("This is not the address of this app.\n", 400, mimetype="text/plain")


def init_errors(app: Flask) -> None:
    app.register_error_handler(SecurityError, _not_our_address)

    @app.errorhandler(CSRFError)
    def expired_form(_error: CSRFError) -> Response:
        return respond(400, EXPIRED_FORM)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response | HTTPException:
        status = error.code or 500
        if error.response is not None or status < 400:
            return error
        known = EXPLANATIONS.get(status, EXPLANATIONS[400 if status < 500 else 500])
        if status == 429 and (limit := rate_limits.limiter.current_limit) and limit.breached:
            seconds = max(1, round(limit.reset_at - time.time()))
            known = replace(known, advice=f"Wait {seconds} seconds and try again.")
        if isinstance(error, BadAddress | NotYourRole | rate_limits.StoreAway):
            known = replace(known, sentence=str(error.description))
        response = respond(status, known, sentry.report(error) if status >= 500 else None)
        for name, value in error.get_headers(request.environ):
            if name in {"Allow", "Retry-After"}:
                response.headers[name] = value
        return response

    @app.errorhandler(OperationalError)
    @app.errorhandler(PoolTimeoutError)
    def database_away(error: Exception) -> Response:
        """No connection, a timeout or a deadlock: nothing was changed, and trying again soon is right."""
        _do_without_the_person()
        db.session.rollback()
        event_id = sentry.report(error) if _has_answered(error) else None
        log.error("database unavailable", exc_info=error, sentry_event=event_id)
        response = respond(503, EXPLANATIONS[503], event_id)
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
        return response

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        _do_without_the_person()
        if isinstance(error, DBAPIError):
            if error.connection_invalidated:
                return database_away(error)
            db.session.rollback()
        event_id = sentry.report(error)
        log.error("unhandled error", exc_info=error, sentry_event=event_id)
        return respond(500, EXPLANATIONS[500], event_id)
