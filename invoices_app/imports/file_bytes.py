"""What the bytes of a file say before it is taken for a table: its format, and the encoding of its text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

MAX_BYTES = 100 * 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024

_CHUNK = 256 * 1024
_SAVE_AS = "Save it as “CSV UTF-8” in your spreadsheet and choose that file."
_EMPTY = "The file is empty."

_FORMATS = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a picture or a film"),
    (b"%PDF", "a PDF document"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf", "a 7-zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word document"),
    (b"{\\rtf", "an RTF document"),
    (b"SQLite format 3", "a database"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
)
_ZIP = b"PK\x03\x04"
_ZIPPED = (
    (b"xl/", "an Excel workbook"),
    (b"word/", "a Word document"),
    (b"opendocument.spreadsheet", "an OpenDocument spreadsheet"),
)
_TEXTS = ((b"<!doctype html", "a web page"), (b"<html", "a web page"), (b"<?xml", "an XML document"))
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

_HIGH = re.compile(rb"[\x80-\xff]+")
_RUNS = re.compile(rb"[\x80-\xff]{4,}")
"""Western words have an accented letter here and there; whole words of such bytes are another alphabet."""
_UNUSED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
"""What means nothing in Windows-1252."""


class FileRefusedError(ValueError):
    """A file cannot be read at all. Its text is the sentence that tells people why."""


def find_encoding(path: Path) -> tuple[str, int]:
    """The encoding of a text file and the length of its byte order mark: UTF-8, UTF-16 with a mark, or Windows-1252.

    Reads the whole file. Raises FileRefusedError for what is empty or larger than `MAX_BYTES`, for other formats, for
    lines longer than `MAX_LINE_BYTES`, and for bytes that are no text.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise FileRefusedError(f"The file is larger than {MAX_BYTES // 1024**2} MB. Split it into smaller files.")
    with path.open("rb") as file:
        head = file.read(4096)
    if found := _format(head):
        raise FileRefusedError(f"This is {found} and no CSV file, whatever its name says.")
    encoding, begin = next(
        ((name, len(mark)) for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), ("utf-8", 0)
    )
    if size <= begin or not head[begin:].strip(b" \r\n\t\x00"):
        _refuse_blank(path, begin)
    if encoding.startswith("utf-16"):
        _check_text(path, encoding, begin)
    elif (line := _check_bytes(path, begin)) is not None:
        encoding = _without_utf8(path, begin, line)
    return encoding, begin


def _format(head: bytes) -> str | None:
    """What a file is that begins like this, in words; None when it may be a table."""
    if head.startswith(_ZIP):
        return next((name for mark, name in _ZIPPED if mark in head), "a zip archive")
    for mark, name in _FORMATS:
        if head.startswith(mark):
            return name
    begin = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    if begin.startswith((b'{"', b"[{", b"{\n", b"{\r\n")):
        return "a JSON document"
    return next((name for mark, name in _TEXTS if begin.startswith(mark)), None)


def _pieces(path: Path, begin: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(begin)
        while piece := file.read(_CHUNK):
            yield piece


def _refuse_blank(path: Path, begin: int) -> None:
    if not any(piece.strip(b" \r\n\t") for piece in _pieces(path, begin)):
        raise FileRefusedError(_EMPTY)


def _check_bytes(path: Path, begin: int) -> int | None:
    """The line from which on the bytes are no UTF-8, None when all are; raises FileRefusedError for what is no text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    since, lines, broken = 0, 1, None
    for piece in _pieces(path, begin):
        if b"\0" in piece:
            raise FileRefusedError(f"It holds zero bytes, which no text does: it is damaged or no text. {_SAVE_AS}")
        since = _line_bytes(piece, since)
        if broken is None:
            try:
                decoder.decode(piece)
            except UnicodeDecodeError as error:
                broken = lines + error.object[: error.start].count(b"\n")
            lines += piece.count(b"\n")
    if broken is None:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            broken = lines
    return broken


def _line_bytes(piece: bytes, since: int) -> int:
    """How long the last line is by the end of a piece; refuses one that goes on for too long."""
    ends = [at for at in (piece.find(b"\n"), piece.find(b"\r")) if at >= 0]
    if since + min(ends, default=len(piece)) > MAX_LINE_BYTES:
        raise FileRefusedError(
            f"It has a line of more than {MAX_LINE_BYTES:,} characters. A CSV file has a line for each row and at most"
            " some dozens of columns."
        )
    return len(piece) - max(piece.rfind(b"\n"), piece.rfind(b"\r")) - 1 if ends else since + len(piece)


def _without_utf8(path: Path, begin: int, line: int) -> str:
    """Windows-1252, where all bytes mean something in it and it is not UTF-8 with some damage."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    broken = whole = high = in_runs = 0
    is_western = True
    for piece in _pieces(path, begin):
        text = decoder.decode(piece)
        marks = text.count("\ufffd")
        broken += marks
        whole += len(text) - len(text.encode("ascii", "ignore")) - marks
        high += sum(map(len, _HIGH.findall(piece)))
        in_runs += sum(map(len, _RUNS.findall(piece)))
        is_western = is_western and not _UNUSED.search(piece)
    if begin or whole > broken:
        raise FileRefusedError(f"It is written in UTF-8, but line {line:,} is damaged in it. {_SAVE_AS}")
    if not is_western or in_runs * 2 > high:
        raise FileRefusedError(f"Line {line:,} holds characters that are neither UTF-8 nor Windows-1252. {_SAVE_AS}")
    return "cp1252"


def _check_text(path: Path, encoding: str, begin: int) -> None:
    decoder, since = codecs.getincrementaldecoder(encoding)(), 0
    try:
        for piece in _pieces(path, begin):
            text = decoder.decode(piece)
            if "\0" in text:
                raise FileRefusedError(f"It holds zero characters, which no text does: it is damaged. {_SAVE_AS}")
            since = _line_bytes(text.encode("utf-8", "replace"), since)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise FileRefusedError(f"It begins like UTF-16 and does not go on so. {_SAVE_AS}") from None
