"""Load by wrk: a number of connections that ask for one page, or for many, as fast as they are answered."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

CONNECTIONS = 8

# Every request asks for another address, so that nothing that a server remembers can answer it.
_ANEW = """
local n, start = 0, {start}
request = function()
  n = n + 1
  return wrk.format("GET", wrk.path .. "{sign}anew=" .. start .. "." .. n)
end
"""
_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s)")
_BAD = re.compile(r"(Non-2xx or 3xx responses: \d+|Socket errors: .*)")
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class LoadError(AssertionError):
    """A server did not answer all that it was asked."""


@dataclass(frozen=True, slots=True)
class Target:
    """A page: where it is, what the browser sends along, and whether every request shall have it made anew."""

    url: str
    headers: Mapping[str, str]
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Speed:
    """Pages a second, and the milliseconds that 99 of 100 requests stay below."""

    rate: float
    p99: float


def in_turn(ours: Target, floor: Target, seconds: float, rounds: int) -> tuple[Speed, Speed]:
    """Both under load, one after the other, in pairs: the middle of the rounds of each."""
    pairs = [(load(ours, seconds), load(floor, seconds)) for _ in range(rounds)]
    return _middle([pair[0] for pair in pairs]), _middle([pair[1] for pair in pairs])


_calls = iter(range(1, 1_000_000))


def load(target: Target, seconds: float) -> Speed:
    """Load one page. Raises LoadError when an answer is not a page."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--latency", "--timeout", "20s"]
    for name, value in target.headers.items():
        command += ["-H", f"{name}: {value}"]
    with tempfile.TemporaryDirectory() as folder:
        if target.anew:
            script = Path(folder) / "anew.lua"
            script.write_text(_ANEW.format(start=next(_calls), sign="&" if "?" in target.url else "?"))
            command += ["-s", str(script)]
        said = subprocess.run([*command, target.url], capture_output=True, text=True, check=True).stdout
    if found := _BAD.search(said):
        raise LoadError(f"{target.url}: {found[1]}")
    rate, p99 = _RATE.search(said), _P99.search(said)
    if rate is None or p99 is None:
        raise LoadError(f"wrk says nothing that can be read of {target.url}: {said}")
    return Speed(float(rate[1]), float(p99[1]) * _MILLISECONDS[p99[2]])


def _middle(speeds: Sequence[Speed]) -> Speed:
    return Speed(median(speed.rate for speed in speeds), median(speed.p99 for speed in speeds))
