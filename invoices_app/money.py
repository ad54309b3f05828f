"""Decimal amounts: minor units and rounding, the same for every figure in the house.

Source of the rules: EN 16931 (amounts are rounded half-up to the currency's minor units) and ISO 4217.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache

from iso4217 import Currency

ZERO = Decimal(0)
ONE = Decimal(1)
HUNDRED = Decimal(100)

# Wide enough for quantity (10 + 4 digits) times price (10 + 4 digits) without losing one.
_CONTEXT = Context(prec=50, rounding=ROUND_HALF_UP)


@cache
def currency_codes() -> frozenset[str]:
    """The ISO 4217 codes that a document can be written in (those with minor units defined)."""
    return frozenset(currency.code for currency in Currency if currency.exponent is not None)


@cache
def minor_units(currency: str) -> int:
    """Digits after the decimal mark in `currency` by ISO 4217: 2 for EUR, 0 for JPY, 3 for KWD.

    Raises ValueError for a code that ISO 4217 does not know.
    """
    exponent: int | None = Currency(currency).exponent
    if exponent is None:
        raise ValueError(f"{currency} has no minor units")
    return exponent


def quantize(value: Decimal, currency: str) -> Decimal:
    """`value` rounded half-up (away from zero) to the minor units of `currency`; never -0.00."""
    return round_half_up(value, minor_units(currency))


def round_half_up(value: Decimal, digits: int) -> Decimal:
    """`value` rounded half away from zero to `digits` decimals, as PostgreSQL's round(numeric, int) does."""
    rounded = value.quantize(_unit(digits), context=_CONTEXT)
    return rounded or abs(rounded)


@cache
def _unit(digits: int) -> Decimal:
    return ONE.scaleb(-digits)


def product(left: Decimal, right: Decimal) -> Decimal:
    """The exact product of two amounts, whatever the caller's decimal context is."""
    return _CONTEXT.multiply(left, right)


def quotient(amount: Decimal, by: Decimal) -> Decimal:
    """`amount` divided `by` another number, to 50 digits: enough to round it to minor units as if it were exact."""
    return _CONTEXT.divide(amount, by)


def share(amount: Decimal, percent: Decimal) -> Decimal:
    """`percent` per cent of `amount`, exact, not rounded."""
    return _CONTEXT.divide(_CONTEXT.multiply(amount, percent), HUNDRED)
