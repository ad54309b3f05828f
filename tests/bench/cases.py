"""The cases: pages by their rate beside the floor's, writes by their latency beside a bare transaction's, memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from invoices_app import create_app
from invoices_app.config import Settings
from invoices_app.web.pagination import cursor
from tests.bench import import_worker, imports, load, writes
from tests.bench.load import Speed, Target
from tests.bench.results import Result
from tests.bench.world import Tenant, World

FLAT = 0.8
"""Within 20 %: what may not grow with the depth of a page or with the size of a business."""

MEMORY_MB = 120.0
GROWTH = 1.05
REQUESTS = 10_000

FILTERS = {
    "drafts": "status=draft",
    "sent": "status=sent",
    "overdue": "status=overdue",
    "paid": "status=paid",
    "with archived ones": "archived=1",
    "credit notes": "type=credit",
    "by number": "sort=-number",
    "by client": "sort=client",
    "by amount": "sort=-amount",
    "by due date": "sort=due",
}
SEARCHES = {"one number": "q=2025-0017", "a client": "q=freiburg+joinery", "a common word": "q=planning"}


@dataclass(frozen=True, slots=True)
class Pace:
    """How long each case is loaded, how often in turn with its floor, and how many writes are timed."""

    seconds: float
    rounds: int
    writes: int
    requests: int


def all_cases(world: World, pace: Pace) -> Iterator[Result]:
    """Every case, in the order of the report."""
    yield from _lists(world, pace)
    yield from _flatness(world, pace)
    yield from _others(world, pace)
    yield from writes.cases(world, pace.writes)
    yield from import_worker.cases(world.app, world.secret_key, pace.requests * 5 // 2)
    yield imports.case(world.app.postgres.owner_url, world.secret_key, pace.requests // 2)
    yield from _memory(world, pace)


def _lists(world: World, pace: Pace) -> Iterator[Result]:
    tenant = world.large
    floor = world.floor_list(tenant, "/invoices")
    ours, floors = _pair(world.page(tenant, "/invoices"), floor, pace)
    yield Result("list, first page", ours.rate, floors.rate, "/s", least=0.6)
    yield Result("list, first page, p99", ours.p99, floors.p99, "ms", most=3.0)
    yield _rate("list, made anew each time", world.page(tenant, "/invoices", anew=True), floor, pace)
    for name, query in {**FILTERS, **{f"search {name}": query for name, query in SEARCHES.items()}}.items():
        path = f"/invoices?{query}"
        yield _rate(f"list, {name}", world.page(tenant, path), world.floor_list(tenant, path), pace, 0.4)
    for name, query in (("overdue", FILTERS["overdue"]), *SEARCHES.items()):
        path = f"/invoices?{query}"
        target = world.page(tenant, path, anew=True)
        yield _rate(f"list, {name}, made anew", target, world.floor_list(tenant, path), pace)


def _flatness(world: World, pace: Pace) -> Iterator[Result]:
    """Against the same page where it is shallow, or of the smaller business: each made anew."""
    first = world.page(world.large, "/invoices", anew=True)
    for tenant, place in ((world.large, world.large.invoices * 9 // 10), (world.alone, world.alone.invoices * 9 // 10)):
        deep = world.page(tenant, f"/invoices?cursor={_cursor(world, tenant, place)}", anew=True)
        yield _rate(f"list of {tenant.invoices:,} at depth {place:,} : first", deep, first, pace, FLAT)
    whole = world.page(world.alone, "/invoices", anew=True)
    yield _rate(f"list of {world.alone.invoices:,} : of {world.large.invoices:,}", whole, first, pace, FLAT)
    small, great = (world.page(tenant, "/", anew=True) for tenant in (world.large, world.alone))
    yield _rate(f"dashboard of {world.alone.invoices:,} : of {world.large.invoices:,}", great, small, pace, FLAT)


def _others(world: World, pace: Pace) -> Iterator[Result]:
    for tenant in (world.large, world.alone):
        floor = world.floor_list(tenant, "/")
        yield _rate(f"dashboard of {tenant.invoices:,}", world.page(tenant, "/"), floor, pace, 0.5)
        yield _rate(f"dashboard of {tenant.invoices:,}, made anew", world.page(tenant, "/", anew=True), floor, pace)
    path, floor = f"/invoices/{world.large.invoice_id}", world.floor_invoice(world.large)
    yield _rate("invoice of 5 lines", world.page(world.large, path), floor, pace, 0.55)
    yield _rate("invoice of 5 lines, made anew", world.page(world.large, path, anew=True), floor, pace)


def _memory(world: World, pace: Pace) -> Iterator[Result]:
    """Of the largest worker after all of this, and what more requests for pages made anew add to it."""
    before = max(world.app.workers_memory()) / 2**20
    yield Result("memory of a worker", before, MEMORY_MB, "MB", most=1.0)
    asked = 0.0
    while asked < pace.requests:
        asked += load.load(world.page(world.large, "/invoices", anew=True), pace.seconds).rate * pace.seconds
    after = max(world.app.workers_memory()) / 2**20
    yield Result(f"memory after {asked:,.0f} more requests : before", after, before, "MB", most=GROWTH)


def _pair(ours: Target, floor: Target, pace: Pace) -> tuple[Speed, Speed]:
    return load.in_turn(ours, floor, pace.seconds, pace.rounds)


def _rate(name: str, ours: Target, floor: Target, pace: Pace, least: float | None = None) -> Result:
    mine, floors = _pair(ours, floor, pace)
    return Result(name, mine.rate, floors.rate, "/s", least=least)


def _cursor(world: World, tenant: Tenant, place: int) -> str:
    """The cursor of the page behind so many rows of the default list."""
    with world.database() as database:
        row = database.execute(
            "SELECT issue_date, id FROM invoices WHERE business_id = %s AND shelf < 3"
            " ORDER BY issue_date DESC, id DESC OFFSET %s LIMIT 1",
            [tenant.business_id, place],
        ).fetchone()
    assert row is not None, f"the list has less than {place} rows"
    with create_app(Settings(secret_key=world.secret_key, database_url=world.app.postgres.owner_url)).app_context():
        return cursor("invoices:-date", (row[0].isoformat(), str(row[1])))
