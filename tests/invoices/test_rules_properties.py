"""What holds for every document, whatever its lines: searched for counter-examples by hypothesis."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from invoices_app.invoices.rules import Adjustment, Line, Totals, compute, line_net
from invoices_app.money import minor_units, quantize, share

CURRENCIES = st.sampled_from(["EUR", "USD", "JPY", "KWD"])
PERCENT = st.decimals(0, 100, places=4)
QUANTITIES = st.decimals(-(10**6), 10**6, places=4)
PRICES = st.decimals(0, 10**6, places=4)
RATES = st.one_of(st.sampled_from([Decimal(rate) for rate in ("0", "7", "7.7", "19", "20", "5.5")]), PERCENT)
LINES = st.builds(Line, QUANTITIES, PRICES, RATES, st.sampled_from("SZE"), st.one_of(st.just(Decimal(0)), PERCENT))
CHARGES = st.builds(Line, QUANTITIES.map(abs), PRICES, RATES, st.just("S"), PERCENT)
ADJUSTMENTS = st.lists(
    st.builds(Adjustment, st.decimals(0, 10**6, places=4), st.booleans(), RATES, st.sampled_from("SZE")), max_size=4
)
BASES = st.decimals("0.0001", 10**6, places=4)
DOCUMENTS = st.lists(LINES, max_size=12)


def figures(of: Totals) -> list[Decimal]:
    return [of.subtotal, of.discount_amount, of.net_total, of.tax_total, of.total]


@given(DOCUMENTS, CURRENCIES, PERCENT)
def test_br_co_10_subtotal_is_the_sum_of_line_nets(lines: list[Line], currency: str, discount: Decimal) -> None:
    of = compute(lines, currency, discount)
    assert list(of.line_nets) == [line_net(line, currency) for line in lines]
    assert of.subtotal == sum(of.line_nets)


@given(DOCUMENTS, CURRENCIES, PERCENT)
def test_br_co_13_net_is_subtotal_less_discount(lines: list[Line], currency: str, discount: Decimal) -> None:
    of = compute(lines, currency, discount)
    assert of.discount_amount == quantize(share(of.subtotal, discount), currency)
    assert of.net_total == of.subtotal - of.discount_amount


@given(DOCUMENTS, CURRENCIES, PERCENT)
def test_br_co_14_and_15_tax_is_the_sum_of_groups_and_total_is_net_and_tax(
    lines: list[Line], currency: str, discount: Decimal
) -> None:
    of = compute(lines, currency, discount)
    assert of.tax_total == sum(group.tax for group in of.taxes)
    assert of.total == of.net_total + of.tax_total


@given(DOCUMENTS, CURRENCIES, PERCENT)
def test_br_co_17_each_group_is_taxed_once_on_its_net(lines: list[Line], currency: str, discount: Decimal) -> None:
    of = compute(lines, currency, discount)
    keys = [(group.category, group.rate) for group in of.taxes]
    assert set(keys) == {(line.tax_category, line.tax_rate) for line in lines}
    assert all(earlier < later for earlier, later in pairwise(keys))
    assert all(group.tax == quantize(share(group.taxable, group.rate), currency) for group in of.taxes)


@given(st.lists(LINES, min_size=1, max_size=12), CURRENCIES, PERCENT)
def test_discount_is_shared_out_whole_and_fairly(lines: list[Line], currency: str, discount: Decimal) -> None:
    of = compute(lines, currency, discount)
    assert sum(group.taxable for group in of.taxes) == of.net_total
    nets: defaultdict[tuple[str, Decimal], Decimal] = defaultdict(Decimal)
    for line, net in zip(lines, of.line_nets, strict=True):
        nets[line.tax_category, line.tax_rate] += net
    unit = Decimal(1).scaleb(-minor_units(currency))
    for group in of.taxes:
        fair = share(nets[group.category, group.rate], 100 - discount)
        assert abs(group.taxable - fair) <= unit * len(of.taxes)


@given(DOCUMENTS.flatmap(lambda lines: st.tuples(st.just(lines), st.permutations(lines))), CURRENCIES, PERCENT)
def test_order_of_lines_changes_no_total(both: tuple[list[Line], list[Line]], currency: str, discount: Decimal) -> None:
    lines, shuffled = both
    first, second = compute(lines, currency, discount), compute(shuffled, currency, discount)
    assert figures(first) == figures(second)
    assert first.taxes == second.taxes
    assert sorted(first.line_nets) == sorted(second.line_nets)


@given(DOCUMENTS, LINES, st.data(), CURRENCIES, PERCENT)
def test_adding_a_line_and_taking_it_off_changes_nothing(
    lines: list[Line], extra: Line, data: st.DataObject, currency: str, discount: Decimal
) -> None:
    place = data.draw(st.integers(0, len(lines)))
    changed = [*lines[:place], extra, *lines[place:]]
    grown = compute(changed, currency, discount)
    assert grown.subtotal == compute(lines, currency, discount).subtotal + line_net(extra, currency)
    del changed[place]
    assert compute(changed, currency, discount) == compute(lines, currency, discount)


@given(DOCUMENTS, CURRENCIES, PERCENT)
def test_a_credit_mirrors_its_invoice(lines: list[Line], currency: str, discount: Decimal) -> None:
    mirrored = [
        Line(-line.quantity, line.unit_price, line.tax_rate, line.tax_category, line.discount_percent) for line in lines
    ]
    charge, credit = compute(lines, currency, discount), compute(mirrored, currency, discount)
    assert figures(credit) == [-figure for figure in figures(charge)]


@given(st.lists(CHARGES, max_size=12), CURRENCIES)
def test_charges_never_come_to_less_than_nothing(lines: list[Line], currency: str) -> None:
    of = compute(lines, currency)
    assert all(figure >= 0 for figure in [*figures(of), *of.line_nets])


@given(st.lists(LINES, min_size=1, max_size=12), CURRENCIES, PERCENT)
def test_every_figure_has_the_minor_units_and_no_minus_zero(
    lines: list[Line], currency: str, discount: Decimal
) -> None:
    of = compute(lines, currency, discount)
    every = [*figures(of), *of.line_nets, *(amount for group in of.taxes for amount in (group.taxable, group.tax))]
    assert {figure.as_tuple().exponent for figure in every} == {-minor_units(currency)}
    assert not any(figure.is_zero() and figure.is_signed() for figure in every)


@given(DOCUMENTS, ADJUSTMENTS, CURRENCIES, PERCENT)
def test_br_co_11_12_and_13_with_allowances_and_charges(
    lines: list[Line], adjustments: list[Adjustment], currency: str, discount: Decimal
) -> None:
    of, plain = compute(lines, currency, discount, adjustments), compute(lines, currency, discount)
    amounts = [(one.is_charge, quantize(one.amount, currency)) for one in adjustments]
    assert of.allowances == of.discount_amount + sum(amount for is_charge, amount in amounts if not is_charge)
    assert of.charges == sum(amount for is_charge, amount in amounts if is_charge)
    assert of.net_total == plain.subtotal - of.allowances + of.charges == sum(group.taxable for group in of.taxes)
    assert (of.subtotal, of.discount_amount, of.line_nets) == (plain.subtotal, plain.discount_amount, plain.line_nets)
    assert of.tax_total == sum(group.tax for group in of.taxes)
    assert of.total == of.net_total + of.tax_total


@given(LINES, ADJUSTMENTS, BASES, CURRENCIES)
def test_a_line_of_a_base_quantity_with_allowances_and_charges(
    line: Line, adjustments: list[Adjustment], base: Decimal, currency: str
) -> None:
    gross = quantize(line.quantity * line.unit_price / base, currency)
    sign = {False: -1, True: 1}
    expected = gross - quantize(share(gross, line.discount_percent), currency)
    expected += sum(sign[one.is_charge] * quantize(one.amount, currency) for one in adjustments)
    assert line_net(replace(line, base_quantity=base, adjustments=tuple(adjustments)), currency) == expected


@given(DOCUMENTS, CURRENCIES, PERCENT, ADJUSTMENTS, BASES)
def test_all_priced_by_the_dozen_is_the_same(
    lines: list[Line], currency: str, discount: Decimal, adjustments: list[Adjustment], base: Decimal
) -> None:
    """As many times the price for as many pieces changes nothing."""
    scaled = [replace(line, unit_price=line.unit_price * base, base_quantity=base) for line in lines]
    assert compute(scaled, currency, discount, adjustments) == compute(lines, currency, discount, adjustments)
