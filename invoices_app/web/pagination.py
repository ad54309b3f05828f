"""Cursors: where a list goes on, as opaque text that only this app can have written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeSerializer

from invoices_app.db.keyset import KeysetPage
from invoices_app.web.errors import BadAddress

MAX_CURSOR_LENGTH = 1000

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of a page and the cursor of the next one, None on the last page."""

    rows: Sequence[Row]
    next_cursor: str | None


def sign(kind: str, page: KeysetPage[Row]) -> Page[Row]:
    """The page with its cursor signed, good only for lists of this `kind`."""
    return Page(page.rows, str(_serializer(kind).dumps(page.next_keys)) if page.next_keys else None)


def requested_keys(kind: str, count: int) -> tuple[str, ...] | None:
    """The sort keys in the request's `cursor`, None where there is none.

    Raises BadAddress when the cursor is not one of ours for lists of this `kind`.
    """
    cursor = request.args.get("cursor")
    if not cursor:
        return None
    try:
        keys = _serializer(kind).loads(cursor) if len(cursor) <= MAX_CURSOR_LENGTH else None
    except BadSignature:
        keys = None
    if not (isinstance(keys, list) and len(keys) == count and all(isinstance(key, str) for key in keys)):
        raise BadAddress("This place in the list does not exist any more; start again at the top.")
    return tuple(keys)


def _serializer(kind: str) -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt=f"cursor:{kind}")
