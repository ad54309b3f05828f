"""Rows as invoices: what belongs together, what is bad and why, and what is noted."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from invoices_app.imports import csv_file, reading
from invoices_app.imports.csv_file import FileRefusedError
from invoices_app.imports.plan import Arrival, PlannedClient
from tests.support.import_files import formula_file, retail_file
from tests.support.import_plans import BUSINESS, TODAY, Plan, plan_of, plan_of_text

HEADER = "Number,Date,Client,Description,Quantity,Price\n"
LEFT_OUT = "Left out with the rest of A1, because of line 3."


def of_rows(folder: Path, *rows: str, header: str = HEADER, **chosen: object) -> Plan:
    return plan_of_text(folder, header + "".join(f"{row}\n" for row in rows), **chosen)


def only_problem(plan: Plan) -> tuple[int, str, str]:
    assert not plan.invoices
    [problem] = plan.wrong()
    return problem


def test_rows_of_one_number_are_one_invoice_wherever_they_stand(tmp_path: Path) -> None:
    plan = of_rows(
        tmp_path,
        "A1,2026-01-05,Ada Ltd,One,2,10.00",
        "A2,2026-01-06,Bob,Two,1,5.555",
        "A1,2026-01-05,Ada Ltd,Three,1,0.005",
    )
    first, second = plan.invoices
    assert (first.number, first.source, first.line) == ("A1", "A1", 2)
    assert [(line.line, line.description, line.line_net) for line in first.lines] == [
        (2, "One", Decimal("20.00")),
        (4, "Three", Decimal("0.01")),
    ]
    assert (first.totals.net_total, first.totals.tax_total, first.totals.total) == (
        Decimal("20.01"), Decimal("4.00"), Decimal("24.01")
    )  # fmt: skip
    assert (second.totals.net_total, second.client) == (Decimal("5.56"), PlannedClient(3, "Bob"))
    assert (first.issue_date, first.due_date) == (date(2026, 1, 5), date(2026, 2, 4))
    assert (first.paid, first.paid_on, first.currency) == (0, None, "GBP")


def test_a_bad_row_makes_its_invoice_bad_and_no_other(tmp_path: Path) -> None:
    plan = of_rows(
        tmp_path,
        "A1,2026-01-05,Ada,One,2,10",
        "A1,2026-01-05,Ada,Two,2,ten",
        "A2,2026-01-06,Bob,Three,1,5",
        "A1,2026-01-05,Ada,Four,2,1",
    )
    assert [invoice.number for invoice in plan.invoices] == ["A2"]
    assert plan.wrong() == [
        (3, "Price", "“ten” is no number, such as 1234.50."),
        (2, "", LEFT_OUT),
        (5, "", LEFT_OUT),
    ]


@pytest.mark.parametrize(
    ("row", "column", "sentence"),
    [
        (",2026-01-05,Ada,One,1,1", "Number", "This row has no invoice number."),
        ("'\t,2026-01-05,Ada,One,1,1", "Number", "This row has no invoice number."),
        ("A1,,Ada,One,1,1", "Date", "This invoice has no date."),
        ("A1,2026-02-30,Ada,One,1,1", "Date", "“2026-02-30” is no date, such as 2026-11-22."),
        ("A1,1980-01-01,Ada,One,1,1", "Date", "“1980-01-01” lies outside the years 1990 to 2199."),
        ("A1,2026-01-05,Ada,One,1,", "Price", "This line has no price."),
        ("A1,2026-01-05,Ada,One,-1,-1", "Price", "Price and quantity are both negative."),
        ("A1,2026-01-05,Ada,,1,1", "Description", "This line has neither a description nor an item number."),
        ("A1,2026-01-05,Ada,One,1,=B2*2", "Price", "“=B2*2” is a formula; save the file with values"),
        ("A1,2026-01-05,Ada,One,1.23456,1", "Quantity", "“1.23456” has more than 4 decimals."),
        ("A1,2026-01-05,Ada,One,99999999999,1", "Quantity", "“99999999999” is not from -9999999999.9999 to"),
        ("A1,2026-01-05,Ada,One,-1,1", "", "It comes to -1.20 GBP, and no invoice comes to less than zero."),
        ("A1,2026-01-05,Ada,One,9999999999,9999999999", "", "It comes to more than 999,999,999,999,999.00 GBP."),
        ("A1,2026-01-05,Ada,One,1,1,more", "", "This row has 7 cells and the header 6: perhaps a text in it"),
        (f"A1,2026-01-05,Ada,{'x' * 501},1,1", "Description", f"“{'x' * 60}…” holds more than 500 characters."),
        (f"{'9' * 41},2026-01-05,Ada,One,1,1", "Number", f"“{'9' * 41}” holds more than 40 characters."),
        ("A1,2026-01-05,Ada,a\x07b,1,1", "Description", "“a�b” holds control characters."),
        ("A1,2026-01-05,,One,1,1", "Client", "This row names no client."),
        ("A1,2026-01-05,Ada,,,", "", "This invoice has no line, and only drafts do without."),
    ],
)
def test_bad_rows(row: str, column: str, sentence: str, tmp_path: Path) -> None:
    line, where, told = only_problem(of_rows(tmp_path, row))
    assert (line, where) == (2, column)
    assert told.startswith(sentence)
    assert told.endswith(".")


def test_an_invoice_with_too_many_lines_is_not_read(tmp_path: Path) -> None:
    plan = plan_of(retail_file(tmp_path / "file.csv", 1, 1001))
    first, *others = plan.wrong()
    assert first == (2, "InvoiceNo", "It has 1,001 rows, and an invoice has at most 1,000 lines.")
    assert [line for line, *_rest in others] == list(range(3, 1003))


def test_rows_of_one_invoice_must_say_the_same_of_it(tmp_path: Path) -> None:
    plan = of_rows(
        tmp_path,
        "A1,2026-01-05 10:00,Ada,One,1,1",
        "A1,2026-01-05 10:01,Ada,Two,1,1",
        "A2,2026-01-05,Ada,One,1,1",
        "A2,,,Two,1,1",
        "A3,2026-01-05,Ada,One,1,1",
        "A3,2026-01-06,Ada,Two,1,1",
    )
    assert [(invoice.number, len(invoice.lines)) for invoice in plan.invoices] == [("A1", 2), ("A2", 2)]
    assert plan.wrong() == [
        (7, "Date", "This row says “2026-01-06” and line 6 “2026-01-05”, of the same invoice."),
        (6, "", "Left out with the rest of A3, because of line 7."),
    ]


def test_a_row_that_is_too_short_has_empty_cells_at_its_end(tmp_path: Path) -> None:
    invoice = of_rows(
        tmp_path, "A1,2026-01-05,Ada,One,2,3", header="Number,Date,Client,Description,Quantity,Price,Unit\n"
    )
    assert invoice.invoice.lines[0].unit == ""


LINE_NET = "The file says that this line"
STATED = "Number,Date,Client,Description,Quantity,Price,Line net,Net total,Tax total,Total\n"


@pytest.mark.parametrize(
    ("sums", "column", "sentence"),
    [
        ("30.00,30.00,6.00,36.00", "", ""),
        ("30,30,6,36", "", ""),
        ("30.00,,,", "", ""),
        ("30.01,,,", "Line net", f"{LINE_NET} comes to 30.01 GBP; quantity times price less discount is 30.00 GBP."),
        (",,,36.01", "Total", "The file says that the total is 36.01 GBP; from the lines it is 36.00 GBP."),
        (",,,36.001", "Total", "The file says that the total is 36.001 GBP; from the lines it is 36.00 GBP."),
        (",30.00,5.99,", "Tax total", "The file says that the tax is 5.99 GBP; from the lines it is 6.00 GBP."),
        (",31.00,6.00,", "Net total", "The file says that the net total is 31.00 GBP; from the lines it is 30.00 GBP."),
    ],
)  # fmt: skip
def test_stated_sums_must_be_those_of_the_lines(sums: str, column: str, sentence: str, tmp_path: Path) -> None:
    plan = of_rows(tmp_path, f"A1,2026-01-05,Ada,One,3,10.00,{sums}", header=STATED)
    if sentence:
        assert only_problem(plan) == (2, column, sentence)
    else:
        assert plan.invoice.totals.total == 36


def test_cancellations_are_named_and_not_turned_around(tmp_path: Path) -> None:
    plan = of_rows(
        tmp_path,
        "C500,2026-01-05,,One,-2,10.00",
        "C500,2026-01-05,,Two,-1,0.00",
        "C501,2026-01-05,Ada,One,2,10.00",
        "CAFE1,2026-01-05,Ada,One,3,10.00",
        "CAFE1,2026-01-05,Ada,Back,-1,10.00",
    )
    (line, column, sentence), other = plan.wrong()
    assert (line, column) == (2, "Number")
    assert sentence.startswith("C500 is a cancellation: its number begins with C and its quantities are negative.")
    assert other == (3, "", "Left out with the rest of C500, because of line 2.")
    assert [(invoice.number, invoice.totals.net_total) for invoice in plan.invoices] == [("C501", 20), ("CAFE1", 20)]
    assert [(note.line, note.column, note.sentence) for note in plan.notes] == [
        (6, "Quantity", "The quantity is negative: this line comes in as it is and takes something back.")
    ]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("381", "This is a credit note, and those do not come in by themselves."),
        ("Sales credit note", "This is a credit note, and those do not come in by themselves."),
        ("Bill", "This is a supplier's bill and none of your invoices."),
    ],
)
def test_what_is_no_invoice(kind: str, sentence: str, tmp_path: Path) -> None:
    rows = [
        f"A1,2026-01-05,Ada,One,1,1,{kind}",
        "A2,2026-01-05,Ada,One,1,1,380",
        "A3,2026-01-05,Ada,One,1,1,Sales invoice",
    ]
    plan = of_rows(tmp_path, *rows, header=HEADER.replace("\n", ",Type\n"))
    [(line, column, told)] = plan.wrong()
    assert (line, column) == (2, "Type")
    assert told.startswith(sentence)
    assert [invoice.number for invoice in plan.invoices] == ["A2", "A3"]


def test_a_negative_price_becomes_a_negative_quantity_and_says_so(tmp_path: Path) -> None:
    plan = of_rows(tmp_path, "A1,2026-01-05,Ada,Work,1,100", "A1,2026-01-05,Ada,Discount,2,-10")
    line = plan.invoice.lines[1]
    assert (line.quantity, line.unit_price, line.line_net) == (-2, 10, Decimal("-20.00"))
    assert [(note.line, note.column) for note in plan.notes] == [(3, "Price")]


def test_a_missing_description_is_stood_in_for(tmp_path: Path) -> None:
    header = "Number,Date,Client,Description,SKU,Price\n"
    plan = of_rows(tmp_path, "A1,2026-01-05,Ada,,22202,1", header=header)
    line = plan.invoice.lines[0]
    assert (line.description, line.item_number, line.quantity) == ("22202", "22202", 1)
    assert [note.sentence for note in plan.notes] == ["There is no description: “22202” stands for it."]


def test_clients_of_invoices(tmp_path: Path) -> None:
    header = "Number,Date,Customer Name,Customer No,Country,City,Email,Description,Price\n"
    plan = of_rows(
        tmp_path,
        "A1,2026-01-05,Ada,7,Germany,Bonn,ADA@example.com,One,1",
        "A2,2026-01-05,,15594.0,EIRE,,,One,1",
        "A3,2026-01-05,,8,Channel Islands,,,One,1",
        "A4,2026-01-05,,9,Channel Islands,,,One,1",
        "A5,2026-01-05,,,France,,,One,1",
        "A6,2026-01-05,,10,Unspecified,,,One,1",
        header=header,
        without_client="Till",
    )
    assert [invoice.client for invoice in plan.invoices] == [
        PlannedClient(2, "Ada", "7", {"email": "ada@example.com", "city": "Bonn", "country": "DE"}),
        PlannedClient(3, "Client 15594", "15594", {"country": "IE"}),
        PlannedClient(4, "Client 8", "8", {"region": "Channel Islands"}),
        PlannedClient(5, "Client 9", "9", {"region": "Channel Islands"}),
        PlannedClient(6, "Till"),
        PlannedClient(7, "Client 10", "10"),
    ]
    assert [(note.line, note.column, note.sentence) for note in plan.notes] == [
        (4, "Country", "“Channel Islands” is no country that is known here. It is kept as the region, in all rows."),
        (7, "Country", "“Unspecified” is no country that is known here. It is left empty, in all rows."),
    ]


TOLD = HEADER.replace("\n", ",Status,Paid,Paid on,Due\n")


@pytest.mark.parametrize(
    ("told", "status", "expected"),
    [
        ("draft,,,", Arrival.AS_TOLD, (None, 0, None)),
        ("sent,,,", Arrival.AS_TOLD, ("A1", 0, None)),
        ("sent,5.00,2026-02-01,", Arrival.AS_TOLD, ("A1", 5, date(2026, 2, 1))),
        ("paid,,2026-02-01,", Arrival.AS_TOLD, ("A1", 12, date(2026, 2, 1))),
        ("paid,,,", Arrival.AS_TOLD, ("A1", 12, date(2026, 1, 5))),
        (",12,,", Arrival.AS_TOLD, ("A1", 12, date(2026, 1, 5))),
        ("paid,,,", Arrival.DRAFT, (None, 0, None)),
        ("paid,,,", Arrival.SENT, ("A1", 0, None)),
        ("draft,,,", Arrival.PAID, ("A1", 12, date(2026, 1, 5))),
    ],
)
def test_how_invoices_come_in(
    told: str, status: Arrival, expected: tuple[str | None, int, date | None], tmp_path: Path
) -> None:
    plan = of_rows(tmp_path, f"A1,2026-01-05,Ada,One,1,10,{told}", header=TOLD, status=status)
    invoice = plan.invoice
    assert (invoice.number, invoice.paid, invoice.paid_on) == expected
    assert invoice.source == "A1"


@pytest.mark.parametrize(
    ("told", "column", "sentence"),
    [
        ("voided,,,", "Status", "“voided” says that this invoice was taken back; such a one does not come in."),
        ("paid,5,,", "Status", "It is called paid, but of 12.00 GBP only 5.00 GBP was."),
        ("sent,12.01,,", "Paid", "12.01 GBP was paid of 12.00 GBP: what was paid lies between nothing and the total."),
        ("sent,-1,,", "Paid", "-1.00 GBP was paid of 12.00 GBP: what was paid lies between nothing and the total."),
        ("sent,1.005,,", "Paid", "1.005 GBP was paid of 12.00 GBP: what was paid lies between nothing and the total."),
        ("sent,,,2026-01-04", "Due", "It is due on 2026-01-04, before its date, 2026-01-05."),
    ],
)
def test_statuses_that_do_not_fit(told: str, column: str, sentence: str, tmp_path: Path) -> None:
    plan = of_rows(tmp_path, f"A1,2026-01-05,Ada,One,1,10,{told}", header=TOLD)
    assert only_problem(plan) == (2, column, sentence)


def test_an_issued_invoice_that_comes_to_nothing_is_paid(tmp_path: Path) -> None:
    invoice = of_rows(tmp_path, "A1,2026-01-05,Ada,Gift,1,0").invoice
    assert (invoice.totals.total, invoice.paid, invoice.paid_on) == (0, 0, date(2026, 1, 5))


def test_a_date_after_today_is_noted(tmp_path: Path) -> None:
    plan = of_rows(tmp_path, "A1,2026-11-22,Ada,One,1,1", "A2,2026-11-23,Ada,One,1,1")
    assert [note.line for note in plan.notes] == [3]
    assert len(plan.invoices) == 2


def test_tax_currency_and_discounts_of_the_file_come_before_those_that_were_chosen(tmp_path: Path) -> None:
    header = "Number,Date,Client,Description,Quantity,Price,Tax,Discount,Invoice discount,Currency,Unit\n"
    plan = of_rows(
        tmp_path,
        "A1,2026-01-05,Ada,One,1,1000,19%,10,5,€,h",
        "A1,2026-01-05,Ada,Two,1,100,No VAT,,5,€,",
        "A2,2026-01-05,Ada,Three,1,100,,,,JPY,",
        header=header,
    )
    first, second = plan.invoices
    assert [(line.tax_category, line.tax_rate, line.discount_percent, line.unit) for line in first.lines] == [
        ("S", 19, 10, "h"),
        ("Z", 0, 0, ""),
    ]
    assert (first.currency, first.totals.subtotal, first.totals.discount_amount) == ("EUR", 1000, Decimal("50.00"))
    assert [(group.rate, group.taxable) for group in first.totals.taxes] == [(19, 855), (0, 95)]
    assert (second.currency, second.totals.total, second.lines[0].tax_rate) == ("JPY", 120, 20)


def test_tax_categories(tmp_path: Path) -> None:
    rows = [
        f"A{place},2026-01-05,Ada,One,1,100,{told}"
        for place, told in enumerate(["AE,", "S,", "AE,0", ",0", "AE,20", "Q,"])
    ]
    plan = of_rows(tmp_path, *rows, header=HEADER.replace("\n", ",Tax category,Tax\n"))
    assert [(i.lines[0].tax_category, i.lines[0].tax_rate) for i in plan.invoices] == [
        ("AE", 0), ("S", 20), ("AE", 0), ("Z", 0)
    ]  # fmt: skip
    assert plan.wrong() == [
        (6, "Tax category", "Tax category AE has no tax, and this line has 20 %."),
        (7, "Tax category", "“Q” is none of S, Z, E, AE, K, G, O."),
    ]


def test_a_rate_that_may_be_meant_as_a_fraction_is_noted(tmp_path: Path) -> None:
    plan = of_rows(tmp_path, "A1,2026-01-05,Ada,One,1,100,0.2", header=HEADER.replace("\n", ",VAT\n"))
    assert plan.invoice.totals.tax_total == Decimal("0.20")
    assert [(note.column, note.sentence) for note in plan.notes] == [("VAT", "The tax is read as 0.2 %, not as 20 %.")]


def test_formulas_in_texts_are_kept_as_texts_and_noted(tmp_path: Path) -> None:
    plan = plan_of(formula_file(tmp_path / "file.csv"))
    assert [invoice.number for invoice in plan.invoices] == ["1001", "1003"]
    assert plan.by_number["1001"].lines[0].description == '=HYPERLINK("http://example.com","x")'
    assert plan.by_number["1001"].client.name == "Client =1+1"
    assert [(note.line, note.column) for note in plan.notes] == [(2, "CustomerID"), (2, "Description")]
    assert plan.wrong() == [(3, "UnitPrice", "“=2*3” is a formula; save the file with values in place of formulas.")]


def test_a_file_that_changes_between_preview_and_reading_is_refused(tmp_path: Path) -> None:
    path = retail_file(tmp_path / "file.csv", 3, 2)
    sheet = csv_file.inspect(path)
    choices = reading.defaults(path, sheet, currency="GBP", tax_rate=Decimal(20), today=TODAY)
    planned = reading.read(path, sheet, choices, BUSINESS)
    next(planned)
    path.write_bytes(b"x\n" * 1000)
    with pytest.raises(FileRefusedError, match="not what it was"):
        list(planned)
