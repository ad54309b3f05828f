"""Page or fragment: the one place that decides, and the answers that only htmx understands.

htmx 4 says in `HX-Request-Type` whether it swaps a part of the page (`partial`) or the whole body (`full`).
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Flask, Response, current_app, flash, redirect, render_template, request, url_for

from invoices_app.config import Settings


def is_fragment() -> bool:
    """True when htmx asks for a part of a page, so that the answer must be a fragment."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Request-Type") != "full"


def render(page: str, partial: str, context: Mapping[str, Any], status: int = 200) -> Response:
    """Answer the template `partial` to htmx and `page`, which includes it, to everyone else; same context for both."""
    body = render_template(partial if is_fragment() else page, **context)
    return Response(body, status=status, mimetype="text/html")


def go_to(url: str) -> Response:
    """Send the browser to `url`: 303 for a plain form, a client-side redirect for htmx."""
    if is_fragment():
        return Response(status=204, headers={"HX-Redirect": url})
    response = redirect(url, code=303)
    assert isinstance(response, Response)  # noqa: S101  (werkzeug's own type is wider)
    return response


@dataclass(frozen=True, slots=True)
class Notice:
    """What was done, and where a form can take it back (nowhere when `undo` is empty)."""

    text: str
    undo: str = ""


def done(message: str, url: str, undo: str = "") -> Response:
    """Say that something was done, and go to the page that shows it; `undo` is where a form can take it back."""
    notice: Any = {"text": message, "undo": undo} if undo else message  # the session keeps both, the type says text
    flash(notice, "done")
    return go_to(url)


def whole_url(endpoint: str, **values: Any) -> str:
    """An address for mail, from the settings alone: a forged Host header must not lead a link to another site."""
    settings: Settings = current_app.config["SETTINGS"]
    return settings.address + url_for(endpoint, **values)


def wanted_url(default: str) -> str:
    """Where the form or link says to go on (`next`): a path of this site, else `default`.

    Anything that a browser could read as another site's address is not followed.
    """
    wanted = request.values.get("next", "")
    return wanted if _is_inside(wanted) else default


def _is_inside(wanted: str) -> bool:
    inside = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    return inside and wanted.isprintable() and not urlsplit(wanted).netloc


def page_address() -> str | None:
    """Path and query of the page that an htmx request or a form comes from, None unless it is one of ours."""
    told = request.headers.get("HX-Current-URL") if is_fragment() else request.referrer
    try:
        address = urlsplit(told or "")
    except ValueError:
        return None
    wanted = f"{address.path}?{address.query}" if address.query else address.path
    is_ours = address.scheme in {"http", "https"} and address.netloc == request.host
    return wanted if is_ours and _is_inside(wanted) else None


def here() -> str:
    """The address of the page that this request is about, as `next` for a form that leads back to it."""
    kept = {name: value for name, value in request.args.items() if name != "cursor"}
    return f"{request.script_root}{request.path}" + (f"?{urlencode(kept)}" if kept else "")


def address_for_each(endpoint: str, name: str) -> Callable[[uuid.UUID], str]:
    """The address of `endpoint` for many ids, which are its value `name`: it is built once, each id only put in."""
    nobody: dict[str, Any] = {name: uuid.UUID(int=0)}
    before, after = url_for(endpoint, **nobody).split(str(nobody[name]))
    return lambda row_id: f"{before}{row_id}{after}"


def page_behind() -> tuple[str, dict[str, str]] | None:
    """Path and parameters of the page that an htmx request comes from; None for other requests and senseless ones."""
    if not is_fragment():
        return None
    try:
        address = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:
        return None
    return address.path.removeprefix(request.script_root), dict(parse_qsl(address.query))


def init_htmx(app: Flask) -> None:
    @app.after_request
    def vary(response: Response) -> Response:
        """Caches must never hand a fragment to someone who wants the page."""
        if response.mimetype == "text/html":
            response.vary.add("HX-Request")
            response.vary.add("HX-Request-Type")
        return response

    app.add_template_global(is_fragment, "is_fragment")
    app.add_template_global(here, "here")
    app.add_template_global(address_for_each, "address_for_each")
