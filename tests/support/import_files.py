"""Files to import: rows shaped like those of a real retailer, as many as wanted, and files that nobody should take."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from PIL import Image

RETAIL_HEADER = (
    "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"
)  # fmt: skip
RETAIL_FILE = Path(__file__).parent.parent / "data" / "online_retail.csv"
"""Twelve real invoices, whole and without anything odd."""

ODD_RETAIL_FILE = Path(__file__).parent.parent / "data" / "odd_retail.csv"
"""Real rows with all that is odd in the whole: cancellations, no customer, no description, lines scattered."""

FIRST_NUMBER = 700_000
CENT = Decimal("0.01")


@cache
def _real_rows() -> Sequence[Sequence[str]]:
    with RETAIL_FILE.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.reader(file) if Decimal(row[3] if row[3].isdigit() else 0) > 0]


def retail_rows(invoices: int, lines: int, first_number: int = FIRST_NUMBER) -> Iterator[list[str]]:
    """Rows of that many invoices with that many lines each: real goods and prices, fresh numbers, 400 customers."""
    goods = _real_rows()
    countries = sorted({row[7] for row in goods})
    for place in range(invoices):
        number, customer = str(first_number + place), f"{12_000 + place % 400}.0"
        day = f"2011-{place % 12 + 1:02}-{place % 28 + 1:02} 10:{place % 60:02}:00"
        for line in range(lines):
            row = goods[(place * lines + line) % len(goods)]
            yield [number, row[1], row[2], row[3], day, row[5], customer, countries[place % 400 % len(countries)]]


def retail_file(
    path: Path, invoices: int, lines: int, *, first_number: int = FIRST_NUMBER, shuffle: bool = False
) -> Path:
    """`retail_rows` written to `path`, in the order of the numbers or, by `shuffle`, all over the place."""
    rows: Iterable[Sequence[str]] = retail_rows(invoices, lines, first_number)
    if shuffle:
        rows = list(rows)
        Random(1).shuffle(rows)
    return write_csv(path, RETAIL_HEADER, rows)


def write_csv(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
) -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def retail_sums(path: Path) -> dict[str, Decimal]:
    """What the lines of each invoice in a retail file come to, by its number: straight from the file, without tax."""
    sums: dict[str, Decimal] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            net = (Decimal(row["Quantity"]) * Decimal(row["UnitPrice"])).quantize(CENT, ROUND_HALF_UP)
            sums[row["InvoiceNo"]] = sums.get(row["InvoiceNo"], Decimal(0)) + net
    return sums


def _csv(*rows: str, encoding: str = "utf-8") -> bytes:
    return "".join(f"{row}\r\n" for row in rows).encode(encoding)


_HEADER = ",".join(RETAIL_HEADER)
_ROW = "536365,71053,WHITE METAL LANTERN,6,2010-12-01 08:26:00,3.39,17850.0,United Kingdom"


def _zip_bomb() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("invoices.csv", "w") as file:
        for _ in range(100):
            file.write(bytes(1024 * 1024))
    return data.getvalue()


def _picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(data, "JPEG")
    return data.getvalue()


HOSTILE_FILES: Mapping[str, Callable[[], bytes]] = {
    "zip bomb": _zip_bomb,
    "10 million columns": lambda: b"a," * 10_000_000 + b"a\r\n" + b"1," * 1000 + b"1\r\n",
    "201 columns": lambda: _csv(",".join(f"c{place}" for place in range(201)), ",".join(["1"] * 201)),
    "row of 5,000 cells": lambda: _csv(_HEADER, _ROW + "," * 5000),
    "zero bytes": lambda: _csv(_HEADER, _ROW).replace(b"LANTERN", b"LAN\0TERN"),
    "nothing but zero bytes": lambda: bytes(5000),
    "UTF-16 without a mark": lambda: _csv(_HEADER, _ROW, encoding="utf-16-le"),
    "UTF-16 that breaks off": lambda: b"\xff\xfe" + _csv(_HEADER, _ROW, encoding="utf-16-le") + b"\x00\xd8",
    "UTF-8 with damage": lambda: (
        _csv(_HEADER, _ROW.replace("WHITE", "Weiße Größe, schön"))[:-20].replace(b",", b";") + b"\xc3\r\n"
    ),
    "Japanese": lambda: _csv(_HEADER, _ROW.replace("WHITE METAL LANTERN", "白い金属のランタン"), encoding="shift_jis"),
    "picture": _picture,
    "PDF": lambda: b"%PDF-1.7\n" + _csv(_HEADER, _ROW),
    "program": lambda: b"\x7fELF" + bytes(100),
    "web page": lambda: b"<!DOCTYPE html><html><body>Sign in</body></html>",
    "JSON": lambda: b'[{"InvoiceNo": "536365"}]',
    "quote never closed": lambda: _csv(_HEADER, _ROW.replace("WHITE", '"WHITE').replace("LANTERN,", "LANTERN "), _ROW),
    "quote never closed in much": lambda: _csv(_HEADER, _ROW.replace("WHITE", '"WHITE'), *[_ROW] * 5000),
    "quote inside quotes": lambda: _csv(_HEADER, _ROW.replace("WHITE METAL LANTERN", '"WHITE "METAL" LANTERN"')),
    "one record of all lines": lambda: _csv(_HEADER) + b'"\n",' * 400_000 + b"\r\n",
    "empty": lambda: b"",
    "blank": lambda: b"\xef\xbb\xbf\r\n \r\n\t\r\n",
    "header alone": lambda: _csv(_HEADER),
}
"""Makers of files of which nothing can be read, by what is wrong with them; each is refused by one sentence."""


def formula_file(path: Path) -> Path:
    """Three invoices: one whose texts are formulas, one whose price is one, and one without."""
    rows = [
        ["1001", "A1", '=HYPERLINK("http://example.com","x")', "1", "2011-01-05", "10.00", "=1+1", "United Kingdom"],
        ["1002", "A2", "Lamp", "1", "2011-01-05", "=2*3", "12000", "United Kingdom"],
        ["1003", "A3", "Lantern", "1", "2011-01-05", "3.39", "12000", "United Kingdom"],
    ]
    return write_csv(path, RETAIL_HEADER, rows)
