"""What files were read as, made by hand, and written as an import writes it."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import text

from invoices_app.db.transaction import transaction
from invoices_app.imports import writing
from invoices_app.imports.plan import (
    Arrival,
    Choices,
    DateOrder,
    Kind,
    Planned,
    PlannedClient,
    PlannedInvoice,
    PlannedLine,
)
from invoices_app.imports.writing import Writer, Written
from invoices_app.invoices import rules
from tests.support.factories import today
from tests.support.people import Person

CHOICES = Choices(Kind.INVOICES, {}, Decimal(20), "GBP", Arrival.SENT, DateOrder.DAY_FIRST, ".")


def client(
    name: str = "Imported Client", *, source_id: str = "", archived: bool = False, **details: Any
) -> PlannedClient:
    return PlannedClient(1, name, source_id, details, archived)


def invoice(
    number: str | None = "A-1", *prices: Any, client: PlannedClient | None = None, paid: Any = 0, **more: Any
) -> PlannedInvoice:
    """An invoice with a line for each price, 100 unless told otherwise; `paid` may be "all"."""
    values = {
        "currency": "GBP",
        "issue_date": date(2024, 3, 1),
        "due_date": date(2024, 3, 31),
        "source": number,
        **more,
    }
    facts = [rules.Line(Decimal(2), Decimal(str(price)), Decimal(20)) for price in prices or [100]]
    totals = rules.compute(facts, values["currency"], values.get("discount_percent", Decimal(0)))
    lines = tuple(
        PlannedLine(1, f"Thing {place}", one.quantity, one.unit_price, one.tax_rate, one.tax_category, net, unit="h")
        for place, (one, net) in enumerate(zip(facts, totals.line_nets, strict=True), start=1)
    )
    return PlannedInvoice(
        line=1,
        number=number,
        client=client or PlannedClient(1, "Imported Client"),
        lines=lines,
        totals=totals,
        paid=totals.total if paid == "all" else Decimal(str(paid)),
        **values,
    )


def write(person: Person, planned: Sequence[Planned], *, file_name: str = "old.csv", series: str = "") -> Written:
    """Import these into the person's business; answers what it came to."""
    with person.acting(), transaction() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        choices = CHOICES if not series else Choices(**{**_values(CHOICES), "series": series})
        writer = Writer(session, choices, import_id=uuid.uuid4(), file_name=file_name, today=today())
        for batch in writing.batches(planned):
            writer.write(batch)
        return writer.finish()


def _values(choices: Choices) -> dict[str, Any]:
    return {name: getattr(choices, name) for name in Choices.__dataclass_fields__}
