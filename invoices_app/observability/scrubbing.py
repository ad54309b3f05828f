"""What must never reach a log or Sentry: passwords, tokens, addresses, and what people typed.

We write no such thing ourselves. What is cleaned here are texts that others made: exceptions' messages, above all those
of the database, libraries' log lines, and what a browser tells of its own errors.
"""

from __future__ import annotations

import re
import traceback
import uuid
from collections.abc import Collection, Iterator
from contextlib import suppress

from flask import has_request_context, request
from sqlalchemy.exc import DBAPIError

LONGEST_MESSAGE = 300
SHORTEST_TYPED = 3
BLANK = "[…]"

UNSAFE = re.compile(
    r"[^\s@\"'<>()=]+@[^\s@\"'<>()=]+\.\w+"  # email addresses
    r"|(?<=: )\"[^\"]*\"?"  # values that PostgreSQL quotes: invalid input syntax for type uuid: "…"
    r"|(?<![\w-])(?!(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(?![\w-]))[\w.-]{32,}(?=[^\w.-]|$)"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}\b"  # IP addresses
    r"|\b(?:[0-9a-fA-F]{1,4}:){3,7}[0-9a-fA-F]{1,4}\b|(?:\b[0-9a-fA-F]{1,4}:){1,6}:[0-9a-fA-F:]*"
)
"""The third alternative is a token: a long word that is not one of our own ids."""


def scrub(text: str, typed: Collection[str] = ()) -> str:
    """`text` without addresses, tokens and the values in `typed`."""
    for value in sorted(typed, key=len, reverse=True):
        text = text.replace(value, BLANK)
    return UNSAFE.sub(BLANK, text)


def message_of(error: BaseException) -> str:
    """What an exception says, in one line, clean.

    The other lines of a database error are left out: they quote whole rows.
    """
    source = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    first, _, _ = str(source).strip().partition("\n")
    return scrub(first[:LONGEST_MESSAGE], typed_values())


def stack_of(error: BaseException) -> str:
    """The exception as Python prints it, with those it came from, and with clean messages."""
    blocks = []
    for step in chain(error):
        frames = "".join(traceback.format_tb(step.__traceback__))
        blocks.append(f"Traceback (most recent call last):\n{frames}{type(step).__qualname__}: {message_of(step)}")
    return "\n\nwhich led to\n\n".join(reversed(blocks))


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, then what it came from, and so on."""
    seen: set[int] = set()
    step: BaseException | None = error
    while step is not None and id(step) not in seen:
        seen.add(id(step))
        yield step
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)


def typed_values() -> set[str]:
    """What came with the running request: the values of its form, its query and its path, ids left out."""
    if not has_request_context():
        return set()
    carried = [*(request.view_args or {}).values()]
    with suppress(Exception):  # a form that cannot be read cannot be quoted either
        carried += [value for values in request.values.listvalues() for value in values]
    texts = {str(value).strip() for value in carried}
    return {text for text in texts if len(text) >= SHORTEST_TYPED and not _is_id(text)}


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
