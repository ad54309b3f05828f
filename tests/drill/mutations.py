"""What would notice if a safeguard were gone? Each is taken out of a copy of the tree, and the tests must fail.

`python -m tests.drill.mutations`; exit code 1 when a safeguard can be taken out unnoticed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from invoices_app.launcher.environment import PROJECT_ROOT

NOT_COPIED = shutil.ignore_patterns(".git", ".venv", "var", ".*_cache", "__pycache__", ".hypothesis", "*.log")
FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)

CONCURRENCY = "tests/invoices/test_concurrency.py"
CONSTRAINTS = "tests/invoices/test_constraints.py"
EDITS = "tests/invoices/test_edits.py::test_eight_at_one_draft"
NUMBERS = "tests/drill/test_drill.py::test_numbers_of_four_processes_that_fail"


@dataclass(frozen=True)
class Mutation:
    """A safeguard: where it is, what takes it out, and the tests that are there for it.

    `changes` are files with pairs of what stands there and what takes its place.
    """

    name: str
    changes: dict[str, tuple[tuple[str, str], ...]]
    tests: tuple[str, ...]

    def apply(self, tree: Path) -> None:
        """Change the tree; a text that is not there once exactly no longer fits the code."""
        for file, pairs in self.changes.items():
            text = (tree / file).read_text()
            for old, new in pairs:
                assert text.count(old) == 1, f"{self.name}: {old!r} stands {text.count(old)} times in {file}"
                text = text.replace(old, new)
            (tree / file).write_text(text)


_COUNTER = "        .values(next_seq=NumberCounter.next_seq + len(invoices), last_issue_date=last.issue_date)\n"
_READ_BEFORE = """    before = session.execute(
        select(NumberCounter.next_seq).where(*(getattr(NumberCounter, name) == value for name, value in key.items()))
    ).scalar_one()
"""
_TAKE = "    seq = session.execute(\n        update(NumberCounter)\n"

MUTATIONS = (
    Mutation("nothing, to see that all is well otherwise", {}, (CONCURRENCY, CONSTRAINTS, EDITS, NUMBERS)),
    Mutation(
        "the lock on an invoice's row",
        {
            "invoices_app/invoices/drafts.py": (
                ("Invoice.id == invoice_id).with_for_update()", "Invoice.id == invoice_id)"),
            )
        },
        (CONCURRENCY, EDITS),
    ),
    Mutation(
        "the unique indexes on numbers",
        {
            "migrations/versions/0003_invoices.py": (
                ('"invoices", ["business_id", "number"], unique=True', '"invoices", ["business_id", "number"]'),
                (
                    '["business_id", "series", "period", "seq"],\n        unique=True,',
                    '["business_id", "series", "period", "seq"],',
                ),
            )
        },
        (CONCURRENCY, CONSTRAINTS, NUMBERS),
    ),
    Mutation(
        "the counter's lock: its value is read first, and written afterwards",
        {
            "invoices_app/invoices/steps.py": (
                (_TAKE, _READ_BEFORE + _TAKE),
                (_COUNTER, _COUNTER.replace("NumberCounter.next_seq", "before")),
            )
        },
        (CONCURRENCY, NUMBERS),
    ),
    Mutation(
        "the version check of a line",
        {
            "invoices_app/invoices/line_actions.py": (
                ("if changes and line.version != version:", "if changes and version is None:"),
            )
        },
        (CONCURRENCY, EDITS),
    ),
)


def main() -> int:
    unnoticed = 0
    for number, mutation in enumerate(MUTATIONS):
        failed = _failed_with(mutation)
        print(f"Without {mutation.name}: {len(failed)} tests fail", flush=True)
        for test in failed:
            print(f"  {test}", flush=True)
        unnoticed += bool(failed) == (number == 0)
    return 1 if unnoticed else 0


def _failed_with(mutation: Mutation) -> list[str]:
    """The tests that fail in a copy of the tree with this change."""
    with tempfile.TemporaryDirectory(prefix="invoices-mutation-") as folder:
        tree = Path(folder, "tree")
        shutil.copytree(PROJECT_ROOT, tree, ignore=NOT_COPIED)
        mutation.apply(tree)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=no", *mutation.tests]
        done = subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        return list(dict.fromkeys(FAILED.findall(done.stdout)))


if __name__ == "__main__":
    sys.exit(main())
