"""The sheet of a draft as a browser shows it: what tests of the editor look at, and how they slow its network down."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open, Shop

GRID = "#invoice-lines > tr[data-version]"
CHOICES = "#choices:not([hidden])"
GOING = "nothing is held up any more"


def draft_page(browse: Open, shop: Shop, draft: str) -> Page:
    """The draft in a browser; the page carries a mark that a page load would wipe out."""
    page = browse(draft, shop.visitor)
    page.evaluate("window.stillTheSamePage = true")
    return page


def total(page: Page, value: str) -> None:
    expect(page.locator("#invoice-total data")).to_have_attribute("value", value)


def rows(page: Page, count: int) -> None:
    expect(page.locator("#invoice-lines tr.line:not(.new)")).to_have_count(count)


def described(page: Page) -> list[str]:
    return page.locator(f"{GRID} [name=description]").evaluate_all("cells => cells.map(cell => cell.value)")


def numbers(page: Page) -> list[str]:
    return page.locator(f"{GRID} .grip").all_inner_texts()


def is_described(page: Page, *words: str) -> None:
    expect(page.locator(f"{GRID} [name=description]")).to_have_count(len(words))
    for place, word in enumerate(words):
        expect(page.locator(f"{GRID} [name=description]").nth(place)).to_have_value(word)
    assert numbers(page) == [str(place + 1) for place in range(len(words))]


def cell(page: Page, name: str, line: int) -> Locator:
    return page.get_by_label(f"{name}, line {line}")


def all_saved(page: Page) -> None:
    expect(page.locator("#save-state")).to_have_text(re.compile("Saved just now|Every change is saved"))
    expect(page.locator("tr.pending, tr.unsaved, .retry")).to_have_count(0)


def let_go(held: list[Any]) -> None:
    """Let what is held go on, and all that follows."""
    routes = list(held)
    held.append(GOING)
    for route in routes:
        route.continue_()


def held_up(page: Page, held: list[Any], count: int) -> None:
    for _ in range(100):
        if len(held) == count:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{len(held)} requests are held up instead of {count}")


def count_requests(page: Page) -> list[str]:
    """The addresses of what the page asks for from here on, without files that the browser keeps."""
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "/static/" not in request.url else None)
    return sent
