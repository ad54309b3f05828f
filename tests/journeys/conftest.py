"""Two businesses on the running server: ours, and a stranger's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.journeys.pages import Visitor

if TYPE_CHECKING:
    from tests.support.live import LiveServer


@pytest.fixture(scope="package")
def base_url(live_server: LiveServer) -> str:
    return live_server.base_url


@pytest.fixture(scope="package")
def owner(base_url: str) -> Iterator[Visitor]:
    with Visitor(base_url) as visitor:
        visitor.register("Gift & Retail Ltd")
        yield visitor


@pytest.fixture(scope="package")
def stranger(base_url: str) -> Iterator[Visitor]:
    with Visitor(base_url) as visitor:
        visitor.register("Another Business")
        yield visitor


@pytest.fixture(scope="package")
def client_id(owner: Visitor) -> str:
    """A client of ours."""
    return owner.add_client(name="Regular Client", email="regular@example.com", payment_terms_days=14).id
