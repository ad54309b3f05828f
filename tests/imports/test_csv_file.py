"""Files before they are read: what each is written in, and one sentence for each of which nothing can be read."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from invoices_app.imports import csv_file, file_bytes, grouping
from invoices_app.imports.csv_file import FileRefusedError, Sheet
from tests.support.import_files import HOSTILE_FILES, RETAIL_FILE, RETAIL_HEADER, write_csv

MEGABYTE = 2**20
ROWS = [["1", "Müller & Söhne", "1,5"], ["2", 'He said "no", twice', "two\nlines"], ["3", "", "€ 4"]]
HEADER = ["number", "name", "what"]

SENTENCES = {
    "zip bomb": "This is a zip archive and no CSV file, whatever its name says.",
    "10 million columns": "It has a line of more than 1,048,576 characters.",
    "201 columns": "Line 1 has 201 columns. At most 200 can be read.",
    "row of 5,000 cells": "Line 2 has 5,008 columns. At most 200 can be read.",
    "zero bytes": "It holds zero bytes, which no text does",
    "nothing but zero bytes": "It holds zero bytes, which no text does",
    "UTF-16 without a mark": "It holds zero bytes, which no text does",
    "UTF-16 that breaks off": "It begins like UTF-16 and does not go on so.",
    "UTF-8 with damage": "It is written in UTF-8, but line 2 is damaged in it.",
    "Japanese": "Line 2 holds characters that are neither UTF-8 nor Windows-1252.",
    "picture": "This is a JPEG picture and no CSV file, whatever its name says.",
    "PDF": "This is a PDF document and no CSV file",
    "program": "This is a program and no CSV file",
    "web page": "This is a web page and no CSV file",
    "JSON": "This is a JSON document and no CSV file",
    "quote never closed": "Line 2 opens a quotation mark that is never closed.",
    "quote never closed in much": "Line 2 has a cell of more than 100,000 characters, as if",
    "quote inside quotes": "Line 2 has a quotation mark in the middle of a quoted cell.",
    "one record of all lines": "Line 2 ",
    "empty": "The file is empty.",
    "blank": "The file is empty.",
    "header alone": "It has a row of headings and nothing below it.",
}


def written(folder: Path, data: bytes) -> Path:
    path = folder / "file.csv"
    path.write_bytes(data)
    return path


def as_csv(rows: list[list[str]], delimiter: str = ",", ending: str = "\r\n") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, "excel", delimiter=delimiter, lineterminator=ending, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()


def all_rows(path: Path, sheet: Sheet) -> list[list[str]]:
    return [cells for _line, _begin, cells in csv_file.records(path, sheet)]


def test_each_hostile_file_has_its_sentence() -> None:
    assert SENTENCES.keys() == HOSTILE_FILES.keys()


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_a_hostile_file_gets_one_sentence_and_no_memory(name: str, tmp_path: Path) -> None:
    path = written(tmp_path, HOSTILE_FILES[name]())
    before = psutil.Process().memory_info().rss
    with pytest.raises(FileRefusedError) as refused:
        csv_file.inspect(path)
    sentence = str(refused.value)
    assert sentence.startswith(SENTENCES[name])
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert psutil.Process().memory_info().rss - before < 40 * MEGABYTE


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    with path.open("wb") as file:
        file.truncate(file_bytes.MAX_BYTES + 1)
    with pytest.raises(FileRefusedError, match=r"The file is larger than 100 MB\. Split it into smaller files\."):
        csv_file.inspect(path)


def test_more_rows_than_can_be_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "MAX_RECORDS", 5)
    path = write_csv(tmp_path / "file.csv", ["name"], [["A"]] * 6)
    with pytest.raises(FileRefusedError, match="It has more than 5 rows"):
        csv_file.inspect(path)


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("mark", "encoding", "found"),
    [
        (b"", "utf-8", "utf-8"),
        (b"\xef\xbb\xbf", "utf-8", "utf-8"),
        (b"\xff\xfe", "utf-16-le", "utf-16-le"),
        (b"\xfe\xff", "utf-16-be", "utf-16-be"),
        (b"", "cp1252", "cp1252"),
    ],
)
def test_encodings_delimiters_and_line_endings(
    mark: bytes, encoding: str, found: str, delimiter: str, ending: str, tmp_path: Path
) -> None:
    path = written(tmp_path, mark + as_csv([HEADER, *ROWS], delimiter, ending).encode(encoding))
    sheet = csv_file.inspect(path)
    assert (sheet.encoding, sheet.delimiter, sheet.records) == (found, delimiter, 3)
    assert sheet.header == ("number", "name", "what")
    assert all_rows(path, sheet) == ROWS
    assert sheet.sample == tuple(map(tuple, ROWS))


def test_the_delimiter_is_the_one_that_the_rows_follow(tmp_path: Path) -> None:
    rows = [["Name", "Betrag, netto", "Ort"], ["A", "1,50", "Köln"], ["B", "2,75", "Bonn"], ["C", "3,25"]]
    sheet = csv_file.inspect(written(tmp_path, as_csv(rows, ";").encode()))
    assert (sheet.delimiter, sheet.header) == (";", ("Name", "Betrag, netto", "Ort"))


def test_a_single_column_needs_no_delimiter(tmp_path: Path) -> None:
    sheet = csv_file.inspect(written(tmp_path, b"Name\nA; B\nC\n"))
    assert (sheet.delimiter, sheet.header, sheet.records) == (",", ("Name",), 2)


def test_the_line_by_which_excel_names_the_delimiter_is_none_of_the_rows(tmp_path: Path) -> None:
    path = written(tmp_path, b"sep=;\r\nName;City\r\nA;Bonn\r\n")
    sheet = csv_file.inspect(path)
    assert (sheet.delimiter, sheet.header, sheet.first_line) == (";", ("Name", "City"), 3)
    assert all_rows(path, sheet) == [["A", "Bonn"]]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    """Blank lines and breaks inside of cells are lines, too."""
    path = written(tmp_path, b'\r\nName,Notes\r\n\r\nA,"one\r\ntwo\r\nthree"\r\n,,\r\nB,x\r\n')
    sheet = csv_file.inspect(path)
    assert (sheet.records, sheet.first_line) == (2, 4)
    assert [(line, cells[0]) for line, _begin, cells in csv_file.records(path, sheet)] == [(4, "A"), (8, "B")]


def test_the_sample_is_as_wide_as_the_header_and_cut(tmp_path: Path) -> None:
    rows = [["A", "x" * 500, "too much"], ["B"], *[["C", "y"]] * 9]
    sheet = csv_file.inspect(write_csv(tmp_path / "file.csv", ["Name", "Notes"], rows))
    assert sheet.sample == (("A", "x" * 200), ("B", ""), ("C", "y"), ("C", "y"), ("C", "y"))
    assert sheet.records == 11


def test_what_is_shown_of_a_file_has_no_breaks_and_control_characters(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "file.csv", [" Unit\r\nprice ", "a\x07b", "x" * 300], [["\x1b[1m", "2", "3"]])
    sheet = csv_file.inspect(path)
    assert sheet.header == ("Unit price", "a\ufffdb", "x" * 200)
    assert sheet.sample == (("\ufffd[1m", "2", "3"),)


def test_a_sheet_comes_back_from_json() -> None:
    sheet = csv_file.inspect(RETAIL_FILE)
    assert Sheet.from_json(json.loads(json.dumps(asdict(sheet)))) == sheet
    assert (sheet.header, sheet.records) == (RETAIL_HEADER, 153)


def test_western_words_are_no_other_alphabet(tmp_path: Path) -> None:
    text = "Name,Notes\r\nÅsa Öberg,„Größe“ – 5 €…\r\nFrançois,Noël à 3 ½ °C\r\n"
    path = written(tmp_path, text.encode("cp1252"))
    sheet = csv_file.inspect(path)
    assert (sheet.encoding, all_rows(path, sheet)[0]) == ("cp1252", ["Åsa Öberg", "„Größe“ – 5 €…"])


def test_cyrillic_in_its_own_encoding_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "Name\r\nИванов и сыновья\r\n".encode("cp1251"))
    with pytest.raises(FileRefusedError, match="neither UTF-8 nor Windows-1252"):
        csv_file.inspect(path)


KEYS = st.sampled_from(["1", "2", "3", "4", ""])
CELLS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(KEYS, CELLS), min_size=1, max_size=30), st.sampled_from(["utf-8", "utf-16-le"]))
def test_rows_are_found_again_by_their_key_wherever_they_stand(rows: list[tuple[str, str]], encoding: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        mark = b"\xff\xfe" if encoding == "utf-16-le" else b""
        path = written(Path(folder), mark + as_csv([["k", "v"], ["k", "v"], *map(list, rows)]).encode(encoding))
        sheet = csv_file.inspect(path)
        with path.open("rb") as file:
            found = [
                (group.key, [row[1] for row in group.rows(file, sheet)])
                for group in grouping.groups(path, sheet, lambda cells: cells[0] or None)
            ]
    expected = {"k": ["v"]}
    for place, (key, value) in enumerate(rows):
        if key or value:
            expected.setdefault(key or f"alone {place}", []).append(value)
    assert found == [(None if key.startswith("alone") else key, of_key) for key, of_key in expected.items()]


def test_a_file_that_was_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "file.csv", ["k", "v"], [["1", "a"], ["2", "b"], ["1", "c"]])
    sheet = csv_file.inspect(path)
    groups = list(grouping.groups(path, sheet, lambda cells: cells[0]))
    path.write_bytes(path.read_bytes().replace(b"a", b'"'))
    with path.open("rb") as file, pytest.raises(FileRefusedError, match="not what it was"):
        groups[0].rows(file, sheet)
