"""The README's pictures: `make screenshots` writes docs/images, from the demo business in an app of its own.

The app works on a PostgreSQL in a temporary folder, and on a day that is always the same, so that a page which has not
changed gives the very same picture.
"""

from __future__ import annotations

import io
import logging
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from flask import Flask
from PIL import Image, ImageOps
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import select
from werkzeug.serving import make_server

from invoices_app import clock, create_app
from invoices_app.accounts import rules
from invoices_app.accounts.models import Membership, User, UserSession
from invoices_app.clients.models import Client
from invoices_app.dashboard import demo
from invoices_app.db.tenancy import Scope, set_scope
from invoices_app.db.transaction import transaction
from invoices_app.extensions import db
from invoices_app.invoices import actions, status_actions
from invoices_app.results import ActionResult, Ok
from tests.browser.conftest import FLAGS, NAMES
from tests.support.databases import TestServer

IMAGES = Path(__file__).resolve().parent / "images"
NOW = datetime(2026, 11, 18, 10, 30, tzinfo=UTC)
WIDTH, HEIGHT = 1280, 880
"""As high as it must be for the editor to show its total, and the dashboard the months of its chart."""
SHEET_DPI = 110
EDGE = "#dedad0"
COLOURS = 256
LARGEST = 150 * 1024

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")

SURVEY = ("Measured survey, north wing", "day", "2.5", "420.00")
DRAWINGS = ("Planning drawings, revision C", "h", "14", "68.00")
SHEETS = ("Printing, A1 sheets", "", "24", "4.20")
VISITS = ("Site visit with contractor", "h", "4.5", "75.00")
SIGNS = ("Identity and signage design", "day", "3", "460.00")


@dataclass(frozen=True)
class Studio:
    """The demo business: where it is served, the cookie of its owner, and the paths of two invoices of its own."""

    url: str
    cookie: str
    draft: str
    issued: str


def main() -> None:
    IMAGES.mkdir(exist_ok=True)
    with studio() as place, sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, NAMES)))
        chromium = playwright.chromium.launch(executable_path=found, args=[*FLAGS, "--hide-scrollbars"])
        for name, path, prepare in (
            ("editor", place.draft, type_a_line),
            ("list", "/invoices", nothing),
            ("dashboard", "/", nothing),
        ):
            for scheme in SCHEMES:
                page = opened(chromium, place, path, scheme)
                prepare(page)
                keep(name if scheme == "light" else f"{name}-{scheme}", page.screenshot())
                page.context.close()
        page = opened(chromium, place, f"{place.issued}/print", "light")
        keep("sheet", ImageOps.expand(first_page(page.pdf(format="A4", prefer_css_page_size=True)), 1, EDGE))
        chromium.close()


# ---- The app ----


@contextmanager
def studio() -> Iterator[Studio]:
    """The demo business as a person with a browser finds it, until the block ends."""
    setattr(clock, "now", lambda: NOW)  # noqa: B010  (the one source of the present)
    server = TestServer()
    try:
        database = server.start().make_database("pictures")
        app = create_app(database.settings)
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        web = make_server("127.0.0.1", 0, app, threaded=True)
        with app.app_context():
            demo.make_demo_business()
            cookie, draft, issued = prepare_invoices(app)
        serving = threading.Thread(target=web.serve_forever)
        serving.start()
        try:
            yield Studio(f"http://127.0.0.1:{web.server_port}", cookie, draft, issued)
        finally:
            web.shutdown()
            serving.join()
            with app.app_context():
                db.engine.dispose()
    finally:
        server.stop()


def prepare_invoices(app: Flask) -> tuple[str, str, str]:
    """Sign the demo's person in, and write an issued invoice and a draft; the session's cookie and their paths."""
    today = clock.today("Europe/London")
    clients = {client.name: client.id for client in db.session.execute(select(Client)).scalars()}
    client_id = clients["Alder & Finch Architects"]
    issued = invoice(client_id, "Phase 2 drawings", SURVEY, DRAWINGS, SHEETS, VISITS, SIGNS)
    value_of(status_actions.issue_invoice(issued, today))
    draft = invoice(client_id, "Phase 3 drawings", SURVEY, DRAWINGS)
    token = rules.new_token()
    membership = db.session.execute(select(Membership)).scalar_one()
    set_scope(db.session, Scope(user_id=membership.user_id, business_id=membership.business_id))
    with transaction() as session:
        person = session.execute(select(User)).scalar_one()
        ids = {"user_id": person.id, "business_id": membership.business_id}
        ends = datetime.now(UTC) + timedelta(hours=1)  # the database has its own clock
        session.add(UserSession(token_hash=rules.token_hash(token), expires_at=ends, **ids))
    signer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    cookie = signer.dumps({"_user_id": token, "_fresh": True})
    return cookie, f"/invoices/{draft}", f"/invoices/{issued}"


def invoice(client_id: Any, reference: str, *lines: tuple[str, str, str, str]) -> Any:
    today = clock.today("Europe/London")
    values = [
        {
            "description": description,
            "unit": unit,
            "quantity": Decimal(quantity),
            "unit_price": Decimal(price),
            "tax_rate": Decimal(20),
            "discount_percent": Decimal(0),
        }
        for description, unit, quantity, price in lines
    ]
    header = {"client_id": client_id, "issue_date": today, "reference": reference}
    return value_of(actions.create_invoice(header, values, today))


def value_of(result: ActionResult[Any]) -> Any:
    if not isinstance(result, Ok):
        raise TypeError(f"the demo refused a picture: {result}")
    return result.value


# ---- The pictures ----


def opened(chromium: Browser, place: Studio, path: str, scheme: Scheme) -> Page:
    context = chromium.new_context(
        base_url=place.url, viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.add_cookies([{"name": "invoices_session", "value": place.cookie, "url": place.url}])
    page = context.new_page()
    page.goto(path, wait_until="networkidle")
    return page


def type_a_line(page: Page) -> None:
    """As far as the suggestions, and back to the head of the page, which has followed the field."""
    page.get_by_label("Description, new line").press_sequentially("print")
    expect(page.locator("#choices [role=option]").first).to_be_visible()
    page.evaluate("window.scrollTo(0, 0)")


def nothing(_page: Page) -> None:
    """The page is right as it comes."""


def first_page(pdf: bytes) -> Image.Image:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "sheet.pdf"), Path(folder, "sheet")
        source.write_bytes(pdf)
        subprocess.run(["pdftoppm", "-singlefile", "-png", "-r", str(SHEET_DPI), source, target], check=True)
        return Image.open(io.BytesIO(target.with_suffix(".png").read_bytes())).convert("RGB")


def keep(name: str, picture: bytes | Image.Image) -> None:
    """Write it with as many colours as a page has, which is half the bytes and looks the same."""
    image = picture if isinstance(picture, Image.Image) else Image.open(io.BytesIO(picture)).convert("RGB")
    path = IMAGES / f"{name}.png"
    image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)
    size = path.stat().st_size
    print(f"{path.relative_to(IMAGES.parent.parent)}: {image.width} x {image.height}, {size / 1024:.0f} KB")
    if size > LARGEST:
        raise SystemExit(f"{path} is larger than {LARGEST // 1024} KB")


if __name__ == "__main__":
    main()
