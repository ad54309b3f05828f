"""Who may come in: every route declares it, and the app does not start when one forgot.

`@public` lets anyone in, `@signed_in` asks for a session. The declaration is a mark on the view, so that a test can
read it off the URL map.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, Response, request, url_for
from flask_login import current_user

from invoices_app.accounts.queries import Identity
from invoices_app.web import htmx

View = TypeVar("View", bound=Callable[..., Any])

ACCESS = "access"
PUBLIC = "public"
SIGNED_IN = "signed in"


def public(view: View) -> View:
    """Anyone may call this view."""
    setattr(view, ACCESS, PUBLIC)
    return view


def signed_in(view: View) -> View:
    """Only a person with a live session may call this view."""
    setattr(view, ACCESS, SIGNED_IN)
    return view


def access_of(app: Flask, endpoint: str) -> str | None:
    """What the view behind `endpoint` declares, or None when it declares nothing."""
    if endpoint == "static":
        return PUBLIC
    return getattr(app.view_functions[endpoint], ACCESS, None)


def identity() -> Identity:
    """The person behind this request. Only for views that are `@signed_in`."""
    return cast("Identity", current_user._get_current_object())  # noqa: SLF001  (Flask-Login's own proxy)


def init_access(app: Flask) -> None:
    @app.before_request
    def check_access() -> Response | None:
        if request.endpoint is None or access_of(app, request.endpoint) == PUBLIC:
            return None
        return None if current_user.is_authenticated else _ask_to_sign_in()


def _ask_to_sign_in() -> Response:
    """To the sign-in page, and from there back to where the person wanted to go."""
    wanted = request.full_path.rstrip("?") if request.method == "GET" and not htmx.is_fragment() else None
    return htmx.go_to(url_for("accounts.login", next=wanted if wanted != "/" else None))
