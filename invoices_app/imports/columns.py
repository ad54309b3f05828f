"""Which column of a file holds what: by the headings of our own exports, of other products, and by what people write.

Other products are known by the headings of what they export: the retail data of the UCI repository (`InvoiceNo`),
Xero's sales invoices and contacts (`*ContactName`, `POAddressLine1`), and Invoice Ninja's items, invoices and clients
(`Client Name`, `Item Cost`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from invoices_app.imports.days import folded
from invoices_app.imports.plan import Kind


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a column can hold. `label` is what people call it; the best known of the `synonyms` come first."""

    name: str
    label: str
    synonyms: tuple[str, ...] = ()
    of_line: bool = False


def _fields(prefix: str, told: Mapping[str, tuple[str, str]], *, of_line: bool = False) -> tuple[Field, ...]:
    """Fields from their labels and their synonyms, which are parted by commas; name and label are synonyms, too."""
    return tuple(
        Field(prefix + name, label, tuple(map(folded, [name, *filter(None, synonyms.split(",")), label])), of_line)
        for name, (label, synonyms) in told.items()
    )


# What a client has apart from its name; the keys are columns of the table of clients.
_DETAILS = {
    "legal_name": ("Legal name", "LegalName"),
    "contact_name": ("Contact person", "Contact person, Contact Full Name, POAttentionTo, Ansprechpartner"),
    "email": ("Email", "EmailAddress, Contact Email, Client Email, Customer Email, E-Mail, Mail"),
    "phone": ("Phone", "PhoneNumber, Client Phone, Contact Phone, Telephone, Tel, Mobile, Telefon, Telefonnummer"),
    "address_line1": (
        "Address",
        (
            "POAddressLine1, Client Street, Client Address 1, Client Address, Address 1, Street, Address,"
            " Billing Address, Straße, Strasse, Adresse, Anschrift"
        ),
    ),
    "address_line2": (
        "Address, second line",
        "POAddressLine2, Client Apt/Suite, Apt/Suite, Client Address 2, Address 2, Adresszusatz",
    ),
    "city": ("City", "POCity, Client City, Town, Ort, Stadt"),
    "region": ("Region", "PORegion, Client State/Province, State/Province, State, Province, County, Bundesland"),
    "postal_code": ("Postal code", "POPostalCode, Client Postal Code, Postcode, Zip, Zip Code, PLZ, Postleitzahl"),
    "country": ("Country", "POCountry, Client Country, Country Code, Land"),
    "tax_id": (
        "VAT or tax id",
        "Client VAT Number, VAT Number, VAT ID, VAT No, VAT, TaxNumber, Tax ID, GSTIN, ABN, USt-IdNr, USt-ID, UID",
    ),
    "tax_number": ("Tax number", "Steuernummer"),
    "registration_number": ("Registration number", "CompanyNumber, Client ID Number, ID Number, Company Registration"),
    "electronic_address": ("Electronic address", "Peppol ID, Routing ID, Client Routing ID, Leitweg-ID"),
    "electronic_address_scheme": ("Its scheme", "Peppol Scheme"),
}
_CLIENT = {
    "client_id": (
        "Client's number",
        (
            "CustomerID, Customer No, Customer Number, Client Number, Client No, AccountNumber, Account No,"
            " Kundennummer, Kunden-Nr, Kundennr"
        ),
    ),
    "name": (
        "Client",
        (
            "client_name, ContactName, Client Name, Customer Name, Client, Customer, Company Name, Company,"
            " Organisation, Organization, Bill To, Kunde, Kundenname, Firma, Firmenname, Name, Contact, Kontakt"
        ),
    ),
}
_INVOICE = {
    "invoice_id": ("Invoice's id", ""),
    "number": (
        "Invoice number",
        (
            "InvoiceNumber, Invoice Invoice Number, InvoiceNo, Invoice No, Invoice Nr, Invoice #, Invoice, Invoice ID,"
            " Document Number, Number, Rechnungsnummer, Rechnungs-Nr, Rechnungsnr, Rechnung, Belegnummer, Nummer"
        ),
    ),
    "status": ("Status", "Invoice Status, Zahlungsstatus"),
    "type_code": ("Kind of document", "Type, Invoice Type, Document Type, Art, Belegart"),
    "reference": ("Reference", "Client Reference, Your Reference, Referenz, Ihr Zeichen, Betreff"),
    "purchase_order": (
        "Purchase order",
        "PO Number, Invoice PO Number, Purchase Order Number, P.O., Order Number, Bestellnummer",
    ),
    "issue_date": (
        "Date",
        (
            "InvoiceDate, Invoice Date, Date of Invoice, Issue Date, Issued, Date, Invoice Invoice Date, Document Date,"
            " Rechnungsdatum, Belegdatum, Datum"
        ),
    ),
    "due_date": (
        "Due",
        "DueDate, Invoice Due Date, Due, Payment Due, Fällig, Fällig am, Fälligkeit, Fälligkeitsdatum, Zahlbar bis",
    ),
    "delivery_date": ("Delivered", "Delivery, Supply Date, Lieferdatum, Leistungsdatum"),
    "currency": ("Currency", "Currency Code, Invoice Currency, Client Currency, Währung, Waehrung"),
    "discount_percent": (
        "Discount of the invoice, %",
        "Invoice Discount, Document Discount, Total Discount Percent, Gesamtrabatt",
    ),
    "subtotal": ("Sum of the lines", "Sub Total, Zwischensumme"),
    "discount_amount": ("Discount, amount", "Invoice Discount Amount"),
    "net_total": ("Net total", "Total Net, Total Excluding Tax, Netto, Nettobetrag, Nettosumme, Summe netto"),
    "tax_total": (
        "Tax total",
        "TaxTotal, Invoice Total Taxes, Total Taxes, Total Tax, Total VAT, USt, MwSt-Betrag, Steuerbetrag",
    ),
    "total": (
        "Total",
        (
            "Invoice Total, Invoice Amount, Grand Total, Total Including Tax, Total Gross, Gesamtbetrag, Gesamtsumme,"
            " Rechnungsbetrag, Bruttobetrag, Brutto, Amount"
        ),
    ),
    "paid_total": (
        "Paid",
        "InvoiceAmountPaid, Invoice Paid to Date, Paid to Date, Amount Paid, Paid Amount, Bezahlt, Gezahlt",
    ),
    "amount_due": (
        "Due, amount",
        "InvoiceAmountDue, Invoice Balance, Balance, Balance Due, Outstanding, Offen, Offener Betrag",
    ),
    "paid_on": ("Paid on", "Payment Date, Date Paid, Paid Date, Zahlungsdatum, Bezahlt am"),
    "notes": ("Notes", "Invoice Public Notes, Public Notes, Customer Notes, Bemerkung, Bemerkungen"),
    "internal_notes": ("Notes to yourself", "Invoice Private Notes, Private Notes, Interne Notiz"),
    "archived": ("Archived", "Is Archived, Archiviert"),
}
_LINE = {
    "position": ("Position", "Line, Line Number, Line No, Pos, Pos."),
    "description": (
        "Description",
        (
            "Item Notes, Item Description, Line Description, Details, Article, Product Name, Item Name, Service,"
            " Beschreibung, Bezeichnung, Leistung, Artikel, Text"
        ),
    ),
    "item_number": (
        "Item number",
        (
            "StockCode, InventoryItemCode, Item Product, Product Key, Item Code, Item Number, SKU, Product Code, Item,"
            " Product, Article Number, Artikelnummer, Artikel-Nr"
        ),
    ),
    "quantity": ("Quantity", "Item Quantity, Qty, Count, Units, Hours, Menge, Anzahl, Stunden"),
    "unit": ("Unit", "UOM, Unit of Measure, Einheit"),
    "unit_price": (
        "Price",
        (
            "UnitPrice, UnitAmount, Item Cost, Unit Cost, Price, Cost, Rate, Price Each, Einzelpreis, Stückpreis,"
            " Preis, E-Preis"
        ),
    ),
    "discount_percent": ("Discount, %", "Item Discount, Discount Percent, Discount, Rabatt"),
    "tax_category": ("Tax category", ""),
    "tax_rate": (
        "Tax, %",
        (
            "Item Tax Rate 1, Tax Rate 1, TaxType, Tax Rate, VAT Rate, GST Rate, Tax Percent, Tax, VAT, GST,"
            " Steuersatz, MwSt, MwSt-Satz, USt-Satz"
        ),
    ),
    "exemption_reason": ("Why exempt", ""),
    "net": (
        "Line net",
        "Item Line Total, LineAmount, Line Total, Line Net, Amount, Zeilensumme, Gesamtpreis, Betrag",
    ),
}
_OF_CLIENT_ALONE = {
    "currency": ("Currency", "Client Currency, Currency Code, Währung"),
    "payment_terms_days": ("Payment terms, days", "Payment Terms, Terms, Client Payment Terms, Zahlungsziel"),
    "notes": ("Notes to yourself", "Client Private Notes, Private Notes, Notes, Notizen"),
    "archived": ("Archived", "Is Archived, Archiviert"),
}

