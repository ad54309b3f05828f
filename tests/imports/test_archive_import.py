"""An archive comes back: the same business exports the same bytes; whatever else is refused in one sentence."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from invoices_app.accounts import chain
from invoices_app.accounts.models import Role
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.imports import archive_import
from invoices_app.imports.archive_import import ArchiveRefusedError, open_archive, why_not
from invoices_app.imports.archive_reading import Summary
from invoices_app.invoices import correction_actions, series_actions, status_actions
from invoices_app.invoices.series_actions import SeriesValues
from tests.support.archives import export, import_archive
from tests.support.databases import Database
from tests.support.factories import (
    archive,
    issue,
    line,
    make_client,
    make_invoice,
    make_issued,
    make_logo,
    pay,
    read,
    today,
    value_of,
)
from tests.support.furnish import furnish
from tests.support.people import Person, make_owner, make_teammate
from tests.support.planned import invoice, write


def correct(person: Person, invoice_id: uuid.UUID, *, with_draft: bool = True) -> None:
    with person.acting():
        value_of(correction_actions.correct_invoice(invoice_id, today(), "Wrong", with_draft=with_draft))


def reopen(person: Person, invoice_id: uuid.UUID) -> None:
    with person.acting():
        value_of(status_actions.reopen_invoice(invoice_id))


def rich(person: Person) -> None:
    """Something of everything that real actions make, and that an archive holds."""
    furnish(person, "rich")
    client_id = make_client(person, "=Formula()", email="a@example.com", country="DE", notes="two\nlines")
    make_invoice(person, [line("'quoted"), line('Ünïcode, "and" more')], client_id=client_id, currency="JPY")
    make_issued(person, [line(unit_price="0.001", quantity="1.5")], currency="KWD")
    make_issued(person, [line(quantity=-1), line(unit_price=5, tax_rate="7.5", discount_percent="2.5")])
    make_issued(person, [line(unit_price=0)])
    for paid, with_draft in ((None, True), (20, True), (0, False)):
        invoice_id = make_issued(person, [line(), line("Second", tax_rate=0)], discount_percent=Decimal("1.5"))
        if paid != 0:
            pay(person, invoice_id, paid)
        correct(person, invoice_id, with_draft=with_draft)
    reopened = make_issued(person)
    pay(person, reopened, 30)
    reopen(person, reopened)
    pay(person, reopened)
    make_logo(person, "red")
    make_issued(person)
    archive(person, make_issued(person))
    planned = [invoice("OLD/1", paid="all"), invoice(None, source="old draft"), invoice("INV-2020-0001", paid=3)]
    write(person, planned)


def test_a_furnished_business_comes_back_to_the_byte(
    owner: Person, empty: Person, tmp_path: Path, database: Database
) -> None:
    rich(owner)
    data = export(owner)
    written = import_archive(empty, data, tmp_path / "a.zip")
    assert export(empty) == data
    counted = "SELECT count(*), count(*) FILTER (WHERE status = 'draft'), count(*) FILTER (WHERE series = 'imported')"
    [counts] = database.ask(f"{counted} FROM invoices WHERE business_id = %s", owner.business_id)
    assert (written.invoices, written.drafts, written.own_numbers) == counts
    with empty.acting():
        assert list(db.session.execute(text("SELECT * FROM figures_drift()"))) == []
    with database.owner_transaction() as connection:
        engine = connection.engine
    with engine.connect() as unbound:
        assert chain.verify(unbound, empty.business_id).problem is None


def test_and_once_more(owner: Person, empty: Person, app: Flask, tmp_path: Path) -> None:
    pay(owner, make_issued(owner))
    import_archive(empty, export(owner), tmp_path / "a.zip")
    third = make_owner(app, "Tess Third", "Third Ltd")
    import_archive(third, export(empty), tmp_path / "b.zip")
    assert export(third) == export(owner)


def test_an_empty_business_comes_back_too(owner: Person, empty: Person, tmp_path: Path) -> None:
    import_archive(empty, export(owner), tmp_path / "a.zip")
    assert export(empty) == export(owner)


ACTIONS: tuple[Callable[[Person, list[uuid.UUID], random.Random], None], ...] = (
    lambda person, made, dice: made.append(make_issued(person, [line(unit_price=dice.randrange(99999))])),
    lambda person, made, dice: made.append(
        make_issued(person, [line(f"{one}", dice.randrange(-3, 9), dice.random(), 20) for one in range(3)])
    ),
    lambda person, _made, dice: (make_invoice(person, [line()] * dice.randrange(4)), None)[1],
    lambda person, made, _dice: pay(person, made[-1], Decimal("0.01")) if _is_due(person, made) else None,
    lambda person, made, _dice: pay(person, made[-1]) if _is_due(person, made) else None,
    lambda person, made, _dice: correct(person, made.pop()) if made else None,
    lambda person, made, dice: archive(person, made.pop(dice.randrange(len(made)))) if made else None,
)


def _is_due(person: Person, made: list[uuid.UUID]) -> bool:
    return bool(made) and read(person, made[-1]).amount_due > 0


@pytest.mark.parametrize("seed", range(3))
def test_whatever_was_done_comes_back(owner: Person, empty: Person, tmp_path: Path, seed: int) -> None:
    dice, made = random.Random(seed), list[uuid.UUID]()
    for _ in range(25):
        dice.choice(ACTIONS)(owner, made, dice)
    import_archive(empty, export(owner), tmp_path / "a.zip")
    assert export(empty) == export(owner)


def test_portions_do_not_matter(owner: Person, empty: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither few invoices nor few lines in each: a credit note comes long after its invoice, its parts in between."""
    monkeypatch.setattr("invoices_app.imports.archive_import.INVOICES_AT_ONCE", 2)
    monkeypatch.setattr("invoices_app.imports.archive_import.LINES_AT_ONCE", 3)
    first = make_issued(owner, [line(str(number)) for number in range(5)])
    for _ in range(4):
        pay(owner, make_issued(owner, [line("a"), line("b")]), 5)
    correct(owner, first)
    import_archive(empty, export(owner), tmp_path / "a.zip")
    assert export(empty) == export(owner)


