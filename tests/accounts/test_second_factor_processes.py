"""The second factor on the server of `make run`: four processes, limits in a real Redis."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from invoices_app.accounts.second_factor_models import WRONG_CODES
from tests.support import live
from tests.support.databases import ServerUrls
from tests.support.live import LiveServer
from tests.support.redis_server import RedisServer
from tests.support.second_factor import BEGIN, CONFIRM, PAGE, Authenticator
from tests.support.web_client import PASSWORD, WebClient

WORKERS = 4
CODES_OF_AN_ACCOUNT = 10


@pytest.fixture(scope="module")
def limited_server(server: ServerUrls, worker: str, redis_server: RedisServer) -> Iterator[LiveServer]:
    database = server.make_database(f"factor_{worker}")
    shared = {"RATELIMIT_ENABLED": "1", "RATELIMIT_STORAGE_URI": redis_server.uri, "WEB_CONCURRENCY": str(WORKERS)}
    with live.running(database, **shared) as running:
        yield running
    server.drop_database(database)


@pytest.fixture(autouse=True)
def _fresh_counts(redis_server: RedisServer) -> None:
    redis_server.client.flushall()


@dataclass
class Account:
    server: LiveServer
    email: str
    app: Authenticator
    clients: ExitStack

    def waiting(self) -> WebClient:
        """A browser whose password was right."""
        client = self.clients.enter_context(WebClient(self.server.base_url))
        client.get("/login")
        assert client.post("/login", email=self.email, password=PASSWORD).headers["Location"] == "/login/code"
        client.get("/login/code")
        return client

    def forget_steps(self) -> None:
        with self.server.database.as_superuser() as connection:
            connection.execute("UPDATE second_factors SET last_step = 0")

    def sessions(self) -> int:
        query = "SELECT count(*) FROM user_sessions s JOIN users u ON u.id = s.user_id WHERE u.email = %s"
        return int(self.server.database.value(query, self.email))


@pytest.fixture
def account(limited_server: LiveServer) -> Iterator[Account]:
    with WebClient(limited_server.base_url) as client:
        email = client.register("Factor Ltd")
        client.get(PAGE)
        assert client.post(BEGIN, password=PASSWORD).status_code == 303
        key = re.search(r'id="secret-key">([A-Z2-7 ]+)<', client.get(PAGE).text)
        assert key
        app = Authenticator(key[1].replace(" ", ""))
        shown = client.post(CONFIRM, one_time_code=app.code())
        app.codes = re.findall(r"<li>(\d{4}(?: \d{4}){3})</li>", shown.text)
        assert len(app.codes) == 10
    with ExitStack() as clients:
        yield Account(limited_server, email, app, clients)


def send_together(clients: list[WebClient], codes: list[str]) -> Counter[int]:
    together = threading.Barrier(len(clients))

    def send(client: WebClient, code: str) -> int:
        together.wait(timeout=20)
        return client.post("/login/code", one_time_code=code).status_code

    with ThreadPoolExecutor(len(clients)) as pool:
        return Counter(pool.map(send, clients, codes))


@pytest.mark.parametrize("kind", ["of the app", "kept for emergencies"])
def test_one_code_on_many_processes_gives_one_session(account: Account, kind: str) -> None:
    """The same code from six browsers at once, on four processes.

    One kind a test: how many of the others count against the account depends on when the one that comes in clears
    what was counted, and after twelve of them the limit could answer instead.
    """
    code = account.app.next() if kind == "of the app" else account.app.codes[0]
    account.forget_steps()
    before = account.sessions()
    answers = send_together([account.waiting() for _ in range(6)], [code] * 6)
    assert answers == {303: 1, 422: 5}
    assert account.sessions() == before + 1


def test_the_limit_of_codes_goes_on_from_one_sign_in_to_the_next(
    account: Account, limited_server: LiveServer, redis_server: RedisServer
) -> None:
    """Five wrong codes end a sign-in; a third one in ten minutes is not heard at all, not even with the right code."""
    answers: list[int] = []
    for _ in range(2):
        client = account.waiting()
        for number in range(WRONG_CODES):
            answer = client.post("/login/code", one_time_code=account.app.wrong())
            answers.append(answer.status_code)
            if number < WRONG_CODES - 1:
                client.get("/login/code")
    assert answers == [422, 422, 422, 422, 303] * 2
    client = account.waiting()
    refused = client.post("/login/code", one_time_code=account.app.next())
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 600
    assert account.app.next() not in refused.text
    assert "Slow down" in refused.text


def test_the_wait_for_codes_grows(account: Account, redis_server: RedisServer) -> None:
    """The ten minutes are let pass by deleting what counts them: the hour refuses next, and for longer."""
    for _ in range(3):
        for _ in range(CODES_OF_AN_ACCOUNT // WRONG_CODES):
            client = account.waiting()
            for _ in range(WRONG_CODES):
                assert client.post("/login/code", one_time_code="000000x").status_code in {422, 303}
                client.get("/login/code")
            for window in redis_server.client.keys("*login by account*"):
                redis_server.client.delete(window)
        (window,) = redis_server.client.keys("*code by account/10/10/minute*")
        redis_server.client.delete(window)
    refused = account.waiting().post("/login/code", one_time_code=account.app.next())
    assert refused.status_code == 429
    assert 600 < int(refused.headers["Retry-After"]) <= 3600


def test_who_comes_in_starts_anew(account: Account, redis_server: RedisServer) -> None:
    client = account.waiting()
    for _ in range(WRONG_CODES - 1):
        assert client.post("/login/code", one_time_code=account.app.wrong()).status_code == 422
    assert redis_server.client.keys("*code by account/10/10/minute*")
    assert client.post("/login/code", one_time_code=account.app.next()).status_code == 303
    assert not redis_server.client.keys("*code by account/10/10/minute*")
    assert not redis_server.client.keys("*login by account*")


def test_the_password_that_is_asked_again_cannot_be_guessed(account: Account, limited_server: LiveServer) -> None:
    client = account.waiting()
    client.post("/login/code", one_time_code=account.app.next())
    client.get(PAGE)
    answers = [client.post(f"{PAGE}/off", password=f"wrong password {number}").status_code for number in range(12)]
    assert answers == [422] * 10 + [429] * 2
    assert client.post(f"{PAGE}/codes", password=PASSWORD).status_code == 429


def test_while_the_store_is_away_no_code_is_heard(account: Account, redis_server: RedisServer) -> None:
    client = account.waiting()
    redis_server.stop()
    try:
        refused = client.post("/login/code", one_time_code=account.app.next())
        assert refused.status_code == 503
        assert account.app.next() not in refused.text
    finally:
        redis_server.start()
    client.get("/login/code")
    assert client.post("/login/code", one_time_code=account.app.next()).status_code == 303
