"""How the tables that are written all the time are looked after: vacuum comes early, and updates stay in place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from invoices_app.extensions import db
from invoices_app.invoices import line_actions
from tests.support.databases import Database
from tests.support.factories import ORIGIN, issue, line, make_invoice, read, value_of
from tests.support.people import Person

# A vacuum comes after so many per cent of dead rows at most; PostgreSQL itself waits for 20.
LATEST = {
    "invoices": 1,
    "line_items": 1,
    "invoice_taxes": 1,
    "payments": 1,
    "audit_events": 1,
    "search_documents": 1,
    "business_figures": 1,
    "clients": 2,
    "user_sessions": 2,
    "draft_edits": 2,
    "audit_heads": 5,
    "number_counters": 5,
    "mail_outbox": 0,
    "submissions": 1,
}
ROOM = {"invoices": 85, "audit_heads": 70, "number_counters": 70, "user_sessions": 80}
DOCUMENTS = 12


def options(database: Database) -> dict[str, dict[str, str]]:
    found = database.ask("SELECT relname, reloptions FROM pg_class WHERE relkind = 'r' AND reloptions IS NOT NULL")
    return {table: dict(option.split("=") for option in told) for table, told in found}


def test_vacuum_comes_early(database: Database) -> None:
    told = options(database)
    assert {table: round(100 * float(told[table]["autovacuum_vacuum_scale_factor"])) for table in LATEST} == LATEST


def test_room_is_kept_where_rows_change_again_and_again(database: Database) -> None:
    found = options(database)
    assert {table: int(told["fillfactor"]) for table, told in found.items() if "fillfactor" in told} == ROOM


def in_place(database: Database, owner: Person, table: str, work: Callable[[], object]) -> tuple[int, int]:
    """How many updates of a table this work made, and how many of them touched no index."""

    def counted() -> tuple[int, int]:
        with owner.app.app_context(), db.engine.begin() as connection:
            connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        ((every, hot),) = database.ask(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = %s", table
        )
        return every, hot

    before = counted()
    work()
    after = counted()
    return after[0] - before[0], after[1] - before[1]


@pytest.mark.parametrize("table", ["number_counters", "audit_heads"])
def test_counters_are_bumped_in_place(database: Database, owner: Person, table: str) -> None:
    drafts = [make_invoice(owner) for _ in range(DOCUMENTS)]
    issue(owner, drafts.pop())  # makes the counter
    every, hot = in_place(database, owner, table, lambda: [issue(owner, draft) for draft in drafts])
    assert every == len(drafts)
    assert hot >= every - 1


def test_a_cell_is_changed_in_place(database: Database, owner: Person) -> None:
    draft = make_invoice(owner, [line()])

    def edit() -> None:
        for quantity in range(2, DOCUMENTS):
            (first,) = read(owner, draft).lines
            with owner.acting():
                value_of(line_actions.change_line(draft, first.id, {"quantity": quantity}, first.version, ORIGIN))

    every, hot = in_place(database, owner, "line_items", edit)
    assert every == DOCUMENTS - 2
    assert hot >= every - 1
