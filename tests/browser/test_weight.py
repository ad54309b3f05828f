"""What a first visit costs on the wire."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Shop, Window, write_at_once

pytestmark = pytest.mark.browser


def test_cold_first_list_is_at_most_30_kb_in_5_requests(window: Callable[..., Window], shop: Shop) -> None:
    for _ in range(25):
        write_at_once(shop.visitor, shop.places["client"], [{"description": "Light", "unit_price": "9"}])
    opened = window(shop.visitor)
    network = opened.context.new_cdp_session(opened.page)
    network.send("Network.enable")
    received: dict[str, float] = {}

    def count(event: dict[str, Any]) -> None:
        received[event["requestId"]] = event["encodedDataLength"]

    network.on("Network.loadingFinished", count)
    opened.page.goto("/invoices", wait_until="networkidle")
    rows = opened.page.locator("tr[id^=invoice-]").count()
    assert rows >= 25
    weights = {request.url.rpartition("/")[2]: request.sizes()["responseBodySize"] for request in opened.requests}
    first = [request for request in opened.requests if "cursor=" not in request.url]
    assert len(first) <= 5, weights
    assert sum(received.values()) <= 30 * 1024, weights
