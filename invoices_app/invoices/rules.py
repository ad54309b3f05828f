"""Pure rules of invoices: the calculator, numbers, statuses.

The calculator is EN 16931's: every amount is rounded half-up to the currency's minor units where the standard rounds,
and nowhere else. `migrations/versions/0005_checked_totals.py` holds the same in the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache

from invoices_app.invoices.models import CREDIT_NOTE, LAST_YEAR, NUMBER_LENGTH
from invoices_app.money import ONE, ZERO, minor_units, product, quantize, quotient, share

DEFAULT_SERIES = "INV"
DEFAULT_PATTERN = "INV-{year}-{seq:04}"
STANDARD_RATE = "S"
ZERO_RATE = "Z"

# UN/ECE Recommendation 20 codes of the units that people write; C62 is "one", a piece.
UNIT_CODES = {
    "h": "HUR", "hr": "HUR", "hrs": "HUR", "hour": "HUR", "hours": "HUR",
    "d": "DAY", "day": "DAY", "days": "DAY", "week": "WEE", "weeks": "WEE", "month": "MON", "months": "MON",
    "min": "MIN", "minute": "MIN", "minutes": "MIN", "year": "ANN", "years": "ANN",
    "kg": "KGM", "g": "GRM", "t": "TNE", "l": "LTR", "litre": "LTR", "litres": "LTR",
    "m": "MTR", "km": "KMT", "m2": "MTK", "m²": "MTK", "m3": "MTQ", "m³": "MTQ", "kwh": "KWH",
}  # fmt: skip
PIECE = "C62"

MAX_SEQ = 999_999_999
_SEQ = re.compile(r"\{seq(?::0([1-9]))?\}")
_TOKENS = re.compile(r"\{(?:year|month|seq(?::0[1-9])?)\}")
_LITERAL = re.compile(r"[\w /.#-]*")
_DIGITS = re.compile(r"[0-9]+")
_TOKEN_FORMS = {"{year}": "(?:199[0-9]|20[0-9]{2}|21[0-9]{2})", "{month}": "(?:0[1-9]|1[0-2])"}


@dataclass(frozen=True, slots=True)
class Adjustment:
    """An allowance, or a charge, of a fixed `amount`: BG-27 and BG-28 on a line, BG-20 and BG-21 on a document.

    On a line its tax is the line's; on a document it names its own. No screen offers them yet.
    """

    amount: Decimal
    is_charge: bool = False
    tax_rate: Decimal = ZERO
    tax_category: str = STANDARD_RATE


@dataclass(frozen=True, slots=True)
class Line:
    """What the calculator takes of a line: quantity, price, discount and tax rate in per cent.

    `unit_price` (BT-146) is the price of `base_quantity` (BT-149) of them.
    """

    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal = ZERO
    tax_category: str = STANDARD_RATE
    discount_percent: Decimal = ZERO
    base_quantity: Decimal = ONE
    adjustments: tuple[Adjustment, ...] = ()


@dataclass(frozen=True, slots=True)
class TaxGroup:
    """A tax group (BG-23): `taxable` is BT-116, `tax` is BT-117."""

    category: str
    rate: Decimal
    taxable: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures of a document, each rounded to the currency's minor units.

    `line_nets` BT-131 in the order of the lines, `subtotal` BT-106, `allowances` BT-107 (with `discount_amount`, the
    document's discount in per cent, in it), `charges` BT-108, `net_total` BT-109, `tax_total` BT-110, `total` BT-112;
    `taxes` ordered by category and rate.
    """

    line_nets: tuple[Decimal, ...]
    subtotal: Decimal
    discount_amount: Decimal
    allowances: Decimal
    charges: Decimal
    net_total: Decimal
    taxes: tuple[TaxGroup, ...]
    tax_total: Decimal
    total: Decimal


def compute(
    lines: Sequence[Line], currency: str, discount_percent: Decimal = ZERO, adjustments: Sequence[Adjustment] = ()
) -> Totals:
    """All figures of a document in `currency` with a document discount of `discount_percent`.

    Line net BT-131; BT-106 by BR-CO-10; the rest as `totals`.
    """
    nets = tuple(line_net(line, currency) for line in lines)
    by_group: dict[tuple[str, Decimal], Decimal] = {}
    for line, net in zip(lines, nets, strict=True):
        key = (line.tax_category, line.tax_rate)
        by_group[key] = by_group.get(key, ZERO) + net
    return totals(by_group, currency, discount_percent, adjustments, nets)


