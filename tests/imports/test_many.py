"""Columns of values that the database takes apart: every value comes out as it went in."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import DataError

from invoices_app.clients.models import Client
from invoices_app.db import many
from invoices_app.db.base import new_id
from invoices_app.extensions import db
from invoices_app.invoices.models import Invoice, InvoiceStatus, LineItem
from invoices_app.texts import CONTROL_CHARACTERS
from tests.support.people import Person

TEXTS = st.text(max_size=40).filter(lambda text: not CONTROL_CHARACTERS.search(text))


def back(person: Person, model: Any, columns: dict[str, list[Any]]) -> list[tuple[Any, ...]]:
    """The rows that the database makes of these columns."""
    with person.acting():
        rows = many.given(model, tuple(columns))
        found = db.session.execute(select(*(rows.c[name] for name in columns)), many.packed(columns))
        return [tuple(row) for row in found]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_texts(owner: Person, texts: list[str]) -> None:
    assert back(owner, Client, {"notes": texts}) == [(text,) for text in texts]


def test_all_kinds_of_values(owner: Person) -> None:
    moment = datetime(2026, 11, 27, 10, 15, 0, 123456, tzinfo=UTC)
    columns: dict[str, list[Any]] = {
        "id": [new_id(), new_id()],
        "status": [InvoiceStatus.DRAFT, InvoiceStatus.PAID],
        "seq": [None, 7],
        "issue_date": [date(2024, 2, 29), date(1990, 1, 1)],
        "paid_on": [None, None],
        "total": [Decimal("-1E+2"), Decimal("0.005")],
        "due_by_hand": [True, False],
        "archived_at": [moment, None],
        "buyer": ['{"name": "\\"Ann\\" {x}, \\\\ NULL"}', None],
        "notes": ["", "NULL"],
    }
    rows = back(owner, Invoice, columns)
    columns["buyer"] = [{"name": '"Ann" {x}, \\ NULL'}, None]
    assert rows == list(zip(*columns.values(), strict=True))


def test_nothing_at_all(owner: Person) -> None:
    assert back(owner, Client, {"id": [], "name": []}) == []


@pytest.mark.parametrize("text", ["\x1f", "a\x1fb", "\x1e", "a\x1e"])
def test_what_stands_between_is_no_value(text: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        many.packed({"notes": ["a", text]})


def test_columns_are_of_one_length() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        many.packed({"notes": ["a"], "name": []})


def test_nothing_is_cut_silently(owner: Person) -> None:
    """A text that is too long, a number that is too large."""
    for model, columns in (
        (Client, {"id": [new_id()], "name": ["x" * 201]}),
        (LineItem, {"id": [new_id()], "quantity": [Decimal(10) ** 11]}),
    ):
        with owner.acting(), pytest.raises(DataError):
            many.insert_many(db.session, model, columns, {"business_id": uuid.uuid4()})
