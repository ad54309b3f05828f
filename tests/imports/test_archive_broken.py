"""Archives that are broken in one way at a time: each is refused in one sentence, and nothing of it comes in."""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
import json
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from invoices_app.imports import archive_reading
from invoices_app.imports.archive_format import MANIFEST
from invoices_app.imports.archive_import import ArchiveRefusedError, open_archive
from tests.support.archives import changed, export, import_archive, packed, unpacked
from tests.support.factories import make_issued, make_logo, pay, picture
from tests.support.people import Person


def replaced(old: str, new: str) -> Callable[[bytes], bytes]:
    """That text replaced, where it stands first."""

    def change(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode(), 1)

    return change


def cell(name: str, value: str) -> Callable[[bytes], bytes]:
    """That column of the last row replaced."""

    def change(content: bytes) -> bytes:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
        rows[-1][rows[0].index(name)] = value
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerows(rows)
        return b"\xef\xbb\xbf" + buffer.getvalue().encode()

    return change


def of_manifest(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps({**json.loads(content), **changes}).encode()


HONEST: dict[str, tuple[str, Callable[[bytes], bytes | None], str]] = {
    "a file is missing": ("lines.csv", lambda _: None, "lines.csv is missing"),
    "columns": ("lines.csv", replaced("position", "place"), "lines.csv has other columns"),
    "no columns": ("lines.csv", lambda _: b"", "lines.csv has other columns"),
    "too few cells": (
        "clients.csv",
        lambda content: content + b"9,x\r\n",
        "clients.csv, row 2: it has 2 cells instead of",
    ),
    "not UTF-8": ("clients.csv", lambda content: content + b"\xff\r\n", "clients.csv in this archive is damaged"),
    "NUL": ("clients.csv", cell("name", "a\x00b"), "clients.csv, row 1: name holds control characters"),
    "a separator of ours": ("clients.csv", cell("name", "a\x1fb"), "clients.csv, row 1: name holds control characters"),
    "unclosed": ("clients.csv", lambda content: content + b'2,"' + b"x" * 300_000, "clients.csv"),
    "a long line": ("clients.csv", lambda content: content + b"x" * 300_000, "clients.csv in this archive has a line"),
    "no number": ("lines.csv", cell("quantity", "many"), "lines.csv, row 1: quantity is no number"),
    "no date": ("invoices.csv", cell("issue_date", "2024-02-30"), "invoices.csv, row 1: issue_date is no date"),
    "a key": ("invoices.csv", cell("invoice", "2"), "invoices.csv, row 1: it belongs to nothing"),
    "a client": ("invoices.csv", cell("client", "2"), "invoices.csv, row 1: it belongs to nothing"),
    "a line of nothing": ("lines.csv", cell("invoice", "2"), "lines.csv, row 1: it belongs to nothing"),
    "a payment of nothing": ("payments.csv", cell("invoice", "0"), "payments.csv, row 1: it belongs to nothing"),
    "preceding": ("invoices.csv", cell("preceding_invoice", "X-1"), "it refers to X-1, which is not there"),
    "a total": ("invoices.csv", cell("total", "1.00"), "ck_invoices_"),
    "a line's net": ("lines.csv", cell("line_net", "1.00"), "ck_invoices_totals_add_up"),
    "a payment": ("payments.csv", cell("amount", "1.00"), "ck_invoices_totals_add_up"),
    "a set-off": ("payments.csv", cell("method", "credit_note"), "ck_invoices_credit_note_mirrors"),
    "too large": ("lines.csv", cell("position", "0"), "ck_line_items_position_positive"),
    "a status": ("invoices.csv", cell("status", "sent"), "ck_invoices_paid"),
    "no status": ("invoices.csv", cell("status", "lost"), "status is none of draft, sent, paid"),
    "a currency": ("invoices.csv", cell("currency", "XXQ"), "there is no currency XXQ"),
    "the currency": ("settings.csv", cell("currency", "QQQ"), "there is no currency QQQ"),
    "the time zone": ("settings.csv", cell("time_zone", "Mars/Olympus"), "time_zone is not known"),
    "a logo": ("settings.csv", cell("logo", f"logos/{'0' * 64}.png"), "is missing in this archive"),
    "a country": ("clients.csv", cell("country", "de"), "ck_clients_country_code"),
    "a pattern": ("number_series.csv", cell("pattern", "INV"), "INV is no pattern"),
    "a counter": ("number_counters.csv", cell("series", "NONE"), "fk_number_counters"),
    "two businesses": ("settings.csv", lambda content: content + content.split(b"\r\n")[1] + b"\r\n", "whose it is"),
}


@pytest.mark.parametrize(("name", "change", "sentence"), HONEST.values(), ids=HONEST)
def test_changed_and_told_anew(
    owner: Person, empty: Person, tmp_path: Path, name: str, change: Callable[[bytes], bytes | None], sentence: str
) -> None:
    """Somebody changed a file and its manifest with it: nothing of it comes in."""
    pay(owner, make_issued(owner))
    before = export(empty)
    with pytest.raises(ArchiveRefusedError) as refused:
        import_archive(empty, changed(export(owner), name, change), tmp_path / "a.zip")
    told = str(refused.value)
    assert sentence in told
    assert told.endswith((".", "?"))
    assert "\n" not in told
    assert export(empty) == before


@pytest.mark.parametrize(
    "name", ["settings.csv", "clients.csv", "invoices.csv", "lines.csv", "taxes.csv", "payments.csv"]
)
def test_changed_behind_the_back_of_its_manifest(owner: Person, tmp_path: Path, name: str) -> None:
    pay(owner, make_issued(owner, notes="A note", reference="2"))
    data = changed(export(owner), name, lambda content: content[:-2] + b"\n", honest=False)
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(ArchiveRefusedError, match=f"{name} was changed since it was exported"):
        open_archive(path)


MANIFESTS: dict[str, tuple[Callable[[bytes], bytes | None], str]] = {
    "none": (lambda _: None, "no archive"),
    "no JSON": (lambda _: b"{", "manifest.json in this archive is damaged"),
    "deep": (lambda _: b"[" * 100_000, "manifest.json in this archive is damaged"),
    "a list": (lambda _: b"[]", "no archive"),
    "large": (lambda content: content + b" " * 2_000_000, "no archive"),
    "of something else": (of_manifest(format="photos"), "no archive"),
    "of another version": (of_manifest(version=2), "another version"),
    "no files": (of_manifest(files=[]), "names other files"),
    "odd files": (of_manifest(files=[{"name": 1}]), "does not say what it should"),
    "no business": (of_manifest(business=""), "whose it is"),
    "odd business": (of_manifest(business=7), "does not say what it should"),
    "no date": (of_manifest(first_date="soon"), "does not say what it should"),
}


@pytest.mark.parametrize(("change", "sentence"), MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_is_none(
    owner: Person, tmp_path: Path, change: Callable[[bytes], bytes | None], sentence: str
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(changed(export(owner), MANIFEST, change))
    with pytest.raises(ArchiveRefusedError, match=sentence):
        open_archive(path)


def refused(path: Path, data: bytes) -> str:
    path.write_bytes(data)
    with pytest.raises(ArchiveRefusedError) as error:
        open_archive(path)
    return str(error.value)


def test_files_that_are_no_archive(owner: Person, tmp_path: Path) -> None:
    data = export(owner)
    path = tmp_path / "a.zip"
    for other in (
        b"",
        b"PK",
        b"InvoiceNo,Total\n1,2\n" * 20,
        picture(),
        packed({"a.txt": b"a"}),
        data[:-5],
        data + b"x",
    ):
        assert refused(path, other) == archive_reading.NO_ARCHIVE
    assert refused(path, data[len(data) // 2 :])


def test_files_that_do_not_belong_there(owner: Person, tmp_path: Path) -> None:
    files = unpacked(export(owner))
    for name in ("../../etc/passwd", "/lines.csv", "logos/x.png", "Lines.csv", "lines.csv/"):
        assert "does not belong there" in refused(tmp_path / "a.zip", packed({**files, name: b"x"}))
    buffer = io.BytesIO(packed(files))
    with zipfile.ZipFile(buffer, "a") as more, pytest.warns(UserWarning, match="Duplicate name"):
        more.writestr("lines.csv", b"x")
    assert "twice" in refused(tmp_path / "a.zip", buffer.getvalue())


def test_a_zip_bomb(owner: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it claims to hold is refused before it is unpacked; what it holds besides is never read."""
    files = unpacked(export(owner))
    monkeypatch.setattr(archive_reading, "MAX_BYTES", 5_000_000)
    assert refused(tmp_path / "a.zip", packed({**files, "lines.csv": bytes(6_000_000)})) == archive_reading.TOO_LARGE
    bomb = packed({**files, "lines.csv": bytes(6_000_000)})
    size = struct.pack("<L", 6_000_000)
    assert refused(tmp_path / "a.zip", bomb.replace(size, struct.pack("<L", 100)))


def test_a_long_list_of_files(owner: Person, tmp_path: Path) -> None:
    many = packed({f"{number}": b"" for number in range(archive_reading.MAX_FILES + 1)})
    assert refused(tmp_path / "a.zip", many) == archive_reading.NO_ARCHIVE


def test_any_byte_that_is_changed(owner: Person, empty: Person, tmp_path: Path) -> None:
    """It is refused, or nothing that counts: never anything else than a sentence, or the same data."""
    pay(owner, make_issued(owner))
    data, dice = export(owner), random.Random(7)
    whole, told = unpacked(data), set[str]()
    for place in itertools.islice(iter(lambda: dice.randrange(len(data)), None), 150):
        broken = bytearray(data)
        broken[place] ^= 1 << dice.randrange(8)
        (tmp_path / "a.zip").write_bytes(broken)
        try:
            with open_archive(tmp_path / "a.zip") as found:
                assert found.summary.business == "Owner & Sons Ltd"
        except ArchiveRefusedError as error:
            told.add(str(error)[-1])
        else:
            assert unpacked(bytes(broken)) == whole
    assert told <= {".", "?"}


PICTURES = {
    "a JPEG": picture("JPEG"),
    "no picture": b"<svg></svg>",
    "metadata": picture(pnginfo=None).replace(b"IDAT", b"tEXt", 1),
    "something behind it": picture() + b"<script>",
    "too large": picture(size=(900, 900)),
    "damaged": picture()[:60] + picture()[70:],
}


@pytest.mark.parametrize("png", PICTURES.values(), ids=PICTURES)
def test_a_logo_that_is_none(owner: Person, empty: Person, tmp_path: Path, png: bytes) -> None:
    make_logo(owner)
    files = unpacked(export(owner))
    [old] = [name for name in files if name.startswith("logos/")]
    new = f"logos/{hashlib.sha256(png).hexdigest()}.png"
    del files[old]
    data = packed({**files, "settings.csv": files["settings.csv"].replace(old.encode(), new.encode()), new: png})
    data = changed(data, "settings.csv", lambda content: content)
    with pytest.raises(ArchiveRefusedError, match="no picture that can be a logo"):
        import_archive(empty, data, tmp_path / "a.zip")
