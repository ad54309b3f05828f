"""What breaks in a page is told to the person, to the log and to Sentry."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.browser.conftest import FLAGS, NAMES
from tests.journeys.pages import Visitor
from tests.observability.conftest import Program
from tests.observability.test_following import without_clients

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def context(program: Program) -> Iterator[BrowserContext]:
    """A Chromium in which somebody is signed in, gone before other modules use the app itself."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert found, f"No Chromium: none of {', '.join(NAMES)} is installed (make test does it)"
    with Visitor(program.base_url) as visitor, sync_playwright() as playwright:
        visitor.register("Broken Pages Ltd")
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        context = browser.new_context(base_url=program.base_url)
        cookies = visitor.client.cookies.jar
        context.add_cookies([{"name": c.name, "value": str(c.value), "url": program.base_url} for c in cookies])
        yield context
        browser.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """The list of clients."""
    page = context.new_page()
    page.goto("/clients?q=Searched")
    yield page
    page.close()


def test_a_script_error_reaches_person_log_and_sentry(page: Page, program: Program) -> None:
    with page.expect_response("**/problems") as told:
        page.evaluate("() => setTimeout(() => document.dispatchEvent(new Event('change')))")  # of no element
    assert told.value.status == 204
    assert "stopped working" in page.locator("#alerts").inner_text()

    line = program.line(event="browser error", request_id=told.value.headers["x-request-id"])
    assert line["message"].startswith("TypeError: ")
    assert "/static/js/app.js" in line["source"]
    assert "app.js" in line["stack"]
    assert line["page"] == "clients.index"
    assert line["user"]
    event = program.sentry.event(line["sentry_event"])
    assert event["message"] == f"In the browser: {line['message']}"
    assert event["contexts"]["browser"]["page"] == "clients.index"
    assert event["user"] == {"id": line["user"]}
    assert event["tags"]["request_id"] == line["request_id"]


def test_a_refused_script_is_told(page: Page, program: Program) -> None:
    with page.expect_response("**/problems") as told:
        page.evaluate("() => { document.body.append(Object.assign(document.createElement('script'), {text: '1'})) }")
    line = program.line(event="browser error", request_id=told.value.headers["x-request-id"])
    assert line["message"] == "Refused by policy: script-src-elem"


def test_an_endless_error_is_told_once_and_a_page_has_five(page: Page, program: Program) -> None:
    sent = []
    page.on("request", lambda request: sent.append(request) if request.url.endswith("/problems") else None)
    page.evaluate(
        """() => {
          for (const word of ["a", "a", "a", "b", "c", "d", "e", "f", "g"]) {
            Promise.reject(new Error(word));
          }
        }"""
    )
    page.wait_for_timeout(300)
    assert len(sent) == 5


def test_a_failing_request_shows_the_alert_with_its_ids(page: Page, program: Program) -> None:
    """The page stays as it is, with what was typed."""
    with without_clients(program):
        page.fill("#q", "What I typed")
        page.locator("#alerts code").first.wait_for()
    request_id, event_id = page.locator("#alerts code").all_inner_texts()
    assert program.sentry.event(event_id)["tags"]["request_id"] == request_id
    assert page.input_value("#q") == "What I typed"


def test_a_server_that_is_away_is_told_and_nothing_is_lost(page: Page) -> None:
    page.route("**/clients?**", lambda route: route.abort())
    page.fill("#q", "What I typed")
    page.locator("#alerts .note").wait_for()
    assert "could not be reached" in page.locator("#alerts").inner_text()
    assert page.input_value("#q") == "What I typed"
