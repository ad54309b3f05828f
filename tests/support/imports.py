"""Files brought through the pages, and the worker's part done in this very process."""

from __future__ import annotations

import csv
import io
import re
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from flask import Flask
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from invoices_app.imports import jobs
from tests.support.browser import Browser
from tests.support.html import Page
from tests.support.people import Person

HEADER = ("InvoiceNo", "InvoiceDate", "Client", "Description", "Quantity", "UnitPrice", "Tax")


def csv_bytes(rows: Iterable[Sequence[Any]], header: Sequence[str] = HEADER) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


def some_invoices(count: int = 3, first: int = 1, lines: int = 2) -> list[list[Any]]:
    """Rows of that many good invoices, `lines` lines of 10.00 each at 20 %, for two clients."""
    return [
        [f"OLD-{number}", "2024-03-05", f"Client {number % 2}", f"Work {line}", 1, "10.00", 20]
        for number in range(first, first + count)
        for line in range(lines)
    ]


BAD_ROW = ["OLD-99", "not a day", "Client 1", "Work", 1, "10.00", 20]


def bring(browser: Browser, data: bytes, name: str = "old.csv", status: int = 303, **fields: str) -> Page:
    """Send a file through the form; the page that it leads to, or that refused it."""
    browser.get("/import")
    form = browser.form_for("/import")
    assert form is not None
    # Encoded here, since the client would leave the file open that it keeps a large body in.
    boundary, body = encode_multipart({**form.values, **fields, "file": FileStorage(io.BytesIO(data), name)})
    page = browser.send("/import", body, status, content_type=f"multipart/form-data; boundary={boundary}")
    return browser.follow(page) if status == 303 else page


def id_of(page: Page) -> uuid.UUID:
    found = re.fullmatch(r"/import/([0-9a-f-]{36})", page.response.request.path)
    assert found, page.response.request.path
    return uuid.UUID(found[1])


def state(page: Page) -> str:
    """preview, running, done or failed."""
    return str(page.by_id("import-status").get("data-status"))


def count(page: Page, name: str) -> int:
    """A count on the page of an import."""
    (found,) = [data.get("value") for data in page.all("data") if data.get("data-count") == name]
    return int(str(found))


def total(page: Page) -> Decimal:
    """The one amount of money on the page's figures."""
    (found,) = [data.get("value") for data in page.by_id("import-status").iter("data") if not data.get("data-count")]
    return Decimal(str(found))


def start(browser: Browser, import_id: uuid.UUID, answer: int = 303, **changes: str) -> Page:
    """Send the form of the preview."""
    browser.get(f"/import/{import_id}")
    url = f"/import/{import_id}/start"
    form = browser.form_for(url)
    assert form is not None
    return browser.send(url, {**form.values, **changes}, answer)


def finish(app: Flask, person: Person, import_id: uuid.UUID) -> Page:
    """Do what waits, as the worker does; the import's page after it."""
    jobs.work(app)
    return person.browser.get(f"/import/{import_id}")


def brought_in(app: Flask, person: Person, data: bytes, **changes: str) -> Page:
    """A whole import; its page when it is done."""
    import_id = id_of(bring(person.browser, data))
    start(person.browser, import_id, **changes)
    page = finish(app, person, import_id)
    assert state(page) == "done", page.words()
    return page
