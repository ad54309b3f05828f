"""Invoices by the thousand are like those that people write: sums, numbers, figures, words to find, an intact chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from flask import Flask

from invoices_app import create_app
from invoices_app.dashboard.bulk import shares
from invoices_app.dashboard.demo import demo_password
from invoices_app.db.tenancy import Scope, set_scope
from invoices_app.extensions import db
from invoices_app.invoices import rules, series
from tests.support.browser import Browser
from tests.support.databases import Database, ServerUrls

INVOICES = 700
BUSINESSES = 3


@pytest.fixture(scope="module")
def seeded(server: ServerUrls, worker: str) -> Iterator[tuple[Flask, Database]]:
    """A database that the command has filled, and an app on it that knows the owner's login."""
    database = server.make_database(f"bulk_{worker}")
    app = create_app(replace(database.settings, owner_database_url=database.owner_url))
    said = app.test_cli_runner().invoke(args=["seed", f"--invoices={INVOICES}", f"--businesses={BUSINESSES}"])
    assert said.exit_code == 0, said.output
    assert "bulk-1@example.com has 70 invoices" in said.output
    yield app, database
    with app.app_context():
        db.engine.dispose()
    server.drop_database(database)


def test_a_tenth_goes_to_the_first() -> None:
    assert [share.invoices for share in shares(1_000_000, 200)][:2] == [100_000, 4523]
    assert sum(share.invoices for share in shares(1_000_003, 200)) == 1_000_003
    assert [(share.email, share.invoices) for share in shares(5, 1, 7)] == [("bulk-7@example.com", 5)]


def test_every_total_is_the_calculators(seeded: tuple[Flask, Database]) -> None:
    _, database = seeded
    lines: dict[str, list[rules.Line]] = {}
    for invoice_id, quantity, price, rate, category in database.ask(
        "SELECT invoice_id::text, quantity, unit_price, tax_rate, tax_category FROM line_items ORDER BY position"
    ):
        lines.setdefault(invoice_id, []).append(rules.Line(quantity, price, rate, category))
    stored = database.ask("SELECT i.id::text, i.subtotal, i.tax_total, i.total, t.taxable, t.tax FROM invoices i"
                          " JOIN invoice_taxes t ON t.invoice_id = i.id")  # fmt: skip
    assert len(stored) == len(lines) == INVOICES
    for invoice_id, *figures in stored:
        right = rules.compute(lines[invoice_id], "EUR")
        (group,) = right.taxes
        assert figures == [right.subtotal, right.tax_total, right.total, group.taxable, group.tax]
    assert {len(of_one) for of_one in lines.values()} == {3, 4, 5}


def test_the_databases_own_checks_agree(seeded: tuple[Flask, Database]) -> None:
    """Those that were off while the rows came: an update that changes nothing lets them look at every invoice."""
    app, database = seeded
    for (business_id,) in database.ask("SELECT id FROM businesses"):
        with database.as_owner(business_id) as owner:
            owner.execute("UPDATE invoices SET internal_notes = 'looked at'")
            assert owner.execute("SELECT * FROM figures_drift()").fetchall() == []
            due = (
                "SELECT count(*) FROM payments p JOIN invoices i ON i.id = p.invoice_id WHERE p.amount <> i.paid_total"
            )
            assert owner.execute(due).fetchone() == (0,)
    assert app.test_cli_runner().invoke(args=["audit", "verify"]).exit_code == 0
    assert database.value("SELECT count(*) FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity") == 0
    assert database.value("SELECT count(*) FROM pg_trigger WHERE tgenabled <> 'O'") == 0


def test_numbers_have_no_gap_and_go_on(seeded: tuple[Flask, Database]) -> None:
    app, database = seeded
    for business_id, issued in database.ask(
        "SELECT business_id, count(*) FROM invoices WHERE status <> 'draft' GROUP BY 1"
    ):
        with app.app_context():
            set_scope(db.session, Scope(business_id=business_id))
            (report,) = series.reports(date.today())  # noqa: DTZ011  (the years of the numbers are what counts)
            assert report.missing == 0
            assert sum(count.documents for count in report.counts) == issued
        highest = "SELECT max(seq) FROM invoices WHERE business_id = %s AND period = %s"
        for period, next_seq in database.ask(
            "SELECT period, next_seq FROM number_counters WHERE business_id = %s", business_id
        ):
            assert database.value(highest, business_id, period) == next_seq - 1


def test_people_find_them(seeded: tuple[Flask, Database]) -> None:
    app, database = seeded
    with app.app_context():
        password = demo_password()
    visitor = Browser(app, use_cookies=True)
    visitor.get("/login")
    visitor.post("/login", {"email": "bulk-1@example.com", "password": password})
    number, client = database.ask(
        "SELECT number, client_name FROM invoices i JOIN businesses b ON b.id = i.business_id"
        " WHERE b.name = 'Bulk 1 Ltd' AND status = 'sent' LIMIT 1"
    )[0]
    assert number in visitor.get(f"/invoices?q={number}").words()
    assert client in visitor.get(f"/invoices?q={number.removeprefix('INV-')}").words()
    assert client in visitor.get(f"/clients?q={client.split()[-1]}").words()


def test_a_second_seeding_comes_beside_the_first(seeded: tuple[Flask, Database]) -> None:
    app, database = seeded
    said = app.test_cli_runner().invoke(args=["seed", "--invoices=30"])
    assert "bulk-4@example.com has 30 invoices" in said.output
    assert database.value("SELECT count(*) FROM invoices") == INVOICES + 30


def test_it_needs_the_owners_login(app: Flask) -> None:
    said = app.test_cli_runner().invoke(args=["seed", "--invoices=30"])
    assert said.exit_code == 1
    assert "needs the owner's login" in said.output
