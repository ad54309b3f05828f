"""The calculator, numbers and statuses by exact examples; names hold the EN 16931 rules and terms they are about."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from invoices_app.invoices import rules
from invoices_app.invoices.rules import Adjustment, Line, Totals, compute

OFFICIAL = json.loads((Path(__file__).parent.parent / "data" / "official_invoices.json").read_text())


def line(quantity: str, price: str, rate: str = "20", discount: str = "0", category: str = "S") -> Line:
    return Line(Decimal(quantity), Decimal(price), Decimal(rate), category, Decimal(discount))


def totals(*lines: Line, currency: str = "EUR", discount: str = "0") -> Totals:
    return compute(lines, currency, Decimal(discount))


def figures(of: Totals) -> list[str]:
    return [str(amount) for amount in (of.subtotal, of.discount_amount, of.net_total, of.tax_total, of.total)]


def groups(of: Totals) -> list[tuple[str, str, str, str]]:
    return [(group.category, str(group.rate), str(group.taxable), str(group.tax)) for group in of.taxes]


# ---- Lines ----


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "net"),
    [
        ("3", "19.99", "0", "59.97"),
        ("0.5", "0.01", "0", "0.01"),
        ("1.3333", "9.9999", "0", "13.33"),
        ("7", "1.50", "33.3333", "7.00"),
        ("1", "0.05", "50", "0.02"),
        ("1", "100.00", "100", "0.00"),
        ("0", "100.00", "10", "0.00"),
        ("-2", "10.00", "0", "-20.00"),
        ("-1", "0.05", "50", "-0.02"),
        ("-0.5", "0.01", "0", "-0.01"),
    ],
)
def test_bt_131_line_net_rounds_gross_and_discount_once_each(
    quantity: str, price: str, discount: str, net: str
) -> None:
    assert str(rules.line_net(line(quantity, price, discount=discount), "EUR")) == net


@pytest.mark.parametrize(("currency", "net"), [("JPY", "4"), ("EUR", "3.70"), ("KWD", "3.704")])
def test_bt_131_is_in_minor_units_of_the_currency(currency: str, net: str) -> None:
    assert str(rules.line_net(line("3", "1.2345"), currency)) == net


def test_bt_131_tiny_credit_is_never_minus_zero() -> None:
    assert str(rules.line_net(line("-0.1", "0.01"), "EUR")) == "0.00"


# ---- Documents ----


def test_br_co_10_13_15_one_rate() -> None:
    of = totals(line("3", "19.99"), line("1", "0.05"))
    assert figures(of) == ["60.02", "0.00", "60.02", "12.00", "72.02"]
    assert groups(of) == [("S", "20", "60.02", "12.00")]


def test_br_co_17_tax_is_of_the_group_not_of_the_lines() -> None:
    of = totals(*[line("1", "0.02")] * 10)
    assert figures(of)[3:] == ["0.04", "0.24"]


def test_br_co_14_several_rates_and_categories() -> None:
    of = totals(
        line("1", "100.00", "19"), line("2", "50.00", "7"), line("1", "30.00", "0", category="Z"), line("1", "1", "19")
    )
    assert groups(of) == [
        ("S", "7", "100.00", "7.00"),
        ("S", "19", "101.00", "19.19"),
        ("Z", "0", "30.00", "0.00"),
    ]
    assert figures(of) == ["231.00", "0.00", "231.00", "26.19", "257.19"]


def test_br_co_17_equal_rates_written_differently_are_one_group() -> None:
    of = totals(line("1", "0.10", "7"), line("1", "0.10", "7.0000"))
    assert [(group.taxable, group.tax) for group in of.taxes] == [(Decimal("0.20"), Decimal("0.01"))]


def test_same_rate_in_two_categories_is_two_groups() -> None:
    of = totals(line("1", "5.00", "0", category="Z"), line("1", "7.00", "0", category="E"))
    assert groups(of) == [("E", "0", "7.00", "0.00"), ("Z", "0", "5.00", "0.00")]


def test_bt_107_document_discount_last_group_takes_the_rest() -> None:
    of = totals(line("1", "0.05", "7"), line("1", "0.05", "19"), line("1", "0.05", "20"), discount="50")
    assert figures(of) == ["0.15", "0.08", "0.07", "0.01", "0.08"]
    assert [taxable for _category, _rate, taxable, _tax in groups(of)] == ["0.02", "0.02", "0.03"]


def test_bt_107_document_discount_is_of_the_sum_after_line_discounts() -> None:
    of = totals(line("1", "200.00", discount="50"), discount="10")
    assert figures(of) == ["100.00", "10.00", "90.00", "18.00", "108.00"]


def test_bt_107_whole_discount_leaves_nothing() -> None:
    of = totals(line("1", "12.34", "7"), line("1", "56.78", "19"), discount="100")
    assert figures(of) == ["69.12", "69.12", "0.00", "0.00", "0.00"]


def test_credit_note_is_the_invoice_with_the_other_sign() -> None:
    charge = totals(line("3", "0.35"), line("1", "9.99", "7"), discount="2.5")
    credit = totals(line("-3", "0.35"), line("-1", "9.99", "7"), discount="2.5")
    assert [-Decimal(figure) for figure in figures(credit)] == [Decimal(figure) for figure in figures(charge)]


def test_credit_line_beside_a_charge() -> None:
    assert figures(totals(line("2", "10.00"), line("-1", "30.00"))) == ["-10.00", "0.00", "-10.00", "-2.00", "-12.00"]


def test_lines_that_cancel_out_leave_zero_without_a_sign() -> None:
    of = totals(line("1", "10.00"), line("-1", "10.00"), discount="10")
    assert figures(of) == ["0.00", "0.00", "0.00", "0.00", "0.00"]


def test_no_lines_come_to_nothing() -> None:
    of = totals()
    assert (of.line_nets, of.taxes) == ((), ())
    assert [Decimal(figure) for figure in figures(of)] == [0] * 5


@pytest.mark.parametrize(
    ("currency", "expected"),
    [
        ("JPY", ["3703", "370", "3333", "333", "3666"]),
        ("EUR", ["3703.50", "370.35", "3333.15", "333.32", "3666.47"]),
        ("KWD", ["3703.500", "370.350", "3333.150", "333.315", "3666.465"]),
    ],
)
def test_minor_units_reach_every_figure(currency: str, expected: list[str]) -> None:
    quantity = "2.9999" if currency == "JPY" else "3"
    assert figures(totals(line(quantity, "1234.50", "10"), currency=currency, discount="10")) == expected


def test_largest_amounts_lose_no_digit() -> None:
    of = totals(line("9999999.9999", "9999999.9999", "100"))
    assert figures(of)[0] == "99999999998000.00"
    assert figures(of)[4] == "199999999996000.00"


def published_adjustments(of: dict[str, Any]) -> tuple[Adjustment, ...]:
    """The allowances and charges of a published document, or of one of its lines, which name no tax."""
    return tuple(
        Adjustment(Decimal(one["amount"]), one["charge"], Decimal(one.get("rate", 0)), one.get("category", "S"))
        for one in of.get("adjustments", ())
    )


def published_line(of: dict[str, Any]) -> Line:
    simple = line(of["quantity"], of["price"], of["rate"], category=of["category"])
    return replace(simple, base_quantity=Decimal(of.get("base_quantity", 1)), adjustments=published_adjustments(of))


@pytest.mark.parametrize("published", OFFICIAL, ids=lambda published: published["source"].rpartition("/")[2])
def test_published_en_16931_examples(published: dict[str, Any]) -> None:
    lines = [published_line(of) for of in published["lines"]]
    of = compute(lines, published["currency"], adjustments=published_adjustments(published))
    assert list(of.line_nets) == [Decimal(published_line["net"]) for published_line in published["lines"]]
    assert {(group.category, group.rate, group.taxable, group.tax) for group in of.taxes} == {
        (group["category"], Decimal(group["rate"]), Decimal(group["taxable"]), Decimal(group["tax"]))
        for group in published["tax_groups"]
    }
    names = ("lines_net", "allowances", "charges", "net", "tax", "total")
    published_totals = [Decimal(published["totals"].get(name, 0)) for name in names]
    assert [of.subtotal, of.allowances, of.charges, of.net_total, of.tax_total, of.total] == published_totals


# ---- Allowances, charges and base quantities ----


@pytest.mark.parametrize(
    ("quantity", "price", "base", "net"),
    [
        ("7", "100", "3", "233.33"),
        ("1", "0.01", "2", "0.01"),
        ("-1", "0.01", "2", "-0.01"),
        ("500", "12.34", "1000", "6.17"),
        ("9999999999", "0.0003", "9999999999", "0.00"),
        ("1", "0.0149", "3", "0.00"),
        ("1", "0.015", "3", "0.01"),
    ],
)
def test_bt_149_price_of_a_base_quantity(quantity: str, price: str, base: str, net: str) -> None:
    assert str(rules.line_net(replace(line(quantity, price), base_quantity=Decimal(base)), "EUR")) == net


def test_bg_27_and_28_of_a_line_after_its_discount() -> None:
    adjusted = replace(
        line("2", "50", discount="10"),
        adjustments=(Adjustment(Decimal("1.005")), Adjustment(Decimal("0.50"), is_charge=True)),
    )
    assert str(rules.line_net(adjusted, "EUR")) == "89.49"


def test_bg_20_and_21_change_their_own_tax_group() -> None:
    adjustments = [
        Adjustment(Decimal(10), tax_rate=Decimal(20)),
        Adjustment(Decimal(5), is_charge=True, tax_rate=Decimal(7)),
    ]
    of = compute([line("1", "100")], "EUR", Decimal(10), adjustments)
    assert (of.discount_amount, of.allowances, of.charges, of.net_total) == (10, 20, 5, 85)
    assert groups(of) == [("S", "7", "5.00", "0.35"), ("S", "20", "80.00", "16.00")]
    assert str(of.total) == "101.35"


# ---- Categories and units ----


@pytest.mark.parametrize(("rate", "category"), [("20", "S"), ("0.0001", "S"), ("0", "Z"), ("0.0000", "Z")])
def test_bt_151_category_follows_the_rate(rate: str, category: str) -> None:
    assert rules.tax_category(Decimal(rate)) == category


@pytest.mark.parametrize(
    ("unit", "code"),
    [("h", "HUR"), ("Hours", "HUR"), (" hrs. ", "HUR"), ("day", "DAY"), ("KG", "KGM"), ("m²", "MTK"), ("", "C62")],
)
def test_bt_130_unit_code_of_what_people_write(unit: str, code: str) -> None:
    assert rules.unit_code(unit) == code


def test_bt_130_unknown_unit_is_a_piece() -> None:
    assert rules.unit_code("smiles") == "C62"


# ---- Numbers and dates ----


@pytest.mark.parametrize(
    ("pattern", "seq", "number"),
    [
        ("INV-{year}-{seq:04}", 1, "INV-2026-0001"),
        ("INV-{year}-{seq:04}", 9999, "INV-2026-9999"),
        ("INV-{year}-{seq:04}", 10000, "INV-2026-10000"),
        ("{seq}", 7, "7"),
        ("{seq:02}", 7, "07"),
        ("{year}{month}/{seq:03}", 12, "202603/012"),
        ("R{seq}-{month}", 5, "R5-03"),
        ("plain {month", 5, "plain {month"),
    ],
)
def test_bt_1_number_by_its_pattern(pattern: str, seq: int, number: str) -> None:
    assert rules.format_number(pattern, seq, date(2026, 3, 9)) == number


def test_yearly_series_restarts_and_others_do_not() -> None:
    day = date(2026, 12, 31)
    assert rules.number_period(day, yearly=True) == "2026"
    assert rules.number_period(day, yearly=False) == ""


def test_bt_9_due_date_follows_the_terms() -> None:
    assert rules.due_date(date(2024, 2, 15), 14) == date(2024, 2, 29)
    assert rules.due_date(date(2026, 12, 31), 0) == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("amount", "currency", "fits"),
    [("1.10", "EUR", True), ("1.100", "EUR", True), ("1.101", "EUR", False), ("1.5", "JPY", False), ("0", "JPY", True),
     ("1.001", "KWD", True), ("-1.005", "EUR", False)],
)  # fmt: skip
def test_payment_has_no_more_decimals_than_its_currency(amount: str, currency: str, *, fits: bool) -> None:
    assert rules.fits_currency(Decimal(amount), currency) is fits


# ---- Statuses ----

TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    ("status", "due", "amount_due", "shown"),
    [
        ("sent", date(2026, 11, 21), "10.00", "overdue"),
        ("sent", date(2026, 11, 22), "10.00", "sent"),
        ("sent", date(2026, 11, 23), "10.00", "sent"),
        ("sent", date(2026, 11, 1), "0.00", "sent"),
        ("sent", date(2026, 11, 1), "-5.00", "sent"),
        ("draft", date(2026, 11, 1), "10.00", "draft"),
        ("paid", date(2026, 11, 1), "0.00", "paid"),
    ],
)
def test_overdue_is_sent_and_late_with_money_due(status: str, due: date, amount_due: str, shown: str) -> None:
    assert rules.shown_status(status, due, Decimal(amount_due), TODAY) == shown
