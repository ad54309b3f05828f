"""What a new password may not be: one that many people have, a pattern, or words that everybody knows of its person.

There are no rules of composition (NIST SP 800-63B, OWASP ASVS 5.0, 6.2.5). The list of common ones is
`data/common_passwords.txt`, which says where it comes from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from itertools import pairwise

from invoices_app.accounts.models import PASSWORD_MIN_LENGTH

TOO_SHORT = f"Use at least {PASSWORD_MIN_LENGTH} characters."
COMMON = "Many people use this password, so it is tried first. Choose another."
PATTERN = "This is a pattern, which is quickly guessed. Choose another, such as a short sentence."
OWN_WORDS = "This is little more than a name, address or business that others know. Choose another."

PRODUCT_WORDS = ("invoice", "invoices")
"""The words of this app; those of a person and a business come from whoever asks."""

WORD_MIN_LENGTH = 4
REST_MIN_LENGTH = 6
"""So many letters must be left of a password without the words that are known."""

BREAKS_MIN = 2
"""A password with fewer breaks is one run or two along an alphabet or a keyboard."""

_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop")
_NEXT = frozenset(pair for run in _RUNS for row in (run, run[::-1]) for pair in pairwise(row))
_REPEATED = re.compile(r"(.{1,6}?)\1+", re.DOTALL)
_NO_LETTER = re.compile(r"[\W\d_]+")


def normalised(password: str) -> str:
    """The password as it is hashed: the same keys give the same text on every system (Unicode NFKC)."""
    return unicodedata.normalize("NFKC", password)


def problem(password: str, known: Iterable[str] = ()) -> str | None:
    """A sentence for why this may not be a password, None when it may.

    `known` is what others know of its person: their name and email, the name of their business.
    """
    text = normalised(password).casefold()
    if len(normalised(password)) < PASSWORD_MIN_LENGTH:
        return TOO_SHORT
    if text in _common():
        return COMMON
    if _REPEATED.fullmatch(text) or _breaks(text) < BREAKS_MIN:
        return PATTERN
    return OWN_WORDS if _is_made_of(text, known) else None


@cache
def _common() -> frozenset[str]:
    lines = (files(__package__) / "data" / "common_passwords.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def _breaks(text: str) -> int:
    """How often a character is neither the same as the one before it nor its neighbour on a keyboard or alphabet."""
    return sum(pair[0] != pair[1] and pair not in _NEXT for pair in pairwise(text))


def _is_made_of(text: str, known: Iterable[str]) -> bool:
    """Whether little is left of the text without the words that are known, digits and signs."""
    letters = _NO_LETTER.sub("", text)
    rest = letters
    for word in sorted(_words(known), key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != letters and len(rest) < REST_MIN_LENGTH


def _words(known: Iterable[str]) -> set[str]:
    """Each word of what is known, and all of its words in one; of an email what stands before the @."""
    texts = [normalised(text).casefold().partition("@")[0] for text in known]
    single = (word for text in texts for word in _NO_LETTER.split(text))
    joined = (_NO_LETTER.sub("", text) for text in texts)
    return {word for word in (*single, *joined, *PRODUCT_WORDS) if len(word) >= WORD_MIN_LENGTH}
