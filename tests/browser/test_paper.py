"""Printed to PDF: A4 and Letter, one page to many."""

from __future__ import annotations

import io
import re

import pytest
from playwright.sync_api import Page
from pypdf import PdfReader

from tests.browser.conftest import Open, Shop, retail_lines, write_at_once
from tests.journeys.pages import Visitor
from tests.support.factories import picture

pytestmark = pytest.mark.browser

SIZES = {"A4": (595, 842), "Letter": (612, 792)}
# Price, tax and amount of a printed line.
LINE = re.compile(r"\d\.\d\d\s+20%\s+[\d,]+\.\d\d")
# Lines, and the pages that they may take.
PAGES = {1: (1, 1), 5: (1, 1), 38: (2, 2), 150: (5, 6)}


@pytest.fixture(scope="module", params=PAGES)
def printable(request: pytest.FixtureRequest, shop: Shop) -> tuple[int, str]:
    """A number of lines, and the print page of a draft with so many."""
    lines = retail_lines(request.param)
    return request.param, write_at_once(shop.visitor, shop.places["client"], lines) + "/print"


def pdf_of(page: Page, paper: str) -> PdfReader:
    return PdfReader(io.BytesIO(page.pdf(format=paper, prefer_css_page_size=True)))


@pytest.mark.parametrize("paper", SIZES)
def test_prints_well(browse: Open, shop: Shop, printable: tuple[int, str], paper: str) -> None:
    count, path = printable
    page = browse(path, shop.visitor)
    pdf = pdf_of(page, paper)
    texts = [sheet.extract_text() for sheet in pdf.pages]
    fewest, most = PAGES[count]
    assert fewest <= len(texts) <= most
    box = pdf.pages[0].mediabox
    assert (float(box.width), float(box.height)) == pytest.approx(SIZES[paper], abs=1)

    whole = "\n".join(texts)
    with_lines = [text for text in texts if LINE.search(text)]
    assert sum(len(LINE.findall(text)) for text in texts) == count
    assert all("Description" in text and "Quantity" in text for text in with_lines)
    assert all(f"Page {at} of {len(texts)}" in text for at, text in enumerate(texts, start=1))
    total = page.locator("#invoice-total").inner_text()
    assert whole.count(total) == 1
    assert whole.count("Subtotal") == 1
    for words in ("Dashboard", "Sign out", "Issue invoice", "Skip to content"):
        assert words not in whole
    for line in retail_lines(count):
        assert str(line["description"]).split()[-1] in whole


def test_a_printed_screen_is_the_sheet_alone(browse: Open, shop: Shop) -> None:
    """Ctrl+P on the document's own page."""
    whole = "".join(
        sheet.extract_text() for sheet in pdf_of(browse(shop.at("/invoices/{sent}"), shop.visitor), "A4").pages
    )
    assert "Subtotal" in whole
    for words in ("Dashboard", "Mark paid", "Duplicate", "Print"):
        assert words not in whole


def test_the_logo_is_printed(browse: Open, base_url: str) -> None:
    """The one that the invoice was issued with, at the head of its first page, and whatever comes later."""
    with Visitor(base_url) as visitor:
        visitor.register("Logo & Co")
        settings = visitor.open("/settings/business").form("/settings/logo")
        tokens = {"csrf_token": settings.values["csrf_token"]}
        file = {"logo": ("logo.gif", picture(size=(600, 150)), "image/gif")}
        visitor.client.post(settings.action, data=tokens, files=file).raise_for_status()
        client = visitor.add_client(name="A Client").id
        invoice = write_at_once(visitor, client, retail_lines(60))
        visitor.send(visitor.open(invoice).form("/issue"))
        visitor.send(visitor.open("/settings/business").form("/settings/logo/remove"))
        page = browse(f"{invoice}/print", visitor)

    box = page.get_by_role("img", name="Logo & Co").bounding_box()
    title = page.get_by_role("heading", name="Invoice").bounding_box()
    assert box is not None
    assert title is not None
    assert (box["width"], box["height"]) == (200, 50)
    assert (box["x"], box["y"] + box["height"] < title["y"]) == (title["x"], True)

    pdf = pdf_of(page, "A4")
    assert len(pdf.pages) > 1
    sizes = [[found.image.size for found in sheet.images if found.image] for sheet in pdf.pages]
    assert sizes == [[(600, 150)], *([] for _ in pdf.pages[1:])]
