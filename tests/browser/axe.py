"""What axe, the checker of accessibility, finds on an open page."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.waiting import until

ON_A_PHONE = ("target-size", "color-contrast", "label", "list")
"""The rules whose outcome depends on the width."""


def look_over(page: Page) -> None:
    """All of axe in light, contrast again in the dark, and at 375 px what depends on the width."""
    assert not found_by_axe(page)
    page.emulate_media(color_scheme="dark")
    assert not found_by_axe(page, "color-contrast")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 375, "height": 800})
    until(page, "document.documentElement.scrollWidth", 375)  # what floats is placed anew
    assert not found_by_axe(page, *ON_A_PHONE)


def found_by_axe(page: Page, *rules: str) -> list[list[str]]:
    """What axe complains of by all its rules, or by these: the rule, where, and why.

    Its script is brought into the page once, and only the complaints come back: both are larger than most pages.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
    found: list[list[str]] = page.evaluate(
        """async options => (await axe.run(document, options)).violations.flatMap(
          ({ id, nodes }) => nodes.map(node => [id, String(node.target), node.failureSummary])
        )""",
        {"resultTypes": ["violations"], **only},
    )
    return found
