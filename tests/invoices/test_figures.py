"""Figures that the database keeps: whatever is done, and whoever does it at once, they are what counting anew gives."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from psycopg.errors import InsufficientPrivilege

from invoices_app.clients import actions as client_actions
from invoices_app.clients import queries as client_queries
from invoices_app.invoices import actions, correction_actions, line_actions, queries, selection_actions, status_actions
from invoices_app.invoices.document import Document, document
from invoices_app.invoices.figures import STATUSES, Figures, figures
from invoices_app.invoices.queries import InvoiceFilters
from invoices_app.results import Ok
from tests.support import crowd
from tests.support.databases import Database
from tests.support.factories import (
    ORIGIN,
    archive,
    issue,
    line,
    make_client,
    make_invoice,
    make_issued,
    pay,
    today,
)
from tests.support.people import Person

ACTIONS_ALONE = 700
ACTIONS_AT_ONCE = 480
UNSETTLED_ROWS = 200
SOME_CLIENTS = 5
OFTEN = [
    "do_issue_several",
    "do_restore",
    "do_restore_several",
    "do_issue",
    "do_issue",
    "do_pay",
    "do_pay_in_part",
    "do_reopen",
]
"""What is refused most of the time."""


@dataclass
class Life:
    """Somebody who does things with the invoices of a business at random. Call it within `acting()`."""

    random: random.Random
    clients: list[uuid.UUID]
    invoices: list[uuid.UUID] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    day: date = field(default_factory=lambda: today() - timedelta(days=400))
    """Goes on slowly, since an invoice cannot be issued before the last one."""

    def step(self) -> None:
        """Do one thing; it may be refused, but never fail."""
        names = [name for name in dir(self) if name.startswith("do_")] + OFTEN
        self.day += timedelta(days=self.random.choice([0, 0, 1]))
        name = "do_create" if len(self.invoices) < 3 else self.random.choice(names)
        result = getattr(self, name)()
        if isinstance(result, Ok):
            self.done.append(name)

    def _lines(self) -> list[dict[str, Any]]:
        price = partial(self.random.choice, ["0", "1.23", "100", "99999.99"])
        return [line("Work", self.random.choice([-1, 1, 3]), price()) for _ in range(self.random.randint(0, 3))]

    def _invoice(self) -> uuid.UUID:
        """Mostly one of the latest, so that one and the same goes through many things."""
        return self.random.choice(self.invoices[-4:] if self.random.random() < 0.8 else self.invoices)

    def _document(self) -> Document:
        found = document(self._invoice(), today())
        assert found is not None
        return found

    def do_create(self) -> Any:
        header: dict[str, Any] = {"client_id": self.random.choice(self.clients), "issue_date": self.day}
        header |= {"due_date": self.day + timedelta(days=self.random.choice([0, 14, 60, 500]))}
        header |= {"currency": self.random.choice(["GBP", "EUR", "JPY", None])}
        return self._made(actions.create_invoice(header, self._lines(), today()))

    def do_duplicate(self) -> Any:
        return self._made(actions.duplicate_invoice(self._invoice(), self.day))

    def _made(self, result: Any) -> Any:
        if isinstance(result, Ok):
            self.invoices.append(result.value)
        return result

    def do_change_header(self) -> Any:
        shown = self._document()
        values = {"client_id": self.random.choice(self.clients), "currency": self.random.choice(["GBP", "USD"])}
        values |= {"issue_date": self.day, "due_date": self.day + timedelta(days=self.random.randint(0, 500))}
        values |= {"discount_percent": Decimal(self.random.choice([0, 10, 100])), "reference": "Changed", "notes": ""}
        return actions.update_invoice(shown.id, values, shown.version, ORIGIN)

    def do_add_line(self) -> Any:
        return line_actions.add_lines(self._invoice(), [line("More", 1, self.random.randint(0, 500))], ORIGIN)

    def do_change_line(self) -> Any:
        shown = self._document()
        if shown.lines:
            chosen = self.random.choice(shown.lines)
            return line_actions.change_line(shown.id, chosen.id, {"unit_price": Decimal(7)}, chosen.version, ORIGIN)
        return None

    def do_delete_line(self) -> Any:
        shown = self._document()
        return line_actions.delete_line(shown.id, shown.lines[0].id, ORIGIN) if shown.lines else None

    def do_correct(self) -> Any:
        """Credit one, mostly with a draft that goes on; the credit note is there to be refunded, too."""
        chosen, with_draft = self._invoice(), self.random.random() < 0.7
        result = correction_actions.correct_invoice(chosen, self.day, with_draft=with_draft)
        if isinstance(result, Ok):
            made = (result.value.credit_note_id, result.value.draft_id)
            self.invoices += [key for key in made if key is not None]
        return result

    def do_issue(self) -> Any:
        return status_actions.issue_invoice(self._invoice(), today())

    def do_issue_several(self) -> Any:
        return selection_actions.issue_invoices(self.random.choices(self.invoices, k=3), today())

    def do_pay_in_part(self) -> Any:
        paid_on = today() - timedelta(days=self.random.randint(0, 500))
        return status_actions.pay_invoice(self._invoice(), paid_on, Decimal(self.random.choice([1, -1])), "cash")

    def do_pay(self) -> Any:
        return status_actions.pay_invoice(self._invoice(), today(), None, "card")

    def do_reopen(self) -> Any:
        return status_actions.reopen_invoice(self._invoice())

    def do_archive(self) -> Any:
        return actions.archive_invoice(self._invoice())

    def do_archive_several(self) -> Any:
        return selection_actions.archive_invoices(self.random.choices(self.invoices, k=4))

    def do_restore(self) -> Any:
        return actions.restore_invoice(self._invoice())

    def do_restore_several(self) -> Any:
        return selection_actions.restore_invoices(self.random.choices(self.invoices, k=8))

    def do_archive_client(self) -> Any:
        return client_actions.archive_client(self.clients[0])

    def do_restore_client(self) -> Any:
        return client_actions.restore_client(self.clients[0])

    def do_rename_client(self) -> Any:
        client = client_queries.client(self.random.choice(self.clients))
        assert client is not None
        return client_actions.update_client(client.id, {"name": f"Name {self.random.random()}"}, client.version)


def live(person: Person, seed: int) -> Life:
    return Life(random.Random(seed), [make_client(person, f"Client {number}") for number in range(SOME_CLIENTS)])


def drift(database: Database, person: Person) -> list[Any]:
    """What the kept figures of a business differ in from the counted ones."""
    with database.as_app(person.business_id) as connection:
        return connection.execute("SELECT * FROM figures_drift()").fetchall()


def kept(database: Database, person: Person) -> list[tuple[Any, ...]]:
    return database.ask("SELECT * FROM business_figures WHERE business_id = %s ORDER BY id", person.business_id)


def unsettled(database: Database, person: Person) -> int:
    query = "SELECT count(*) FROM business_figures WHERE business_id = %s AND NOT settled"
    return int(database.value(query, person.business_id))


def test_nothing_drifts_over_hundreds_of_actions(owner: Person, database: Database) -> None:
    life = live(owner, 1)
    with owner.acting():
        for _ in range(ACTIONS_ALONE):
            life.step()
    assert {name for name in dir(life) if name.startswith("do_")} == set(life.done)
    assert drift(database, owner) == []
    assert unsettled(database, owner) <= UNSETTLED_ROWS
    check_money(database, owner)
    check_lists(owner)


def test_nothing_drifts_when_eight_work_at_once(
    owner: Person, database: Database, at_once: Callable[..., list[Any]]
) -> None:
    shared = live(owner, 0)
    with owner.acting():
        while len(shared.invoices) < 20:
            shared.do_create()
    lives = [Life(random.Random(seed), shared.clients, list(shared.invoices)) for seed in range(ACTIONS_AT_ONCE)]
    at_once([life.step for life in lives])
    assert sum(len(life.done) for life in lives) > ACTIONS_AT_ONCE / 4
    assert drift(database, owner) == []
    assert any(row[-1] for row in kept(database, owner)), "nothing was settled meanwhile"
    check_money(database, owner)
    check_lists(owner)


def test_settling_at_once_loses_nothing(owner: Person, database: Database, at_once: Callable[..., list[Any]]) -> None:
    """All find too many rows at the same time, while all still write."""
    make_issued(owner)
    more_than_enough = UNSETTLED_ROWS * 2
    with database.as_superuser() as superuser:
        row = "INSERT INTO business_figures (business_id, figure, archived, currency, tally, amount)"
        two = f"{row} SELECT %s, 'draft', false, 'GBP', tally, tally FROM (VALUES (1), (-1)) each (tally)"
        superuser.execute(f"{two}, generate_series(1, %s)".encode(), [owner.business_id, more_than_enough // 2])
    client_id = make_client(owner)
    header = {"client_id": client_id}
    at_once([lambda: actions.create_invoice(header, [line()], today())] * 40)
    assert drift(database, owner) == []
    assert unsettled(database, owner) <= UNSETTLED_ROWS
    with owner.acting():
        assert figures(today()).live["draft"] == 40


def test_nothing_drifts_when_the_owner_writes_in_bulk(owner: Person, database: Database) -> None:
    crowd.fill(database, owner.business_id, 500)
    assert drift(database, owner) == []
    check_money(database, owner)
    check_lists(owner)
    with database.as_owner(owner.business_id) as connection:
        connection.execute("SET LOCAL app.maintenance = 'on'")
        for statement in (
            "UPDATE invoices SET archived_at = now() WHERE archived_at IS NULL AND client_name LIKE '%1%'",
            "UPDATE invoices SET archived_at = NULL WHERE archived_at IS NOT NULL AND status = 'paid'",
            "UPDATE invoices SET issue_date = issue_date - 365",
            "UPDATE invoices SET client_id = (SELECT id FROM clients LIMIT 1) WHERE status = 'draft'",
            "UPDATE payments SET paid_on = paid_on - 40",
            "UPDATE clients SET archived_at = NULL",
            "DELETE FROM payments WHERE invoice_id IN (SELECT id FROM invoices WHERE reference LIKE '%7')",
            "UPDATE invoices SET paid_total = 0, status = 'sent', paid_on = NULL WHERE reference LIKE '%7' AND seq > 0",
            "DELETE FROM line_items WHERE invoice_id IN (SELECT id FROM invoices WHERE status = 'draft')",
            "DELETE FROM invoice_taxes WHERE invoice_id IN (SELECT id FROM invoices WHERE status = 'draft')",
            "DELETE FROM invoices WHERE status = 'draft'",
        ):
            assert connection.execute(statement.encode()).rowcount, statement
    assert drift(database, owner) == []
    check_money(database, owner)
    check_lists(owner)


@pytest.mark.parametrize("table", ["business_figures", "search_documents"])
@pytest.mark.parametrize(
    "statement", ["INSERT INTO {} DEFAULT VALUES", "UPDATE {} SET business_id = NULL", "DELETE FROM {}"]
)
def test_the_app_cannot_write_what_is_kept(owner: Person, database: Database, table: str, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege), database.as_app(owner.business_id) as connection:
        connection.execute(statement.format(table).encode())


def test_what_was_rolled_back_was_never_counted(owner: Person, database: Database) -> None:
    invoice_id = make_invoice(owner)
    before = kept(database, owner)
    connection = database.as_app(owner.business_id, owner.user_id)
    connection.execute("UPDATE invoices SET archived_at = now() WHERE id = %s", [invoice_id])
    drafts = "SELECT sum(tally) FROM business_figures WHERE figure = 'draft' AND client_id IS NULL AND NOT archived"
    assert connection.execute(drafts.encode()).fetchone() == (0,)
    connection.rollback()
    connection.close()
    assert kept(database, owner) == before
    with owner.acting():
        assert not isinstance(actions.create_invoice({"client_id": uuid.uuid4()}, [line()], today()), Ok)
        too_much = line("Gold", "9999999999", "9999999999")
        assert not isinstance(line_actions.add_lines(invoice_id, [too_much], ORIGIN), Ok)
        assert not isinstance(status_actions.reopen_invoice(invoice_id), Ok)
    assert kept(database, owner) == before


def test_money_is_counted_when_it_came(owner: Person) -> None:
    """In the month of the payment, also for a part, and no more once it was taken back; archiving changes nothing."""
    invoice_id = make_issued(owner)
    month = today().replace(day=1)

    def received() -> Decimal:
        with owner.acting():
            (money,) = figures(today()).currencies
            return money.received_in(month)

    assert received() == 0
    pay(owner, invoice_id, 20)
    assert received() == 20
    archive(owner, invoice_id)
    assert received() == 20
    with owner.acting():
        actions.restore_invoice(invoice_id)
        status_actions.reopen_invoice(invoice_id)
    assert received() == 0


def test_the_tabs_say_how_many_there_are(owner: Person) -> None:
    client_id = make_client(owner)
    drafts = [make_invoice(owner, client_id=client_id) for _ in range(3)]
    issue(owner, drafts[1])
    archive(owner, drafts[2])
    make_invoice(owner)

    def tabs(url: str) -> list[str]:
        page = owner.browser.get(url)
        return [page.words(tab) for tab in page.by_id("list-tabs").iter("a")][:-1]

    assert tabs("/invoices") == ["All3", "Draft2", "Sent1", "Overdue0", "Paid0"]
    assert tabs("/invoices?archived=1") == ["All4", "Draft3", "Sent1", "Overdue0", "Paid0"]
    assert tabs(f"/invoices?client={client_id}") == ["All2", "Draft1", "Sent1", "Overdue0", "Paid0"]
    assert tabs(f"/clients/{client_id}") == ["All2", "Draft1", "Sent1", "Overdue0", "Paid0"]
    assert tabs("/invoices?q=a+client") == ["All3", "Draft2", "Sent1", "Overdue0", "Paid0"]
    assert "1 archived hidden" in owner.browser.get("/invoices?status=draft").words()


def check_lists(person: Person) -> None:
    """The counts are what the lists hold: by status, with archived ones and without, for all and for each client."""
    with person.acting():
        clients = {row.client_id for row in _listed(InvoiceFilters(archived=True))}
        for client_id in (None, *clients):
            of_client = figures(today(), client_id)
            for archived in (False, True):
                counts = of_client.shown(archived=archived)
                for status in (None, *STATUSES):
                    rows = _listed(InvoiceFilters(status, client_id, archived=archived))
                    assert counts[status or "all"] == len(rows), (client_id, status, archived)


def _listed(filters: InvoiceFilters) -> Sequence[queries.InvoiceRow]:
    return [row for batch in queries.invoice_batches(filters, today(), 1000) for row in batch]


def check_money(database: Database, person: Person) -> None:
    """The sums that pages show are those of the rows."""
    rows = database.ask(
        "SELECT currency, COALESCE(sum(amount_due) FILTER (WHERE status = 'sent'), 0),"
        " COALESCE(sum(amount_due) FILTER (WHERE status = 'sent' AND amount_due > 0 AND due_date < %s), 0),"
        " COALESCE(sum(total) FILTER (WHERE status = 'draft'), 0),"
        " COALESCE(sum(total) FILTER (WHERE status = 'paid'), 0)"
        " FROM invoices WHERE business_id = %s AND archived_at IS NULL GROUP BY 1",
        today(),
        person.business_id,
    )
    with person.acting():
        shown: Figures = figures(today())
    sums = {money.currency: (money.outstanding, money.overdue, money.drafts, money.paid) for money in shown.currencies}
    nothing = (Decimal(0),) * 4
    for currency, *expected in rows:
        assert sums.get(currency, nothing) == tuple(expected), currency
