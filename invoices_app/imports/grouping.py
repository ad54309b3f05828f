"""Records of a file that belong together, wherever they stand in it: by where they begin, not by their cells.

A file of 500,000 records takes some 10 MB this way, however long its rows are.
"""

from __future__ import annotations

import csv
import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from invoices_app.imports import csv_file
from invoices_app.imports.csv_file import FileRefusedError, Sheet

CHANGED = "The file is not what it was when it was looked at. Choose it again."


@dataclass(frozen=True, slots=True)
class Group:
    """Records with one key, in their order, by the lines in which they begin. `key` is None for one without a key."""

    key: str | None
    lines: Sequence[int]
    begins: Sequence[int]
    ends: Sequence[int]

    def rows(self, file: BinaryIO, sheet: Sheet) -> list[list[str]]:
        """Their cells; raises FileRefusedError when they are no longer where they were."""
        parts = []
        begin, end = self.begins[0], self.ends[0]
        for next_begin, next_end in zip(self.begins[1:], self.ends[1:], strict=True):
            if next_begin != end:
                parts.append(os.pread(file.fileno(), end - begin, begin))
                begin = next_begin
            end = next_end
        parts.append(os.pread(file.fileno(), end - begin, begin))
        try:
            rows = csv_file.parse(b"".join(parts), sheet)
        except (csv.Error, UnicodeDecodeError):
            raise FileRefusedError(CHANGED) from None
        if len(rows) != len(self.lines):
            raise FileRefusedError(CHANGED)
        return rows


def groups(path: Path, sheet: Sheet, key: Callable[[list[str]], str | None]) -> Iterator[Group]:
    """All records by their keys, in the order in which the keys come first; one without a key stands alone."""
    numbers: dict[str, int] = {}
    keys: list[str | None] = []
    group_of, begins, lines, sizes = array("I"), array("Q"), array("I"), array("I")
    for line, begin, cells in csv_file.records(path, sheet):
        name = key(cells)
        number = len(keys) if name is None else numbers.setdefault(name, len(keys))
        if number == len(keys):
            keys.append(name)
            sizes.append(0)
        sizes[number] += 1
        group_of.append(number)
        begins.append(begin)
        lines.append(line)
    begins.append(path.stat().st_size)
    numbers.clear()
    places, starts = _sorted(group_of, sizes)
    for number, name in enumerate(keys):
        mine = places[starts[number] : starts[number] + sizes[number]]
        yield Group(name, [lines[at] for at in mine], [begins[at] for at in mine], [begins[at + 1] for at in mine])


def _sorted(group_of: Sequence[int], sizes: Sequence[int]) -> tuple[array[int], array[int]]:
    """The records in the order of their groups, and where each group begins among them."""
    starts, total = array("I"), 0
    for size in sizes:
        starts.append(total)
        total += size
    free, places = array("I", starts), array("I", bytes(4 * total))
    for at, number in enumerate(group_of):
        places[free[number]] = at
        free[number] += 1
    return places, starts
