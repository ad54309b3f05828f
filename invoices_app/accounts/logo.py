"""A logo as people send it, made into one that can be trusted: decoded, turned upright, made small, and written anew.

What a file is, its content says and never its name. Only pixels come through: no metadata, no second frame, nothing
that stood behind the picture. Importing this module costs 8 MB, so it is imported where a logo is made, nowhere else.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from dataclasses import dataclass

from PIL import (
    GifImagePlugin,
    Image,
    ImageOps,
    JpegImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from invoices_app.accounts.models import LOGO_HEIGHT, LOGO_MAX_BYTES, LOGO_WIDTH
from invoices_app.accounts.rules import LOGO_FILE_MAX_BYTES

FORMATS = tuple(
    plugin.format
    for plugin in (
        PngImagePlugin.PngImageFile,
        JpegImagePlugin.JpegImageFile,
        WebPImagePlugin.WebPImageFile,
        GifImagePlugin.GifImageFile,
    )
)
MAX_PIXELS = 16_000_000
"""What may be decoded, 64 MB in memory: a photo of a telephone, and far from what a small file could claim to hold."""

# Pillow's own guard, for whatever it opens besides the first frame.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)

_PNG = b"\x89PNG\r\n\x1a\n"
_CHUNK, _CHECKSUM = struct.Struct(">L4s"), 4
_PIXELS = frozenset([b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"])

UNREADABLE = "This picture is damaged or incomplete. Save it again, or choose another one."
TOO_MANY_PIXELS = f"This picture has more than {MAX_PIXELS // 1_000_000} million pixels. Make it smaller first."
NO_PICTURE = "This file is no picture that can be a logo. Choose a PNG, JPEG, WebP or GIF file."
DRAWING = "SVG drawings cannot be used. Save the logo as PNG, 600 pixels wide or more, and choose that file."
TOO_LARGE = "This file is larger than 2 MB. Make the picture smaller first."

# What Pillow raises at a file that is not as its format wants it to be.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class UnusableLogoError(ValueError):
    """The file cannot become a logo; the message is a sentence for the person who chose it."""


@dataclass(frozen=True, slots=True)
class LogoPicture:
    """A PNG of at most LOGO_WIDTH x LOGO_HEIGHT pixels and LOGO_MAX_BYTES bytes, and the SHA-256 of those bytes."""

    png: bytes
    width: int
    height: int
    sha256: bytes


def read(data: bytes) -> LogoPicture:
    """The logo in a PNG, JPEG, WebP or GIF file; raises UnusableLogoError for every other content."""
    if len(data) > LOGO_FILE_MAX_BYTES:
        raise UnusableLogoError(TOO_LARGE)
    try:
        picture = _small(_decoded(data))
    except UnusableLogoError:
        raise
    except UnidentifiedImageError:
        raise UnusableLogoError(DRAWING if _is_drawing(data) else NO_PICTURE) from None
    except _BOMB:
        raise UnusableLogoError(TOO_MANY_PIXELS) from None
    except _BROKEN:
        raise UnusableLogoError(UNREADABLE) from None
    return written(picture)


def written(picture: Image.Image) -> LogoPicture:
    """The picture as PNG, in 256 colours when it would be too large with all of them."""
    png = _as_png(picture)
    if len(png) > LOGO_MAX_BYTES:
        png = _as_png(picture.quantize(256, method=Image.Quantize.FASTOCTREE))
    return LogoPicture(png, picture.width, picture.height, hashlib.sha256(png).digest())


def as_written(png: bytes) -> LogoPicture:
    """A picture that `written` made elsewhere, byte for byte; raises UnusableLogoError for every other one."""
    if not _is_plain(png):
        raise UnusableLogoError(NO_PICTURE)
    try:
        picture = _decoded(png)
    except (UnidentifiedImageError, *_BOMB, *_BROKEN):
        raise UnusableLogoError(UNREADABLE) from None
    if picture.width > LOGO_WIDTH or picture.height > LOGO_HEIGHT:
        raise UnusableLogoError(TOO_LARGE)
    return LogoPicture(png, picture.width, picture.height, hashlib.sha256(png).digest())


def _is_plain(png: bytes) -> bool:
    """Whether a PNG holds nothing but pixels, and ends where it says so."""
    place, kind = len(_PNG), b""
    while png.startswith(_PNG) and place + _CHUNK.size <= len(png) and kind != b"IEND":
        length, kind = _CHUNK.unpack_from(png, place)
        if kind not in _PIXELS:
            return False
        place += _CHUNK.size + length + _CHECKSUM
    return kind == b"IEND" and place == len(png) <= LOGO_MAX_BYTES


def _decoded(data: bytes) -> Image.Image:
    """The first frame, upright, in 8-bit RGB or RGBA, and with nothing but its pixels."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as file:
        _check_size(file)
        file.verify()
    with Image.open(io.BytesIO(data), formats=FORMATS) as file:
        file.load()
        upright = ImageOps.exif_transpose(file)
    if upright.mode.startswith("I"):
        upright = upright.point(lambda level: level / 256).convert("L")
    picture = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    picture.info = {}
    return picture


def _check_size(file: Image.Image) -> None:
    """Raise before anything is decoded: the head of the file says how many pixels there would be."""
    if file.width * file.height > MAX_PIXELS:
        raise UnusableLogoError(TOO_MANY_PIXELS)


def _small(picture: Image.Image) -> Image.Image:
    picture.thumbnail((LOGO_WIDTH, LOGO_HEIGHT), Image.Resampling.LANCZOS)
    return picture


def _as_png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _is_drawing(data: bytes) -> bool:
    return b"<svg" in data[:4096].lower()