FIELDS: Mapping[Kind, tuple[Field, ...]] = {
    Kind.CLIENTS: _fields("", {**_CLIENT, **_DETAILS, **_OF_CLIENT_ALONE}),
    Kind.INVOICES: (
        *_fields("", {"number": _INVOICE["number"], "issue_date": _INVOICE["issue_date"]}),
        *_fields("", {"client_name": _CLIENT["name"], "client_id": _CLIENT["client_id"]}),
        *_fields("line_", _LINE, of_line=True),
        *_fields("", {name: told for name, told in _INVOICE.items() if name not in {"number", "issue_date"}}),
        *_fields("client_", _DETAILS),
    ),
}
"""What the columns of a file can hold, in the order in which it is offered. What is the client's has the name of a
column of `Client`, behind `client_` where the file holds invoices."""

_TELLING = {
    Kind.INVOICES: {"invoice_id", "number", "issue_date", "line_unit_price", "line_quantity", "due_date"},
    Kind.CLIENTS: {"name", "client_id"},
}
_NEEDED = {
    Kind.INVOICES: (
        (("number", "invoice_id"), "Say which column holds the number of the invoice."),
        (("issue_date",), "Say which column holds the date of the invoice."),
        (("line_unit_price",), "Say which column holds the price of a line."),
        (("line_description", "line_item_number"), "Say which column describes a line."),
    ),
    Kind.CLIENTS: ((("name", "client_id"), "Say which column holds the name of the client."),),
}
_ASIDE = re.compile(r"[(\[].*?[)\]]")


