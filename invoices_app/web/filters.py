"""How figures and dates are written: exact in `value` and `datetime`, and for people as people say them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from babel.numbers import get_currency_symbol
from flask import Flask
from markupsafe import Markup

from invoices_app.clock import first_of_month
from invoices_app.money import minor_units, quantize

LOCALE = "en_GB"
MINUS = "\u2212"
NO_BREAK_SPACE = "\u00a0"
NOTHING = "–"
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
DAYS_OF_YEAR = 365


class Dated(Protocol):
    """What `due` reads of an invoice row."""

    @property
    def shown_status(self) -> str: ...
    @property
    def due_date(self) -> date | None: ...
    @property
    def paid_on(self) -> date | None: ...


def money(value: Decimal, currency: str) -> Markup:
    """An amount in the currency's minor units with its sign: `<data value="-1234.50">−£1,234.50</data>`."""
    rounded = quantize(value, currency)
    return _data(rounded, f"{_sign(rounded)}{currency_sign(currency)}{_digits(rounded)}")


def amount(value: Decimal, currency: str) -> Markup:
    """An amount as `money` writes it, without the currency sign."""
    rounded = quantize(value, currency)
    return _data(rounded, f"{_sign(rounded)}{_digits(rounded)}")


def unit_price(value: Decimal, currency: str) -> Markup:
    """A price, with the minor units of the currency at least and with all of its own decimals."""
    exact = Decimal(plain(value, currency))
    return _data(exact, f"{_sign(exact)}{_digits(exact)}")


def quantity(value: Decimal) -> Markup:
    """A quantity without idle zeros: `<data value="2.5">2.5</data>`."""
    exact = _trimmed(value)
    return _data(exact, f"{_sign(exact)}{_digits(exact)}")


def percent(value: Decimal) -> str:
    """20% or 7.5%."""
    exact = _trimmed(value)
    return f"{_sign(exact)}{_digits(exact)}%"


def plain(value: Decimal | int | str | None, currency: str | None = None) -> str:
    """`value` as it is typed into a field: 2.5, 20, or 420.00 when it is a price in `currency`.

    What is no number comes back as it was typed; nothing comes back as nothing.
    """
    if value is None or isinstance(value, str):
        return value or ""
    exact = _trimmed(Decimal(value))
    if currency is None:
        return f"{exact:f}"
    digits = max(minor_units(currency), -int(exact.as_tuple().exponent))
    return f"{exact:.{digits}f}"


def day(value: date | None) -> Markup | str:
    """`<time datetime="2026-11-22">22 November 2026</time>`, or a dash for no date."""
    return _time(value, _full(value)) if value else NOTHING


def short_day(value: date | None, today: date) -> Markup | str:
    """2 Oct, with the year when it is not this year's; a dash for no date."""
    if value is None:
        return NOTHING
    # What is put in has no character that HTML knows: format() of Markup would look for them, at ten times the cost.
    return Markup(f'<time datetime="{value}">{_short(value, today)}</time>')  # noqa: S704


def moment(at: datetime, time_zone: str) -> Markup:
    """`<time datetime="2026-11-22T09:05:00+01:00">22 Nov 2026, 09:05</time>`, as the clock in an IANA zone shows it."""
    there = at.astimezone(ZoneInfo(time_zone))
    words = f"{there.day} {MONTHS[there.month - 1][:3]} {there:%Y, %H:%M}"
    return Markup('<time datetime="{}">{}</time>').format(there.isoformat(timespec="seconds"), words)


def due(invoice: Dated, today: date) -> Markup | str:
    """When an invoice is due: "1 Nov, 21 days late", "9 Dec, in 17 days", "paid 18 Nov", or a dash."""
    if invoice.shown_status == "draft":
        return NOTHING
    if invoice.shown_status == "paid":
        return Markup("paid {}").format(short_day(invoice.paid_on, today)) if invoice.paid_on else "paid"
    if invoice.due_date is None:
        return NOTHING
    late = invoice.shown_status == "overdue"
    if invoice.due_date < today and not late:
        return short_day(invoice.due_date, today)
    distance = _distance((invoice.due_date - today).days)
    text = f"{short_day(invoice.due_date, today)}, {distance}"
    return Markup(f'<span class="late">{text}</span>' if late else text)  # noqa: S704


def month_before(day: date) -> date:
    """The first day of the month before that of `day`."""
    return first_of_month(day, -1)


def short(value: Decimal) -> str:
    """A round figure for the axis of a chart: 250, 1.5k, 20k, 3M."""
    for size, letter in ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "M"), (Decimal(10) ** 3, "k")):
        if abs(value) >= size:
            exact = _trimmed(value / size)
            return f"{_sign(exact)}{_digits(exact)}{letter}"
    exact = _trimmed(value)
    return f"{_sign(exact)}{_digits(exact)}"


def iban(value: str) -> str:
    """An IBAN in groups of four, as it is printed (ISO 13616)."""
    compact = "".join(value.split())
    return " ".join(compact[start : start + 4] for start in range(0, len(compact), 4))


@cache
def currency_sign(currency: str) -> str:
    """The sign before an amount: £, €, $, CA$; a code such as CHF with a space that does not break."""
    if currency == "USD":
        return "$"
    sign = str(get_currency_symbol(currency, locale=LOCALE))
    return f"{sign}{NO_BREAK_SPACE}" if sign[-1].isalpha() else sign


def init_filters(app: Flask) -> None:
    """Give all templates these filters under their own names."""
    filters: tuple[Callable[..., Any], ...] = (
        money, amount, unit_price, quantity, percent, plain, day, short_day, moment, due, month_before, short, iban,
    )  # fmt: skip
    for function in filters:
        app.add_template_filter(function, function.__name__)


def _distance(days: int) -> str:
    if days <= -2 * DAYS_OF_YEAR:
        return f"{-days // DAYS_OF_YEAR} years late"
    if days < -1:
        return f"{-days} days late"
    near = {-1: "1 day late", 0: "today", 1: "tomorrow"}
    return near.get(days) or f"in {days} days"


def _trimmed(value: Decimal) -> Decimal:
    """`value` without idle zeros and never -0 or 1E+2."""
    return Decimal(f"{value.normalize():f}") if value else Decimal(0)


def _sign(value: Decimal) -> str:
    return MINUS if value < 0 else ""


def _digits(value: Decimal) -> str:
    return f"{abs(value):,f}"


def _data(value: Decimal, text: str) -> Markup:
    return Markup(f'<data value="{value:f}">{text}</data>')  # noqa: S704  (digits, and the sign that Babel knows)


def _time(value: date, text: str) -> Markup:
    return Markup(f'<time datetime="{value}">{text}</time>')  # noqa: S704


def _full(value: date) -> str:
    return f"{value.day} {MONTHS[value.month - 1]} {value.year}"


def _short(value: date, today: date) -> str:
    text = f"{value.day} {MONTHS[value.month - 1][:3]}"
    return text if value.year == today.year else f"{text} {value.year}"
