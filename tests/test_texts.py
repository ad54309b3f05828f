"""Cells of a CSV file: no text can be a formula, and none is changed for good."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invoices_app.texts import cell, defused, undefused

SIGNS = "=+-@\t\r\n＝＋－＠"


@given(st.text(alphabet=st.sampled_from("'=+-@＝ \t\nA1\u200b")) | st.text())
@example("'=1")
@example("''=1")
def test_nothing_is_lost_on_the_way_back(text: str) -> None:
    assert undefused(defused(text)) == text


@given(st.sampled_from(SIGNS), st.text())
def test_no_text_begins_like_a_formula(sign: str, rest: str) -> None:
    assert defused(sign + rest) == f"'{sign}{rest}"


@pytest.mark.parametrize("text", [" =1+1", "\u00a0=1", "\u200b=1", "\ufeff=1"])
def test_not_even_behind_what_is_not_seen(text: str) -> None:
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Alder & Finch", "O'Brien", "'quoted'", "1-2", "a=b", "12 Harbour Street"])
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert defused(text) == undefused(text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (Decimal("-12.50"), "-12.50"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 11, 22), "2026-11-22"),
        ("-12.50", "'-12.50"),
    ],
)
def test_numbers_and_dates_are_plain(value: object, text: str) -> None:
    assert cell(value) == text
