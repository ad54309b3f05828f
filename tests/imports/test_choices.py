"""What is proposed for a file, what a person can choose instead, and files of clients."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from invoices_app.imports import csv_file, reading
from invoices_app.imports.csv_file import FileRefusedError
from invoices_app.imports.plan import DateOrder, Kind, PlannedClient
from tests.support.import_plans import TODAY, plan_of_text


def test_decimal_commas_and_dates_of_the_whole_file_decide(tmp_path: Path) -> None:
    text = (
        "Rechnungsnummer;Datum;Kunde;Beschreibung;Menge;Preis\n1;3.4.2026;A;x;1,5;1.234\n2;31/12/2025;A;y;1;1.234,50\n"
    )
    plan = plan_of_text(tmp_path, text)
    assert (plan.choices.decimal_mark, plan.choices.date_order) == (",", DateOrder.DAY_FIRST)
    assert [(i.issue_date, i.totals.net_total) for i in plan.invoices] == [
        (date(2026, 4, 3), 1851),
        (date(2025, 12, 31), Decimal("1234.50")),
    ]


@pytest.mark.parametrize(
    ("dates", "currency", "order"),
    [
        (("1/2/2026", "1/31/2026"), "GBP", DateOrder.MONTH_FIRST),
        (("1/2/2026", "31/1/2026"), "USD", DateOrder.DAY_FIRST),
        (("1/2/2026", "3/4/2026"), "GBP", DateOrder.DAY_FIRST),
        (("1/2/2026", "3/4/2026"), "USD", DateOrder.MONTH_FIRST),
        (("10/12/2026", "3/4/2026"), "GBP", DateOrder.MONTH_FIRST),
        (("12/10/2026", "3/4/2026"), "USD", DateOrder.DAY_FIRST),
    ],
)
def test_the_order_of_days_and_months(dates: tuple[str, str], currency: str, order: DateOrder, tmp_path: Path) -> None:
    """Where no date tells it, the fewest may lie after today."""
    rows = "".join(f"{day},{day},Ada,One,1\n" for day in dates)
    plan = plan_of_text(tmp_path, "Number,Date,Client,Description,Price\n" + rows, currency=currency)
    assert plan.choices.date_order is order
    assert len(plan.invoices) == 2


def test_columns_that_are_missing_are_the_only_problem(tmp_path: Path) -> None:
    plan = plan_of_text(tmp_path, "Number,Due date\nA1,2026-01-05\nA2,2026-01-05\n")
    assert plan.wrong() == [
        (1, "", "Say which column holds the date of the invoice."),
        (1, "", "Say which column holds the price of a line."),
        (1, "", "Say which column describes a line."),
    ]


def test_columns_can_be_chosen_by_hand(tmp_path: Path) -> None:
    columns = {"number": 0, "issue_date": 1, "client_name": 2, "line_description": 3, "line_unit_price": 4}
    text = "Nombre,Jour,Qui,Quoi,Combien,Number\nF1,2026-01-05,Ada,Pain,3,x\n"
    invoice = plan_of_text(tmp_path, text, columns=columns).invoice
    assert (invoice.number, invoice.client.name, invoice.totals.net_total) == ("F1", "Ada", 3)


def test_headings_of_which_none_is_known_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("2011-09-07,12,1.25\n2011-09-08,13,1.25\n")
    sheet = csv_file.inspect(path)
    with pytest.raises(FileRefusedError, match=r"^None of its headings is known\. Name the columns in its first line"):
        reading.defaults(path, sheet, currency="GBP", tax_rate=Decimal(20), today=TODAY)
    told = reading.defaults(path, sheet, currency="GBP", tax_rate=Decimal(20), today=TODAY, kind=Kind.CLIENTS)
    assert (told.kind, told.columns) == (Kind.CLIENTS, {})


def test_clients(tmp_path: Path) -> None:
    text = (
        "Customer No,Name,Email,Country,Payment terms,Currency,Notes,Archived\n"
        '7,Ada Ltd,ada@example.com,Germany,14,EUR,"two\r\nlines",no\n'
        ",Bob,,Narnia,,,,yes\n"
        "9,,,,,,,\n"
        ",,x@example.com,,,,,\n"
        "10,Cid,not an address,,400,,,\n"
    )
    plan = plan_of_text(tmp_path, text)
    details = {
        "email": "ada@example.com",
        "country": "DE",
        "payment_terms_days": 14,
        "currency": "EUR",
        "notes": "two\nlines",
    }
    assert plan.clients == [
        PlannedClient(2, "Ada Ltd", "7", details),
        PlannedClient(4, "Bob", "", {"region": "Narnia"}, archived=True),
        PlannedClient(5, "Client 9", "9"),
    ]
    assert [note.line for note in plan.notes] == [4]
    assert plan.wrong() == [
        (6, "", "This row names no client."),
        (7, "Email", "“not an address” is no email address, such as name@example.com."),
        (7, "Payment terms", "“400” is no whole number from 0 to 365."),
    ]
