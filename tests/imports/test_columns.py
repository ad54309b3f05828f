"""Columns by their headings: our own exports, other products, and what people write."""

from __future__ import annotations

import pytest

from invoices_app.clients import export_routes
from invoices_app.clients.models import Client
from invoices_app.imports import columns
from invoices_app.imports.plan import Kind
from invoices_app.invoices.export import HEADER
from tests.support.import_files import RETAIL_HEADER


def headings(text: str) -> list[str]:
    return text.split(",")


XERO_INVOICES = headings(
    "ContactName,EmailAddress,POAddressLine1,POAddressLine2,POAddressLine3,POAddressLine4,POCity,PORegion,POPostalCode,"
    "POCountry,SAAddressLine1,SACity,InvoiceNumber,Reference,InvoiceDate,DueDate,PlannedDate,Total,TaxTotal,"
    "InvoiceAmountPaid,InvoiceAmountDue,InventoryItemCode,Description,Quantity,UnitAmount,Discount,LineAmount,"
    "AccountCode,TaxType,TaxAmount,TrackingName1,TrackingOption1,Currency,Type,Sent,Status"
)
XERO_CONTACTS = headings(
    "*ContactName,AccountNumber,EmailAddress,FirstName,LastName,POAttentionTo,POAddressLine1,POAddressLine2,POCity,"
    "PORegion,POPostalCode,POCountry,PhoneNumber,MobileNumber,TaxNumber,LegalName,CompanyNumber"
)
NINJA_ITEMS = headings(
    "Client Name,Client Number,Client Street,Client City,Client Postal Code,Client Country,Client VAT Number,"
    "Invoice Invoice Number,Invoice Date,Invoice Due Date,Invoice Amount,Invoice Discount,Invoice PO Number,"
    "Invoice Public Notes,Invoice Status,Invoice Paid to Date,Item Quantity,Item Cost,Item Product,Item Notes,"
    "Item Discount,Item Tax Rate 1,Item Line Total"
)
GERMAN = headings(
    "Rechnungs-Nr.,Rechnungsdatum,Kunde,Kunden-Nr.,Bezeichnung,Menge,Einheit,Einzelpreis (EUR),MwSt %,Brutto"
)


def named(header: list[str], kind: Kind) -> dict[str, str]:
    return {name: header[place] for name, place in columns.match(header, kind).items()}


def test_our_own_exports_are_matched_whole() -> None:
    assert named(list(HEADER), Kind.INVOICES) == {name: name for name in HEADER}
    clients = ["client_id", *export_routes.COLUMNS]
    assert named(clients, Kind.CLIENTS) == {name: name for name in clients}
    assert columns.guess_kind(HEADER) is Kind.INVOICES
    assert columns.guess_kind(clients) is Kind.CLIENTS


def test_the_retail_data() -> None:
    assert named(list(RETAIL_HEADER), Kind.INVOICES) == {
        "number": "InvoiceNo",
        "issue_date": "InvoiceDate",
        "client_id": "CustomerID",
        "client_country": "Country",
        "line_description": "Description",
        "line_item_number": "StockCode",
        "line_quantity": "Quantity",
        "line_unit_price": "UnitPrice",
    }


def test_invoices_of_xero() -> None:
    found = named(XERO_INVOICES, Kind.INVOICES)
    assert found.items() >= {
        "client_name": "ContactName",
        "client_address_line1": "POAddressLine1",
        "client_postal_code": "POPostalCode",
        "number": "InvoiceNumber",
        "issue_date": "InvoiceDate",
        "total": "Total",
        "tax_total": "TaxTotal",
        "paid_total": "InvoiceAmountPaid",
        "line_item_number": "InventoryItemCode",
        "line_unit_price": "UnitAmount",
        "line_discount_percent": "Discount",
        "line_net": "LineAmount",
        "line_tax_rate": "TaxType",
        "type_code": "Type",
        "status": "Status",
    }.items()  # fmt: skip
    starred = [f"*{heading}" for heading in XERO_INVOICES]
    assert columns.match(starred, Kind.INVOICES) == columns.match(XERO_INVOICES, Kind.INVOICES)


