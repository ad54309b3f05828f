"""Cursors: only what this app wrote for lists of the same kind is a place; anything else is refused with a sentence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from itsdangerous import Signer
from werkzeug.exceptions import BadRequest

from invoices_app.db.keyset import START, Place
from invoices_app.web import pagination

KEYS = ("2026-11-22", "0192f000-0000-7000-8000-000000000000")
KIND = "invoices:-date"


@pytest.fixture(autouse=True)
def context(app: Flask) -> Iterator[None]:
    with app.app_context():
        yield


def test_there_and_back() -> None:
    text = pagination.cursor(KIND, KEYS)
    assert pagination.place_of(KIND, {"cursor": text}) == Place(after=KEYS)
    assert pagination.place_of(KIND, {"upto": text}) == Place(upto=KEYS)
    assert pagination.place_of(KIND, {}) == pagination.place_of(KIND, {"cursor": "", "upto": ""}) == START


def test_a_cursor_fits_into_a_url_as_it_is() -> None:
    text = pagination.cursor(KIND, ("Ångström & Söhne / \x7f\n\u202e" + "x" * 74, KEYS[1]))
    assert text.isascii()
    assert set(text) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert len(text) < pagination.MAX_CURSOR_LENGTH


def test_the_longest_keys_fit() -> None:
    """A sort key is a text of at most 100 characters."""
    keys = ("\U0001f4a9" * 100, KEYS[1])
    assert pagination.place_of(KIND, {"cursor": pagination.cursor(KIND, keys)}) == Place(after=keys)


def forged(app: Flask) -> dict[str, str]:
    good = pagination.cursor(KIND, KEYS)

    def signed(value: str, salt: str = f"cursor:{KIND}", key: str | None = None) -> str:
        return Signer(key or str(app.secret_key), salt=salt).sign(value).decode()

    told = good.rsplit(".", 1)[0]

    return {
        "of another order": pagination.cursor("invoices:date", KEYS),
        "of another list": pagination.cursor("clients", KEYS),
        "of another key": signed(told, key="another secret"),
        "of another purpose": signed(told, salt="session"),
        "cut": good[:-1],
        "longer": good + "A",
        "changed": ("A" if good[0] != "A" else "B") + good[1:],
        "unsigned": good.rsplit(".", 1)[0],
        "empty payload": "." + good.rsplit(".", 1)[1],
        "nothing, signed": signed(""),
        "an id alone, signed": signed(KEYS[1]),
        "huge": "A" * 100_000,
        "blank": " ",
        "dot": ".",
        "binary": "\x00\x01\xff\ufffd",
        "emoji": "\U0001f4a9.\U0001f4a9",
        "compressed": ".eJyrVkrOT0lVslIyMjAz0DU01DUyUaoFADhFBQk.AAAA",
    }


@pytest.mark.parametrize("argument", ["cursor", "upto"])
def test_nothing_else_is_a_place(app: Flask, argument: str) -> None:
    for name, text in forged(app).items():
        with pytest.raises(BadRequest, match="start again at the top"):
            assert pagination.place_of(KIND, {argument: text}) is None, name
