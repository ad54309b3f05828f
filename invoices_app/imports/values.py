"""What a cell of somebody's file means: texts, numbers, countries, currencies. Pure.

A cell that has no one meaning raises UnreadableCellError, whose text says what is wrong with it, to go on behind the
cell: `“12,5” is no number, such as 1234.50`. Which mark is the decimal one is told, not guessed cell by cell;
`decimal_mark_of` says what a cell gives away about it. Dates are in `days`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache, lru_cache

from babel import Locale
from babel.core import get_global
from email_validator import EmailNotValidError, validate_email

from invoices_app.accounts import rules
from invoices_app.imports.archive_format import UnreadableCellError
from invoices_app.imports.days import FORMULA, LANGUAGES, folded
from invoices_app.imports.plan import Arrival
from invoices_app.money import HUNDRED, ZERO
from invoices_app.texts import CONTROL_CHARACTERS, undefused

MAX_NUMBER_LENGTH = 40

_PLAIN = {".": re.compile(r"-?[0-9]+(\.[0-9]+)?"), ",": re.compile(r"-?[0-9]+(,[0-9]+)?")}
_WRITTEN = {
    ".": re.compile(r"(?P<whole>[0-9]{1,3}(?P<mark>[,'’ ])[0-9]{3}((?P=mark)[0-9]{3})*|[0-9]*)(\.(?P<part>[0-9]*))?"),
    ",": re.compile(r"(?P<whole>[0-9]{1,3}(?P<mark>[.'’ ])[0-9]{3}((?P=mark)[0-9]{3})*|[0-9]*)(,(?P<part>[0-9]*))?"),
}
_MONEY_SIGNS = re.compile(r"^(?:[A-Z]{3}|[A-Z]{0,2}[^\w\s.,+\-()'’=])\s*|\s*(?:[A-Z]{3}|[^\w\s.,+\-()'’=%])$")
_SPACES = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00a0": " ", "\u202f": " ", "\u2009": " "})
_PERCENT = re.compile(r"(?<![0-9.,])(?P<number>[0-9]{1,3}([.,][0-9]{1,4})?)\s*%")
_UNTAXED = re.compile(r"\b(no|not|non|zero|exempt|none|null|out of scope|reverse|without|ohne|steuerfrei|keine)\b")
_LINE_BREAKS = re.compile(r"[\t\r\n]+")


def text(raw: str, size: int) -> str:
    """One line of text, as the forms keep it: trimmed, breaks turned into spaces, a formula's guard taken off."""
    return _checked(_LINE_BREAKS.sub(" ", undefused(raw)).strip(), size)


def long_text(raw: str, size: int) -> str:
    """Some lines of text, as the forms keep them."""
    return _checked(undefused(raw).replace("\r\n", "\n").replace("\r", "\n").strip(), size)


def _checked(found: str, size: int) -> str:
    if len(found) > size:
        raise UnreadableCellError(f"holds more than {size} characters")
    if CONTROL_CHARACTERS.search(found):
        raise UnreadableCellError("holds control characters")
    return found


def number(raw: str, mark: str, low: Decimal, high: Decimal, digits: int) -> Decimal:
    """A number from `low` to `high` of at most `digits` decimals, by its decimal mark.

    Thousands may be parted by the other mark, spaces or apostrophes, in threes; signs and codes of currencies are
    passed over; `-5`, `−5`, `5-` and `(5)` are all below zero.
    """
    value = Decimal(raw.replace(",", ".")) if _PLAIN[mark].fullmatch(raw) else _written(raw, mark)
    if not low <= value <= high:
        raise UnreadableCellError(f"is not from {low:f} to {high:f}")
    if value != round(value, digits):
        raise UnreadableCellError(f"has more than {digits} decimals")
    return value or ZERO


def _written(raw: str, mark: str) -> Decimal:
    plain = raw.strip().translate(_SPACES)
    if plain.startswith("="):
        raise UnreadableCellError(FORMULA)
    wrong = UnreadableCellError(f"is no number, such as 1234{mark}50")
    if len(plain) > MAX_NUMBER_LENGTH:
        raise wrong
    negative = plain.startswith("(") and plain.endswith(")")
    plain = plain[1:-1].strip() if negative else plain
    for _ in range(2):  # -£5 and £-5
        if not negative and (plain.startswith("-") or plain.endswith("-")):
            negative, plain = True, plain.strip("-").strip() if plain.count("-") == 1 else "-"
        plain = _MONEY_SIGNS.sub("", plain.removeprefix("+")).strip()
    found = _WRITTEN[mark].fullmatch(plain)
    if not found or not (found["whole"] or found["part"]):
        raise wrong
    whole = re.sub(r"[^0-9]", "", found["whole"])
    return Decimal(f"{'-' if negative else ''}{whole or 0}.{found['part'] or 0}")


def percent(raw: str, mark: str) -> Decimal:
    """A rate in per cent, 0 to 100: `20`, `20 %`, and words around it, as in `20% (VAT on Income)` or `Zero Rated`."""
    plain = raw.strip()
    if found := _PERCENT.search(plain):
        return number(found["number"].replace(",", "."), ".", ZERO, HUNDRED, 4)
    if _UNTAXED.search(plain.casefold()):
        return ZERO
    try:
        return number(plain, mark, ZERO, HUNDRED, 4)
    except UnreadableCellError as error:
        raise UnreadableCellError(str(error).replace(f"number, such as 1234{mark}50", "rate, such as 20%")) from None


