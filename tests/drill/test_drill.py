"""The drills in their short form; `make drill` runs them for ten minutes."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from tests.drill.__main__ import empty_folder
from tests.drill.kills import Drill
from tests.drill.numbers import issue_many
from tests.drill.people import Edit, Journal
from tests.drill.replay import Books, Told, held_against
from tests.drill.upgrades import upgrade_in_use
from tests.support.databases import ServerUrls


def test_nothing_is_lost_when_anything_is_killed() -> None:
    with empty_folder() as folder:
        report = Drill(seconds=32, people=4, workers=2, pause=(0.5, 1.5), seed=5).run(folder / "data")
    assert report.is_clean, str(report)
    assert report.kills >= 2, str(report)  # five and more on a machine that does nothing else
    assert report.done.total() > 20, str(report)


def test_numbers_of_four_processes_that_fail(server: ServerUrls, worker: str) -> None:
    database = server.make_database(f"numbers_{worker}")
    figures = issue_many(database, processes=4, invoices=200)
    assert figures.is_clean, str(figures)
    server.drop_database(database)


def test_an_upgrade_while_people_work(server: ServerUrls, worker: str) -> None:
    database = server.make_database(f"upgrade_{worker}")
    report = upgrade_in_use(database, invoices=5_000)
    assert report.is_clean, str(report)
    server.drop_database(database)


# ---- That a drill would see it ----

MADE, ADDED, PAID, TAKEN_BACK = (uuid.UUID(int=number) for number in (1, 2, 3, 4))
JOURNAL = Journal(
    created={MADE: "I"},
    lines={ADDED: "I"},
    payments={PAID: "I"},
    corrected={TAKEN_BACK: ("I", "D")},
    numbers={"I": "INV-1"},
    archived={"I"},
    edits=[Edit("L", 1, "first"), Edit("L", 2, "second")],
)
BOOKS = Books(
    invoices={"I": ("INV-1", True), "N": ("INV-2", False), "D": (None, False)},
    lines={"L": ("I", 3, "second"), "M": ("I", 1, "More")},
    payments={"P": "I"},
    tokens={
        uuid.uuid5(MADE, "invoice"): "I",
        uuid.uuid5(ADDED, "line"): "M",
        uuid.uuid5(PAID, "payment"): "P",
        uuid.uuid5(TAKEN_BACK, "credit note"): "N",
    },
    written=Counter({("L", "first"): 1, ("L", "second"): 1}),
    corrections={"N": ("I", "D")},
)


def found(books: Books, journal: Journal = JOURNAL) -> set[str]:
    """The kinds of what is wrong."""
    return {kind for kind, told in held_against(books, Told([journal]), []).items() if told}


def test_books_that_hold_what_was_said() -> None:
    assert found(BOOKS) == set()


@pytest.mark.parametrize(
    "lack",
    [
        {"invoices": {}},
        {"invoices": {"I": (None, True)}},
        {"invoices": {"I": ("INV-2", True)}},
        {"invoices": {"I": ("INV-1", False)}},
        {"lines": {"L": ("I", 3, "second")}},
        {"lines": {"L": ("I", 3, "first"), "M": ("I", 1, "More")}},
        {"lines": {"L": ("I", 2, "second"), "M": ("I", 1, "More")}},
        {"payments": {}},
        {"tokens": {}},
        {"corrections": {}},
        {"corrections": {"N": ("I", None)}},
        {"written": Counter({("L", "second"): 1})},
    ],
)
def test_what_is_not_there_is_lost(lack: dict[str, Any]) -> None:
    assert "lost" in found(replace(BOOKS, **lack))


def test_two_edits_over_one_version_are_a_lost_update() -> None:
    assert found(BOOKS, replace(JOURNAL, edits=[Edit("L", 2, "first"), Edit("L", 2, "second")])) == {"lost"}


@pytest.mark.parametrize(
    "more",
    [
        {"invoices": {**BOOKS.invoices, "J": (None, False)}},
        {"lines": {**BOOKS.lines, "N": ("I", 1, "More")}},
        {"payments": {"P": "I", "Q": "I"}},
    ],
)
def test_what_nobody_asked_for_is_doubled(more: dict[str, Any]) -> None:
    assert found(replace(BOOKS, **more)) == {"doubled"}
