"""The audit chain: whatever is done to it behind the app's back is found, and doing things at once leaves it whole."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import NullPool, create_engine

from invoices_app import create_app
from invoices_app.accounts import audit, chain
from invoices_app.accounts.chain import Head, Link, Verdict, first_problem
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from tests.support.databases import Database, ServerUrls
from tests.support.people import Person, make_owner

EVENTS = 6
THREADS = 8


def act(person: Person, action: str = "thing.done", times: int = 1, **changes: Any) -> None:
    """Something that leaves that many events, in one transaction."""
    with person.acting(), transaction() as session:
        for _ in range(times):
            audit.record(session, action, "thing", uuid.uuid4(), changes)


def verdict(database: Database, person: Person) -> Verdict:
    engine = create_engine(database.owner_url, poolclass=NullPool)
    with engine.connect() as owner:
        return chain.verify(owner, person.business_id)


@pytest.fixture
def lived(owner: Person, database: Database) -> Person:
    """An owner in whose business six things happened."""
    for number in range(EVENTS):
        act(owner, "thing.done", number=number, name='Zoë “Tea” \\ "\n\t\x7f', nothing=None, ratio=1.50)
    assert verdict(database, owner).problem is None
    return owner


def test_intact_from_the_first_event_on(lived: Person, database: Database) -> None:
    found = verdict(database, lived)
    assert (found.events, found.problem) == (EVENTS, None)
    head = "SELECT seq, hash FROM audit_heads WHERE business_id = %s"
    assert database.ask(head, lived.business_id) == [(EVENTS, found.end)]
    hashes = "SELECT hash FROM audit_events WHERE business_id = %s ORDER BY seq"
    stored = [bytes(value) for (value,) in database.ask(hashes, lived.business_id)]
    assert (len(set(stored)), stored[-1]) == (EVENTS, found.end)


RESEAL = "SELECT chain_events(current_business_id())"
SHIFT = (
    "UPDATE audit_events SET seq = -seq - 1 WHERE seq >= 3",
    "UPDATE audit_events SET seq = -seq WHERE seq < 0",
)
PLANT = (
    "INSERT INTO audit_events (business_id, id, action, entity_type, entity_id)"
    " VALUES (current_business_id(), '00000000-0000-7000-8000-000000000001', 'planted', 'thing', gen_random_uuid())"
)
FIT = """
    UPDATE audit_events e SET hash = audit_hash(p.hash, e)
    FROM audit_events p WHERE e.seq = 3 AND p.seq = 2 AND p.business_id = e.business_id
"""
APPEND = """
    UPDATE audit_events e SET seq = 7, hash = audit_hash(h.hash, (
        e.business_id, e.id, e.actor_id, e.action, e.entity_type, e.entity_id, e.changes, e.request_id, e.created_at,
        7, NULL
    )::audit_events)
    FROM audit_heads h WHERE e.seq IS NULL AND h.business_id = e.business_id
"""
FORGED = """
    INSERT INTO audit_events (business_id, id, action, entity_type, entity_id, seq, hash)
    VALUES (current_business_id(), uuidv7(), 'x', 'x', uuidv7(), 99, sha256('x'))
