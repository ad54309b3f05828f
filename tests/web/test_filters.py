"""Figures and dates as people read them, exact for machines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import pytest
from markupsafe import Markup

from invoices_app.web import filters

TODAY = date(2026, 11, 22)


@dataclass
class Row:
    shown_status: str
    due_date: date | None = None
    paid_on: date | None = None


@pytest.mark.parametrize(
    ("value", "currency", "expected"),
    [
        ("1234.5", "GBP", '<data value="1234.50">£1,234.50</data>'),
        ("1234.500", "EUR", '<data value="1234.50">€1,234.50</data>'),
        ("0", "USD", '<data value="0.00">$0.00</data>'),
        ("-1234.5", "GBP", '<data value="-1234.50">−£1,234.50</data>'),
        ("1234567", "JPY", '<data value="1234567">JP¥1,234,567</data>'),
        ("1.2345", "KWD", '<data value="1.235">KWD\u00a01.235</data>'),
        ("0.005", "GBP", '<data value="0.01">£0.01</data>'),
        ("-0.004", "GBP", '<data value="0.00">£0.00</data>'),
        ("999999999999999", "CHF", '<data value="999999999999999.00">CHF\u00a0999,999,999,999,999.00</data>'),
    ],
)
def test_money(value: str, currency: str, expected: str) -> None:
    assert filters.money(Decimal(value), currency) == expected


def test_amount_carries_no_sign_of_its_currency() -> None:
    assert filters.amount(Decimal(-2002), "GBP") == '<data value="-2002.00">−2,002.00</data>'


@pytest.mark.parametrize(
    ("value", "expected"),
    [("420.0000", "420.00"), ("4.2055", "4.2055"), ("4.2", "4.20"), ("0.0000", "0.00"), ("1200", "1,200.00")],
)
def test_unit_price_keeps_its_decimals(value: str, expected: str) -> None:
    assert filters.unit_price(Decimal(value), "GBP").striptags() == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2.5000", '<data value="2.5">2.5</data>'),
        ("14.0000", '<data value="14">14</data>'),
        ("100", '<data value="100">100</data>'),
        ("-3.0000", '<data value="-3">−3</data>'),
        ("12000.25", '<data value="12000.25">12,000.25</data>'),
        ("0.0000", '<data value="0">0</data>'),
    ],
)
def test_quantity(value: str, expected: str) -> None:
    assert filters.quantity(Decimal(value)) == expected


@pytest.mark.parametrize(("value", "expected"), [("20.0000", "20%"), ("7.5000", "7.5%"), ("0", "0%"), ("100", "100%")])
def test_percent(value: str, expected: str) -> None:
    assert filters.percent(Decimal(value)) == expected


def test_plain_numbers_can_be_typed_again() -> None:
    assert filters.plain(Decimal("2.5000")) == "2.5"
    assert filters.plain(Decimal("20.0000")) == "20"
    assert filters.plain(Decimal(420), "GBP") == "420.00"
    assert filters.plain(Decimal("4.2055"), "GBP") == "4.2055"
    assert filters.plain(Decimal(1200), "JPY") == "1200"
    assert filters.plain(30) == "30"
    assert filters.plain("12 apples") == "12 apples"
    assert filters.plain(None) == ""


def test_days() -> None:
    assert filters.day(TODAY) == '<time datetime="2026-11-22">22 November 2026</time>'
    assert filters.day(None) == "–"
    assert filters.short_day(date(2026, 10, 2), TODAY).endswith(">2 Oct</time>")
    assert filters.short_day(date(2025, 10, 2), TODAY).endswith(">2 Oct 2025</time>")
    assert 'datetime="2026-10-02"' in filters.short_day(date(2026, 10, 2), TODAY)
    assert filters.short_day(None, TODAY) == "–"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (Row("overdue", date(2026, 11, 1)), "1 Nov, 21 days late"),
        (Row("overdue", date(2024, 11, 23)), "23 Nov 2024, 729 days late"),
        (Row("overdue", date(2012, 1, 8)), "8 Jan 2012, 14 years late"),
        (Row("overdue", date(2026, 11, 21)), "21 Nov, 1 day late"),
        (Row("sent", date(2026, 12, 9)), "9 Dec, in 17 days"),
        (Row("sent", date(2026, 11, 23)), "23 Nov, tomorrow"),
        (Row("sent", date(2026, 11, 22)), "22 Nov, today"),
        (Row("sent", date(2027, 1, 2)), "2 Jan 2027, in 41 days"),
        (Row("paid", date(2026, 11, 1), date(2026, 11, 18)), "paid 18 Nov"),
        (Row("paid"), "paid"),
        (Row("draft", date(2026, 12, 1)), "–"),
        (Row("sent"), "–"),
    ],
)
def test_due(row: Row, expected: str) -> None:
    text = filters.due(row, TODAY)
    assert Markup("{}").format(text).striptags() == expected
    assert ("late" in expected) == ('class="late"' in text)


def test_iban_in_groups() -> None:
    assert filters.iban("GB33BUKB20201555555555") == "GB33 BUKB 2020 1555 5555 55"
    assert filters.iban("") == ""
