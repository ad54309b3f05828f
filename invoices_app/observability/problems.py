"""What goes wrong in the browser, told by the page itself, so that it reaches the log and Sentry too."""

from __future__ import annotations

import structlog
from flask import Blueprint, Flask, Response, current_app, request
from flask_login import current_user
from werkzeug.exceptions import HTTPException

from invoices_app.observability import sentry
from invoices_app.observability.scrubbing import scrub
from invoices_app.web import rate_limits
from invoices_app.web.access import public
from invoices_app.web.uploads import up_to

LONGEST_REPORT_BYTES = 8 * 1024
LONGEST_FIELDS = {"message": 300, "source": 200, "stack": 1500}
"""What a report holds, in characters; the page's path comes beside and is only used to find the route."""

blueprint = Blueprint("problems", __name__)
log = structlog.get_logger("browser")


@blueprint.post("/problems")
@public
@up_to(LONGEST_REPORT_BYTES)
@rate_limits.PROBLEMS
def report() -> Response:
    details = {name: scrub(request.form.get(name, "")[:length]) for name, length in LONGEST_FIELDS.items()}
    details["page"] = _route_of(request.form.get("page", ""))
    message = details.pop("message") or "no message"
    _ = current_user.is_authenticated  # find out who it is: nobody has asked yet on a public route
    event_id = sentry.report_message(f"In the browser: {message}", details)
    log.error("browser error", message=message, **details, sentry_event=event_id)
    return Response(status=204)


def _route_of(path: str) -> str:
    """The route of a page's path, which itself may hold what nobody else should know."""
    try:
        found, _values = current_app.url_map.bind("localhost").match(path.removeprefix(request.script_root))
    except HTTPException:
        return "none"
    return str(found)


def init_problems(app: Flask) -> None:
    app.register_blueprint(blueprint)
