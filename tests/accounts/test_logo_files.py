"""What a file may be to become a logo, and what may not."""

from __future__ import annotations

import io
import struct
import uuid
import zlib
from typing import Any

import pytest
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from invoices_app.accounts import logo
from invoices_app.accounts.models import LOGO_HEIGHT, LOGO_MAX_BYTES, LOGO_WIDTH
from invoices_app.accounts.rules import LOGO_FILE_MAX_BYTES, sheet_logo
from tests.support.factories import picture

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


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_pictures_become_pngs(kind: str) -> None:
    found = logo.read(picture(kind, (300, 90), "teal"))
    read_sizes(found)
    assert (found.width, found.height) == (300, 90)
    colour = opened(found.png).convert("RGB").getpixel((150, 45))
    assert all(abs(part - wanted) < 6 for part, wanted in zip(colour, (0, 128, 128), strict=True))


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