def totals(
    by_group: Mapping[tuple[str, Decimal], Decimal],
    currency: str,
    discount_percent: Decimal = ZERO,
    adjustments: Sequence[Adjustment] = (),
    line_nets: tuple[Decimal, ...] = (),
) -> Totals:
    """The figures of a document from the sums of its line nets by tax category and rate.

    Allowances by BR-CO-11, charges by BR-CO-12, net by BR-CO-13; tax per group, never per line, by BR-CO-17; its sum by
    BR-CO-14; total by BR-CO-15. The discount in per cent is shared over the groups of the lines by their net, the last
    takes the rest.
    """
    subtotal = sum(by_group.values(), ZERO)
    discount = quantize(share(subtotal, discount_percent), currency)
    taxable = _discounted(by_group, discount, discount_percent, currency)
    allowances, charges = discount, quantize(ZERO, currency)
    for adjustment in adjustments:
        amount, key = quantize(adjustment.amount, currency), (adjustment.tax_category, adjustment.tax_rate)
        if adjustment.is_charge:
            charges += amount
        else:
            allowances += amount
        taxable[key] = taxable.get(key, ZERO) + (amount if adjustment.is_charge else -amount)
    taxes = tuple(
        TaxGroup(category, rate, taxable[category, rate], quantize(share(taxable[category, rate], rate), currency))
        for category, rate in sorted(taxable)
    )
    tax_total = sum((group.tax for group in taxes), ZERO)
    net_total = subtotal - allowances + charges
    return Totals(
        line_nets, subtotal, discount, allowances, charges, net_total, taxes, tax_total, net_total + tax_total
    )


def line_net(line: Line, currency: str) -> Decimal:
    """Line net BT-131: quantity times price, less the line's discount and allowances and with its charges.

    Each of them is rounded once.
    """
    gross = product(line.quantity, line.unit_price)
    if line.base_quantity != ONE:
        gross = quotient(gross, line.base_quantity)
    net = gross = quantize(gross, currency)
    if line.discount_percent:
        net = gross - quantize(share(gross, line.discount_percent), currency)
    for adjustment in line.adjustments:
        amount = quantize(adjustment.amount, currency)
        net += amount if adjustment.is_charge else -amount
    return net


def _discounted(
    by_group: Mapping[tuple[str, Decimal], Decimal], discount: Decimal, discount_percent: Decimal, currency: str
) -> dict[tuple[str, Decimal], Decimal]:
    """The nets of the groups less their parts of the discount, which add up to it."""
    discounted: dict[tuple[str, Decimal], Decimal] = {}
    left = discount
    for position, key in enumerate(sorted(by_group), start=1):
        net = by_group[key]
        part = left if position == len(by_group) else quantize(share(net, discount_percent), currency)
        left -= part
        discounted[key] = net - part
    return discounted


def tax_category(rate: Decimal) -> str:
    """The category (UNCL 5305) of a line on which only a rate was given: standard, or zero rated."""
    return STANDARD_RATE if rate else ZERO_RATE


def unit_code(unit: str) -> str:
    """The UN/ECE Rec 20 code of a unit as people write it; a piece when the unit is none of the known ones."""
    return UNIT_CODES.get(unit.strip().lower().rstrip("."), PIECE)


def fits_currency(amount: Decimal, currency: str) -> bool:
    """Whether `amount` needs no more decimals than `currency` has."""
    return amount == round(amount, minor_units(currency))


def due_date(issue_date: date, terms_days: int) -> date:
    """The day that many days later, but never one beyond the last that a document can bear."""
    return min(issue_date + timedelta(days=terms_days), date(LAST_YEAR, 12, 31))


def number_period(issue_date: date, *, yearly: bool) -> str:
    """The period whose counter numbers a document of this date: its year, or '' for a series without restarts."""
    return f"{issue_date.year:04}" if yearly else ""


