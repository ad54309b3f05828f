"""What is in the database, held against what people were told: nothing lost, nothing doubled, nothing half-done."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, LiteralString

import psycopg
from sqlalchemy.engine import URL

from invoices_app.invoices import rules
from tests.drill.people import Edit, Journal

FIRST_VERSION = 1

# Each answers what must not be: a sentence about a row that is half-done or out of step.
UNSOUND: dict[str, LiteralString] = {
    "half-done": """
        SELECT 'invoice ' || i.id FROM invoices i
        LEFT JOIN (SELECT invoice_id, sum(line_net) AS net FROM line_items GROUP BY 1) l ON l.invoice_id = i.id
        LEFT JOIN (SELECT invoice_id, sum(taxable) AS net, sum(tax) AS tax FROM invoice_taxes GROUP BY 1) t
            ON t.invoice_id = i.id
        LEFT JOIN (SELECT invoice_id, sum(amount) AS paid FROM payments WHERE voided_at IS NULL GROUP BY 1) p
            ON p.invoice_id = i.id
        WHERE i.subtotal <> COALESCE(l.net, 0) OR i.net_total <> COALESCE(t.net, 0)
           OR i.tax_total <> COALESCE(t.tax, 0) OR i.total <> i.net_total + i.tax_total
           OR i.paid_total <> COALESCE(p.paid, 0) OR (i.status = 'draft') <> (i.number IS NULL)
           OR (i.status = 'paid') <> (i.number IS NOT NULL AND i.total = i.paid_total)
           OR (i.number IS NULL) <> (i.seller IS NULL)
    """,
    "figures": "SELECT 'a kept figure is off: ' || d::text FROM figures_drift() d",
    "duplicates": """
        SELECT number || ' ' || count(*) || ' times' FROM invoices WHERE number IS NOT NULL
        GROUP BY business_id, number HAVING count(*) > 1
        UNION ALL
        SELECT series || ' ' || seq || ' ' || count(*) || ' times' FROM invoices WHERE number IS NOT NULL
        GROUP BY business_id, series, period, seq HAVING count(*) > 1
    """,
    "gaps": """
        SELECT 'series ' || series || ' ' || period || ': ' || min(seq) || ' to ' || max(seq) || ' has ' || count(*)
               || ', next is ' || max(next_seq)
        FROM invoices JOIN number_counters USING (business_id, series, period)
        GROUP BY business_id, series, period
        HAVING min(seq) <> 1 OR max(seq) <> count(*) OR max(next_seq) <> max(seq) + 1
    """,
    "credit notes": """
        SELECT 'credit note ' || n.id || ' of ' || i.id FROM invoices n
        JOIN invoices i ON i.business_id = n.business_id AND i.id = n.preceding_invoice_id
        WHERE n.type_code = 381 AND (n.total <> -i.total OR n.tax_total <> -i.tax_total OR i.status <> 'paid'
            OR n.amount_due <> -(SELECT COALESCE(sum(amount), 0) FROM payments p WHERE p.invoice_id IN (n.id, i.id)
                AND p.method <> 'credit_note' AND p.voided_at IS NULL))
    """,
    "audit": """
        SELECT 'invoice ' || i.id || ' was issued ' || count(a.id) || ' times by its history'
        FROM invoices i LEFT JOIN audit_events a ON a.entity_id = i.id AND a.action = 'invoice.issued'
        WHERE i.number IS NOT NULL
        GROUP BY i.id, i.number, i.total
        HAVING count(a.id) <> 1 OR min(a.changes ->> 'number') <> i.number
            OR min((a.changes ->> 'total')::numeric) <> i.total
        UNION ALL
        SELECT 'invoice ' || i.id || ' was paid otherwise by its history'
        FROM invoices i JOIN audit_events a ON a.entity_id = i.id
            AND a.action IN ('invoice.paid', 'invoice.credited', 'invoice.credits')
        GROUP BY i.id, i.paid_total
        HAVING sum(COALESCE(a.changes ->> 'amount', a.changes ->> 'set_off')::numeric) <> i.paid_total
    """,
}


@dataclass(frozen=True)
class Findings:
    """What is wrong, by kind, and how much there is."""

    wrong: dict[str, list[str]]
    invoices: int
    numbered: int

    @property
    def is_clean(self) -> bool:
        return not any(self.wrong.values())


def replay(superuser: URL, journals: list[Journal], made_before: Iterable[str]) -> Findings:
    """Hold the database against all journals together; `made_before` are the invoices that were there at the start."""
    login = superuser.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(login) as connection:
        wrong = {kind: [told for (told,) in connection.execute(query)] for kind, query in UNSOUND.items()}
        wrong["half-done"] += _miscalculated(connection)
        books = Books.read(connection)
    wrong |= held_against(books, Told(journals), made_before)
    return Findings(wrong, len(books.invoices), sum(1 for row in books.invoices.values() if row[0]))


def held_against(books: Books, told: Told, made_before: Iterable[str]) -> dict[str, list[str]]:
    """What was acknowledged and is not in the books, and what is in the books and was never asked for."""
    return {
        "lost": [*_lost(books, told), *_lost_corrections(books, told), *_lost_edits(books, told)],
        "doubled": list(_doubled(books, told, set(made_before))),
    }


@dataclass(frozen=True)
class Books:
    """What the database holds; ids as text."""

    invoices: dict[str, tuple[str | None, bool]]
    """Number, and whether it is archived."""
    lines: dict[str, tuple[str, int, str]]
    """Invoice, version and description."""
    payments: dict[str, str]
    tokens: dict[uuid.UUID, str]
    written: Counter[tuple[str, str]]
    """How often the history says that a line got a description."""
    corrections: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Credit note to the invoice that it takes back, and the draft that puts it right."""

    @classmethod
    def read(cls, connection: psycopg.Connection) -> Books:
        def rows(query: LiteralString) -> list[Any]:
            return connection.execute(query).fetchall()

        edits = rows("""
            SELECT changes ->> 'line', changes -> 'description' ->> 1 FROM audit_events
            WHERE action = 'line.changed' AND changes ? 'description'
        """)
        return cls(
            {found: (number, hidden) for found, number, hidden in rows(
                "SELECT id::text, number, archived_at IS NOT NULL FROM invoices")},
            {found: (invoice, version, text) for found, invoice, version, text in rows(
                "SELECT id::text, invoice_id::text, version, description FROM line_items")},
            dict(rows("SELECT id::text, invoice_id::text FROM payments WHERE method <> 'credit_note'")),
            dict(rows("SELECT token, resource_id::text FROM submissions")),
            Counter((line, text) for line, text in edits),
            {note: (invoice, draft) for note, invoice, draft in rows("""
                SELECT n.id::text, n.preceding_invoice_id::text, d.id::text FROM invoices n
                LEFT JOIN invoices d ON d.preceding_invoice_id = n.preceding_invoice_id AND d.type_code = 380
                WHERE n.type_code = 381""")},
        )  # fmt: skip

    def made_by(self, token: uuid.UUID, kind: str) -> str | None:
        """The id of what a one-time token made."""
        return self.tokens.get(uuid.uuid5(token, kind))


