"""A transaction that lost a race runs again: against PostgreSQL's own refusals, and in a real deadlock."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from psycopg import sql
from sqlalchemy import text

from invoices_app import create_app
from invoices_app.db.processes import wait_until
from invoices_app.db.transaction import transaction
from invoices_app.extensions import csrf, db
from invoices_app.web.access import public
from invoices_app.web.retries import ATTEMPTS
from tests.support.databases import Database
from tests.support.factories import make_invoice, make_issued, read
from tests.support.people import Person

Refuse = Callable[[str, int], None]


@pytest.fixture
def refuse_clients(database: Database, owner: Person) -> Iterator[Refuse]:
    """Let PostgreSQL refuse the owner's first new clients with an error code of its own; a sequence outlives them."""
    name = sql.Identifier(f"refusals_{uuid.uuid4().hex}")

    def refuse(code: str, times: int) -> None:
        with database.as_superuser() as connection:
            connection.execute(sql.SQL("CREATE SEQUENCE {0}; GRANT USAGE ON {0} TO PUBLIC").format(name))
            connection.execute(
                sql.SQL(
                    """
                    CREATE FUNCTION {0}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                        IF nextval({1}) <= {2} THEN RAISE EXCEPTION 'lost a race' USING ERRCODE = {3}; END IF;
                        RETURN NEW;
                    END $$;
                    CREATE TRIGGER {0} BEFORE INSERT ON clients FOR EACH ROW
                        WHEN (NEW.business_id = {4}) EXECUTE FUNCTION {0}();
                    """
                ).format(name, *map(sql.Literal, (name.as_string(), times, code, str(owner.business_id))))
            )

    yield refuse
    with database.as_superuser() as connection:
        connection.execute(sql.SQL("DROP FUNCTION {0} CASCADE; DROP SEQUENCE {0}").format(name))


@pytest.fixture
def fresh_app(database: Database) -> Iterator[Flask]:
    """An app that still takes routes."""
    app = create_app(database.settings)
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("code", ["40P01", "40001"])
def test_a_lost_race_is_run_again(owner: Person, refuse_clients: Refuse, database: Database, code: str) -> None:
    refuse_clients(code, ATTEMPTS - 1)
    owner.browser.get("/clients/new")
    owner.browser.submit("/clients", {"name": "Third time lucky"})
    count = "SELECT count(*) FROM {} WHERE business_id = %s"
    assert database.value(count.format("clients"), owner.business_id) == 1
    assert database.value(count.format("audit_events"), owner.business_id) == 1


def test_who_always_loses_is_asked_to_come_again(owner: Person, refuse_clients: Refuse) -> None:
    refuse_clients("40P01", ATTEMPTS)
    form = owner.browser.get("/clients/new").form("/clients")
    values = {**form.values, "name": "Came back"}
    assert int(owner.browser.send("/clients", values, 503).headers["Retry-After"]) > 0
    owner.browser.send("/clients", values, 303)
    assert len(owner.browser.get("/clients").row_ids("client")) == 1


def test_a_lock_that_is_not_to_be_had_is_not_waited_for_again(owner: Person, refuse_clients: Refuse) -> None:
    refuse_clients("55P03", 1)
    owner.browser.get("/clients/new")
    owner.browser.submit("/clients", {"name": "Waited long enough"}, 503)


@pytest.mark.parametrize(("committing", "calls"), [(False, ATTEMPTS), (True, 1)])
def test_what_has_committed_is_not_run_again(fresh_app: Flask, *, committing: bool, calls: int) -> None:
    called: list[bool] = []

    @fresh_app.post("/twice")
    @public
    @csrf.exempt  # type: ignore[untyped-decorator]  # Flask-WTF ships no types
    def twice() -> str:
        called.append(True)
        if committing:
            with transaction():
                pass
        db.session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END $$"))
        return ""

    assert fresh_app.test_client().post("/twice", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 503
    assert len(called) == calls


def test_a_deadlock_is_not_heard_of(owner: Person, database: Database) -> None:
    """Somebody at the database takes the counter, then the invoice; issuing takes them the other way round."""
    make_issued(owner)
    draft = make_invoice(owner)
    owner.browser.get(f"/invoices/{draft}")
    with database.as_superuser() as other, ThreadPoolExecutor(1) as pool:
        other.execute("SET LOCAL deadlock_timeout = '60s'")  # so that it is the request that notices, and gives way
        other.execute("SELECT FROM number_counters WHERE business_id = %s FOR UPDATE", [owner.business_id])
        issuing = pool.submit(owner.browser.submit, f"/invoices/{draft}/issue")
        assert wait_until(lambda: database.waiting_for_locks() == 1, 10)
        other.execute("SELECT FROM invoices WHERE id = %s FOR UPDATE", [draft])
        other.commit()
        issuing.result(10)
    assert str(read(owner, draft).number).endswith("-0002")
