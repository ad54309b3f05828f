"""Waiting for what no locator can tell."""

from __future__ import annotations

import time
from typing import Any

from playwright.sync_api import Page

from tests.browser.conftest import PATIENCE_MS

PAUSE_MS = 10


def until(page: Page, expression: str, expected: Any) -> None:
    """Wait until a page's expression is what is expected; raises AssertionError with what it was last.

    Playwright's own wait evaluates text within the page from its second look on, and our policy refuses that.
    """
    patience = time.monotonic() + PATIENCE_MS / 1000
    while (found := page.evaluate(expression)) != expected:
        assert time.monotonic() < patience, f"{expression} is {found!r}, not {expected!r}"
        page.wait_for_timeout(PAUSE_MS)
