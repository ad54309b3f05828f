"""An import as people do it: a file through the page, read and written by the worker, while somebody looks at pages.

Beside it a bare COPY of the same rows, as in `imports.py`.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

from tests.bench import imports
from tests.bench.results import Result
from tests.bench.world import BenchedApp
from tests.journeys.pages import Page, Visitor
from tests.support.databases import connect
from tests.support.import_files import retail_file

MEMORY_MB = 300.0
WATCH_SECONDS = 0.1
LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 3600.0


@dataclass
class Watched:
    """What an import took: the worker's largest resident size in bytes, and pages meanwhile in milliseconds."""

    peak: int = 0
    pages: list[float] = field(default_factory=list)


def cases(app: BenchedApp, secret_key: str, invoices: int) -> Iterator[Result]:
    """Lines a second from Start to done, the worker's memory, and a page meanwhile beside the same page at rest."""
    rows, owner_url, superuser_url = invoices * imports.LINES, app.postgres.owner_url, app.postgres.superuser_url
    with tempfile.TemporaryDirectory() as folder, Visitor(app.base_url) as visitor:
        file = retail_file(Path(folder) / "retail.csv", invoices, imports.LINES)
        visitor.register("Worker's Imports Ltd")
        at_rest = median([_page(visitor) for _ in range(40)][10:])
        watched = Watched()
        with _watch(psutil.Process(app.pid), watched):
            preview = _until(visitor, _upload(visitor, file), {"preview"}, watched)
            begun = time.perf_counter()
            form = preview.form("/start")
            done = _until(visitor, visitor.post(form.action, {**form.values, "status": "sent"}), {"done"}, watched)
            seconds = time.perf_counter() - begun
    with connect(superuser_url) as everything:
        found = everything.execute("SELECT business_id FROM imports WHERE id = %s", [done.id]).fetchone()
    assert found is not None
    bare = imports.copied(owner_url, secret_key, found[0])
    yield Result(f"import of {rows:,} lines by the worker : COPY", rows / seconds, rows / bare, "/s")
    yield Result("memory of the worker meanwhile", watched.peak / 2**20, MEMORY_MB, "MB", most=1.0)
    yield Result("clients meanwhile : at rest, p50", median(watched.pages), at_rest, "ms")


def _upload(visitor: Visitor, file: Path) -> Page:
    form = visitor.open("/import").form("/import")
    with file.open("rb") as opened:
        sent = {"file": (file.name, opened, "text/csv")}
        answer = visitor.client.post(form.action, data=form.values, files=sent, timeout=300)
    assert answer.status_code == 200, f"the file was refused: {answer.status_code}"
    return Page(answer)


def _until(visitor: Visitor, page: Page, wanted: set[str], watched: Watched) -> Page:
    """The page of the import when it has come so far; other pages are asked for meanwhile."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (state := page.by_id("import-status").get("data-status")) not in wanted:
        assert state == "running", page.text(page.by_id("import-status"))
        assert time.monotonic() < deadline, "the import does not end"
        watched.pages.append(_page(visitor))
        time.sleep(LOOK_SECONDS)
        page = visitor.open(page.path)
    return page


def _page(visitor: Visitor) -> float:
    begun = time.perf_counter()
    visitor.open("/clients?q=somebody")
    return (time.perf_counter() - begun) * 1000


@contextmanager
def _watch(launcher: psutil.Process, watched: Watched) -> Iterator[None]:
    """Look at the worker's memory until the block ends; it may be another process by then."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(WATCH_SECONDS):
            for process in launcher.children():
                try:
                    if "import_process" in " ".join(process.cmdline()):
                        watched.peak = max(watched.peak, process.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
