"""Rows from a spreadsheet: which column is what, and what the numbers are."""

from __future__ import annotations

import pytest

from invoices_app.invoices.pasting import plain_number, rows_of


def table(*rows: str) -> str:
    return "\n".join(row.replace(" | ", "\t") for row in rows)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("Cup", {"description": "Cup"}),
        ("Cup | 4.50", {"description": "Cup", "unit_price": "4.50"}),
        ("Cup | 3 | 4.50", {"description": "Cup", "quantity": "3", "unit_price": "4.50"}),
        ("Cup | 3 | pcs | 4.50", {"description": "Cup", "quantity": "3", "unit": "pcs", "unit_price": "4.50"}),
        ("Cup | 3 | 4.50 | 20%", {"description": "Cup", "quantity": "3", "unit_price": "4.50", "tax_rate": "20"}),
        (
            "Cup | 3 | pcs | 4.50 | 20 | 5 %",
            {
                "description": "Cup",
                "quantity": "3",
                "unit": "pcs",
                "unit_price": "4.50",
                "tax_rate": "20",
                "discount_percent": "5",
            },
        ),
    ],
)
def test_columns_by_their_place(text: str, row: dict[str, str]) -> None:
    assert rows_of(table(text)) == [row]


def test_columns_by_their_headings_in_any_order() -> None:
    text = table("Unit Price (EUR) | QTY | Item | VAT % | Total | Colour", "4.50 | 3 | Cup | 20 | 13.50 | blue")
    assert rows_of(text) == [{"unit_price": "4.50", "quantity": "3", "description": "Cup", "tax_rate": "20"}]


def test_a_heading_counts_once() -> None:
    assert rows_of(table("Item | Price | Cost", "Cup | 4 | 2")) == [{"description": "Cup", "unit_price": "4"}]


def test_a_first_row_of_words_is_no_row_of_headings() -> None:
    assert rows_of(table("Item of clothing | 3 | 5", "Cup | 1 | 2"))[0]["description"] == "Item of clothing"


def test_rows_without_text_do_not_count_and_cells_may_hold_lines() -> None:
    assert rows_of('Cup\t1\t2\n\t\t\n\n"Two\nlines"\t1\t3\n') == [
        {"description": "Cup", "quantity": "1", "unit_price": "2"},
        {"description": "Two\nlines", "quantity": "1", "unit_price": "3"},
    ]
    assert rows_of(" \n\t\n") == []


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1,234.50", "1234.50"),
        ("1.234,50", "1234,50"),
        ("€ 1,234.50", "1234.50"),
        ("1 234,50 €", "1234,50"),
        ("CHF 1'234.50", "1234.50"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("(12.50)", "-12.50"),
        ("-12.50", "-12.50"),
        ("20 %", "20"),
        ("1,234", "1,234"),
        ("12*3", "12*3"),
        ("", ""),
        ("a dozen", "adozen"),
    ],
)
def test_numbers_lose_what_is_only_for_reading(text: str, plain: str) -> None:
    assert plain_number(text) == plain
