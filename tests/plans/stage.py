"""The business whose pages are asked for, beside thousands of others, and its things that the addresses name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flask import Flask

from invoices_app.dashboard.demo import demo_password
from invoices_app.db.keyset import Keys
from invoices_app.extensions import db
from invoices_app.invoices.queries import SORTS
from invoices_app.web import pagination
from tests.support.databases import Database, connect
from tests.support.people import Person

OTHERS = 2_000
"""Other businesses, each with a person, a session and what else there is one of: none of these tables is small."""

CLIENTS_EACH = 10
FIGURES_EACH = 30

EVENTS = 20_000
"""Of the business itself, a hundred on each thing."""

# As they would be after a year; triggers are off, since these rows are only in the way.
FILLERS = {
    "users (id, name, email, password_hash)": "{id}, 'Other ' || n, 'other-' || n || '@example.com', ''",
    "businesses (id, name)": "{id}, 'Other ' || n",
    "memberships (business_id, user_id, role)": "{id}, {id}, 'owner'",
    "former_members (business_id, user_id)": "{id}, {next}",
    "user_sessions (id, token_hash, user_id, business_id, expires_at)": "{id}, {hash}, {id}, {id}, {tomorrow}",
    "account_tokens (token_hash, user_id, expires_at)": "{hash}, {id}, {tomorrow}",
    "pending_logins (token_hash, user_id, password_seen, remember, expires_at)": (
        "{hash}, {id}, {hash}, false, {tomorrow}"
    ),
    "second_factors (user_id, sealed_secret, set_up_in)": "{id}, {hash} || {hash}, {id}",
    "recovery_codes (user_id, code_hash)": "{id}, {hash}",
    "invitations (business_id, id, email, role, token_hash, invited_by, expires_at)": (
        "{id}, {id}, 'guest-' || n || '@example.com', 'member', {hash}, {id}, {tomorrow}"
    ),
    "audit_heads (business_id, seq, hash)": "{id}, 1, {hash}",
    "clients (business_id, id, name)": (
        "{id}, uuidv7(), 'Client ' || m FROM generate_series(1, {clients}) m CROSS JOIN"
    ),
    "business_figures (business_id, client_id, figure, archived, currency, day, tally, amount, settled)": (
        "{id}, CASE WHEN m % 2 = 0 THEN {id} END, 'paid', false, 'EUR', DATE '2026-01-01' + m, 1, 1, true"
        " FROM generate_series(1, {figures}) m CROSS JOIN"
    ),
    "number_series (business_id, code, pattern, is_default)": "{id}, 'INV', 'INV-{{year}}-{{seq}}', true",
    "number_counters (business_id, series, period)": "{id}, 'INV', '2026'",
    "submissions (business_id, token, resource_id)": "{id}, {id}, {id}",
    "mail_outbox (id, recipient, subject, plain, html, given_up_at)": (
        "{id}, 'other@example.com', 'Hello', '', '', now()"
    ),
    "draft_edits (business_id, invoice_id, revision, page, action, touched, moved)": (
        "{id}, {id}, 1, {id}, 'line.changed', ARRAY[{id}], false"
    ),
}
_PARTS = {
    "id": "md5('other ' || n)::uuid",
    "next": "md5('other ' || n + 1)::uuid",
    "hash": "sha256(n::text::bytea)",
    "tomorrow": "now() + interval '1 day'",
    "clients": str(CLIENTS_EACH),
    "figures": str(FIGURES_EACH),
}
_MORE_EVENTS = """
    INSERT INTO audit_events (business_id, id, actor_id, action, entity_type, entity_id, changes, seq, hash)
    SELECT %(business)s, uuidv7(), %(user)s, 'invoice.updated', 'invoice', entity.id, '{"notes": ["a", "b"]}',
           1000000 + n, sha256(n::text::bytea)
    FROM generate_series(1, %(events)s) n
    JOIN (
        SELECT id, row_number() OVER (ORDER BY id DESC) AS place FROM invoices WHERE business_id = %(business)s
    ) entity ON entity.place = 1 + n % (%(events)s / 100)