def test_contacts_of_xero() -> None:
    found = named(XERO_CONTACTS, Kind.CLIENTS)
    assert (found["name"], found["contact_name"], found["client_id"]) == (
        "*ContactName", "POAttentionTo", "AccountNumber"
    )  # fmt: skip
    assert (found["tax_id"], found["phone"], found["city"]) == ("TaxNumber", "PhoneNumber", "POCity")


def test_items_of_invoice_ninja() -> None:
    found = named(NINJA_ITEMS, Kind.INVOICES)
    assert len(found) == len(NINJA_ITEMS)
    assert (found["client_name"], found["client_id"], found["number"]) == (
        "Client Name", "Client Number", "Invoice Invoice Number"
    )  # fmt: skip
    assert (found["line_description"], found["line_item_number"]) == ("Item Notes", "Item Product")
    assert (found["discount_percent"], found["line_discount_percent"]) == ("Invoice Discount", "Item Discount")
    assert (found["notes"], found["total"], found["line_net"]) == (
        "Invoice Public Notes", "Invoice Amount", "Item Line Total"
    )  # fmt: skip


def test_notes_describe_where_nothing_else_does() -> None:
    header = headings("Client,Invoice Number,Date,Amount,Quantity,Unit Cost,Product,Notes,Line Total")
    found = named(header, Kind.INVOICES)
    assert (found["line_description"], found["line_item_number"]) == ("Notes", "Product")
    assert (found["total"], found["line_net"]) == ("Amount", "Line Total")


def test_german_headings() -> None:
    found = named(GERMAN, Kind.INVOICES)
    assert len(found) == len(GERMAN)
    assert (found["number"], found["line_unit_price"], found["line_tax_rate"], found["total"]) == (
        "Rechnungs-Nr.", "Einzelpreis (EUR)", "MwSt %", "Brutto"
    )  # fmt: skip


def test_no_column_stands_for_two_fields() -> None:
    for header in (XERO_INVOICES, XERO_CONTACTS, NINJA_ITEMS, GERMAN, ["Name", "Name", "Name"]):
        for kind in columns.FIELDS:
            places = columns.match(header, kind).values()
            assert len(set(places)) == len(places)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (XERO_INVOICES, Kind.INVOICES),
        (XERO_CONTACTS, Kind.CLIENTS),
        (NINJA_ITEMS, Kind.INVOICES),
        (GERMAN, Kind.INVOICES),
        (["Name"], Kind.CLIENTS),
        (["Firma", "Ort"], Kind.CLIENTS),
        (["Number", "Name", "Email"], Kind.CLIENTS),
        (["Invoice number"], Kind.INVOICES),
        (["foo", "bar"], None),
        (["2011-09-07", "12", "1.25"], None),
    ],
)
def test_what_a_file_holds(header: list[str], kind: Kind | None) -> None:
    assert columns.guess_kind(header) is kind


def test_missing_columns_are_asked_for() -> None:
    assert columns.missing(Kind.INVOICES, {"invoice_id": 0, "line_item_number": 3}) == (
        "Say which column holds the date of the invoice.",
        "Say which column holds the price of a line.",
    )
    assert columns.missing(Kind.CLIENTS, {}) == ("Say which column holds the name of the client.",)
    assert columns.missing(Kind.INVOICES, columns.match(RETAIL_HEADER, Kind.INVOICES)) == ()


def test_what_is_the_clients_is_a_column_of_clients() -> None:
    stored = set(Client.__table__.c.keys()) | {"client_id", "archived"}
    assert {field.name for field in columns.FIELDS[Kind.CLIENTS]} <= stored
    of_invoices = {
        field.name.removeprefix("client_") for field in columns.FIELDS[Kind.INVOICES] if "client_" in field.name
    }
    assert of_invoices <= stored
    assert all(field.label for fields in columns.FIELDS.values() for field in fields)