class Told:
    """All journals as one."""

    def __init__(self, journals: list[Journal]) -> None:
        self.created = {token: made for journal in journals for token, made in journal.created.items()}
        self.copied = {token: made for journal in journals for token, made in journal.copied.items()}
        self.lines = {token: made for journal in journals for token, made in journal.lines.items()}
        self.payments = {token: made for journal in journals for token, made in journal.payments.items()}
        self.corrected = {token: made for journal in journals for token, made in journal.corrected.items()}
        self.numbers = [pair for journal in journals for pair in journal.numbers.items()]
        self.archived = {found for journal in journals for found in journal.archived}
        self.edits = [edit for journal in journals for edit in journal.edits]
        self.perhaps_edits = [edit for journal in journals for edit in journal.perhaps_edits]
        self.perhaps = {token for journal in journals for token in journal.perhaps}


def _lost(books: Books, told: Told) -> Iterator[str]:
    """What was acknowledged and is not there."""
    for token, invoice in (told.created | told.copied).items():
        if invoice not in books.invoices or books.made_by(token, "invoice") != invoice:
            yield f"invoice {invoice}"
    for token, invoice in told.lines.items():
        line = books.lines.get(books.made_by(token, "line") or "")
        if line is None or line[0] != invoice:
            yield f"a line of invoice {invoice}"
    for token, invoice in told.payments.items():
        if books.payments.get(books.made_by(token, "payment") or "") != invoice:
            yield f"a payment of invoice {invoice}"
    for invoice, number in told.numbers:
        if books.invoices.get(invoice, (None, False))[0] != number:
            yield f"number {number} of invoice {invoice}"
    for invoice in told.archived:
        if not books.invoices.get(invoice, (None, False))[1]:
            yield f"the archiving of invoice {invoice}"


