"""Real invoices of a UK retailer, and their totals in plain decimals, straight from the file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "data" / "online_retail.csv"
TAX_PERCENT = 20
CENT = Decimal("0.01")


@dataclass(frozen=True)
class RetailInvoice:
    number: str
    day: date
    client: str
    country: str
    rows: tuple[dict[str, str], ...]

    @property
    def lines(self) -> list[dict[str, object]]:
        """As they are typed into the form."""
        return [
            {
                "description": row["Description"],
                "quantity": row["Quantity"],
                "unit_price": row["UnitPrice"],
                "tax_rate": TAX_PERCENT,
            }
            for row in self.rows
        ]

    @property
    def nets(self) -> list[Decimal]:
        return [cents(Decimal(row["Quantity"]) * Decimal(row["UnitPrice"])) for row in self.rows]

    @property
    def subtotal(self) -> Decimal:
        return sum(self.nets, Decimal(0))

    @property
    def tax(self) -> Decimal:
        return cents(self.subtotal * TAX_PERCENT / 100)

    @property
    def total(self) -> Decimal:
        return self.subtotal + self.tax


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def read_invoices() -> list[RetailInvoice]:
    """The invoices in the order of their dates."""
    rows: dict[str, list[dict[str, str]]] = {}
    with SOURCE.open(newline="") as source:
        for row in csv.DictReader(source):
            rows.setdefault(row["InvoiceNo"], []).append(row)
    found = [
        RetailInvoice(
            number,
            date.fromisoformat(of[0]["InvoiceDate"][:10]),
            f"Customer {of[0]['CustomerID'].removesuffix('.0') or 'at the till'}",
            of[0]["Country"],
            tuple(of),
        )
        for number, of in rows.items()
    ]
    return sorted(found, key=lambda invoice: (invoice.day, invoice.number))


INVOICES = read_invoices()