def match(header: Sequence[str], kind: Kind) -> dict[str, int]:
    """The place of the column of each field that a heading names: by its own name first, then by its best synonym.

    No column stands for two fields. What stands in brackets counts only where nothing is known with it. Notes stand for
    the description of a line where no column describes it, as in what Invoice Ninja exports of items.
    """
    found: dict[str, int] = {}
    names = [cell.strip().lower() for cell in header]
    for field in FIELDS[kind]:
        _take(found, field.name, (field.name,), names)
    for headings in ([folded(cell) for cell in header], [folded(_ASIDE.sub("", cell)) for cell in header]):
        for field in FIELDS[kind]:
            _take(found, field.name, field.synonyms, headings)
    if kind is Kind.INVOICES and "line_description" not in found and "notes" in found:
        found["line_description"] = found.pop("notes")
    return found


def _take(found: dict[str, int], name: str, synonyms: Sequence[str], headings: Sequence[str]) -> None:
    if name in found:
        return
    for synonym in synonyms:
        free = [place for place, heading in enumerate(headings) if heading == synonym and place not in found.values()]
        if free:
            found[name] = free[0]
            return


def guess_kind(header: Sequence[str]) -> Kind | None:
    """What a file with these headings holds; None when none of them is known that tells it.

    A number or a date makes it a file of invoices, since those name clients too.
    """
    invoices = _TELLING[Kind.INVOICES] & match(header, Kind.INVOICES).keys()
    if len(invoices) > 1:
        return Kind.INVOICES
    if _TELLING[Kind.CLIENTS] & match(header, Kind.CLIENTS).keys():
        return Kind.CLIENTS
    return Kind.INVOICES if invoices else None


def missing(kind: Kind, columns: Mapping[str, int]) -> tuple[str, ...]:
    """Sentences that ask for the columns without which nothing of this kind can be read; none when all are there."""
    return tuple(sentence for names, sentence in _NEEDED[kind] if not any(name in columns for name in names))
