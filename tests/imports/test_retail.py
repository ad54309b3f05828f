"""Real, messy data: what comes in of it, and its sums, computed once more in plain decimals straight from the file."""

from __future__ import annotations

import csv
import gzip
import shutil
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import psutil
import pytest

from invoices_app.imports import csv_file, reading
from invoices_app.imports.plan import Arrival
from tests.support.import_files import ODD_RETAIL_FILE, RETAIL_FILE, retail_file
from tests.support.import_plans import BUSINESS, TODAY, plan_of

WHOLE_SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "online-retail-sample.csv.gz"
CENT = Decimal("0.01")
ROWS = {"whole.csv": 14_784, "odd_retail.csv": 75, "online_retail.csv": 153}

Rows = dict[str, list[dict[str, str]]]


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)


def rows_of(path: Path) -> Rows:
    rows: Rows = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows[row["InvoiceNo"]].append(row)
    return rows


def net_of(rows: list[dict[str, str]]) -> Decimal:
    return sum((cents(Decimal(row["Quantity"]) * Decimal(row["UnitPrice"])) for row in rows), Decimal(0))


SOURCES = [RETAIL_FILE, ODD_RETAIL_FILE, *([WHOLE_SAMPLE] if WHOLE_SAMPLE.exists() else [])]


@pytest.fixture(params=SOURCES, ids=lambda path: path.name)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Small files that are always there and, where the machine has it, the sample that they are out of."""
    path: Path = request.param
    if path.suffix != ".gz":
        return path
    unpacked = tmp_path / "whole.csv"
    with gzip.open(path) as packed, unpacked.open("wb") as file:
        shutil.copyfileobj(packed, file)
    return unpacked


@pytest.mark.parametrize("till", ["", "Customer at the till"])
@pytest.mark.parametrize("rate", [0, 20])
def test_what_comes_in_and_what_it_comes_to(source: Path, till: str, rate: int) -> None:
    rows = rows_of(source)
    cancelled = {number for number in rows if number.startswith("C")}
    unnamed = {number for number, of in rows.items() if not of[0]["CustomerID"]} - cancelled
    expected = rows.keys() - cancelled - (set() if till else unnamed)
    plan = plan_of(source, tax_rate=rate, without_client=till, status=Arrival.PAID)

    assert sum(map(len, rows.values())) == ROWS[source.name]
    assert plan.by_number.keys() == expected
    assert len(plan.invoices) == len(expected)
    for number, invoice in plan.by_number.items():
        net = net_of(rows[number or ""])
        assert invoice.totals.net_total == net
        assert invoice.totals.tax_total == cents(net * rate / 100)
        assert invoice.paid == invoice.totals.total == net + cents(net * rate / 100)
        assert [line.item_number for line in invoice.lines] == [row["StockCode"] for row in rows[number or ""]]
        assert [line.quantity for line in invoice.lines] == [Decimal(row["Quantity"]) for row in rows[number or ""]]
        assert invoice.issue_date.isoformat() == rows[number or ""][0]["InvoiceDate"][:10]
    total = sum(invoice.totals.total for invoice in plan.invoices)
    nets = [net_of(rows[number]) for number in expected]
    assert total == sum(nets, Decimal(0)) + sum((cents(net * rate / 100) for net in nets), Decimal(0))


def test_what_is_told_of_the_rest(source: Path) -> None:
    rows = rows_of(source)
    cancelled = {number for number in rows if number.startswith("C")}
    unnamed = {number for number, of in rows.items() if not of[0]["CustomerID"]} - cancelled
    plan = plan_of(source)

    bad_rows = sum(len(rows[number]) for number in cancelled | unnamed)
    assert len(plan.problems) == len({problem.line for problem in plan.problems}) == bad_rows
    sentences = [problem.sentence for problem in plan.problems]
    assert sum("is a cancellation" in sentence for sentence in sentences) == len(cancelled)
    assert sum("names no client" in sentence for sentence in sentences) == len(unnamed)
    assert sum("Left out with the rest of" in sentence for sentence in sentences) == bad_rows - len(cancelled | unnamed)


def test_what_is_noted_of_what_comes_in(source: Path) -> None:
    rows = {number: of for number, of in rows_of(source).items() if not number.startswith("C")}
    plan = plan_of(source, without_client="Customer at the till")
    notes = [note.sentence for note in plan.notes]
    undescribed = [row for of in rows.values() for row in of if not row["Description"].strip()]
    negative = [row for of in rows.values() for row in of if row["Quantity"].startswith("-")]
    assert sum("There is no description" in note for note in notes) == len(undescribed)
    assert sum("The quantity is negative" in note for note in notes) == len(negative)
    named = {row["Country"] for of in rows.values() for row in of if row["CustomerID"]}
    strange = named & {"Channel Islands", "European Community", "Unspecified"}
    assert sum("is no country that is known here" in note for note in notes) == len(strange)
    assert len(notes) == len(undescribed) + len(negative) + len(strange)


def test_the_small_file_shows_everything_that_is_odd() -> None:
    plan = plan_of(ODD_RETAIL_FILE, without_client="Customer at the till")
    by_number = plan.by_number
    assert len(plan.invoices) == 21
    assert {problem.sentence.split()[0] for problem in plan.problems if "is a cancellation" in problem.sentence} == {
        "C546416", "C536758", "C536820"
    }  # fmt: skip
    assert by_number["551553"].lines[0].description == "22521"
    assert (by_number["573498"].lines[0].quantity, by_number["573498"].totals.total) == (-22, 0)
    assert by_number["537434"].client.name == "Customer at the till"
    assert by_number["536409"].client.name == "Client 17908"
    assert by_number["537378"].client.details == {"country": "IE"}
    assert by_number["542269"].client.details == {"region": "Channel Islands"}
    assert len(by_number["536591"].lines) == 2, "its rows differ in the minute"


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """40,000 scattered rows take what some arrays of numbers take; as rows in memory they would be 40 MB and more."""
    small = retail_file(tmp_path / "small.csv", 100, 20, shuffle=True)
    large = retail_file(tmp_path / "large.csv", 2000, 20, shuffle=True)
    process = psutil.Process()
    resident = []
    for path in (small, large):
        sheet = csv_file.inspect(path)
        choices = reading.defaults(path, sheet, currency="GBP", tax_rate=Decimal(20), today=TODAY)
        counted = 0
        for counted, _planned in enumerate(reading.read(path, sheet, choices, BUSINESS), 1):  # noqa: B007
            pass
        resident.append(process.memory_info().rss)
        assert counted == (100 if path == small else 2000)
    assert resident[1] - resident[0] < 15 * 2**20
