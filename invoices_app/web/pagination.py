"""Cursors: a place in a list, as opaque text that only this app can have written."""

from __future__ import annotations

from collections.abc import Mapping

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from invoices_app.db.keyset import START, Keys, Place
from invoices_app.web.errors import BadAddress

MAX_CURSOR_LENGTH = 1000


def cursor(kind: str, keys: Keys) -> str:
    """The place of a row as a cursor, good only for lists of this `kind`, which names their order."""
    return str(_serializer(kind).dumps(keys))


def place_of(kind: str, args: Mapping[str, str]) -> Place:
    """The place that a URL's `cursor` (go on behind it) or `upto` (all down to it) names; the start without them.

    Raises BadAddress when it is not one of ours for lists of this `kind`.
    """
    if text := args.get("cursor"):
        return Place(after=_keys(kind, text))
    if text := args.get("upto"):
        return Place(upto=_keys(kind, text))
    return START


def _keys(kind: str, text: str) -> Keys:
    try:
        keys = _serializer(kind).loads(text) if len(text) <= MAX_CURSOR_LENGTH else None
    except BadSignature:
        keys = None
    if not (isinstance(keys, list) and len(keys) == 2 and all(isinstance(key, str) for key in keys)):
        raise BadAddress("This place in the list does not exist any more; start again at the top.")
    return keys[0], keys[1]


def _serializer(kind: str) -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt=f"cursor:{kind}")
