"""An import in a browser, with JavaScript and without, on a desk and on a phone, with the worker of `make run`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from invoices_app.launcher.environment import Logins, app_environment
from invoices_app.launcher.import_worker import ImportWorker
from tests.browser.axe import found_by_axe
from tests.browser.conftest import Open
from tests.journeys.pages import Visitor
from tests.support.imports import BAD_ROW, csv_bytes, some_invoices
from tests.support.live import LiveServer

pytestmark = pytest.mark.browser

PATIENCE_MS = 30_000


@pytest.fixture
def owner(base_url: str) -> Iterator[Visitor]:
    with Visitor(base_url) as visitor:
        visitor.register("Import & Co")
        yield visitor


@pytest.fixture(scope="module")
def importer(live_server: LiveServer) -> Iterator[ImportWorker]:
    database = live_server.database
    logins = Logins(database.owner_url, database.app_url, generated=True)
    started = ImportWorker({**app_environment(database.settings, logins), "APP_ENV": "test", "LOG_LEVEL": "WARNING"})
    started.start()
    yield started
    started.stop()


def choose(page: Page, data: bytes, name: str = "old.csv") -> None:
    page.get_by_label("Your file").set_input_files([{"name": name, "mimeType": "text/csv", "buffer": data}])
    page.get_by_role("button", name="See what would come in").click()


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def sound(page: Page) -> None:
    assert fits(page)
    assert not found_by_axe(page)


def test_what_waits_survives_a_reload_and_can_be_cancelled(browse: Open, owner: Visitor) -> None:
    """The first test, before a worker is there to do it."""
    page = browse("/import", owner)
    choose(page, csv_bytes(some_invoices(3)))
    page.get_by_role("button", name="Start import").click()
    status = page.locator("#import-status")
    expect(status).to_have_attribute("data-status", "running")
    page.reload()
    expect(status).to_have_attribute("data-status", "running")
    sound(page)
    page.get_by_role("button", name="Cancel").click()
    expect(status).to_have_attribute("data-status", "failed")
    expect(status).to_contain_text("It was cancelled, and nothing of it was kept.")
    sound(page)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark")])
def test_from_the_file_to_the_invoices(
    browse: Open, owner: Visitor, importer: ImportWorker, width: int, scheme: str
) -> None:
    page = browse("/import", owner, width=width, color_scheme=scheme)
    choose(page, b"\xff\xd8\xff\xe0 no table", "photo.csv")
    expect(page.locator("#file-error")).to_be_visible()
    sound(page)
    choose(page, csv_bytes([*some_invoices(12), BAD_ROW]))
    status = page.locator("#import-status")
    expect(status).to_have_attribute("data-status", "preview")
    expect(status.locator("[data-count=invoices_new]")).to_have_attribute("value", "12")
    sound(page)
    page.get_by_role("button", name="Start import").click()
    expect(page.locator("#only_good_rows-error")).to_contain_text("One row cannot come in.")
    sound(page)
    page.get_by_label("Leave out the rows that cannot come in").check()
    page.get_by_role("button", name="Start import").click()
    # The page follows by itself.
    expect(status).to_have_attribute("data-status", "done", timeout=PATIENCE_MS)
    expect(status.locator("[data-count=invoices_created]")).to_have_attribute("value", "12")
    sound(page)
    page.get_by_role("link", name="OLD-1", exact=True).first.click()
    expect(page.locator("#invoice-number")).to_have_text("OLD-1")


def test_without_javascript(browse: Open, owner: Visitor, importer: ImportWorker) -> None:
    page = browse("/import", owner, java_script_enabled=False)
    choose(page, csv_bytes(some_invoices(3)))
    page.get_by_label("Invoices come in as").select_option("draft")
    page.get_by_role("button", name="Preview again").click()
    expect(page.locator("tbody .mark[data-status=draft]")).to_have_count(3)
    page.get_by_role("button", name="Start import").click()
    expect(page.locator("#import-status")).to_have_attribute("data-status", "done", timeout=PATIENCE_MS)
    expect(page.locator("[data-count=drafts]")).to_have_attribute("value", "3")