"""
TAMPERINGS: dict[str, tuple[tuple[str, ...], int, str]] = {
    "changed": (("UPDATE audit_events SET action = 'other' WHERE seq = 3",), 2, "event 3 was changed"),
    "who": (("UPDATE audit_events SET actor_id = NULL WHERE seq = 6",), 5, "event 6 was changed"),
    "when": (
        ("UPDATE audit_events SET created_at = created_at - interval '1 microsecond' WHERE seq = 1",),
        0,
        "event 1 was changed",
    ),
    "what": (
        ("UPDATE audit_events SET changes = changes || '{\"number\": 9}' WHERE seq = 4",),
        3,
        "event 4 was changed",
    ),
    "missing": (("DELETE FROM audit_events WHERE seq = 3",), 2, "event 3 is missing"),
    "several missing": (("DELETE FROM audit_events WHERE seq IN (2, 3, 4)",), 1, "events 2 to 4 are missing"),
    "first missing": (("DELETE FROM audit_events WHERE seq = 1",), 0, "event 1 is missing"),
    "closed up": (
        (
            "DELETE FROM audit_events WHERE seq = 3",
            "UPDATE audit_events SET seq = -seq + 1 WHERE seq > 3",
            "UPDATE audit_events SET seq = -seq WHERE seq < 0",
        ),
        2,
        "event 3 was changed",
    ),
    "tail cut": (("DELETE FROM audit_events WHERE seq > 4",), 4, "events 5 to 6 are missing at the end"),
    "all gone": (("DELETE FROM audit_events",), 0, "events 1 to 6 are missing at the end"),
    "put in": (
        (*SHIFT, PLANT, "UPDATE audit_events SET seq = 3, hash = sha256('x') WHERE seq IS NULL"),
        2,
        "event 3 was put in",
    ),
    "put in with a fitting hash": (
        (
            *SHIFT,
            PLANT,
            "UPDATE audit_events SET seq = 3 WHERE seq IS NULL",
            FIT,
        ),
        3,
        "event 3 was put in",
    ),
    "put behind the end": (
        (PLANT, APPEND),
        7,
        "event 7 was put in behind the end",
    ),
    "without a place": ((PLANT,), 6, "an event that never got its place was put in: 00000000-0000-7000-8000-"),
    "head moved back": (
        ("DELETE FROM audit_events WHERE seq = 6", "UPDATE audit_heads SET seq = 5"),
        5,
        "the whole end was written anew",
    ),
    "no head": (("DELETE FROM audit_heads",), 6, "the record of where the chain ends is missing"),
    "rewritten from the third on": (
        (
            "UPDATE audit_events SET action = 'other' WHERE seq = 3",
            "UPDATE audit_heads SET seq = 2, hash = (SELECT hash FROM audit_events WHERE seq = 2)",
            "UPDATE audit_events SET seq = NULL, hash = NULL WHERE seq > 2",
            "CREATE TEMP TABLE kept AS SELECT %(head)s::bytea AS hash",
            RESEAL,
            "UPDATE audit_heads SET hash = (SELECT hash FROM kept)",
        ),
        6,
        "the whole end was written anew",
    ),
}  # fmt: skip


def tamper(database: Database, person: Person, statements: tuple[str, ...]) -> None:
    """Do it as the owner of the tables, with the trigger that would chain at once switched off."""
    head = database.value("SELECT hash FROM audit_heads WHERE business_id = %s", person.business_id)
    with database.as_owner(person.business_id) as owner:
        owner.execute("ALTER TABLE audit_events DISABLE TRIGGER keep_audit_chain")
        for statement in statements:
            owner.execute(statement.encode(), {"head": head} if "%(head)s" in statement else None)
        owner.execute("ALTER TABLE audit_events ENABLE TRIGGER keep_audit_chain")


@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found(lived: Person, database: Database, name: str) -> None:
    statements, events, sentence = TAMPERINGS[name]
    tamper(database, lived, statements)
    found = verdict(database, lived)
    assert (found.events, (found.problem or "")[: len(sentence)]) == (events, sentence)


def test_another_business_is_not_blamed(lived: Person, stranger: Person, database: Database) -> None:
    act(stranger)
    tamper(database, lived, ("DELETE FROM audit_events WHERE seq = 3",))
    assert (verdict(database, stranger).events, verdict(database, stranger).problem) == (1, None)


def test_eight_at_once_leave_it_whole(owner: Person, database: Database) -> None:
    """Events of a transaction stay together; nobody waits in a circle, whatever order they lock other rows in."""

    def work(worker: int) -> None:
        for number in range(10):
            act(owner, f"worker.{worker}", times=1 + (worker + number) % 3)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))
    found = verdict(database, owner)
    assert found.problem is None
    assert found.events == sum(1 + (worker + number) % 3 for worker in range(THREADS) for number in range(10))


def test_opposite_order_of_other_locks(lived: Person, database: Database) -> None:
    """The head is locked at commit, not when the event is written: holding a row and waiting for one stays possible."""
    with database.as_app(lived.business_id, lived.user_id) as first, database.as_app(lived.business_id) as second:
        write = (
            "INSERT INTO audit_events (business_id, id, action, entity_type, entity_id)"
            " VALUES (%s, uuidv7(), 'x', 'thing', gen_random_uuid())"
        )
        first.execute(write, [lived.business_id])
        second.execute(write, [lived.business_id])
        second.execute("SET LOCAL lock_timeout = '2s'")
        second.commit()
        first.commit()
    assert (verdict(database, lived).events, verdict(database, lived).problem) == (EVENTS + 2, None)


def test_what_is_rolled_back_leaves_no_trace(lived: Person, database: Database) -> None:
    with lived.acting(), transaction() as session:
        audit.record(session, "thing.done", "thing", uuid.uuid4())
        session.flush()
        session.rollback()
    act(lived)
    assert (verdict(database, lived).events, verdict(database, lived).problem) == (EVENTS + 1, None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET seq = 99",
        "UPDATE audit_heads SET seq = 99",
        "INSERT INTO audit_heads (business_id) VALUES (current_business_id())",
        "DELETE FROM audit_heads",
        "SELECT chain_events(current_business_id())",
        FORGED,
    ],
)
def test_the_app_cannot_forge_it(lived: Person, database: Database, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege), database.as_app(lived.business_id, lived.user_id) as app:
        app.execute(statement.encode())


def test_the_app_cannot_slip_out_of_it(lived: Person, database: Database) -> None:
    """An event that would be committed in another scope, and so unchained, is refused."""
    app = database.as_app(lived.business_id, lived.user_id)
    app.execute(
        "INSERT INTO audit_events (business_id, id, action, entity_type, entity_id)"
        " VALUES (%s, uuidv7(), 'x', 'x', uuidv7())",
        [lived.business_id],
    )
    app.execute("SELECT set_config('app.business_id', '', true)")
    with pytest.raises(InsufficientPrivilege, match="in the scope of its business"):
        app.commit()
    app.close()


def test_many_events_of_one_transaction(owner: Person, database: Database) -> None:
    act(owner, times=2500)
    assert (verdict(database, owner).events, verdict(database, owner).problem) == (2500, None)


# ---- The walk alone ----


def links(count: int) -> Iterator[Link]:
    for seq in range(1, count + 1):
        yield Link(seq, b"", ("x",))


def test_an_empty_chain_is_whole() -> None:
    assert first_problem([], Head(0, b"")) == (Head(0, b""), None)
    assert first_problem([], None)[1] == "the record of where the chain ends is missing"


def test_nothing_is_held_of_what_was_walked() -> None:
    """The walk stops at the first broken link, and takes one more at most."""
    taken = links(10)
    assert first_problem(taken, None)[1] == "event 1 was changed"
    assert next(taken).seq == 3


# ---- The command, and what was there before ----


@pytest.fixture
def own(server: ServerUrls, worker: str) -> Iterator[Database]:
    """A database that only this test changes."""
    made = server.make_database(f"chain_{worker}")
    yield made
    server.drop_database(made)


def run(database: Database, *arguments: str) -> tuple[int, list[str]]:
    app = create_app(replace(database.settings, owner_database_url=database.owner_url))
    result = app.test_cli_runner().invoke(args=["audit", "verify", *arguments])
    return result.exit_code, result.output.splitlines()


def test_command_and_migration(own: Database) -> None:
    """Verified over all businesses; taken off by the migration, and put on again behind what was there."""
    app = create_app(own.settings)
    people = [make_owner(app, name, f"{name} Ltd") for name in ("Ada", "Ben")]
    for person in people:
        act(person, times=3)
        act(person, name="Zoë")
    ids = sorted(str(person.business_id) for person in people)
    with app.app_context():
        db.engine.dispose()

    code, said = run(own)
    assert code == 0
    assert [line.rpartition(" ")[0] for line in said[:2]] == [f"{one}: 4 events, intact, ends with" for one in ids]
    assert said[2] == "2 chains, 0 broken"

    own.migrate_down("0011")
    for person in people:
        with pytest.raises(psycopg.errors.UndefinedColumn), own.as_owner(person.business_id) as owner:
            owner.execute("SELECT seq FROM audit_events")
    own.migrate()
    assert run(own) == (0, said)

    tamper(own, people[1], ("UPDATE audit_events SET action = 'other' WHERE seq = 3",))
    code, said = run(own)
    assert code == 1
    assert f"{people[1].business_id}: 2 events, event 3 was changed" in said
    assert said[-1] == "2 chains, 1 broken"
    only: Callable[[Person], int] = lambda person: run(own, "--business", str(person.business_id))[0]  # noqa: E731
    assert [only(person) for person in people] == [0, 1]
