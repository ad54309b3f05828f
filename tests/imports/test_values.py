"""What cells mean: numbers by their decimal mark, days by their order, and words of other products."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from babel.dates import format_date
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoices_app.imports import days, values
from invoices_app.imports.archive_format import UnreadableCellError
from invoices_app.imports.plan import Arrival, DateOrder
from invoices_app.texts import defused

HIGH = Decimal(10) ** 12
AMOUNTS = st.decimals(-HIGH, HIGH, places=2, allow_nan=False)
DAYS = st.dates(date(1990, 1, 1), date(2199, 12, 31))


def number(text: str, mark: str = ".") -> Decimal:
    return values.number(text, mark, -HIGH, HIGH, 4)


@pytest.mark.parametrize(
    ("text", "mark", "value"),
    [
        ("12", ".", "12"),
        (" 12 ", ",", "12"),
        ("1,234.56", ".", "1234.56"),
        ("1.234,56", ",", "1234.56"),
        ("1 234,56", ",", "1234.56"),
        ("1\u202f234\u00a0567,5", ",", "1234567.5"),
        ("1’234.50", ".", "1234.50"),
        ("1,234", ".", "1234"),
        ("1,234", ",", "1.234"),
        ("€ 12.50", ".", "12.50"),
        ("12,50 EUR", ",", "12.50"),
        ("US$4", ".", "4"),
        ("-£5", ".", "-5"),
        ("£-5", ".", "-5"),
        ("(5.00)", ".", "-5"),
        ("5-", ".", "-5"),
        ("\u22123", ".", "-3"),
        ("+7", ".", "7"),
        (".5", ".", "0.5"),
        ("5.", ".", "5"),
        ("1.50000000", ".", "1.5"),
    ],
)
def test_numbers(text: str, mark: str, value: str) -> None:
    assert number(text, mark) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "x", "-", "--5", "1e5", "NaN", "Infinity", "1,23", "1,23,456", "1.2.3", "12 34", "٣", "9" * 41]
)
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(UnreadableCellError, match=r"^(is no number, such as 1234\.50|is not from)"):
        number(text)


def test_numbers_out_of_range_too_fine_or_computed() -> None:
    with pytest.raises(UnreadableCellError, match=r"^is not from -1000000000000 to 1000000000000$"):
        number("1000000000000.01")
    with pytest.raises(UnreadableCellError, match=r"^has more than 4 decimals$"):
        number("0.00001")
    with pytest.raises(UnreadableCellError, match=r"^is a formula; save the file with values"):
        number("=A1*2")
    with pytest.raises(UnreadableCellError, match=r"^is no number, such as 1234,50$"):
        number("12.5", ",")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(AMOUNTS, st.sampled_from([(",", "."), (".", ","), (" ", ","), ("’", "."), ("", "."), ("", ",")]))
def test_however_a_number_is_written_it_is_the_same(amount: Decimal, marks: tuple[str, str]) -> None:
    thousands, mark = marks
    text = f"{amount:,.2f}".translate(str.maketrans({",": thousands, ".": mark}))
    assert number(text, mark) == amount
    assert number(f"({text.lstrip('-')})", mark) == -abs(amount)
    assert values.decimal_mark_of(text) == mark


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("12", ""),
        ("1,234", ""),
        ("1.234", ""),
        ("0,123", ","),
        ("1234,567", ","),
        ("12.5", "."),
        ("1.234.567", ","),
        ("", ""),
    ],
)
def test_what_a_number_gives_away(text: str, mark: str) -> None:
    assert values.decimal_mark_of(text) == mark


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20", "20"),
        ("20%", "20"),
        ("20% (VAT on Income)", "20"),
        ("VAT 17.5 %", "17.5"),
        ("8,25 %", "8.25"),
        ("No VAT", "0"),
        ("Zero Rated Income", "0"),
        ("Exempt", "0"),
    ],
)
def test_rates(text: str, rate: str) -> None:
    assert values.percent(text, ".") == Decimal(rate)


@pytest.mark.parametrize("text", ["Standard", "GST on Income", "101", "-5", "0,2"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(UnreadableCellError, match=r"^is (no rate, such as 20%|not from 0 to 100)$"):
        values.percent(text, ".")


@pytest.mark.parametrize(
    "text",
    [
        "2011-09-07",
        "2011-09-07 10:51:00",
        "2011-09-07T23:51:00.123+02:00",
        "2011/9/7",
        "20110907",
        "07.09.2011",
        "7.9.11",
        "7. 9. 2011",
        "7 Sep 2011",
        "07-Sep-11",
        "Sep 7, 2011",
        "September 7th, 2011 4:15 PM",
        "7. September 2011",
        "7 settembre 2011",
        "07/Sep/2011",
    ],
)
@pytest.mark.parametrize("order", DateOrder)
def test_days_that_need_no_order(text: str, order: DateOrder) -> None:
    assert days.day(text, order) == date(2011, 9, 7)
    assert days.date_order_of(text) is None


def test_days_that_need_one() -> None:
    assert days.day("12/1/2010 8:26", DateOrder.MONTH_FIRST) == date(2010, 12, 1)
    assert days.day("12/1/2010 8:26", DateOrder.DAY_FIRST) == date(2010, 1, 12)
    assert days.day("1-2-99", DateOrder.DAY_FIRST) == date(1999, 2, 1)
    assert days.date_order_of("12/1/2010 8:26") is None
    assert days.date_order_of("12/31/2010") is DateOrder.MONTH_FIRST
    assert days.date_order_of("31-12-10") is DateOrder.DAY_FIRST


@pytest.mark.parametrize(
    "text", ["31.02.2011", "13/13/2011", "40793", "soon", "7 Foo 2011", "2011-9", "1" * 100, "٧.٩.٢٠١١"]
)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(UnreadableCellError, match=r"^is no date, such as 2026-11-22$"):
        days.day(text, DateOrder.DAY_FIRST)


def test_days_out_of_range_or_computed() -> None:
    with pytest.raises(UnreadableCellError, match="lies outside the years 1990 to 2199"):
        days.day("1989-12-31", DateOrder.DAY_FIRST)
    with pytest.raises(UnreadableCellError, match="is a formula"):
        days.day("=TODAY()", DateOrder.DAY_FIRST)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DAYS, st.sampled_from(DateOrder), st.sampled_from(["/", "-"]))
def test_days_of_digits_come_back_by_their_order(day: date, order: DateOrder, mark: str) -> None:
    parts = ["%d", "%m"] if order is DateOrder.DAY_FIRST else ["%m", "%d"]
    text = day.strftime(mark.join([*parts, "%Y"]))
    assert days.day(text, order) == day
    assert days.date_order_of(text) in {order, None}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(DAYS, st.sampled_from(["en_GB", "en_US", "de", "fr", "nl", "sv", "da", "it"]))
def test_days_with_names_come_back_in_many_languages(day: date, locale: str) -> None:
    assert days.day(format_date(day, "d MMMM yyyy", locale), DateOrder.MONTH_FIRST) == day


def test_texts_are_kept_as_the_forms_keep_them() -> None:
    assert values.text(" one\r\n two\tthree  four ", 40) == "one  two three  four"
    assert values.long_text(" one\r\ntwo ", 40) == "one\ntwo"
    assert values.text("'=1+1", 40) == "=1+1"
    assert values.text("'tis", 40) == "'tis"
    with pytest.raises(UnreadableCellError, match=r"^holds more than 3 characters$"):
        values.text("four", 3)
    with pytest.raises(UnreadableCellError, match=r"^holds control characters$"):
        values.text("a\x07b", 40)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cn"]), max_size=30).map(str.strip))
def test_a_defused_text_comes_back(text: str) -> None:
    assert values.text(defused(text), 40) == text


def test_countries() -> None:
    names = {
        "United Kingdom": "GB", "EIRE": "IE", "USA": "US", "UK": "GB", "Hong Kong": "HK", "Deutschland": "DE",
        "Österreich": "AT", "de": "DE", "DEU": "DE", "Saudi Arabia": "SA", "NA": "NA", "France": "FR", "Italia": "IT",
    }  # fmt: skip
    assert {name: values.country(name) for name in names} == names
    assert [values.country(name) for name in ("Channel Islands", "European Community", "EU", "Atlantis")] == [None] * 4
    assert [values.country(name) for name in ("", "-", "Unspecified", "N/A")] == [""] * 4


def test_currencies() -> None:
    names = {"gbp": "GBP", "€": "EUR", "Euro": "EUR", "£": "GBP", "US Dollar": "USD", "zł": "PLN"}
    assert {name: values.currency(name) for name in names} == names
    for name in ("$", "XXX", "12", "Taler"):
        with pytest.raises(UnreadableCellError, match="is no currency, such as EUR"):
            values.currency(name)


def test_statuses() -> None:
    names = {"draft": Arrival.DRAFT, "sent": Arrival.SENT, "paid": Arrival.PAID, "Awaiting Payment": Arrival.SENT}
    names |= {"OVERDUE": Arrival.SENT, "Partially_Paid": Arrival.SENT, "Bezahlt": Arrival.PAID}
    assert {name: values.status(name) for name in names} == names
    with pytest.raises(UnreadableCellError, match="taken back"):
        values.status("Voided")
    with pytest.raises(UnreadableCellError, match="is no status that is known here"):
        values.status("happy")


def test_yes_no_whole_numbers_and_addresses() -> None:
    assert [values.yes_or_no(text) for text in ("true", "FALSE", "Ja", "0")] == [True, False, True, False]
    assert (values.whole("30", 365), values.whole("14.0", 365)) == (30, 14)
    assert values.email(" Ann.Lee@Example.COM ") == "ann.lee@example.com"
    with pytest.raises(UnreadableCellError, match="is neither yes nor no"):
        values.yes_or_no("maybe")
    with pytest.raises(UnreadableCellError, match="is no whole number from 0 to 365"):
        values.whole("366", 365)
    with pytest.raises(UnreadableCellError, match="is no email address"):
        values.email("ann at example")
