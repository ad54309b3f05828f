"""What docs/security.md claims can be looked up: each chapter is there, each row names a test, each file exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from invoices_app.launcher.environment import PROJECT_ROOT

DOCS = sorted((PROJECT_ROOT / "docs").glob("*.md"))
SECURITY = (PROJECT_ROOT / "docs" / "security.md").read_text()
TEST_FILE = re.compile(r"`((?:\w+/)?test_\w+\.py|support/\w+\.py)`")
WITHOUT_TEST = {
    "none",
    "none: there is nothing to call",
    "`make lint`",
    "ruff's `S` rules in `make lint`",
}
"""Rows that no test shows say so."""


def missing_tests(text: str) -> list[str]:
    """The test files that a text names and that do not exist; a bare name may be in any folder."""
    return [name for name in TEST_FILE.findall(text) if not list((PROJECT_ROOT / "tests").glob(f"**/{name}"))]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of the tables that have a column for tests."""
    counts = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            counts = False
        elif cells[-1] == "test":
            counts = True
        elif counts and not set(cells[0]) <= {"-"}:
            yield cells


def unproved(text: str) -> list[str]:
    """The rows that neither name a test nor say that there is none."""
    return [
        " | ".join(cells)
        for cells in rows(text)
        if not TEST_FILE.search(cells[-1]) and not cells[-1].startswith("same") and cells[-1] not in WITHOUT_TEST
    ]


def test_every_test_that_is_named_exists() -> None:
    assert len(TEST_FILE.findall(SECURITY)) > 80
    assert missing_tests(SECURITY) == []


def test_every_row_names_a_test_or_says_that_there_is_none() -> None:
    assert len(list(rows(SECURITY))) > 80
    assert {len(cells) for cells in rows(SECURITY)} == {4}
    assert unproved(SECURITY) == []


def test_every_chapter_is_there_in_its_order() -> None:
    chapters = re.findall(r"^## V(\d+) ", SECURITY, re.MULTILINE)
    assert chapters == [str(number) for number in range(1, 18)]


@pytest.mark.parametrize("document", [*DOCS, PROJECT_ROOT / "README.md"], ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(((?!https?:)[^)#]*)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_what_is_wrong_is_seen() -> None:
    """Else the tests above would prove nothing."""
    table = "| | what holds | where | test |\n|---|---|---|---|\n| 1.1 | x | y | {} |\n"
    assert missing_tests(table.format("`web/test_gone.py`, `test_headers.py`")) == ["web/test_gone.py"]
    assert unproved(table.format("`web/test_values.py`")) == []
    assert unproved(table.format("soon")) == ["1.1 | x | y | soon"]
