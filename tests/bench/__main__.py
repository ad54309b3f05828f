"""Run by `make bench`. QUICK=1 takes less data and less time; WRITE=1 puts the figures into docs/benchmarks.md.

SERVERS=1 compares servers instead.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil

from invoices_app.launcher.environment import PROJECT_ROOT
from tests.bench import servers
from tests.bench.cases import Pace, all_cases
from tests.bench.results import Result
from tests.bench.world import FULL, QUICK, Size, world

REPORT = PROJECT_ROOT / "docs" / "benchmarks.md"
MARKED = re.compile(r"(<!-- results of make bench -->\n).*?(<!-- end of results -->)", re.DOTALL)

UNHURRIED = Pace(seconds=4, rounds=5, writes=400, requests=10_000)
HURRIED = Pace(seconds=1, rounds=1, writes=80, requests=1_000)


def main() -> int:
    quick = os.environ.get("QUICK") == "1"
    size, pace = (QUICK, HURRIED) if quick else (FULL, UNHURRIED)
    workers = int(os.environ.get("WEB_CONCURRENCY") or 1)
    if servers.asked():
        with world(size, workers) as measured:
            for told_of in servers.report(measured, pace.seconds):
                print(told_of, flush=True)
        return 0
    results = []
    print(line("case", "ours", "floor", "ratio", "budget", ""), flush=True)
    with world(size, workers) as measured:
        for result in all_cases(measured, pace):
            results.append(result)
            print(told(result), flush=True)
    if os.environ.get("WRITE") == "1":
        write(results, size, workers)
    over = [result.name for result in results if result.verdict == "OVER"]
    print(f"{len(over)} of {len(results)} are over their budget" + (f": {', '.join(over)}" if over else ""))
    return 1 if over else 0


def told(result: Result) -> str:
    ours, floor = (f"{value:,.1f} {result.unit}" for value in (result.ours, result.floor))
    return line(result.name, ours, floor, f"{result.ratio:.2f}", result.budget, result.verdict)


def line(name: str, ours: str, floor: str, ratio: str, budget: str, verdict: str) -> str:
    return f"{name:<58} {ours:>14} {floor:>14} {ratio:>7} {budget:>8}  {verdict}".rstrip()


def write(results: list[Result], size: Size, workers: int) -> None:
    """Replace the figures in the document by those of this run."""
    memory = psutil.virtual_memory().total / 2**30
    where = f"{psutil.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {platform.system()} {platform.release()}"
    lines = [
        (
            f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {where}; {workers} web process; "
            f"{size.shared:,} invoices in {size.businesses} businesses and {size.alone:,} in one more."
        ),
        "",
        "| case | ours | floor | ratio | budget | |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    for one in results:
        figures = f"{one.ours:,.1f} {one.unit} | {one.floor:,.1f} {one.unit} | {one.ratio:.2f}"
        lines.append(f"| {one.name} | {figures} | {one.budget} | {one.verdict} |")
    text = "\n".join([*lines, "", ""])
    REPORT.write_text(MARKED.sub(lambda found: found[1] + text + found[2], REPORT.read_text()))


def _processor() -> str:
    for line_ in Path("/proc/cpuinfo").read_text().splitlines():
        if line_.startswith("model name"):
            return line_.split(":", 1)[1].strip()
    return platform.processor()


if __name__ == "__main__":
    sys.exit(main())
