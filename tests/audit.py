"""`python -m tests.audit`: what the packages are that we build on, and what is known of them.

Without the network, and in `make test`: every package is pinned with hashes and comes from no address of our own, just
those are installed, each under a licence that lets anyone run and change Invoices. With the network: none was
withdrawn (PEP 592), which are behind, and what pip-audit knows of holes in them.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.markers import Marker

ROOT = Path(__file__).parent.parent
LOCKS = (ROOT / ".requirements" / "run.txt", ROOT / ".requirements" / "dev.txt")
PIN = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?: ; (?P<condition>[^\\]+?))?"
    r"(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n"
)
PIP_AUDIT = "pip-audit==2.10.1"
PATIENCE_SECONDS = 600

OF_THE_ENVIRONMENT = {"pip", "setuptools"}
"""What a virtual environment brings itself; nothing imports it."""

LICENCES = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|MPL|Mozilla|LGPL|Lesser General Public|Unlicense|Public Domain|Python Software"
)
LICENCE_TEXT_ONLY = {"axe-playwright-python": "MIT"}
"""Packages whose metadata names no licence, and what the text says that comes with them."""


def plain(name: str) -> str:
    """A package's name as all spellings of it agree (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: Path) -> dict[str, str]:
    """The version of each package that a lock names for this Python.

    Raises ValueError for a line that pins nothing or has no hash.
    """
    text = lock.read_text()
    rest = PIN.sub("", text)
    if rest.strip():
        raise ValueError(f"{lock.name}: {rest.strip().splitlines()[0]}")
    here = (pin for pin in PIN.finditer(text) if not pin["condition"] or Marker(pin["condition"]).evaluate())
    return {plain(pin["name"]): pin["version"] for pin in here}


def locks() -> Iterator[str]:
    """What is wrong with the locks."""
    run, dev = map(pins, LOCKS)
    for name, version in run.items():
        if dev.get(name) != version:
            yield f"{name} {version} runs, but {dev.get(name)} is tested"


def installed() -> Iterator[str]:
    """What is installed otherwise than pinned."""
    pinned = pins(LOCKS[1])
    for package in distributions():
        name = plain(package.metadata["Name"])
        if name not in OF_THE_ENVIRONMENT and pinned.get(name) != package.version:
            yield f"{name} {package.version} is installed, {pinned.get(name, 'nothing of it')} is pinned"


def licence_of(package: Distribution) -> str:
    told = package.metadata
    classifiers = [
        line.rpartition("::")[2].strip() for line in told.get_all("Classifier") or [] if "License ::" in line
    ]
    words = told.get("License-Expression") or " / ".join(classifiers) or (told.get("License") or "").partition("\n")[0]
    return words or LICENCE_TEXT_ONLY.get(plain(told["Name"]), "")


def licences() -> Iterator[str]:
    """Packages whose licence nobody has looked at."""
    for package in distributions():
        if not LICENCES.search(licence_of(package)):
            yield f"{package.metadata['Name']}: {licence_of(package) or 'no licence named'}"


OFFLINE: dict[str, Callable[[], Iterator[str]]] = {
    "pinned with hashes": locks,
    "installed as pinned": installed,
    "licences known": licences,
}


def withdrawn() -> Iterator[str]:
    """Pins that their authors took back; the hashes are compared on the way. Raises when no index can be reached."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--no-deps"]
    answer = run([*command, "--require-hashes", "--disable-pip-version-check", "-r", str(LOCKS[1])])
    if answer.returncode:
        raise RuntimeError(answer.stderr.strip().splitlines()[-1])
    yield from (line for line in answer.stderr.splitlines() if "yanked" in line)


def behind() -> Iterator[str]:
    """Packages of which there is a newer release."""
    command = [sys.executable, "-m", "uv", "pip", "list", "--outdated", "--format", "json", "--python", sys.executable]
    answer = run(command)
    if answer.returncode:
        raise RuntimeError(answer.stderr.strip().splitlines()[-1])
    for package in json.loads(answer.stdout):
        if plain(package["name"]) not in OF_THE_ENVIRONMENT:
            yield f"{package['name']} {package['version']}: {package['latest_version']} is there"


def holes() -> Iterator[str]:
    """Known vulnerabilities of what runs. Raises when pip-audit could not ask about some of it."""
    command = [sys.executable, "-m", "uv", "tool", "run", "--from", PIP_AUDIT, "pip-audit", "--format", "json"]
    answer = run([*command, "--disable-pip", "--require-hashes", "-r", str(LOCKS[0])])
    if not answer.stdout.strip():
        raise RuntimeError((answer.stderr.strip() or "pip-audit said nothing").splitlines()[-1])
    packages = json.loads(answer.stdout)["dependencies"]
    for package in packages:
        for hole in package.get("vulns", []):
            mended = ", ".join(hole["fix_versions"]) or "no release yet"
            yield f"{package['name']} {package['version']}: {hole['id']}, mended in {mended}"
    unasked = [package["name"] for package in packages if "skip_reason" in package]
    if unasked:
        raise RuntimeError(f"its service knows nothing of {len(unasked)} of {len(packages)}, such as {unasked[0]}")


ONLINE: dict[str, tuple[Callable[[], Iterator[str]], bool]] = {
    "none withdrawn": (withdrawn, True),
    "newest releases": (behind, False),
    "no known holes": (holes, True),
}
"""By what should hold: who looks, and whether a finding is a failure."""


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)


def tell(what: str, look: Callable[[], Iterator[str]]) -> tuple[int, bool]:
    """Print what was found; answers how much that is, and whether all could be looked at."""
    found: list[str] = []
    unseen = ""
    try:
        found.extend(look())  # keeps what came before an error
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        unseen = f"NOT LOOKED AT: {error}"
    state = f"{len(found)} found" if found else "" if unseen else "ok"
    print(f"{what + ':':22}{state}{unseen}")
    for one in found:
        print(f"  {one}")
    return len(found), not unseen


def main() -> int:
    failures = sum(tell(what, look)[0] for what, look in OFFLINE.items())
    for what, (look, is_failure) in ONLINE.items():
        count, _complete = tell(what, look)
        failures += count if is_failure else 0
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
