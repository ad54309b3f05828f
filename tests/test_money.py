"""Decimal amounts: minor units by ISO 4217, half-up away from zero, never -0.00."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices_app import money

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**14), max_value=10**14, places=8)


@pytest.mark.parametrize(
    ("value", "currency", "rounded"),
    [
        ("0.005", "EUR", "0.01"),
        ("-0.005", "EUR", "-0.01"),
        ("1.005", "EUR", "1.01"),
        ("2.675", "EUR", "2.68"),
        ("1.004999999999", "EUR", "1.00"),
        ("0.5", "JPY", "1"),
        ("1.5", "JPY", "2"),
        ("2.5", "JPY", "3"),
        ("-2.5", "JPY", "-3"),
        ("1.0005", "KWD", "1.001"),
        ("7", "KWD", "7.000"),
        ("12345678901234567890.125", "EUR", "12345678901234567890.13"),
    ],
)
def test_rounds_half_away_from_zero_to_minor_units(value: str, currency: str, rounded: str) -> None:
    result = money.quantize(Decimal(value), currency)
    assert str(result) == rounded


@pytest.mark.parametrize(("value", "currency"), [("-0.001", "EUR"), ("-0.4", "JPY"), ("-0", "KWD"), ("-0.00", "EUR")])
def test_zero_has_no_sign(value: str, currency: str) -> None:
    assert not money.quantize(Decimal(value), currency).is_signed()


@pytest.mark.parametrize(
    ("currency", "digits"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("HUF", 2), ("ISK", 0), ("CLF", 4), ("IDR", 2)]
)
def test_minor_units_are_those_of_iso_4217(currency: str, digits: int) -> None:
    assert money.minor_units(currency) == digits


@pytest.mark.parametrize("code", ["XXX", "EURO", "eur", ""])
def test_no_minor_units_for_what_is_no_money(code: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        money.minor_units(code)


def test_currency_codes_are_those_with_minor_units() -> None:
    codes = money.currency_codes()
    assert {"EUR", "USD", "GBP", "JPY", "KWD", "CHF"} <= codes
    assert not {"XXX", "XAU", "XTS"} & codes


def test_results_do_not_depend_on_the_callers_context() -> None:
    with localcontext(prec=3):
        assert money.product(Decimal("1234.5678"), Decimal("8765.4321")) == Decimal("10821520.22374638")
        assert money.share(Decimal("123456.78"), Decimal("19.5")) == Decimal("24074.0721")
        assert money.quantize(Decimal("123456.785"), "EUR") == Decimal("123456.79")


@given(AMOUNTS)
def test_rounding_is_off_by_half_a_cent_at_most_and_idempotent(value: Decimal) -> None:
    rounded = money.quantize(value, "EUR")
    assert abs(rounded - value) <= Decimal("0.005")
    assert money.quantize(rounded, "EUR") == rounded
    assert rounded.as_tuple().exponent == -2


@given(AMOUNTS)
def test_rounding_treats_credit_and_debit_alike(value: Decimal) -> None:
    assert money.quantize(-value, "EUR") == -money.quantize(value, "EUR")