def _lost_corrections(books: Books, told: Told) -> Iterator[str]:
    for token, made in told.corrected.items():
        if books.corrections.get(books.made_by(token, "credit note") or "") != made:
            yield f"the correction of invoice {made[0]}"


def _lost_edits(books: Books, told: Told) -> Iterator[str]:
    """An edit is lost when another was accepted over the same version, or when the line does not hold the last one."""
    edits, perhaps = defaultdict(list), defaultdict(list)
    for edit in told.edits:
        edits[edit.line_id].append(edit)
    for edit in told.perhaps_edits:
        perhaps[edit.line_id].append(edit)
    for line_id, accepted in edits.items():
        for edit in accepted:
            if books.written[line_id, edit.text] != 1:
                yield f"the history has edit {edit} {books.written[line_id, edit.text]} times"
        bases = Counter(edit.base for edit in accepted)
        yield from (f"line {line_id}: {count} edits over version {base}" for base, count in bases.items() if count > 1)
        if line_id in books.lines:
            yield from _lost_end(books.lines[line_id], accepted, perhaps[line_id])


def _lost_end(line: tuple[str, int, str], accepted: list[Edit], perhaps: list[Edit]) -> Iterator[str]:
    _, version, text = line
    last = max(accepted, key=lambda edit: edit.base)
    possible = {last.text, *(edit.text for edit in perhaps if edit.base > last.base)}
    if text not in possible:
        yield f"line {last.line_id} holds {text!r}, its last edit was {last}"
    count = version - FIRST_VERSION
    if not len(accepted) <= count <= len(accepted) + len(perhaps):
        yield f"line {last.line_id} is at version {version} after {len(accepted)} edits, {len(perhaps)} unanswered"


def _doubled(books: Books, told: Told, made_before: set[str]) -> Iterator[str]:
    """What is there and nobody asked for, but for what was asked for and never answered."""
    unanswered = {books.made_by(token, kind) for token in told.perhaps for kind in ("invoice", "line", "payment")}
    invoices = {*made_before, *told.created.values(), *told.copied.values()}
    for note in {books.made_by(token, "credit note") for token in {*told.corrected, *told.perhaps}} - {None}:
        invoices |= {str(note), str(books.corrections.get(str(note), ("", None))[1])}
    yield from (f"invoice {invoice}" for invoice in set(books.invoices) - invoices - unanswered)
    payments = {books.made_by(token, "payment") for token in told.payments}
    yield from (f"payment {payment}" for payment in set(books.payments) - payments - unanswered)
    expected = Counter(told.created.values()) + Counter(told.lines.values())
    found = Counter(line[0] for line_id, line in books.lines.items() if line_id not in unanswered)
    for invoice in told.created.values():
        if found[invoice] > expected[invoice]:
            yield f"{found[invoice] - expected[invoice]} lines of invoice {invoice}"


def _miscalculated(connection: psycopg.Connection) -> Iterator[str]:
    """Documents that the calculator computes otherwise from their lines."""
    query: LiteralString = """
        SELECT i.id::text, i.currency, i.discount_percent, i.subtotal, i.tax_total, i.total,
               array_agg((l.quantity, l.unit_price, l.tax_rate, l.tax_category, l.discount_percent)::text)
        FROM invoices i JOIN line_items l ON l.invoice_id = i.id GROUP BY i.business_id, i.id
    """
    for invoice, currency, discount, *stored, lines in connection.execute(query):
        totals = rules.compute([_line(text) for text in lines], currency, discount)
        if stored != [totals.subtotal, totals.tax_total, totals.total]:
            yield f"invoice {invoice} does not add up"


def _line(text: str) -> rules.Line:
    quantity, price, rate, category, discount = text.strip("()").split(",")
    return rules.Line(Decimal(quantity), Decimal(price), Decimal(rate), category, Decimal(discount))
