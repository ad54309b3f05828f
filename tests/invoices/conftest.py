"""Several people at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.people import Person

THREADS = 8


@pytest.fixture
def at_once(owner: Person) -> Iterator[Callable[..., list[Any]]]:
    """Run calls as the owner, all starting together, each in an app context and on a connection of its own."""
    pool = ThreadPoolExecutor(THREADS)

    def run(calls: list[Callable[[], Any]]) -> list[Any]:
        start = threading.Barrier(min(THREADS, len(calls)))

        def one(index: int, call: Callable[[], Any]) -> Any:
            with owner.acting():
                if index < start.parties:
                    start.wait(10)
                return call()

        return list(pool.map(one, range(len(calls)), calls))

    yield run
    pool.shutdown()