def whole(raw: str, high: int) -> int:
    """A whole number from 0 to `high`."""
    plain = raw.strip().removesuffix(".0")
    if not re.fullmatch(r"[0-9]{1,9}", plain) or int(plain) > high:
        raise UnreadableCellError(f"is no whole number from 0 to {high}")
    return int(plain)


def decimal_mark_of(raw: str) -> str:
    """The decimal mark of a number where it gives that away: `.`, `,` or nothing, since `1,234` can be both."""
    plain = raw.strip()
    last = max(plain.rfind("."), plain.rfind(","))
    if last < 0:
        return ""
    mark = plain[last]
    other = "," if mark == "." else "."
    if other in plain:
        return mark if plain.count(mark) == 1 else other
    if plain.count(mark) > 1:
        return other
    digits = re.match(r"[0-9]*", plain[last + 1 :])
    before = re.search(r"[0-9]*$", plain[:last])
    in_threes = digits and len(digits[0]) == 3 and before and 1 <= len(before[0]) <= 3 and before[0][0] != "0"
    return "" if in_threes else mark


# What people and files call some countries besides their names in the languages above.
_ALSO_CALLED = {
    "eire": "IE", "republic of ireland": "IE", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "great britain": "GB",
    "holland": "NL", "the netherlands": "NL", "united states of america": "US", "us of a": "US",
    "rsa": "ZA", "uae": "AE", "hong kong": "HK", "macao": "MO", "macau": "MO", "korea": "KR", "czech republic": "CZ",
    "turkey": "TR", "viet nam": "VN", "russian federation": "RU", "brd": "DE",
}  # fmt: skip
_NOWHERE = frozenset({"unspecified", "unknown", "none", "n/a", "nil", "null", "other", "unbekannt"})


@cache
def _countries() -> Mapping[str, str]:
    codes = {code for code, _name in rules.country_options()}
    names: dict[str, str] = {}
    for language in reversed(LANGUAGES):
        territories = Locale.parse(language).territories
        names |= {folded(name): code for code, name in territories.items() if code in codes}
    names |= {folded(name): code for code, name in rules.country_options()}
    aliases = get_global("territory_aliases")
    names |= {alias.casefold(): now[0] for alias, now in aliases.items() if alias.isalpha() and now[0] in codes}
    return names | {folded(name): code for name, code in _ALSO_CALLED.items()} | {code.lower(): code for code in codes}


@lru_cache(1000)
def country(raw: str) -> str | None:
    """The ISO 3166 code of a country by its code or its name in some languages; None for what is none.

    An empty text is a country that nobody named.
    """
    name = folded(raw)
    return "" if not name or raw.strip().casefold() in _NOWHERE else _countries().get(name)


_CURRENCY_SIGNS = {
    "€": "EUR",
    "£": "GBP",
    "us$": "USD",
    "fr.": "CHF",
    "sfr": "CHF",
    "zł": "PLN",
}


@cache
def _currencies() -> Mapping[str, str]:
    names = {folded(name): code for code, name in Locale.parse("en").currencies.items()}
    codes = {code for code, _label in rules.currency_options()}
    return {name: code for name, code in names.items() if code in codes} | {code.lower(): code for code in codes}


def currency(raw: str) -> str:
    """The ISO 4217 code of a currency by its code, its sign (where it is that of one alone) or its English name."""
    plain = raw.strip().casefold()
    code = _CURRENCY_SIGNS.get(plain) or _currencies().get(folded(plain))
    if code is None:
        raise UnreadableCellError("is no currency, such as EUR")
    return code


def email(raw: str) -> str:
    """An address that mail could be sent to, as the form of a client keeps it."""
    try:
        found = validate_email(undefused(raw).strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise UnreadableCellError("is no email address, such as name@example.com") from None
    return found.normalized.lower()


_YES = frozenset({"true", "yes", "y", "1", "ja", "wahr", "x"})
_NO = frozenset({"false", "no", "n", "0", "nein", "falsch"})


def yes_or_no(raw: str) -> bool:
    plain = raw.strip().casefold()
    if plain not in _YES | _NO:
        raise UnreadableCellError("is neither yes nor no")
    return plain in _YES


_STATUSES = {
    Arrival.DRAFT: "draft, awaiting approval, submitted, pending approval, entwurf",
    Arrival.SENT: "sent, open, unpaid, outstanding, overdue, past due, due, viewed, approved, authorised, authorized,"
    " awaiting payment, partial, partially paid, part paid, offen, versendet, überfällig, teilbezahlt, unbezahlt",
    Arrival.PAID: "paid, closed, settled, complete, completed, bezahlt, beglichen",
}
_STATUS_OF = {word.strip(): status for status, words in _STATUSES.items() for word in words.split(",")}
_UNDONE = frozenset({"void", "voided", "deleted", "cancelled", "canceled", "reversed", "refunded", "storniert"})


def status(raw: str) -> Arrival:
    """Draft, sent or paid, by the words of our own export and of other products."""
    plain = raw.strip().casefold().replace("_", " ")
    if plain in _UNDONE:
        raise UnreadableCellError("says that this invoice was taken back; such a one does not come in")
    if plain not in _STATUS_OF:
        raise UnreadableCellError("is no status that is known here: draft, sent or paid")
    return _STATUS_OF[plain]