"""


def fill_up(database: Database, person: Person) -> None:
    """Put other people's rows into every table that seeding leaves small, and events into this business's history."""
    with database.as_superuser() as superuser:
        superuser.execute("SET LOCAL session_replication_role = 'replica'")
        for table, values in FILLERS.items():
            of_others = "" if values.endswith("JOIN") else "FROM"
            rows = f"SELECT {values.format(**_PARTS)} {of_others} generate_series(1, {OTHERS}) n"
            superuser.execute(f"INSERT INTO {table} {rows}".encode())
        whose = {"business": person.business_id, "user": person.user_id, "events": EVENTS}
        superuser.execute(_MORE_EVENTS.replace("n % (", "n %% ("), whose)


def settle_statistics(database: Database, tables: Sequence[str] = ()) -> None:
    """What autovacuum does sooner or later, for all tables unless some are named."""
    with connect(database.superuser_url, autocommit=True) as superuser:
        superuser.execute(f"VACUUM (ANALYZE) {', '.join(tables)}".encode())


def person_of(app: Flask, database: Database, email: str) -> Person:
    """Who has this email."""
    ((user, name, business),) = database.ask(
        "SELECT u.id, u.name, m.business_id FROM users u JOIN memberships m ON m.user_id = u.id WHERE u.email = %s",
        email,
    )
    return Person(app, name, email, user, business)


@dataclass
class Stage:
    """A database with an app, and the person whose pages are asked for."""

    app: Flask
    database: Database
    person: Person

    @cached_property
    def password(self) -> str:
        """The one of everybody who was seeded."""
        with self.app.app_context():
            return demo_password()

    @cached_property
    def things(self) -> dict[str, str]:
        """What addresses name: ids, a number and a client's name that can be searched for, cursors."""
        ids = {
            "draft": self._invoice("status = 'draft'"),
            "issued": self._invoice("status = 'sent'"),
            "paid": self._invoice("status = 'paid'"),
            "client": self._one(
                "SELECT client_id FROM invoices WHERE business_id = %s GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1"
            ),
        }
        number = self._one("SELECT number FROM invoices WHERE business_id = %s AND number IS NOT NULL LIMIT 1")
        name = self._one("SELECT name FROM clients WHERE business_id = %s ORDER BY id LIMIT 1")
        return {**ids, "number": number, "name": name.replace(" ", "+"), "user": str(self.person.user_id)}

    @cached_property
    def size(self) -> int:
        return int(self.database.value("SELECT count(*) FROM invoices WHERE business_id = %s", self.person.business_id))

    def in_the_middle(self, sort: str) -> str:
        """The cursor of the row in the middle of all invoices in this order."""
        column = SORTS[sort.removeprefix("-")].key
        return self._cursor(f"invoices:{sort}", "invoices", column, self.size // 2)

    @cached_property
    def client_cursor(self) -> str:
        """The cursor of the client in the middle."""
        return self._cursor("clients", "clients", "name_sort", self.size // 100)

    def _cursor(self, kind: str, table: str, column: str, place: int) -> str:
        ((key, row_id),) = self.database.ask(
            f"SELECT {column}::text, id::text FROM {table} WHERE business_id = %s ORDER BY {column}, id"
            f" OFFSET {place} LIMIT 1",
            self.person.business_id,
        )
        keys: Keys = (key, row_id)
        with self.app.app_context():
            return pagination.cursor(kind, keys)

    def _invoice(self, condition: str) -> str:
        return self._one(
            f"SELECT id FROM invoices WHERE business_id = %s AND archived_at IS NULL AND {condition}"
            " ORDER BY issue_date DESC, id LIMIT 1"
        )

    def _one(self, query: str) -> str:
        return str(self.database.value(query, self.person.business_id))

    def tables_read_whole(self, block: Callable[[], Any]) -> dict[str, int]:
        """The tables that the block read from end to end, also within functions and triggers, by the rows read.

        Small tables do not count.
        """
        before = self._read_whole()
        block()
        with self.app.app_context(), db.engine.begin() as connection:
            connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        after = self._read_whole()
        return {table: rows - before[table] for table, rows in after.items() if rows > before[table]}

    @cached_property
    def large_tables(self) -> frozenset[str]:
        """Of a hundred rows and more, as far as the planner knows."""
        found = "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples >= 100"
        return frozenset(name for (name,) in self.database.ask(found))

    @cached_property
    def open_invoices(self) -> int:
        """Those that are sent and not paid, late or not."""
        found = "SELECT count(*) FROM invoices WHERE business_id = %s AND shelf = 1"
        return int(self.database.value(found, self.person.business_id))

    def _read_whole(self) -> dict[str, int]:
        self.database.ask("SELECT pg_stat_force_next_flush()")  # else what was asked before counts later
        found = self.database.ask("SELECT relname, seq_tup_read FROM pg_stat_user_tables")
        return {table: rows for table, rows in found if table in self.large_tables}
