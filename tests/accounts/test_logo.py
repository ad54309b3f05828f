"""The logo: what may become one and what may not, who sees it, and that issued documents keep theirs."""

from __future__ import annotations

import io
import struct
import uuid
import zlib
from typing import Any

import pytest
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo
from psycopg import errors
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from invoices_app.accounts import logo
from invoices_app.accounts.models import LOGO_HEIGHT, LOGO_MAX_BYTES, LOGO_WIDTH
from invoices_app.accounts.rules import LOGO_FILE_MAX_BYTES, sheet_logo
from tests.support.databases import Database
from tests.support.factories import issue, make_invoice, make_issued, make_logo, picture, read
from tests.support.html import Page
from tests.support.people import Cast, Person

PAGE = "/settings/business"
URL = "/settings/logo"
REMOVE = "/settings/logo/remove"
MARK = b"a word that must not come through"


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def noise(size: tuple[int, int]) -> Image.Image:
    return Image.effect_noise(size, 120).convert("RGB")


def as_file(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_that_claims(width: int, height: int) -> bytes:
    """A small file that would be a huge picture: black, so that it is nothing when compressed."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes((width + 7) // 8 + 1) * min(height, 20_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def png_with_text_bomb() -> bytes:
    """A picture of one pixel whose compressed remark would be 200 MB."""
    remark = chunk(b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(200_000_000), 9))
    small = picture(size=(1, 1))
    return small[:33] + remark + small[33:]


def gif_of(frames: int) -> bytes:
    pictures = [Image.new("P", (120, 60), colour) for colour in range(frames)]
    return as_file(pictures[0], "GIF", save_all=True, append_images=pictures[1:])


def read_sizes(found: logo.LogoPicture) -> None:
    """What holds of every logo."""
    image = opened(found.png)
    assert image.format == "PNG"
    assert image.size == (found.width, found.height)
    assert found.width <= LOGO_WIDTH
    assert found.height <= LOGO_HEIGHT
    assert len(found.png) <= LOGO_MAX_BYTES
    assert set(image.info) <= {"transparency"}
    assert not image.getexif()


# ---- What a file may be ----


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_pictures_become_pngs(kind: str) -> None:
    found = logo.read(picture(kind, (300, 90), "teal"))
    read_sizes(found)
    assert (found.width, found.height) == (300, 90)
    colour = opened(found.png).convert("RGB").getpixel((150, 45))
    assert all(abs(part - wanted) < 6 for part, wanted in zip(colour, (0, 128, 128), strict=True))  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_colour(mode: str) -> None:
    source = (
        Image.new("I;16", (60, 30), 0x8080) if mode == "I;16" else Image.new("RGBA", (60, 30), "#808080").convert(mode)
    )
    found = logo.read(as_file(source, "PNG"))
    read_sizes(found)
    assert opened(found.png).convert("L").getpixel((30, 15)) in (range(126, 131) if mode != "1" else {0, 255})


@pytest.mark.parametrize("mode", ["CMYK", "L"])
def test_every_kind_of_jpeg(mode: str) -> None:
    read_sizes(logo.read(as_file(Image.new("RGB", (60, 30), "teal").convert(mode), "JPEG")))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_a_clear_background_stays_clear(kind: str) -> None:
    image = Image.new("RGBA", (300, 120), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((150, 0, 300, 120), fill="black")
    found = opened(logo.read(as_file(image, kind, **({"lossless": True} if kind == "WEBP" else {}))).png).convert(
        "RGBA"
    )
    assert found.getpixel((10, 60))[3] == 0  # type: ignore[index]
    assert found.getpixel((290, 60)) == (0, 0, 0, 255)


@pytest.mark.parametrize(
    ("size", "wanted"),
    [
        ((1200, 480), (600, 240)),
        ((3000, 300), (600, 60)),
        ((300, 3000), (24, 240)),
        ((9000, 2), (600, 1)),
        ((1, 1), (1, 1)),
        ((600, 240), (600, 240)),
    ],
)
def test_large_ones_become_small_and_small_ones_stay(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    found = logo.read(picture(size=size))
    read_sizes(found)
    assert (found.width, found.height) == wanted


def test_the_loudest_picture_is_bounded() -> None:
    """Noise does not compress; in 256 colours it still fits."""
    image = Image.merge("RGBA", [Image.effect_noise((1200, 480), 200 + part) for part in range(4)])
    found = logo.read(as_file(image.resize((600, 240)), "PNG"))
    read_sizes(found)
    assert opened(found.png).mode == "P"


def test_nothing_but_pixels_comes_through() -> None:
    remark = PngInfo()
    remark.add_text("Comment", MARK.decode())
    exif = Image.Exif()
    exif[0x010E] = MARK.decode()  # ImageDescription
    exif[0x0112] = 6  # Orientation: lies on its side
    for source in (
        picture("PNG", pnginfo=remark, exif=exif, icc_profile=MARK),
        picture("JPEG", comment=MARK, exif=exif, icc_profile=MARK),
        picture("WEBP", exif=exif, icc_profile=MARK, xmp=MARK),
        picture("PNG") + MARK,
        picture("GIF", comment=MARK),
    ):
        assert MARK in source
        found = logo.read(source)
        read_sizes(found)
        assert MARK not in found.png
        assert b"iCCP" not in found.png


def test_a_photo_that_lies_on_its_side_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    found = logo.read(picture("JPEG", (60, 120), exif=exif))
    assert (found.width, found.height) == (120, 60)


def test_only_the_first_frame_counts() -> None:
    moving = logo.read(gif_of(5))
    assert moving.sha256 == logo.read(gif_of(1)).sha256
    assert getattr(opened(moving.png), "n_frames", 1) == 1


def test_the_name_is_never_asked() -> None:
    """A JPEG called .png is what it is; a page called .png is no picture."""
    assert logo.read(picture("JPEG")).png.startswith(b"\x89PNG")


HOSTILE = {
    "empty": (b"", logo.NO_PICTURE),
    "text": (b"hello", logo.NO_PICTURE),
    "HTML": (b"<!doctype html><script>alert(1)</script>", logo.NO_PICTURE),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', logo.DRAWING),
    "SVG with a head": (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="9"/>', logo.DRAWING),
    "BMP": (as_file(Image.new("RGB", (9, 9)), "BMP"), logo.NO_PICTURE),
    "TIFF": (as_file(Image.new("RGB", (9, 9)), "TIFF"), logo.NO_PICTURE),
    "ICO": (as_file(Image.new("RGB", (16, 16)), "ICO"), logo.NO_PICTURE),
    "PDF": (as_file(Image.new("RGB", (9, 9)), "PDF"), logo.NO_PICTURE),
    "PostScript": (as_file(Image.new("RGB", (9, 9)), "EPS"), logo.NO_PICTURE),
    "only a PNG's first bytes": (b"\x89PNG\r\n\x1a\n", logo.NO_PICTURE),
    "PNG with a script behind": (b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", logo.NO_PICTURE),
    "PNG bomb": (png_that_claims(100_000, 100_000), logo.TOO_MANY_PIXELS),
    "PNG a little too large": (png_that_claims(4001, 4000), logo.TOO_MANY_PIXELS),
    "PNG with a text bomb": (png_with_text_bomb(), logo.UNREADABLE),
    "PNG of no width": (png_that_claims(0, 10), logo.NO_PICTURE),
    "too large a file": (b"\x89PNG\r\n\x1a\n" + bytes(LOGO_FILE_MAX_BYTES), logo.TOO_LARGE),
}


@pytest.mark.parametrize(("data", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_every_other_file_is_told_so(data: bytes, sentence: str) -> None:
    with pytest.raises(logo.UnusableLogoError) as caught:
        logo.read(data)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_a_file_cut_short_is_told_so(kind: str) -> None:
    """Wherever it was cut, there is an answer; in its middle, this one."""
    whole = as_file(noise((160, 80)), kind)
    for length in range(0, len(whole), max(1, len(whole) // 60)):
        try:
            read_sizes(logo.read(whole[:length]))
        except logo.UnusableLogoError as error:
            assert str(error) in {logo.UNREADABLE, logo.NO_PICTURE}  # noqa: PT017
    with pytest.raises(logo.UnusableLogoError, match="damaged or incomplete"):
        logo.read(whole[: len(whole) // 2])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_any_byte_may_be_wrong(kind: str) -> None:
    whole = as_file(noise((40, 20)), kind)
    for at in range(0, len(whole), max(1, len(whole) // 400)):
        for wrong in (0x00, 0x7F, 0xFF):
            try:
                read_sizes(logo.read(whole[:at] + bytes([wrong]) + whole[at + 1 :]))
            except logo.UnusableLogoError as error:
                assert str(error) in {logo.UNREADABLE, logo.NO_PICTURE, logo.TOO_MANY_PIXELS}  # noqa: PT017


@pytest.mark.parametrize(
    ("pixels", "printed"),
    [
        ((600, 240), (160, 64)),
        ((600, 100), (200, 33)),
        ((240, 240), (64, 64)),
        ((150, 40), (150, 40)),
        ((600, 1), (200, 1)),
    ],
)
def test_its_place_on_the_sheet(pixels: tuple[int, int], printed: tuple[int, int]) -> None:
    place = sheet_logo(uuid.uuid4(), *pixels)
    assert place is not None
    assert (place.width, place.height) == printed


# ---- On the settings page ----


def choose(person: Person, data: bytes, status: int = 303, *, name: str = "logo.png", htmx: bool = False) -> Page:
    """Send a file, encoded here: the client's own encoder leaves temporary files open."""
    token = person.browser.get(PAGE).form(URL).values["csrf_token"]
    file = FileStorage(io.BytesIO(data), name, content_type="image/png")
    boundary, body = encode_multipart({"csrf_token": token, "logo": file})
    content_type = f"multipart/form-data; boundary={boundary}"
    return person.browser.send(URL, body, status, htmx=htmx, content_type=content_type)  # type: ignore[arg-type]


def logo_urls(page: Page) -> list[str]:
    return [str(image.get("src")) for image in page.all("img")]


def test_put_up_and_taken_down(owner: Person, database: Database) -> None:
    assert logo_urls(owner.browser.get(PAGE)) == []
    page = owner.browser.follow(choose(owner, picture("JPEG", (300, 90))))
    assert "The logo is on your invoices now." in page.words()
    (image,) = page.all("img")
    assert (image.get("width"), image.get("height"), image.get("alt")) == ("200", "60", "Your logo")
    invoice = owner.browser.get(f"/invoices/{make_invoice(owner)}")
    (on_sheet,) = invoice.all("img")
    assert on_sheet.attrib == {**image.attrib, "alt": "Owner & Sons Ltd"}
    owner.browser.get(PAGE)
    page = owner.browser.follow(owner.browser.post(REMOVE))
    assert logo_urls(page) == []
    owner.browser.post(REMOVE, on=page)
    told = "SELECT changes FROM audit_events WHERE business_id = %s AND changes ? 'logo_id' ORDER BY id"
    logo_id = str(image.get("src")).rpartition("/")[2]
    assert database.ask(told, owner.business_id) == [({"logo_id": [None, logo_id]},), ({"logo_id": [logo_id, None]},)]


def test_by_htmx_only_the_logo_comes_back(owner: Person) -> None:
    page = choose(owner, picture(), 200, htmx=True)
    assert not page.is_whole
    assert logo_urls(page)
    assert page.has_form(URL)
    assert page.has_form(REMOVE)
    assert "on your invoices now" in page.words()
    refused = choose(owner, b"nothing", 422, htmx=True)
    assert not refused.is_whole
    assert refused.error_of("logo") == logo.NO_PICTURE
    gone = owner.browser.post(REMOVE, {}, 200, htmx=True, on=page)
    assert not gone.is_whole
    assert logo_urls(gone) == []


@pytest.mark.parametrize(("data", "sentence"), HOSTILE.values(), ids=HOSTILE)
def test_refusals_stand_beside_the_file(owner: Person, data: bytes, sentence: str) -> None:
    before = make_logo(owner)
    page = choose(owner, data, 422)
    assert page.error_of("logo") == sentence
    assert page.typed("name") == ["Owner & Sons Ltd"]
    assert logo_urls(page) == [f"/logos/{before}"]


def test_a_file_must_be_chosen(owner: Person) -> None:
    sentence = "Choose a picture first."
    assert choose(owner, b"", 422, name="").error_of("logo") == sentence
    for sent in ({}, {"logo": "no file"}):
        assert owner.browser.post(URL, sent, 422).error_of("logo") == sentence


def test_beyond_all_measure_nothing_is_read(owner: Person) -> None:
    assert "larger than this page takes" in choose(owner, bytes(6 * LOGO_FILE_MAX_BYTES), 413).words()
    owner.browser.get("/clients/new")
    too_much = {"name": "n" * (3 * 1024 * 1024)}
    owner.browser.post("/clients", too_much, 413)


def test_a_file_of_the_largest_size_comes_through(owner: Person) -> None:
    padded = picture()
    padded += bytes(LOGO_FILE_MAX_BYTES - len(padded))
    choose(owner, padded)


def test_the_other_form_is_not_stale_because_of_it(owner: Person, teammate: Person) -> None:
    owner.browser.get(PAGE)
    make_logo(teammate)
    owner.browser.submit(PAGE, {"city": "Bath"})


def test_the_same_picture_is_the_same_logo(owner: Person, database: Database) -> None:
    first, second = make_logo(owner), make_logo(owner, "navy")
    assert make_logo(owner) == first != second
    assert database.value("SELECT count(*) FROM logos WHERE business_id = %s", owner.business_id) == 2


# ---- The picture itself ----


def test_how_it_is_served(owner: Person, visitor: Any) -> None:
    url = f"/logos/{make_logo(owner)}"
    answer = owner.browser.open(url)
    assert answer.mimetype == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "img-src 'self'" in answer.headers["Content-Security-Policy"]
    assert opened(answer.data).size == (300, 90)
    again = owner.browser.open(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert visitor.open(url).status_code == 303


def test_no_other_business_sees_it(cast: Cast, database: Database) -> None:
    url = f"/logos/{make_logo(cast.owner)}"
    assert cast.teammate.browser.open(url).status_code == 200
    assert cast.stranger.browser.open(url).status_code == 404
    same = f"/logos/{make_logo(cast.stranger)}"
    assert same != url
    assert cast.owner.browser.open(same).status_code == 404
    take = "UPDATE businesses SET logo_id = %s WHERE id = %s"
    with (
        pytest.raises(errors.ForeignKeyViolation),
        database.as_app(cast.stranger.business_id, cast.stranger.user_id) as app,
    ):
        app.execute(take, [url.rpartition("/")[2], cast.stranger.business_id])


@pytest.mark.parametrize("statement", ["UPDATE logos SET width = 1", "DELETE FROM logos", "TRUNCATE logos"])
def test_what_was_a_logo_stays(owner: Person, database: Database, statement: str) -> None:
    make_logo(owner)
    with pytest.raises(errors.InsufficientPrivilege), database.as_app(owner.business_id, owner.user_id) as app:
        app.execute(statement.encode())


def test_the_database_checks_what_it_stores(owner: Person, database: Database) -> None:
    values = {"png": b"a", "width": 10, "height": 10}
    insert = (
        "INSERT INTO logos (business_id, id, png, width, height, sha256)"
        " VALUES (%(business)s, gen_random_uuid(), %(png)s, %(width)s, %(height)s, sha256(%(of)s))"
    )
    for wrong in ({"width": 601}, {"height": 241}, {"width": 0}, {"png": bytes(204_801)}, {"png": b""}, {"of": b"b"}):
        row = {"business": owner.business_id, **values, **wrong}
        with pytest.raises(errors.CheckViolation), database.as_app(owner.business_id, owner.user_id) as app:
            app.execute(insert, {"of": row["png"], **row})


# ---- On documents ----


def test_issued_documents_keep_theirs(owner: Person) -> None:
    without = make_issued(owner)
    first = make_logo(owner)
    issued, draft = make_issued(owner), make_invoice(owner)
    second = make_logo(owner, "navy")

    def shown(invoice_id: uuid.UUID) -> list[str]:
        found = {tuple(logo_urls(owner.browser.get(f"/invoices/{invoice_id}{view}"))) for view in ("", "/print")}
        assert len(found) == 1
        return list(found.pop())

    assert shown(without) == []
    assert shown(issued) == [f"/logos/{first}"]
    assert shown(draft) == [f"/logos/{second}"]
    owner.browser.get(PAGE)
    owner.browser.post(REMOVE)
    assert shown(issued) == [f"/logos/{first}"]
    assert owner.browser.open(f"/logos/{first}").status_code == 200
    assert shown(draft) == []
    issue(owner, draft)
    make_logo(owner)
    assert shown(draft) == []
    assert shown(without) == []


def test_invoices_from_before_there_were_logos(owner: Person, database: Database) -> None:
    """Their seller's details say nothing of a logo."""
    make_logo(owner)
    issued = make_issued(owner)
    with database.as_superuser() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE invoices SET seller = seller - 'logo_id' WHERE id = %s", [issued])
        connection.commit()
    assert read(owner, issued).logo is None


def test_it_stands_in_fragments_of_the_head_too(owner: Person) -> None:
    logo_id = make_logo(owner)
    url = f"/invoices/{make_invoice(owner)}"
    owner.browser.get(url)
    form = owner.browser.form_for(url)
    assert form is not None
    answer = owner.browser.send(url, {**form.values, "reference": "PO 7"}, 200, htmx=True)
    assert logo_urls(answer) == [f"/logos/{logo_id}"]
