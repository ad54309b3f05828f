"""All limits by name, and what happens when they cannot be counted. Generous to people, dull to machines.

Each limit is a decorator of the views that share it. What every page and every write counts in stands in `EVERYWHERE`:
60 invoices, 300 cells or 600 pages a minute by one person never meet it. Times slide: `5 per minute` holds for any
sixty seconds. One store counts for all workers (`RATELIMIT_STORAGE_URI`), each check is one atomic step in it, so a
limit is exact across them.
"""

from __future__ import annotations

import hashlib
import unicodedata
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

import structlog
from flask import Flask, Response, current_app, g, request, session
from flask_limiter import ApplicationLimit, Limiter, RouteLimit
from flask_limiter.util import get_remote_address
from flask_login import current_user
from werkzeug.exceptions import ServiceUnavailable

from invoices_app.config import Settings
from invoices_app.web.security import SAFE_METHODS

log = structlog.get_logger(__name__)

SHARED_STORE_OPTIONS: dict[str, float | str | bool] = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}
"""In seconds: so long a store that workers share may take to answer."""

STORE_RETRY_SECONDS = 5
UNLIMITED = frozenset({"static", "health.healthz", "health.readyz"})


def person() -> str:
    """Who asks: the person who is signed in, else the address."""
    return str(current_user.user_id) if current_user.is_authenticated else get_remote_address()


def account() -> str:
    """The account that a form names by its email, known or not, or that it is about; as a hash of fixed length."""
    return _account_of(g.get(ACCOUNT) or request.form.get("email", ""))


def count_for_account(email: str) -> None:
    """Count this request for the account with that email, whatever its form says."""
    setattr(g, ACCOUNT, email)


def _account_of(email: str) -> str:
    plain = unicodedata.normalize("NFKC", email).strip().casefold()
    return hashlib.sha256(plain.encode()).hexdigest()[:32]


def pending_account() -> str:
    """The account whose sign-in waits for its code, as the signed cookie says; else the address."""
    return str(session.get(PENDING_LOGIN, {}).get("account") or get_remote_address())


def is_write() -> bool:
    return request.method not in SAFE_METHODS


def is_read() -> bool:
    return not is_write()


def is_no_search() -> bool:
    return not request.args.get("q")


EVERYWHERE = (
    ApplicationLimit("1200 per minute", person, scope="reads", exempt_when=is_write),
    ApplicationLimit("600 per minute", person, scope="writes", exempt_when=is_read),
    ApplicationLimit("300 per minute", person, scope="searches", exempt_when=is_no_search),
)

limiter = Limiter(get_remote_address, application_limits=list(EVERYWHERE))


def counts() -> bool:
    """Whether the app of this request counts. It is the app that says so: one process may hold several."""
    return bool(current_app.config["RATELIMIT_ENABLED"])


@limiter.request_filter
def is_unlimited() -> bool:
    return not counts() or request.endpoint in UNLIMITED


def by_address(limits: str, scope: str) -> RouteLimit:
    return RouteLimit(limits, limiter=limiter, shared=True, scope=f"{scope} by address")


def by_person(limits: str, scope: str) -> RouteLimit:
    return RouteLimit(limits, person, limiter=limiter, shared=True, scope=scope)


def by_pending_account(limits: str, scope: str) -> RouteLimit:
    return RouteLimit(limits, pending_account, limiter=limiter, shared=True, scope=f"{scope} by account")


def by_account(limits: str, scope: str) -> RouteLimit:
    return RouteLimit(limits, account, limiter=limiter, shared=True, scope=f"{scope} by account")


LOGIN = by_address("60 per minute; 600 per hour", "login")
LOGIN_OF_ACCOUNT = by_account("10 per 5 minutes; 30 per hour; 100 per day", "login")
"""The wait grows with every failure; who signs in starts anew. It is the same for an account that does not exist, and
for the password that an invitation asks for."""

CODE_OF_ACCOUNT = by_pending_account("10 per 10 minutes; 30 per hour; 60 per day", "code")
"""Across all sign-ins of an account that wait for their code: of a million codes three are right at a time."""

REGISTRATION = by_address("60 per minute; 600 per hour", "registration")
RESET_MAIL = by_address("10 per minute; 60 per hour", "reset mail")
RESET_MAIL_OF_ACCOUNT = by_account("5 per 15 minutes; 20 per day", "reset mail")
CURRENT_PASSWORD = by_person("10 per 5 minutes; 30 per hour; 100 per day", "current password")
"""Whoever found a browser signed in guesses no faster here than at the sign-in; the right password starts anew."""

EMAIL_CHANGE = by_person("5 per 15 minutes; 20 per day", "email change")
MAIL = by_person("20 per minute; 100 per hour", "mail")
EXPORT = by_person("30 per minute; 300 per hour", "export")
IMPORT = by_person("20 per minute; 200 per hour", "import")
PROBLEMS = by_address("20 per minute; 100 per hour", "problems")

ACCOUNT = "account_counted_for"
CLOSED = "closed_without_store"
PENDING_LOGIN = "pending_login"
"""What the cookie holds of a sign-in that waits for its code: its token, and whose it is."""

View = TypeVar("View", bound=Callable[..., Any])


class StoreAway(ServiceUnavailable):
    """Attempts cannot be counted now; the sentence is for the person."""

    description = "Signing in is closed for a moment, because attempts cannot be counted right now."


def closed_without_store(view: View) -> View:
    """For views where guessing pays: nobody comes through while a store that workers share is away (503).

    All other views go on meanwhile, each worker counting by itself.
    """
    setattr(view, CLOSED, True)
    return view


def store_answers() -> bool:
    """Whether limits can be counted now. Memory always can."""
    try:
        return not counts() or bool(limiter.storage.check())
    except Exception:  # each store has errors of its own
        log.warning("rate limit store away", exc_info=True)
        return False


def forgive_account(email: str, user_id: uuid.UUID | None = None) -> None:
    """Forget the failures of this account, wrong codes included, since it was its owner who came in."""
    _forgive(LOGIN_OF_ACCOUNT, _account_of(email))
    if user_id is not None:
        _forgive(CODE_OF_ACCOUNT, str(user_id))


def forgive_person() -> None:
    """Forget the wrong passwords of the person who is signed in, since they knew it in the end."""
    _forgive(CURRENT_PASSWORD, person())


def _forgive(limits: RouteLimit, key: str) -> None:
    for limit in limits if counts() else ():
        limiter.limiter.clear(limit.limit, key, limit.scope_for("", None))


def init_rate_limits(app: Flask, settings: Settings) -> None:
    app.config.update(
        RATELIMIT_ENABLED=settings.ratelimit_enabled,
        RATELIMIT_STORAGE_URI=settings.ratelimit_storage_uri,
        RATELIMIT_STORAGE_OPTIONS=SHARED_STORE_OPTIONS if settings.shares_rate_limits else {},
        RATELIMIT_HEADERS_ENABLED=True,
        RATELIMIT_STRATEGY="moving-window",
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=settings.shares_rate_limits,
    )

    @app.before_request
    def close() -> None:
        if getattr(app.view_functions.get(request.endpoint or ""), CLOSED, False) and not store_answers():
            log.error("closed while the rate limit store is away", endpoint=request.endpoint)
            raise StoreAway(retry_after=STORE_RETRY_SECONDS)

    @app.after_request
    def wait_only_when_refused(response: Response) -> Response:
        """Flask-Limiter puts Retry-After on every answer; on a redirect that would tell browsers to wait."""
        if response.status_code < 400:
            response.headers.pop("Retry-After", None)
        return response

    if settings.ratelimit_enabled:
        limiter.init_app(app)
