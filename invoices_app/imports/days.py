"""Days as files write them. Pure.

Whether days come before months is told, not guessed date by date; `date_order_of` says what a date gives away about it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import cache

from babel.dates import get_month_names

from invoices_app.imports.archive_format import UnreadableCellError
from invoices_app.imports.plan import DateOrder
from invoices_app.invoices.models import FIRST_YEAR, LAST_YEAR

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "da", "sv", "pl")
"""Those whose names of months and countries are known; where they disagree, the first ones win."""

FORMULA = "is a formula; save the file with values in place of formulas"

_MAX_LENGTH = 60
_NO_DATE = "is no date, such as 2026-11-22"
_TIME = re.compile(
    r"[t ,]+[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)? ?([ap]\.?m\.?)? ?(z|utc|gmt|[+-][0-9]{2}:?[0-9]{2})?$"
)
_USUAL = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?")
_YEAR_FIRST = re.compile(r"(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})")
_DIGITS = re.compile(r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})")
_YEAR_LAST = re.compile(
    r"(?P<first>[0-9]{1,2})(?P<mark>[-/.]) ?(?P<second>[0-9]{1,2})(?P=mark) ?(?P<year>[0-9]{4}|[0-9]{2})"
)
_NAMED = (
    re.compile(r"(?P<day>[0-9]{1,2})\.?[-/ ]?(?P<name>[^\W\d_]+)\.?[-/ ,]*(?P<year>[0-9]{4}|[0-9]{2})"),
    re.compile(r"(?P<name>[^\W\d_]+)\.?[- ]?(?P<day>[0-9]{1,2})(st|nd|rd|th)?[- ,]+(?P<year>[0-9]{4})"),
)


def day(raw: str, order: DateOrder) -> date:
    """The day of a date, or of a time, whose hours are left out. Raises UnreadableCellError for what is none.

    `2026-11-22`, `20261122`, `22.11.2026`, `22 Nov 2026`, `Nov 22, 2026`, `22/Nov/2026` in some languages, and by
    `order` `22/11/2026`, `11/22/2026`, `22-11-26`. Dates with points have the day first in any case.
    """
    if found := _USUAL.fullmatch(raw):
        return _existing(int(found["year"]), int(found["month"]), int(found["day"]))
    plain = _plain(raw)
    if plain.startswith("="):
        raise UnreadableCellError(FORMULA)
    if found := _YEAR_FIRST.fullmatch(plain) or _DIGITS.fullmatch(plain):
        return _existing(int(found["year"]), int(found["month"]), int(found["day"]))
    if found := _YEAR_LAST.fullmatch(plain):
        first, second = int(found["first"]), int(found["second"])
        if order is DateOrder.MONTH_FIRST and found["mark"] != ".":
            first, second = second, first
        return _existing(_year(found["year"]), second, first)
    for pattern in _NAMED:
        found = pattern.fullmatch(plain)
        if found and (month := _months().get(folded(found["name"]), 0)):
            return _existing(_year(found["year"]), month, int(found["day"]))
    raise UnreadableCellError(_NO_DATE)


def date_order_of(raw: str) -> DateOrder | None:
    """What a date gives away about the order of days and months; None for one that reads both ways or needs none."""
    found = _YEAR_LAST.fullmatch(_plain(raw))
    if not found or found["mark"] == ".":
        return None
    first, second = int(found["first"]), int(found["second"])
    if first > 12:
        return DateOrder.DAY_FIRST
    return DateOrder.MONTH_FIRST if second > 12 else None


def folded(name: str) -> str:
    """A name without case, accents and signs."""
    return "".join(letter for letter in unicodedata.normalize("NFKD", name.casefold()) if letter.isalnum())


def _plain(raw: str) -> str:
    """A date in small letters, single spaces and without a time; nothing for what is too long to be one."""
    return _TIME.sub("", " ".join(raw.casefold().split())) if len(raw) <= _MAX_LENGTH else ""


def _year(written: str) -> int:
    return int(written) + (0 if len(written) == 4 else 2000 if int(written) < FIRST_YEAR % 100 else 1900)


def _existing(year: int, month: int, day_of_month: int) -> date:
    try:
        found = date(year, month, day_of_month)
    except ValueError:
        raise UnreadableCellError(_NO_DATE) from None
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise UnreadableCellError(f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return found


@cache
def _months() -> Mapping[str, int]:
    names: dict[str, int] = {}
    for language in reversed(LANGUAGES):
        for width in ("abbreviated", "wide"):
            names |= {folded(name): month for month, name in get_month_names(width, locale=language).items()}
    return names | {"sept": 9}
