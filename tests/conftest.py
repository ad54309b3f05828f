"""What all tests share: one PostgreSQL server for the run, a database for each worker, an app, and the cast.

Tests keep apart by business, not by rolling back or truncating: every test that asks for the cast gets people and
businesses of its own, and row-level security shows it nothing else. Commits are real, so threads and processes can take
part, and making the cast is faster than truncating every table.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from xdist.scheduler import LoadScopeScheduling

from invoices_app import create_app
from invoices_app.extensions import db
from tests.support import audited, live, statements
from tests.support.browser import Browser
from tests.support.databases import Database, ServerUrls, TestServer
from tests.support.live import LiveServer
from tests.support.people import Cast, Person, make_cast
from tests.support.redis_server import RedisServer
from tests.support.statements import CountStatements

pytest_plugins = ["tests.support.crowd"]

WORKER_KEY = "server_urls"
server_key = pytest.StashKey[TestServer]()
urls_key = pytest.StashKey[ServerUrls]()

# What would change the app under test, or lead it to somebody's real data.
for name in ("APP_DATABASE_URL", "DATABASE_URL", "DATA_DIR", "SECRET_KEY", "SENTRY_DSN"):
    os.environ.pop(name, None)


def server_urls(config: pytest.Config) -> ServerUrls:
    """The logins of this run's server, which is started at the first call, by the controller and nobody else."""
    if hasattr(config, "workerinput"):
        return ServerUrls.read(config.workerinput[WORKER_KEY])
    if urls_key not in config.stash:
        config.stash[server_key] = TestServer()
        config.stash[urls_key] = config.stash[server_key].start()
    return config.stash[urls_key]


# What shares costly fixtures, or would be in each other's way, runs in one worker.
GROUPS = {
    "tests/launcher/": "launcher",
    "tests/observability/": "observability",
    "tests/journeys/": "journeys",
    "tests/accounts/test_second_factor_processes.py": "processes",
    "tests/browser/test_import.py": "import pages",
    "tests/browser/test_lists.py": "lists",
    "tests/browser/test_paper.py": "paper",
    "tests/browser/test_weight.py": "weight",
    "tests/dashboard/test_bulk.py": "bulk",
    "tests/web/test_rate_limits.py": "limits",
    "tests/clients/test_combobox.py": "crowd",
    "tests/invoices/test_export.py": "crowd",
    "tests/invoices/test_lists.py": "crowd",
    "tests/invoices/test_search.py": "crowd",
    "tests/invoices/test_suggestions_cost.py": "crowd",
    "tests/whole_app/test_fuzz.py": "fuzz",
    "tests/whole_app/test_isolation.py": "isolation",
    "tests/whole_app/test_query_budgets.py": "crowd",
    "tests/whole_app/test_plans.py": "plans",
}


class ByGroup(LoadScopeScheduling):
    """Tests of a group go to one worker, larger groups first, every other test to whoever is free.

    xdist's own marker for it has no effect with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((group for path, group in GROUPS.items() if nodeid.startswith(path)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByGroup:
    return ByGroup(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """The controller tells each xdist worker where the server is."""
    node.workerinput[WORKER_KEY] = server_urls(node.config).write()


def pytest_unconfigure(config: pytest.Config) -> None:
    if server_key in config.stash:
        config.stash[server_key].stop()


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> ServerUrls:
    """The logins of the one PostgreSQL server of this run."""
    return server_urls(pytestconfig)


@pytest.fixture(scope="session")
def worker(pytestconfig: pytest.Config) -> str:
    """A name for what this process has to itself."""
    return str(getattr(pytestconfig, "workerinput", {}).get("workerid", "alone"))


@pytest.fixture(scope="session")
def database(server: ServerUrls, worker: str) -> Iterator[Database]:
    """A migrated database of this worker."""
    made = server.make_database(f"tests_{worker}")
    yield made
    server.drop_database(made)


@pytest.fixture(scope="session")
def app(database: Database) -> Iterator[Flask]:
    """The app, on its own login, without rate limits."""
    app = create_app(database.settings)
    with audited.watched(app):
        yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def cast(app: Flask) -> Cast:
    """An owner, a teammate of the same business, and a stranger of another one; new for every test."""
    return make_cast(app)


@pytest.fixture
def owner(cast: Cast) -> Person:
    return cast.owner


@pytest.fixture
def teammate(cast: Cast) -> Person:
    return cast.teammate


@pytest.fixture
def stranger(cast: Cast) -> Person:
    return cast.stranger


@pytest.fixture
def browser(owner: Person) -> Browser:
    """The owner's browser, signed in."""
    return owner.browser


@pytest.fixture
def visitor(app: Flask) -> Browser:
    """A browser of someone who is not signed in."""
    return Browser(app, use_cookies=True)


@pytest.fixture
def count_statements() -> CountStatements:
    """`with count_statements() as statements:` lists the SQL statements that the block sends."""
    return statements.counted


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A real Redis; a test that stops it starts it again."""
    with RedisServer() as redis:
        yield redis


@pytest.fixture(scope="session")
def live_server(server: ServerUrls, worker: str) -> Iterator[LiveServer]:
    """The web server of `make run` with a database of its own; `live_server.base_url` is its address."""
    made = server.make_database(f"live_{worker}")
    with live.running(made) as running:
        yield running
    server.drop_database(made)
