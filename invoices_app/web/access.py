"""Who may come in: every route declares it, and a test reads the declarations off the URL map.

`@public` lets anyone in; the others ask for a session and for a role in the business that it works in: `@readers` for
everyone who belongs to it, `@writers` for those who work with clients and invoices, `@owners` for settings and team.
The role is read with the session at each request, so a change of it counts from the next one on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import structlog
from flask import Flask, Response, flash, request, session, url_for
from flask_login import current_user
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import Forbidden

from invoices_app.accounts import sessions
from invoices_app.accounts.models import Role
from invoices_app.accounts.queries import Identity
from invoices_app.extensions import db
from invoices_app.web import htmx

View = TypeVar("View", bound=Callable[..., Any])

ACCESS = "access"
BEFORE_FACTOR = "before_second_factor"
PUBLIC = "public"
READERS = "readers"
WRITERS = "writers"
OWNERS = "owners"

ROLES = {
    READERS: frozenset(Role),
    WRITERS: frozenset({Role.OWNER, Role.MEMBER}),
    OWNERS: frozenset({Role.OWNER}),
}
"""The roles behind each declaration but `PUBLIC`."""

SENTENCES = {
    WRITERS: "You may read everything here, but change nothing.",
    OWNERS: "Only an owner of the business may do this.",
}

ENDED = "Your session has ended. Sign in to go on where you were."

log = structlog.get_logger(__name__)


class NotYourRole(Forbidden):
    """The person's role does not allow this; the description is a sentence for them."""


def public(view: View) -> View:
    """Anyone may call this view."""
    return _declare(view, PUBLIC)


def readers(view: View) -> View:
    """Everyone who belongs to the business may call this view."""
    return _declare(view, READERS)


def writers(view: View) -> View:
    """Those who work with clients and invoices may call this view: owners and members."""
    return _declare(view, WRITERS)


def owners(view: View) -> View:
    """Only owners of the business may call this view."""
    return _declare(view, OWNERS)


def before_second_factor(view: View) -> View:
    """This view is open also to who has yet to set up the second factor that the business asks everyone for."""
    setattr(view, BEFORE_FACTOR, True)
    return view


def _declare(view: View, who: str) -> View:
    setattr(view, ACCESS, who)
    return view


def access_of(app: Flask, endpoint: str) -> str | None:
    """What the view behind `endpoint` declares, or None when it declares nothing."""
    if endpoint == "static":
        return PUBLIC
    return getattr(app.view_functions[endpoint], ACCESS, None)


def identity() -> Identity:
    """The person behind this request. Only for views that are not `@public`."""
    return cast("Identity", current_user._get_current_object())  # noqa: SLF001  (Flask-Login's own proxy)


def init_access(app: Flask) -> None:
    @app.before_request
    def check_access() -> Response | None:
        who = access_of(app, request.endpoint) if request.endpoint else PUBLIC
        if who == PUBLIC:
            return None
        if not current_user.is_authenticated:
            return _ask_to_sign_in()
        if identity().use_is_due:
            _note_use()
        # A view that declares nothing is open to nobody.
        if identity().role not in ROLES.get(who or "", frozenset()):
            log.info("action", action="access.refused", endpoint=request.endpoint, role=identity().role.value)
            raise NotYourRole(SENTENCES.get(who or "", "You may not do this here."))
        if identity().lacks_second_factor and not getattr(
            app.view_functions[str(request.endpoint)], BEFORE_FACTOR, False
        ):
            return htmx.go_to(url_for("accounts.show_second_factor"))
        return None


def _note_use() -> None:
    """Keep the session alive. Where that cannot be written now, with a full disk, reading goes on."""
    try:
        sessions.note_use(identity().session_id, request.remote_addr or "")
    except DBAPIError as error:
        db.session.rollback()
        log.warning("use of a session not noted", reason=type(error.orig).__name__)


def _ask_to_sign_in() -> Response:
    """To the sign-in page, and from there back to where the person was, or wanted to go."""
    is_page = request.method == "GET" and not htmx.is_fragment()
    wanted = request.full_path.rstrip("?") if is_page else htmx.page_address()
    if session.pop("_user_id", None):
        flash(ENDED, "info")
    return htmx.go_to(url_for("accounts.login", next=wanted if wanted != "/" else None))
