"""Cursors: a place in a list, as text for a URL that only this app can have written."""

from __future__ import annotations

import re
from collections.abc import Mapping

from flask import current_app
from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from invoices_app.db.keyset import START, Keys, Place
from invoices_app.web.errors import BadAddress

MAX_CURSOR_LENGTH = 1000
_ID_LENGTH = 36
_SAFE = re.compile(r"[\w-]*", re.ASCII)


def cursor(kind: str, keys: Keys) -> str:
    """The place of a row as a cursor, good only for lists of this `kind`, which names their order.

    The id and a key that a URL can hold stand in it as they are: in a page that holds them anyway they weigh nothing.
    """
    key, row_id = keys
    told = f"-{key}" if _SAFE.fullmatch(key) else f".{base64_encode(key).decode()}"
    return _signer(kind).sign(f"{row_id}{told}").decode()


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
        told = _signer(kind).unsign(text).decode() if len(text) <= MAX_CURSOR_LENGTH else ""
    except BadSignature:
        told = ""
    row_id, mark, key = told[:_ID_LENGTH], told[_ID_LENGTH : _ID_LENGTH + 1], told[_ID_LENGTH + 1 :]
    if not mark:
        raise BadAddress("This place in the list does not exist any more; start again at the top.")
    return (key if mark == "-" else base64_decode(key).decode()), row_id


def _signer(kind: str) -> Signer:
    return Signer(str(current_app.secret_key), salt=f"cursor:{kind}")
