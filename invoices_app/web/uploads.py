"""How much a request may hold: what the app allows, and more where a view takes files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, request

View = TypeVar("View", bound=Callable[..., Any])

LIMIT = "upload_limit"


def up_to(size: int) -> Callable[[View], View]:
    """This view takes requests of up to `size` bytes, whatever the app's own limit is."""

    def mark(view: View) -> View:
        setattr(view, LIMIT, size)
        return view

    return mark


def init_uploads(app: Flask) -> None:
    """To be called before whatever reads forms, so that the limit holds by then."""

    @app.before_request
    def set_limit() -> None:
        view = app.view_functions.get(request.endpoint or "")
        request.max_content_length = getattr(view, LIMIT, app.config["MAX_CONTENT_LENGTH"])
