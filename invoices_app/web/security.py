"""Headers, cookies, and where a request may come from.

The content security policy starts from 'none' and allows nothing inline (OWASP ASVS 5.0, 3.4).
"""

from __future__ import annotations

import re
import uuid
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, abort, g, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

from invoices_app.config import Settings

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Server": "Invoices",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
FILE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "Server": HEADERS["Server"],
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of scripts and styles, which are part of a page and heed its policies: every byte counts at a first visit."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
"""What a proxy may call a request; the audit trail keeps no more."""


SAME_ORIGIN = frozenset({"same-origin", "none"})
"""`none`: the person's own doing, such as a typed address. A sibling domain is another site to us."""

THIS_MACHINE = ("127.0.0.1", "localhost")
"""Where the launcher and a proxy's health checks ask."""

COOKIE = "invoices_session"


class SessionsByScheme(SecureCookieSessionInterface):
    """The session cookie, bound to TLS and to this very host wherever the page came by TLS (RFC 6265bis, 4.1.3)."""

    def get_cookie_name(self, app: Flask) -> str:  # noqa: ARG002  (the interface's own)
        return f"__Host-{COOKIE}" if request.is_secure else COOKIE

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        return request.is_secure

    def get_cookie_path(self, app: Flask) -> str:  # noqa: ARG002
        return "/"


def init_security(app: Flask, settings: Settings) -> None:
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, hops, hops, hops, hops, hops)  # type: ignore[method-assign]
    app.config.update(
        TRUSTED_HOSTS=[*settings.trusted_hosts, *THIS_MACHINE] if settings.trusted_hosts else None,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=60 * 60 * 24 * settings.remember_days,
    )

    app.session_interface = SessionsByScheme()

    @app.before_request
    def identify_request() -> None:
        """By the name that a trusted proxy gave it, so that one id leads through both logs, else by one of our own."""
        given = request.headers.get("X-Request-ID", "") if settings.trusted_proxies else ""
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.before_request
    def refuse_other_sites() -> None:
        """A write that another site's page started is refused before anything reads it.

        Browsers say where it comes from by Fetch Metadata, older ones by Origin; programs that say neither still need
        the form's token.
        """
        if request.method in SAFE_METHODS:
            return
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        if site not in SAME_ORIGIN if site else origin is not None and urlsplit(origin).netloc != request.host:
            abort(403)

    @app.after_request
    def set_headers(response: Response) -> Response:
        is_file = request.endpoint == "static" and response.status_code < 400
        for name, value in (FILE_HEADERS if is_file else HEADERS).items():
            response.headers.setdefault(name, value)
        response.headers["X-Request-ID"] = g.get("request_id", "")
        if request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
        if not is_file:
            response.headers.setdefault("Cache-Control", "no-store")
        return response

    @app.context_processor
    def request_id() -> dict[str, str]:
        return {"request_id": g.get("request_id", "")}
