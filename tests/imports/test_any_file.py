"""Whatever is in a file, reading it ends with a sentence, problems of its rows, or things that the models can hold."""

from __future__ import annotations

import csv
import io
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoices_app.clients.models import Client
from invoices_app.imports import columns
from invoices_app.imports.csv_file import FileRefusedError
from invoices_app.imports.plan import Arrival, Kind, PlannedClient, PlannedInvoice
from invoices_app.invoices.models import FIRST_YEAR, LAST_YEAR, Invoice, LineItem
from invoices_app.texts import CONTROL_CHARACTERS
from tests.support.import_plans import Plan, plan_of

NEEDED = ["number", "issue_date", "line_description", "line_unit_price"]
FIELDS = sorted({field.name for fields in columns.FIELDS.values() for field in fields} - set(NEEDED))
NUMBERS = ["1", "-1", "0", "1e400", "NaN", "9999999999.9999", "9" * 14, "0.00005", "1,5", "1.5", "٣", "(1)", "-"]
DATES = ["2026-01-05", "31/01/2026", "1/2/26", "0001-01-01", "9999-12-31", "2026-02-30", "5 May 2026", "٢٠٢٦-٠١-٠١"]
WORDS = ["", " ", "A1", "C9", "draft", "paid", "void", "381", "GBP", "€", "JPY", "Germany", "20%", "true", "S", "AE"]
HOSTILE = ["=1+1", "'=1+1", "'\t", "\x07", "\u2028", "\ufffe", "x" * 3000, '"', "a\r\nb", "🙂", "<b>", "'", "\x85"]
CELLS = st.sampled_from(NUMBERS + DATES + WORDS + HOSTILE)
RARELY = st.sampled_from([""] * 150 + NUMBERS + DATES + WORDS + HOSTILE)
GOOD = st.tuples(
    st.sampled_from(["A1", "A2", "A3", "A4", "C9"]),
    st.sampled_from(DATES[:1] * 20 + DATES),
    st.sampled_from(["Lamp"] * 20 + HOSTILE),
    st.sampled_from(["9.99"] * 20 + NUMBERS),
)


def of_bytes(data: bytes, **chosen: Any) -> Plan | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_bytes(data)
        with suppress(FileRefusedError):
            return plan_of(path, **chosen)
    return None


def assert_fits(model: Any, values: dict[str, Any]) -> None:
    """Every value can be stored in the column of its name."""
    for name, value in values.items():
        size = getattr(model.__table__.c[name].type, "length", None)
        if isinstance(value, str):
            assert not CONTROL_CHARACTERS.search(value)
            assert size is None or len(value) <= size, name


def assert_client_fits(client: PlannedClient) -> None:
    assert client.name
    assert_fits(Client, {"name": client.name, **client.details})


def assert_invoice_fits(invoice: PlannedInvoice) -> None:
    assert_client_fits(invoice.client)
    assert (invoice.number is None) or invoice.lines
    names = ("number", "currency", "reference", "purchase_order", "notes", "internal_notes")
    assert_fits(Invoice, {name: getattr(invoice, name) for name in names})
    assert FIRST_YEAR <= invoice.issue_date.year <= invoice.due_date.year <= LAST_YEAR
    assert 0 <= invoice.paid <= invoice.totals.total < 10**15
    assert (invoice.paid_on is not None) == (
        invoice.number is not None and invoice.paid in {invoice.totals.total, invoice.paid or -1}
    )
    for line in invoice.lines:
        assert line.description
        assert_fits(
            LineItem, {name: getattr(line, name) for name in ("description", "unit", "item_number", "tax_category")}
        )
        assert line.unit_price >= 0
        assert line.tax_category == "S" or line.tax_rate == 0


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(FIELDS), max_size=6, unique=True),
    st.lists(st.tuples(GOOD, st.lists(RARELY, max_size=7)), min_size=1, max_size=5),
    st.sampled_from(Arrival),
    st.sampled_from(["", "Till"]),
)
def test_any_cells(header: list[str], rows: list[tuple[Any, list[str]]], status: Arrival, till: str) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[*NEEDED, *header], *([*good, *more] for good, more in rows)])
    plan = of_bytes(text.getvalue().encode("utf-8"), status=status, without_client=till)
    if plan is None:
        return
    for problem in plan.problems + plan.notes:
        assert problem.line >= 1
        assert problem.sentence.endswith(".")
        assert not CONTROL_CHARACTERS.search(problem.column + problem.sentence)
        assert "\n" not in problem.sentence
    for invoice in plan.invoices:
        assert_invoice_fits(invoice)
    for client in plan.clients:
        assert_client_fits(client)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from([field.name for field in columns.FIELDS[Kind.CLIENTS]]), min_size=1, unique=True),
    st.lists(st.lists(CELLS | RARELY, max_size=20), min_size=1, max_size=5),
)
def test_any_clients(header: list[str], rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["name", *header], *(["Ada", *row] for row in rows)])
    plan = of_bytes(text.getvalue().encode("utf-8"))
    for client in plan.clients if plan else ():
        assert_client_fits(client)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.binary(max_size=200),
    st.sampled_from([b"", b"Number,Date,Client,Price\r\n", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"]),
)
def test_any_bytes(data: bytes, begin: bytes) -> None:
    of_bytes(begin + data)