def format_number(pattern: str, seq: int, issue_date: date) -> str:
    """The document number by a pattern such as `INV-{year}-{seq:04}`; `{month}` has two digits."""
    text = pattern.replace("{year}", f"{issue_date.year:04}").replace("{month}", f"{issue_date.month:02}")
    return _SEQ.sub(lambda match: f"{seq:0{match.group(1) or 1}}", text)


def pattern_problem(pattern: str, *, yearly: bool) -> str | None:
    """Why numbers cannot be made by this pattern, in a sentence; None when they can, and none of them twice."""
    if len(_SEQ.findall(pattern)) != 1:
        return "Write {seq} once, where the number counts up, or {seq:04} to fill it up to four digits."
    literal = _TOKENS.sub("", pattern)
    if "{" in literal or "}" in literal:
        return "Only {year}, {month}, {seq} and {seq:04} can stand in braces."
    if not _LITERAL.fullmatch(literal):
        return "Use only letters, digits, spaces and - / . _ # besides what stands in braces."
    if yearly and "{year}" not in pattern:
        return "Write {year} too, since numbers that start again each year would come twice without it."
    if len(format_number(pattern, MAX_SEQ, date(LAST_YEAR, 12, 31))) > NUMBER_LENGTH:
        return f"Make it shorter: a number may have at most {NUMBER_LENGTH} characters, also when it counts high."
    return None


def number_shape(pattern: str) -> str:
    """What all numbers of a pattern share: their text without digits. Patterns of different shapes never make the same.

    So two series whose text differs in digits alone are not told apart.
    """
    return _DIGITS.sub("#", format_number(pattern, 1, date(LAST_YEAR, 12, 31))).casefold()


@dataclass(frozen=True, slots=True)
class NumberForm:
    """Regular expressions for the numbers of a pattern, read alike by Python and by PostgreSQL.

    `whole` matches such a number; `year` and `seq` take that part out of it, `year` is '' when it has none.
    """

    whole: str
    year: str
    seq: str


@cache
def number_form(pattern: str) -> NumberForm:
    """How numbers of a pattern can be known, whoever made them."""
    parts = re.split(rf"({_TOKENS.pattern})", pattern)
    forms = [_token_form(part) or re.escape(part) for part in parts]
    years = [place for place, part in enumerate(parts) if part == "{year}"]
    seq = next(place for place, part in enumerate(parts) if _SEQ.fullmatch(part))
    return NumberForm(_whole(forms), _whole(forms, years[0]) if years else "", _whole(forms, seq))


def _token_form(part: str) -> str | None:
    """What may stand where a pattern has this token; None for plain text."""
    if found := _SEQ.fullmatch(part):
        width = int(found[1] or 1)
        longer = f"[1-9][0-9]{{{width},}}"
        return f"(?:[0-9]{{{width}}}|{longer})"
    return _TOKEN_FORMS.get(part)


def _whole(forms: Sequence[str], taken: int | None = None) -> str:
    return r"\A" + "".join(f"({form})" if place == taken else form for place, form in enumerate(forms)) + r"\Z"


def place_of(number: str, pattern: str, *, yearly: bool) -> tuple[str, int] | None:
    """The period and the place of a number in a series with this pattern; None when the series cannot make it."""
    form = number_form(pattern)
    found = re.search(form.seq, number)
    if found is None or not 0 < int(found[1]) <= MAX_SEQ:
        return None
    if not yearly:
        return "", int(found[1])
    year = re.search(form.year, number)
    return (year[1], int(found[1])) if year else None


def shown_status(status: str, due: date, amount_due: Decimal, today: date) -> str:
    """The status as people see it: a sent document with money due after its due date is overdue."""
    return "overdue" if status == "sent" and due < today and amount_due > 0 else status


def status_word(shown: str, type_code: int, amount_due: Decimal, *, is_credited: bool) -> str:
    """What people call a status: a credited invoice asks for no money, and a credit note is not sent but paid back."""
    if type_code == CREDIT_NOTE and shown == "paid":
        return "Settled"
    if type_code == CREDIT_NOTE and amount_due < 0:
        return "To refund"
    return "Credited" if is_credited else shown.capitalize()
