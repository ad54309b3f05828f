"""Pages that a worker remembers for a few seconds, as long as nothing that they show has changed.

People come back to the same list again and again. What was made of it is right as long as the same session asks for
the same address, on the same day, and the business's data has the version that it had. That version is read with the
session, in the one statement that every request begins with, so a page is never older than the request: a logout,
another role or password, and any change by any worker count at once.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec

from cachetools import TTLCache
from flask import Flask, Response, current_app, g, request, session

from invoices_app.config import Settings
from invoices_app.web.access import identity

SECONDS = 20.0
"""Longer would hold memory for pages that nobody comes back to; words such as "just now" may be so old."""

PAGES = 40
"""Of a worker. A page has 10 to 60 KB, one of a thousand rows some hundred."""

LARGEST_BYTES = 100_000

_EXTENSION = "remembered_pages"
_KEPT_HEADERS = ("HX-Replace-Url",)

Given = ParamSpec("Given")


@dataclass(frozen=True, slots=True)
class Page:
    """An answer's body, its kept headers, and the one-time tokens in it."""

    body: bytes
    headers: tuple[tuple[str, str], ...]
    tokens: tuple[bytes, ...]

    def again(self) -> Response:
        """The same page for another showing: its forms get one-time tokens of their own."""
        body = self.body
        for token in self.tokens:
            body = body.replace(token, str(uuid.uuid4()).encode())
        response = Response(body, mimetype="text/html")
        response.headers.extend(self.headers)
        return response


class Memory:
    """The pages of this worker, which its threads share."""

    def __init__(self) -> None:
        self._pages: TTLCache[Hashable, Page] = TTLCache(PAGES, SECONDS)
        self._lock = threading.Lock()

    def find(self, key: Hashable) -> Page | None:
        with self._lock:
            return self._pages.get(key)

    def keep(self, key: Hashable, page: Page) -> None:
        with self._lock:
            self._pages[key] = page


def init_remembered(app: Flask, settings: Settings) -> None:
    app.extensions[_EXTENSION] = Memory() if settings.remember_pages else None
    app.add_template_global(_one_time_token, "one_time_token")


def remembered(view: Callable[Given, Response]) -> Callable[Given, Response]:
    """Remember what this view answers. It reads nothing but its business's data, its address and the identity.

    A page with a message that is shown once is neither remembered nor answered from memory.
    """

    @wraps(view)
    def show(*args: Given.args, **kwargs: Given.kwargs) -> Response:
        memory: Memory | None = current_app.extensions[_EXTENSION]
        if memory is None or "_flashes" in session:
            return view(*args, **kwargs)
        key = _key()
        page = memory.find(key)
        if page is not None:
            return page.again()
        response = view(*args, **kwargs)
        if _may_be_kept(response) and key == _key():
            headers = tuple((name, response.headers[name]) for name in _KEPT_HEADERS if name in response.headers)
            tokens = tuple(token.encode() for token in g.get("one_time_tokens", ()))
            memory.keep(key, Page(response.get_data(), headers, tokens))
        return response

    return show


def _key() -> Hashable:
    """All that an answer depends on. A browser without the forms' secret yet gets one while the page is made."""
    asked = request.headers.get("HX-Request"), request.headers.get("HX-Request-Type")
    return request.full_path, request.host, asked, session.get("csrf_token"), identity(), identity().today()


def _may_be_kept(response: Response) -> bool:
    is_page = response.status_code == 200 and response.mimetype == "text/html" and not response.is_streamed
    return is_page and len(response.get_data()) <= LARGEST_BYTES


def _one_time_token() -> str:
    """Another one at each call, noted, since a remembered page must not show it twice."""
    token = str(uuid.uuid4())
    if "one_time_tokens" not in g:
        g.one_time_tokens = []
    g.one_time_tokens.append(token)
    return token
