"""Writes over HTTP beside the same rows written by the barest transaction, with every check of the database on.

The bare ones run as the app's role, in the tenant's scope, prepared, from this process: the rest is what the app adds.
"""

from __future__ import annotations

import http.client
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
from psycopg.types.json import Jsonb

from invoices_app.db.base import new_id
from invoices_app.db.roles import app_login
from invoices_app.db.tenancy import Scope, settings_of
from tests.bench.results import Result
from tests.bench.world import Tenant, World
from tests.support.databases import connect
from tests.support.web_client import TOKEN

ISSUERS = 8
LINES = 5
LINE = {"description": "Planning and drawings", "quantity": "3", "unit": "h", "unit_price": "88.00", "tax_rate": "19"}

_SCOPE = "SELECT " + ", ".join(
    f"set_config('app.{name}', %({key})s, true)"
    for name, key in (
        ("user_id", "user_id"), ("business_id", "business_id"), ("login_email", "login_email"),
        ("delivering", "delivering"), ("scope_until", "until"), ("signature", "signature"),
    )
)  # fmt: skip


def _event(action: str, changes: str = "{}") -> str:
    """What every action leaves in the history."""
    return (
        "INSERT INTO audit_events (business_id, id, action, entity_type, entity_id, changes, request_id)"
        f" VALUES (%(business)s, %(event)s, '{action}', 'invoice', %(id)s, '{changes}', '')"
    )


_CREATE = f"""
    WITH invoice AS (
        INSERT INTO invoices (business_id, id, client_id, currency, minor_units, issue_date, due_date, subtotal,
                              net_total, tax_total, total)
        VALUES (%(business)s, %(id)s, %(client)s, 'EUR', 2, %(day)s, %(day)s, 1320, 1320, 250.80, 1570.80)
    ), tax AS (
        INSERT INTO invoice_taxes (business_id, invoice_id, category, rate, taxable, tax)
        VALUES (%(business)s, %(id)s, 'S', 19, 1320, 250.80)
    ), submission AS (
        INSERT INTO submissions (business_id, token, resource_id) VALUES (%(business)s, %(event)s, %(id)s)
    ), event AS ({_event("invoice.created")})
    INSERT INTO line_items (business_id, id, invoice_id, position, description, quantity, unit, unit_code, unit_price,
                            tax_category, tax_rate, line_net)
    SELECT %(business)s, uuidv7(), %(id)s, n, 'Planning and drawings', 3, 'h', 'HUR', 88, 'S', 19, 264
    FROM generate_series(1, 5) n
"""
_EDIT = """
    WITH {remembered} line AS (
        UPDATE line_items SET quantity = %(quantity)s, line_net = 88 * %(quantity)s::numeric, version = version + 1
        WHERE business_id = %(business)s AND id = %(line)s
    ), tax AS (
        UPDATE invoice_taxes SET taxable = 1056 + 88 * %(quantity)s::numeric,
                                 tax = round((1056 + 88 * %(quantity)s::numeric) * 0.19, 2)
        WHERE business_id = %(business)s AND invoice_id = %(id)s
    )
    UPDATE invoices SET revision = %(revision)s,
                        subtotal = 1056 + 88 * %(quantity)s::numeric, net_total = 1056 + 88 * %(quantity)s::numeric,
                        tax_total = round((1056 + 88 * %(quantity)s::numeric) * 0.19, 2),
                        total = 1056 + 88 * %(quantity)s::numeric + round((1056 + 88 * %(quantity)s::numeric) * 0.19, 2)
    WHERE business_id = %(business)s AND id = %(id)s RETURNING subtotal, tax_total, total
"""
_REMEMBERED = f"""
    undo AS (
        INSERT INTO draft_edits (business_id, invoice_id, revision, page, action, touched, moved, undo)
        VALUES (%(business)s, %(id)s, %(revision)s, %(event)s, 'line.changed', ARRAY[%(line)s::uuid], false,
                '{{"line": "", "values": {{"quantity": "3"}}}}')
    ), event AS ({_event("line.changed", '{"quantity": ["3", "4"]}')}),
"""
_BARE = "BARE"
_COUNT = f"""
    UPDATE number_counters SET next_seq = next_seq + 1 WHERE business_id = %(business)s AND series = '{_BARE}'
    RETURNING next_seq
"""
_ISSUE = f"""
    WITH counter AS (
        UPDATE number_counters SET next_seq = next_seq + 1 WHERE business_id = %(business)s AND series = '{_BARE}'
        RETURNING next_seq - 1 AS seq
    ), event AS ({_event("invoice.issued")})
    UPDATE invoices SET status = 'sent', series = '{_BARE}', period = '', seq = counter.seq,
                        number = 'B-' || counter.seq, seller = %(seller)s, buyer = %(buyer)s, issued_at = now()
    FROM counter WHERE business_id = %(business)s AND id = %(id)s
"""
_BARE_SERIES = (
    (
        f"INSERT INTO number_series (business_id, code, pattern) VALUES (%s, '{_BARE}', 'B-{{year}}-{{seq}}')"
        " ON CONFLICT DO NOTHING"
    ),
    f"INSERT INTO number_counters (business_id, series, period) VALUES (%s, '{_BARE}', '') ON CONFLICT DO NOTHING",
)


