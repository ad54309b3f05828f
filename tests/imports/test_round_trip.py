"""What we export is what we read: invoices and clients come back with every value, whatever stands in them."""

from __future__ import annotations

import csv
import io
import tempfile
import uuid
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoices_app.clients import export_routes
from invoices_app.imports.plan import Arrival, PlannedInvoice
from invoices_app.invoices import correction_actions, rules
from invoices_app.invoices.export import HEADER
from invoices_app.money import minor_units
from invoices_app.texts import BYTE_ORDER_MARK, cell
from tests.support.factories import issue, line, make_client, make_invoice, make_issued, pay, read, today, value_of
from tests.support.import_plans import plan_of
from tests.support.people import Person

SIGNS = [*"aZ9 éß€漢🙂\u200d.,;:\"'=+-@/\\<&", "=1+1", "'=x", "''", "sep=;", "two words", "x" * 50]


def text(size: int, *, needed: bool = False, breaks: bool = False) -> st.SearchStrategy[str]:
    """What the forms keep: no control characters, nothing around it."""
    signs = st.sampled_from([*SIGNS, *(["\n"] if breaks else [])])
    texts = st.lists(signs, min_size=int(needed), max_size=8).map(lambda parts: "".join(parts)[:size].strip())
    return texts.filter(bool) if needed else texts


