"""What people type for amounts and days: sums agree with exact arithmetic, days with the calendar."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices_app.invoices.document import Document
from invoices_app.web.values import MAX_SUM_LENGTH, parse_amount, parse_day
from tests.support.factories import make_client, read, today
from tests.support.people import Person

FRIDAY = date(2026, 11, 20)
DAYS = st.dates(date(1990, 1, 1), date(2199, 12, 31))
Sum = tuple[str, Fraction | None]
"""A sum as it is written, and what it comes to: None when something is divided by zero."""


def numbers() -> st.SearchStrategy[Sum]:
    exact = st.decimals(0, 9999, places=2)
    return st.tuples(exact, st.sampled_from(".,")).map(
        lambda drawn: (str(drawn[0]).replace(".", drawn[1]), Fraction(drawn[0]))
    )


def joined(drawn: tuple[Sum, str, Sum]) -> Sum:
    (left, one), sign, (right, other) = drawn
    written = f"({left}) {sign} ({right})"
    if one is None or other is None:
        return written, None
    match sign:
        case "+":
            return written, one + other
        case "-" | "−":
            return written, one - other
        case "*" | "×" | "x":
            return written, one * other
        case _:
            return written, one / other if other else None


sums = st.recursive(
    numbers(),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-−*×x/÷"), inner).map(joined),
        inner.map(lambda drawn: (f"-({drawn[0]})", None if drawn[1] is None else -drawn[1])),
    ),
    max_leaves=5,
)


def half_up(value: Fraction) -> Fraction:
    """`value` rounded half away from zero to four decimals, in another way than the parser does it."""
    units = abs(value) * 10_000
    whole = units.numerator // units.denominator
    rounded = Fraction(whole + (units - whole >= Fraction(1, 2)), 10_000)
    return rounded if value >= 0 else -rounded


@given(sums)
def test_sums_agree_with_exact_arithmetic(drawn: Sum) -> None:
    written, value = drawn
    if value is None:
        with pytest.raises(ValueError, match=r"^Nothing can be divided by zero\.$"):
            parse_amount(written, 4)
    elif len(written.replace(" ", "")) <= MAX_SUM_LENGTH:
        assert Fraction(parse_amount(written, 4)) == half_up(value)


@given(st.decimals(-(10**12), 10**12, places=6), st.sampled_from(".,"))
def test_plain_numbers_keep_all_their_decimals(value: Decimal, mark: str) -> None:
    assert parse_amount(f"{value:f}".replace(".", mark), 4) == value


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("12*8.5", "102"), ("12 * 8,5", "102"), ("10/3", "3.3333"), ("20/3", "6.6667"), ("1/3*3", "1"),
        ("0.00005+0", "0.0001"), ("-0.00005+0", "-0.0001"), ("0-0.00004", "0"), ("1+2*3", "7"), ("(1+2)*3", "9"),
        ("8/2/2", "2"), ("8-2-2", "4"), ("--5", "5"), ("2*-3", "-6"), ("2--3", "5"), ("+5+-2", "3"),
        ("100+20%", "120"), ("100-20%", "80"), ("100+-20%", "80"), ("100+(20%)", "120"), ("100*20%", "20"),
        ("100/20%", "500"), ("50+50+10%", "110"), ("100+20%*5", "101"), ("200+(10+10)%", "240"), ("20%", "0.2"),
        ("3x4", "12"), ("3X4", "12"), ("3×4", "12"), ("8÷2", "4"), ("8−2", "6"), ("−8", "-8"), ("1 234,50", "1234.5"),
        ("1.", "1"), (".5+,5", "1"), ("1.123456", "1.123456"), ("0,123", "0.123"), ("1234,567", "1234.567"),
    ],
)  # fmt: skip
def test_amounts(typed: str, value: str) -> None:
    assert parse_amount(typed, 4) == Decimal(value)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        *((typed, "Enter a number, such as 12.50.") for typed in (
            "", " ", "x", "twelve", "NaN", "Infinity", "1e400", "1,234.50", "1.2.3", "١٢٣", "²", "1" * 41, "()", "%",
            "1&2", "__import__('os')", "1_000", "0b1+1",
        )),
        *((typed, "That sum cannot be read. Write it such as 12*8.50 or 100+20%.") for typed in (
            "1+", "*2", "(1", "1)", "1%%", "2(3)", "1**2", "1//2", "5%5", "1,5.50*2", "1+.", "((1)", "1+,",
        )),
        ("1/0", "Nothing can be divided by zero."),
        ("1/(2-2)", "Nothing can be divided by zero."),
        ("1,234", "Write 1234 or 1.234: 1,234 can mean both."),
        ("-1,234", "Write -1234 or -1.234: -1,234 can mean both."),
        ("2*12,345", "Write 12345 or 12.345: 12,345 can mean both."),
        ("1+" * 50 + "1", "Use at most 100 characters in a sum."),
        ("(" * 11 + "1" + ")" * 11, "Use at most 10 brackets inside each other."),
    ],
)  # fmt: skip
def test_what_is_no_amount(typed: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=r".") as raised:
        parse_amount(typed, 4)
    assert str(raised.value) == sentence


ODD = st.one_of(st.text(max_size=60), st.text("0123456789.,+-*/%() x×÷−", max_size=MAX_SUM_LENGTH + 5))


def told(parse: Callable[..., object], *values: object) -> str:
    """The sentence that it refuses with, empty when it does not."""
    try:
        parse(*values)
    except ValueError as refusal:
        return str(refusal)
    return ""


@given(ODD, DAYS)
def test_nothing_but_sentences(typed: str, today: date) -> None:
    """Whatever is typed, it has a meaning or is refused by a sentence."""
    for sentence in (told(parse_amount, typed, 4), told(parse_day, typed, today), told(parse_day, typed, today, today)):
        assert sentence == "" or (sentence[0].isupper() and sentence.endswith("."))


@pytest.mark.parametrize(
    "typed",
    ["9" * 100_000, "1/" * 50_000 + "7", "(" * 100_000, "-" * 100_000, "9*" * 49 + "9", "+" * 90 + "1"],
    ids=lambda typed: typed[:3],
)
def test_nothing_takes_long(typed: str) -> None:
    before = time.process_time()
    told(parse_amount, typed, 4)
    told(parse_day, typed, FRIDAY)
    assert time.process_time() - before < 0.1


@given(DAYS, DAYS)
def test_days_in_every_way_of_writing(day: date, today: date) -> None:
    month = f"{day:%B}"
    written = [
        day.isoformat(), f"{day:%Y/%m/%d}", f"{day:%d.%m.%Y}", f"{day.day}.{day.month}.{day.year}", f"{day:%d. %m. %Y}",
        f"{day.day} {month} {day.year}", f"{day.day} {month[:3].lower()} {day.year}", f"{day.day}. {month}, {day.year}",
        f"{month} {day.day}, {day.year}", f" {month[:3].upper()}. {day.day} {day.year} ",
    ]  # fmt: skip
    for text in written:
        assert parse_day(text, today) == day, text
    for text in (f"{day.day}.{day.month}.", f"{day:%d.%m}", f"{day.day} {month}", f"{month[:3]} {day.day}"):
        if (day.month, day.day) != (2, 29):
            assert parse_day(text, today) == day.replace(year=today.year), text


@given(DAYS, DAYS)
def test_slashes_only_where_they_mean_one_day(day: date, today: date) -> None:
    for text in (f"{day:%d/%m/%Y}", f"{day:%m/%d/%Y}"):
        if day.day > 12 or day.day == day.month:
            assert parse_day(text, today) == day
        else:
            with pytest.raises(ValueError, match=rf"Write .*{day}.*: {text} can mean both\."):
                parse_day(text, today)


@given(DAYS, st.integers(-9999, 9999))
def test_distances_in_days_and_weeks(base: date, count: int) -> None:
    other = FRIDAY
    for unit, days in (("", 1), ("d", 1), ("w", 7)):
        try:
            expected = base + timedelta(days=count * days)
        except OverflowError:
            continue
        assert parse_day(f"{count:+}{unit}", other, base) == expected
        assert parse_day(f"{count:+} {unit}".replace("-", "−"), base) == expected


@given(DAYS, st.integers(0, 1200))
def test_distances_in_months_keep_the_day_or_end_with_the_month(base: date, months: int) -> None:
    moved = parse_day(f"+{months}m", FRIDAY, base)
    assert (moved.year - base.year) * 12 + moved.month - base.month == months
    assert moved.day == base.day or (moved.day < base.day and (moved + timedelta(days=1)).day == 1)
    assert parse_day(f"+{months // 12}y", base) == parse_day(f"+{months // 12 * 12}m", base)


@given(DAYS, st.integers(0, 6), st.integers(3, 9))
def test_weekdays_come_next(today: date, weekday: int, letters: int) -> None:
    name = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")[weekday][:letters]
    found = parse_day(name, today)
    assert found.weekday() == weekday
    assert 1 <= (found - today).days <= 7


@pytest.mark.parametrize(
    ("typed", "day"),
    [
        ("today", "2026-11-20"), ("Tomorrow", "2026-11-21"), (" YESTERDAY ", "2026-11-19"), ("15", "2026-11-15"),
        ("1", "2026-11-01"), ("30", "2026-11-30"), ("fri", "2026-11-27"), ("Sat", "2026-11-21"),
        ("22.11.26", "2026-11-22"), ("22 Nov", "2026-11-22"), ("sept 3", "2026-09-03"), ("22nov", "2026-11-22"),
    ],
)  # fmt: skip
def test_days(typed: str, day: str) -> None:
    assert parse_day(typed, FRIDAY, date(2020, 1, 1)).isoformat() == day


@pytest.mark.parametrize(
    "typed",
    ["", "soon", "to", "fr", "ma 5", "0", "32", "2026-02-30", "2026-2-3", "20261122", "2026-W47-7", "0000-00-00",
     "30.2.2026", "29 Feb 2027", "22.11.026", "١٥", "²", "+99999", "+9999y", "-9999y", "+1h", "2026-01-01T00:00",
     "31/02/2026"],
)  # fmt: skip
def test_what_is_no_day(typed: str) -> None:
    with pytest.raises(ValueError, match=r"^Enter a date that exists, such as 2026-11-22\.$"):
        parse_day(typed, FRIDAY)


def test_a_day_that_this_month_does_not_have() -> None:
    with pytest.raises(ValueError, match=r"^November 2026 has no day 31\.$"):
        parse_day("31", FRIDAY)


def created(owner: Person, **typed: str) -> Document:
    sent = {"csrf_token": owner.browser.token(), "client_id": str(make_client(owner)), **typed}
    made = owner.browser.send("/invoices", sent, 303)
    return read(owner, uuid.UUID(made.location.rpartition("/")[2]))


def test_a_form_takes_them(owner: Person) -> None:
    line = {"description": "Work", "quantity": "12*8,5", "unit_price": "100+20%", "tax_rate": "19 %"}
    cells = {f"lines-0-{name}": value for name, value in line.items()}
    made = created(owner, issue_date="22 Nov 2026", due_date="+30", discount_percent="5/2", **cells)
    (shown,) = made.lines
    assert (shown.quantity, shown.unit_price, shown.tax_rate) == (102, 120, 19)
    assert (made.issue_date, made.due_date) == (date(2026, 11, 22), date(2026, 12, 22))
    assert made.discount_percent == Decimal("2.5")


def test_a_due_date_counts_from_today_where_the_issue_date_is_left_empty(owner: Person) -> None:
    made = created(owner, issue_date="", due_date="+2w")
    assert (made.issue_date, made.due_date) == (today(), today() + timedelta(weeks=2))


def test_a_form_that_is_refused_comes_back_as_typed_and_what_is_kept_as_it_is_read(owner: Person) -> None:
    typed = {
        "issue_date": "22.11.2026", "due_date": "+1m", "discount_percent": "10/4",
        "lines-0-description": "Work",
        "lines-0-quantity": "3x", "lines-0-unit_price": "10/3", "lines-0-tax_rate": "20%",
    }  # fmt: skip
    read = {"issue_date": "2026-11-22", "due_date": "2026-12-22", "quantity": "6", "unit_price": "3.3333"}
    sent = {"csrf_token": owner.browser.token(), "client_id": str(make_client(owner)), **typed}
    page = owner.browser.send("/invoices", sent, 422)
    assert {name: page.typed(name)[0] for name in typed} == typed
    assert page.error_of("lines-0-quantity").endswith("That sum cannot be read. Write it such as 12*8.50 or 100+20%.")
    made = owner.browser.follow(owner.browser.send("/invoices", {**sent, "lines-0-quantity": "3*2"}, 303))
    assert {name: made.typed(name)[0] for name in read} == read
    assert made.typed("tax_rate")[0] == "20"
    assert "2.5" in made.typed("discount_percent")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("10-20", "Enter zero or more."),
        ("9999999999*2", "Enter 9999999999.9999 or less."),
        ("0.00001", "Use at most 4 decimals."),
    ],
)
def test_limits_hold_for_what_a_sum_comes_to(owner: Person, typed: str, sentence: str) -> None:
    sent = {"csrf_token": owner.browser.token(), "client_id": str(make_client(owner)), "lines-0-description": "Work"}
    page = owner.browser.send("/invoices", {**sent, "lines-0-unit_price": typed}, 422)
    assert page.error_of("lines-0-unit_price").endswith(sentence)
    assert page.typed("lines-0-unit_price")[0] == typed
