"""What people type for an amount or a day, and what it means: pure, and quick whatever is typed.

Amounts take either decimal mark and arithmetic; days take words, distances and the usual ways of writing a date.
What has no one meaning is refused by a ValueError whose sentence says what to write instead.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from babel.dates import get_day_names, get_month_names

MAX_NUMBER_LENGTH = 40
MAX_SUM_LENGTH = 100
MAX_DAY_LENGTH = 40
MAX_DEPTH = 10

NO_NUMBER = "Enter a number, such as 12.50."
NO_SUM = "That sum cannot be read. Write it such as 12*8.50 or 100+20%."
NO_DATE = "Enter a date that exists, such as 2026-11-22."

_SIGNS = str.maketrans({"\u2212": "-", "×": "*", "x": "*", "X": "*", "÷": "/", "\u00a0": "", "\u202f": "", " ": ""})
_PLAIN = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2},[0-9]{3}")
_SUM = re.compile(r"(?=.*[0-9])(?=.*[-+*/%()])[-0-9.,+*/%()]+")
_TOKEN = re.compile(r"[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+|.")


def parse_amount(text: str, digits: int) -> Decimal:
    """The number that `text` writes, with either decimal mark, or what its sum comes to.

    A sum takes + - * / (× ÷ − x too), signs and brackets, and is computed exactly; only its result is rounded, half-up
    to `digits` decimals. A plain number comes back with all the decimals that it has. `%` after a number means
    hundredths, but what is added or taken away in per cent is per cent of what stands before: 100+20% is 120.

    Raises ValueError for what is no number, too long, too deep, divided by zero, or like `1,234` can mean two numbers.
    """
    plain = text.strip().translate(_SIGNS)
    if _PLAIN.fullmatch(plain):
        if len(plain) > MAX_NUMBER_LENGTH:
            raise ValueError(NO_NUMBER)
        return _number(plain)
    if not _SUM.fullmatch(plain):
        raise ValueError(NO_NUMBER)
    if len(plain) > MAX_SUM_LENGTH:
        raise ValueError(f"Use at most {MAX_SUM_LENGTH} characters in a sum.")
    return _rounded(_Sum(plain).value(), digits)


def parse_day(text: str, today: date, base: date | None = None) -> date:
    """The day that `text` means.

    - `2026-11-22`, `2026/11/22`, `22.11.2026`, `22.11.26`, `22 Nov 2026`, `Nov 22, 2026`; without a year, this year
    - `22/11/2026`, where the day cannot be taken for the month
    - `today`, `tomorrow`, `yesterday`
    - `+30`, `-7`, `+2w`, `+1m`, `+1y`: days, weeks, months or years from `base`, or from `today` where there is none;
      a month that is too short for the day ends on its last one
    - `15`: that day of the month of `today`
    - `fri`, `friday`: the next such day after `today`, never `today` itself

    Raises ValueError for everything else.
    """
    plain = " ".join(text.replace("\u2212", "-").casefold().split())
    if len(plain) > MAX_DAY_LENGTH:
        raise ValueError(NO_DATE)
    if plain in _WORDS:
        return _moved(today, _WORDS[plain], "d")
    if weekday := _named(plain, _WEEKDAYS):
        return _moved(today, (weekday - today.isoweekday() - 1) % 7 + 1, "d")
    if match := _DISTANCE.fullmatch(plain):
        return _moved(base or today, int(match["count"].replace(" ", "")), match["unit"] or "d")
    if match := _DAY_OF_MONTH.fullmatch(plain):
        return _day_of_month(today, int(match["day"]))
    return _written_out(plain, today)


def _number(plain: str) -> Decimal:
    if _THOUSANDS.fullmatch(plain):
        raise ValueError(f"Write {plain.replace(',', '')} or {plain.replace(',', '.')}: {plain} can mean both.")
    return Decimal(plain.replace(",", "."))


def _rounded(value: Fraction, digits: int) -> Decimal:
    """`value` rounded half away from zero; never -0."""
    units = (abs(value) * 10**digits + Fraction(1, 2)).__floor__()
    sign = "-" if value < 0 and units else ""
    return Decimal(f"{sign}{units}e-{digits}")


class _Operand(NamedTuple):
    value: Fraction
    is_percent: bool = False

    def of(self, left: _Operand) -> Fraction:
        """What is added to `left`: per cent of it, or as it is."""
        return left.value * self.value if self.is_percent else self.value


class _Sum:
    """A sum, read from left to right, * and / before + and -."""

    def __init__(self, plain: str) -> None:
        self._tokens = [match.group() for match in _TOKEN.finditer(plain)]
        self._tokens.reverse()

    def value(self) -> Fraction:
        found = self._terms(MAX_DEPTH)
        if self._tokens:
            raise ValueError(NO_SUM)
        return found.value

    def _take(self, wanted: str) -> str:
        """The next token if it is one of `wanted`, else nothing."""
        return self._tokens.pop() if self._tokens and self._tokens[-1] in wanted else ""

    def _terms(self, depth: int) -> _Operand:
        left = self._factors(depth)
        while sign := self._take("+-"):
            more = self._factors(depth).of(left)
            left = _Operand(left.value + more if sign == "+" else left.value - more)
        return left

    def _factors(self, depth: int) -> _Operand:
        left = self._factor(depth)
        while sign := self._take("*/"):
            right = self._factor(depth).value
            if sign == "/" and not right:
                raise ValueError("Nothing can be divided by zero.")
            left = _Operand(left.value * right if sign == "*" else left.value / right)
        return left

    def _factor(self, depth: int) -> _Operand:
        negative = False
        while sign := self._take("+-"):
            negative ^= sign == "-"
        value, is_percent = self._bracket(depth) if self._take("(") else _Operand(self._literal())
        if self._take("%"):
            value, is_percent = value / 100, True
        return _Operand(-value if negative else value, is_percent)

    def _bracket(self, depth: int) -> _Operand:
        if not depth:
            raise ValueError(f"Use at most {MAX_DEPTH} brackets inside each other.")
        found = self._terms(depth - 1)
        if not self._take(")"):
            raise ValueError(NO_SUM)
        return found

    def _literal(self) -> Fraction:
        token = self._tokens.pop() if self._tokens else ""
        if not _PLAIN.fullmatch(token):
            raise ValueError(NO_SUM)
        return Fraction(_number(token))


_WORDS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_WEEKDAYS = {number + 1: name.casefold() for number, name in get_day_names("wide", locale="en").items()}
_MONTHS = {number: name.casefold() for number, name in get_month_names("wide", locale="en").items()}
_SHORTEST_NAME = 3
_DISTANCE = re.compile(r"(?P<count>[+-] ?[0-9]{1,4}) ?(?P<unit>[dwmy])?")
_DAY_OF_MONTH = re.compile(r"(?P<day>[0-9]{1,2})")
_YEAR_FIRST = re.compile(r"(?P<year>[0-9]{4})(?P<mark>[-/])(?P<month>[0-9]{2})(?P=mark)(?P<day>[0-9]{2})")
_DOTS = re.compile(r"(?P<day>[0-9]{1,2})\. ?(?P<month>[0-9]{1,2})(\.? ?|\. ?(?P<year>[0-9]{4}|[0-9]{2}))")
_SLASHES = re.compile(r"(?P<first>[0-9]{1,2})/(?P<second>[0-9]{1,2})/(?P<year>[0-9]{4})")
_NAME_SECOND = re.compile(r"(?P<day>[0-9]{1,2})\.? ?(?P<month>[a-z]+)\.?,?( (?P<year>[0-9]{4}))?")
_NAME_FIRST = re.compile(r"(?P<month>[a-z]+)\.? ?(?P<day>[0-9]{1,2})(,? (?P<year>[0-9]{4}))?")


def _named(word: str, names: Mapping[int, str]) -> int:
    """The number of the name that `word` begins, by three letters or more; 0 when there is none."""
    found = [number for number, name in names.items() if len(word) >= _SHORTEST_NAME and name.startswith(word)]
    return found[0] if found else 0


def _moved(day: date, count: int, unit: str) -> date:
    try:
        if unit in "dw":
            return day + timedelta(days=count * (7 if unit == "w" else 1))
        years, month = divmod(day.year * 12 + day.month - 1 + count * (12 if unit == "y" else 1), 12)
        first = date(years, month + 1, 1)
    except (ValueError, OverflowError):
        raise ValueError(NO_DATE) from None
    return first.replace(day=min(day.day, calendar.monthrange(first.year, first.month)[1]))


def _day_of_month(today: date, day: int) -> date:
    if not 1 <= day <= 31:
        raise ValueError(NO_DATE)
    if day > calendar.monthrange(today.year, today.month)[1]:
        raise ValueError(f"{_MONTHS[today.month].capitalize()} {today.year} has no day {day}.")
    return today.replace(day=day)


def _written_out(plain: str, today: date) -> date:
    if match := _SLASHES.fullmatch(plain):
        return _between_slashes(int(match["first"]), int(match["second"]), int(match["year"]), plain)
    for pattern in (_YEAR_FIRST, _DOTS, _NAME_SECOND, _NAME_FIRST):
        if match := pattern.fullmatch(plain):
            month = match["month"]
            number = int(month) if month.isdigit() else _named(month, _MONTHS)
            return _existing(_year(match["year"], today), number, int(match["day"]))
    raise ValueError(NO_DATE)


def _year(written: str | None, today: date) -> int:
    if written is None:
        return today.year
    return int(written) + (2000 if len(written) == 2 else 0)


def _between_slashes(first: int, second: int, year: int, plain: str) -> date:
    if first == second or second > 12:
        return _existing(year, first, second)
    if first > 12:
        return _existing(year, second, first)
    ways = f"{_existing(year, second, first)} or {_existing(year, first, second)}"
    raise ValueError(f"Write {ways}: {plain} can mean both.")


def _existing(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(NO_DATE) from None