def decimals(low: int, high: int, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(low, high, places=places, allow_nan=False).map(lambda value: value or Decimal(0))


LINES = st.fixed_dictionaries(
    {
        "line_description": text(500, needed=True),
        "line_item_number": text(40),
        "line_quantity": decimals(0, 10_000, 4),
        "line_unit": text(20),
        "line_unit_price": decimals(0, 10_000, 4),
        "line_discount_percent": decimals(0, 100, 2),
        "line_tax_category": st.sampled_from(["S", "Z", "E", "AE"]),
        "line_tax_rate": decimals(0, 100, 2),
        "line_exemption_reason": text(100),
    }
)  # fmt: skip
INVOICES = st.fixed_dictionaries(
    {
        "status": st.sampled_from(["draft", "sent", "paid"]),
        "client_name": text(200, needed=True),
        "reference": text(100),
        "purchase_order": text(100),
        "issue_date": st.dates(date(1990, 1, 1), date(2198, 12, 31)),
        "delivery_date": st.none() | st.dates(date(1990, 1, 1), date(2199, 12, 31)),
        "currency": st.sampled_from(["GBP", "EUR", "JPY", "KWD"]),
        "discount_percent": decimals(0, 100, 2),
        "notes": text(2000, breaks=True),
        "internal_notes": text(2000, breaks=True),
        "archived": st.booleans(),
        "lines": st.lists(LINES, max_size=4),
        "terms": st.integers(0, 90),
    }
)  # fmt: skip


SUMS = ("subtotal", "discount_amount", "net_total", "tax_total", "total")

SAME = (
    "number", "currency", "issue_date", "due_date", "delivery_date", "reference", "purchase_order", "notes",
    "internal_notes", "discount_percent", "archived",
)  # fmt: skip


def exported(invoices: Sequence[dict[str, Any]]) -> bytes:
    """The invoices in the columns of our export, as it writes values."""
    rows = [row for place, invoice in enumerate(invoices) for row in rows_of(invoice, place)]
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([HEADER, *([cell(value) for value in row] for row in rows)])
    return (BYTE_ORDER_MARK + buffer.getvalue()).encode()


def totals_of(invoice: dict[str, Any]) -> rules.Totals:
    lines = [
        rules.Line(
            item["line_quantity"],
            item["line_unit_price"],
            rate_of(item),
            item["line_tax_category"],
            item["line_discount_percent"],
        )
        for item in invoice["lines"]
    ]
    return rules.compute(lines, invoice["currency"], invoice["discount_percent"])


def rate_of(item: dict[str, Any]) -> Decimal:
    return item["line_tax_rate"] if item["line_tax_category"] == "S" else Decimal(0)


def is_draft(invoice: dict[str, Any]) -> bool:
    return invoice["status"] == "draft" or not invoice["lines"]


def rows_of(invoice: dict[str, Any], place: int) -> list[list[Any]]:
    totals, digits = totals_of(invoice), minor_units(invoice["currency"])
    sums = {name: round(getattr(totals, name), digits) for name in SUMS}
    is_paid = invoice["status"] == "paid" and not is_draft(invoice)
    whole = {
        **{name: value for name, value in invoice.items() if name in HEADER},
        **sums,
        "invoice_id": str(uuid.UUID(int=place)),
        "number": None if is_draft(invoice) else f"-{place}",
        "status": "draft" if is_draft(invoice) else invoice["status"],
        "type_code": 380,
        "client_id": str(uuid.UUID(int=1000 + place)),
        "due_date": invoice["issue_date"] + timedelta(invoice["terms"]),
        "paid_total": sums["total"] if is_paid else Decimal(0),
        "paid_on": invoice["issue_date"] + timedelta(1) if is_paid else None,
    }
    if not invoice["lines"]:
        return [[whole.get(name) for name in HEADER]]
    rows = []
    for place_of_line, (item, net) in enumerate(zip(invoice["lines"], totals.line_nets, strict=True), 1):
        values = {**whole, **item, "line_tax_rate": rate_of(item), "line_position": place_of_line, "line_net": net}
        rows.append([values.get(name) for name in HEADER])
    return rows


def assert_same(planned: PlannedInvoice, invoice: dict[str, Any], place: int) -> None:
    whole = dict(zip(HEADER, rows_of(invoice, place)[0], strict=True))
    for name in SAME:
        assert getattr(planned, name) == whole[name], name
    assert (planned.client.name, planned.client.source_id) == (whole["client_name"], whole["client_id"])
    assert planned.source == (whole["number"] or whole["invoice_id"])
    assert planned.totals == totals_of(invoice)
    assert planned.paid == whole["paid_total"]
    assert whole["paid_on"] in {None, planned.paid_on}
    for found, item in zip(planned.lines, invoice["lines"], strict=True):
        values = {**item, "line_tax_rate": rate_of(item)}
        assert {name: getattr(found, name.removeprefix("line_")) for name in values} == values


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(INVOICES, min_size=1, max_size=3))
def test_any_invoice_comes_back_as_it_was_exported(invoices: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "invoices.csv"
        path.write_bytes(exported(invoices))
        plan = plan_of(path)
    assert plan.choices.status is Arrival.AS_TOLD
    assert plan.wrong() == []
    assert len(plan.invoices) == len(invoices)
    for place, (planned, invoice) in enumerate(zip(plan.invoices, invoices, strict=True)):
        assert_same(planned, invoice, place)


def download(person: Person, url: str, folder: Path) -> Path:
    path = folder / "export.csv"
    path.write_bytes(person.browser.open(url).get_data())
    return path


def test_the_list_of_invoices_comes_back(owner: Person, tmp_path: Path) -> None:
    client_id = make_client(owner, "=Söhne & Partner")
    lines = [line("One, with a comma", "2.5", 420, 20, discount_percent=10), line('Two, "quoted"', -1, "9.999", 0)]
    made = [
        make_invoice(owner, lines, client_id, reference="+1", notes="Two\nlines", discount_percent=Decimal(5)),
        make_invoice(owner, [], client_id),
        make_issued(owner, lines),
        make_issued(owner),
    ]
    number = issue(owner, made[0])
    pay(owner, made[2], 100)
    pay(owner, made[3], 120)
    plan = plan_of(download(owner, "/invoices.csv", tmp_path))
    assert plan.wrong() == []
    found = {planned.source: planned for planned in plan.invoices}
    assert len(found) == 4
    for invoice_id in made:
        document = read(owner, invoice_id)
        planned = found[document.number or str(invoice_id)]
        for name in SUMS:
            assert getattr(planned.totals, name) == getattr(document, name)
        assert (planned.number, planned.paid) == (document.number, document.paid_total)
        assert (planned.issue_date, planned.due_date) == (document.issue_date, document.due_date)
        for item, kept in zip(planned.lines, document.lines, strict=True):
            for name in ("description", "quantity", "unit_price", "tax_category", "tax_rate", "line_net"):
                assert getattr(item, name) == getattr(kept, name)
    assert found[number].client.name == "=Söhne & Partner"
    assert found[number].notes == "Two\nlines"
    assert found[str(made[1])].lines == ()


def test_the_list_of_clients_comes_back(owner: Person, tmp_path: Path) -> None:
    values = {
        "email": "ann@example.com", "phone": "+44 20 7946 0000", "address_line1": "1 High St", "city": "Leeds",
        "postal_code": "LS1 1AA", "country": "GB", "tax_id": "GB123456789", "currency": "EUR",
        "payment_terms_days": 14, "notes": "-5 %\nfor cash",
    }  # fmt: skip
    ids = [make_client(owner, "@Ann, Ltd", **values), make_client(owner, "Bare")]
    plan = plan_of(download(owner, "/clients.csv", tmp_path))
    assert plan.wrong() == []
    assert {client.source_id: (client.name, client.details) for client in plan.clients} == {
        str(ids[0]): ("@Ann, Ltd", values),
        str(ids[1]): ("Bare", {}),
    }
    assert set(values) <= set(export_routes.COLUMNS)


def test_a_credit_note_of_our_own_does_not_come_in_and_says_so(owner: Person, tmp_path: Path) -> None:
    invoice_id = make_issued(owner)
    with owner.acting():
        value_of(correction_actions.correct_invoice(invoice_id, today(), "Wrong address", with_draft=False))
    plan = plan_of(download(owner, "/invoices.csv", tmp_path))
    [invoice], [(_line, column, sentence)] = plan.invoices, plan.wrong()
    assert (invoice.number, invoice.paid) == (read(owner, invoice_id).number, 120)
    assert column == "type_code"
    assert sentence.startswith("This is a credit note, and those do not come in by themselves.")