def test_life_goes_on(owner: Person, empty: Person, tmp_path: Path) -> None:
    """Numbers, series, payments and corrections go on where they were; people stay as they are."""
    number = issue(owner, make_invoice(owner))
    sent = make_issued(owner)
    with owner.acting():
        values = SeriesValues("X-{seq}", yearly=False, is_default=True, next_seq=7)
        value_of(series_actions.add_series("X", values, today()))
    make_teammate(empty, "Bo Keeper", Role.BOOKKEEPER)
    import_archive(empty, export(owner), tmp_path / "a.zip")
    assert issue(empty, make_invoice(empty)) == "X-7"
    page = empty.browser.get("/invoices").text
    assert number in page
    assert str(read(owner, sent).number) in page
    assert "Owner &amp; Sons Ltd" in page
    assert "Bo Keeper" in empty.browser.get("/settings/team").text


def test_its_history_says_where_it_came_from(owner: Person, empty: Person, tmp_path: Path, database: Database) -> None:
    make_issued(owner)
    import_archive(empty, export(owner), tmp_path / "a.zip")
    [(invoice_id,)] = database.ask("SELECT id FROM invoices WHERE business_id = %s", empty.business_id)
    words = empty.browser.get(f"/invoices/{invoice_id}/history").words()
    assert "Eve Empty imported an archive of all data" in words


def test_what_is_in_it_is_told_before(owner: Person, tmp_path: Path) -> None:
    make_logo(owner)
    pay(owner, make_issued(owner, [line(), line()]))
    make_client(owner)
    path = tmp_path / "a.zip"
    path.write_bytes(export(owner))
    with open_archive(path) as found:
        assert found.summary == Summary("Owner & Sons Ltd", today(), today(), 2, 1, 2, 1, 1)


@pytest.mark.parametrize("fill", [make_client, make_invoice, make_issued, lambda person: write(person, [])])
def test_only_an_empty_business_takes_one(
    owner: Person, empty: Person, tmp_path: Path, database: Database, fill: Callable[[Person], Any]
) -> None:
    make_issued(owner)
    fill(empty)
    before = export(empty)
    with empty.acting():
        assert why_not(db.session) is not None
        db.session.rollback()
    with pytest.raises(ArchiveRefusedError, match="without clients, invoices and number series"):
        import_archive(empty, export(owner), tmp_path / "a.zip")
    assert export(empty) == before


def test_whoever_stops_it_has_imported_nothing(owner: Person, empty: Person, tmp_path: Path) -> None:
    make_issued(owner)
    (tmp_path / "a.zip").write_bytes(export(owner))
    before = export(empty)

    def stop(count: int) -> None:
        raise TimeoutError(f"enough after {count}")

    def stopped() -> None:
        with open_archive(tmp_path / "a.zip") as found, empty.acting(), transaction() as session:
            archive_import.write(session, found, import_id=uuid.uuid4(), file_name="a.zip", told=stop)

    with pytest.raises(TimeoutError, match="enough after 1"):
        stopped()
    assert export(empty) == before


def test_days_to_come(owner: Person, empty: Person, tmp_path: Path) -> None:
    make_issued(owner, issue_date=today() + timedelta(days=20))
    import_archive(empty, export(owner), tmp_path / "a.zip")
    assert export(empty) == export(owner)