@dataclass
class Writer:
    """Somebody who sends forms on one connection that stays open."""

    world: World
    tenant: Tenant
    headers: dict[str, str] = field(default_factory=dict)
    csrf_token: str = ""

    def __post_init__(self) -> None:
        target = self.world.page(self.tenant, "/clients/new")
        self._connection = connection_to(target.url)
        self.headers = {**target.headers, "Content-Type": "application/x-www-form-urlencoded"}
        found = TOKEN.search(self.get("/clients/new"))
        assert found is not None, "the form has no token"
        self.csrf_token = found[1]

    def get(self, path: str) -> str:
        self._connection.request("GET", path, headers=self.headers)
        return self._connection.getresponse().read().decode()

    def post(self, path: str, values: dict[str, str], *, htmx: bool = False) -> http.client.HTTPResponse:
        """Send a form, and read the answer to its end."""
        headers = self.headers | ({"HX-Request": "true", "HX-Request-Type": "partial"} if htmx else {})
        self._connection.request("POST", path, urlencode({"csrf_token": self.csrf_token, **values}), headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer

    def create(self, client_id: str) -> str:
        """A draft of five lines; answers its id."""
        values = {"client_id": client_id, "one_time_token": str(uuid.uuid4())}
        values |= {f"lines-{n}-{name}": value for n in range(LINES) for name, value in LINE.items()}
        answer = self.post("/invoices", values)
        assert answer.status == 303, f"no draft was made: {answer.status}"
        return str(answer.headers["Location"]).rsplit("/", 1)[-1]


@dataclass
class Bare:
    """The app's role on a connection of its own, in a tenant's scope."""

    world: World
    tenant: Tenant

    def __post_init__(self) -> None:
        self.connection: psycopg.Connection[Any] = connect(
            app_login(self.world.app.postgres.owner_url, self.world.secret_key), autocommit=True
        )
        self._scope = settings_of(Scope(business_id=uuid.UUID(self.tenant.business_id)), self.world.secret_key)

    def run(self, statement: str, values: dict[str, Any]) -> None:
        """One transaction of one statement, beside the one that says whose rows it is about."""
        with self.connection.transaction():
            self.connection.execute(_SCOPE, self._scope, prepare=True)
            self.connection.execute(statement.encode(), values, prepare=True)


def cases(world: World, count: int) -> Iterator[Result]:
    """Creating, editing a cell, issuing."""
    tenant, client_id = world.large, _client(world)
    writer, bare = Writer(world, tenant), Bare(world, tenant)
    key = {"business": tenant.business_id, "client": client_id, "day": datetime.now(UTC).date()}
    yield Result(
        "create 5 lines, p50",
        _p50(lambda _: writer.create(client_id), count),
        _p50(lambda _: bare.run(_CREATE, {**key, "id": new_id(), "event": new_id()}), count),
        "ms",
        most=6.0,
    )
    yield from _edit(writer, bare, client_id, count)
    yield from _issue(world, client_id, count)


def _edit(writer: Writer, bare: Bare, client_id: str, count: int) -> Iterator[Result]:
    """A changed line, its totals, what undoes it and what the history tells; the bare one without these two as well."""
    drafts = [writer.create(client_id) for _ in range(3)]
    with bare.world.database() as database:
        first = "SELECT id FROM line_items WHERE invoice_id = ANY (%s) AND position = 1 ORDER BY invoice_id"
        lines = [str(line_id) for (line_id,) in database.execute(first, [drafts])]

    def edit(place: int) -> None:
        values = {"quantity": str(4 + place % 90), "version": str(place + 1)}
        answer = writer.post(f"/invoices/{drafts[0]}/lines/{lines[0]}", values, htmx=True)
        assert answer.status == 200, f"the line was not changed: {answer.status}"

    def barely(draft: int, remembered: str) -> float:
        key = {"business": bare.tenant.business_id, "id": drafts[draft], "line": lines[draft]}
        statement = _EDIT.format(remembered=remembered)

        def run(place: int) -> None:
            bare.run(statement, {**key, "quantity": 4 + place % 90, "revision": place + 1, "event": new_id()})

        return _p50(run, count)

    ours = _p50(edit, count)
    yield Result("edit a cell, p50", ours, barely(1, _REMEMBERED), "ms", most=4.0)
    yield Result("edit a cell : with nothing remembered, p50", ours, barely(2, ""), "ms")


def _issue(world: World, client_id: str, count: int) -> Iterator[Result]:
    """Eight people of one business issue at once; beside it eight connections that bump one counter.

    How much of that is within reach is told by two more: issuing by one statement alone, with all that the database
    checks and keeps, and the counter over HTTP, by the barest Flask there is.
    """
    tenant, each = world.large, max(5, count // ISSUERS)
    writers = [Writer(world, tenant) for _ in range(ISSUERS)]
    drafts, more = ([[writer.create(client_id) for _ in range(each)] for writer in writers] for _ in range(2))

    def issue(place: int, turn: int) -> None:
        answer = writers[place].post(f"/invoices/{drafts[place][turn]}/issue", {"one_time_token": str(uuid.uuid4())})
        assert answer.status == 303, f"not issued: {answer.status}"

    with world.database() as database:
        for statement in _BARE_SERIES:
            database.execute(statement.encode(), [tenant.business_id])
        seller, buyer = _parties(database, tenant)
    bare = [Bare(world, tenant) for _ in range(ISSUERS)]
    key = {"business": tenant.business_id}
    ours = _rate(issue, each)
    bares = _rate(lambda place, _: bare[place].run(_COUNT, key), each * 10)
    yield Result("issue, 8 clients", ours, bares, "/s", least=0.3)

    def issue_barely(place: int, turn: int) -> None:
        ids = {"id": more[place][turn], "event": new_id()}
        bare[place].run(_ISSUE, {**key, **ids, "seller": Jsonb(seller), "buyer": Jsonb(buyer)})

    yield Result("issuing by one bare statement : the counter", _rate(issue_barely, each), bares, "/s")
    plain = [connection_to(world.floor_url) for _ in range(ISSUERS)]

    def bump(place: int, _turn: int) -> None:
        plain[place].request("POST", f"/count/{tenant.business_id}/{_BARE}")
        answer = plain[place].getresponse()
        assert answer.read().isdigit(), f"not counted: {answer.status}"

    yield Result("the counter over HTTP : the counter", _rate(bump, each * 10), bares, "/s")


def _parties(database: psycopg.Connection[Any], tenant: Tenant) -> tuple[dict[str, str], dict[str, str]]:
    """What an issued invoice keeps of its seller and of its buyer."""
    kept = database.execute("SELECT seller, buyer FROM invoices WHERE id = %s", [tenant.invoice_id]).fetchone()
    assert kept is not None
    return kept


def connection_to(url: str) -> http.client.HTTPConnection:
    place = urlsplit(url)
    return http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)


def _client(world: World) -> str:
    one = "SELECT id FROM clients WHERE business_id = %s LIMIT 1"
    with world.database() as database:
        found = database.execute(one, [world.large.business_id]).fetchone()
    assert found is not None
    return str(found[0])


def _p50(work: Callable[[int], object], count: int) -> float:
    """The middle of so many durations, in milliseconds, after a few that warm up are left out."""
    durations = []
    for place in range(count):
        started = time.perf_counter()
        work(place)
        durations.append((time.perf_counter() - started) * 1000)
    return median(durations[count // 10 :])


def _rate(work: Callable[[int, int], object], each: int) -> float:
    """How many a second `ISSUERS` threads do, each of them so many. Raises what one of them raised."""
    problems: list[BaseException] = []
    ready = threading.Barrier(ISSUERS + 1)

    def run(place: int) -> None:
        ready.wait()
        try:
            for turn in range(each):
                work(place, turn)
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(ISSUERS)]
    for thread in threads:
        thread.start()
    ready.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return ISSUERS * each / (time.perf_counter() - started)
