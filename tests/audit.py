"""`python -m tests.audit`: are the packages what the locks say, are there newer ones, does anybody know a hole in them?

The first part needs no network and is a test as well. The second asks the package index, through uv, as `make lock`
does. The third is pip-audit; where the host of its advisories cannot be reached it says what was not looked up. Exit
code 1 when something is wrong: a package that is not as pinned, a withdrawn release, a known hole.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from invoices_app.launcher.environment import PROJECT_ROOT

LOCKS = {name: PROJECT_ROOT / ".requirements" / f"{name}.txt" for name in ("run", "dev")}
OF_THE_ENVIRONMENT = {"pip", "setuptools"}
"""What a new virtual environment brings itself."""

FREE = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla Public|LGPL|Lesser General Public"
    r"|Unlicense|Public Domain|0BSD|Zlib|HPND"
)
"""Licences that ask nothing of who runs or ships the app beside them, unchanged."""

LICENCE_NAMED_ELSEWHERE = {"axe-playwright-python": "MIT"}
"""Where the package's own metadata name none, but its LICENSE file does."""

CHECKSUMS = re.compile(r"^[^#]*?( +--hash=sha256:[0-9a-f]{64})+ *$")
QUIET: dict[str, Any] = {"capture_output": True, "text": True, "check": False, "cwd": PROJECT_ROOT}
PIP_AUDIT = "pip-audit==2.10.1"


def pins(text: str) -> dict[str, Requirement]:
    """The requirements of a lock that count for this Python on this system, by their canonical names."""
    lines = text.replace("\\\n", " ").splitlines()
    found = [Requirement(line.partition(" --hash")[0]) for line in lines if line.strip() and line[0] not in "#-"]
    return {canonicalize_name(one.name): one for one in found if one.marker is None or one.marker.evaluate()}


def problems_of_lock(text: str) -> Iterator[str]:
    """What is wrong with a lock: everything is one release, with its checksums, from no address in particular."""
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("-"):
            yield f"an option: {line}"
            continue
        if "://" in line:
            yield f"an address: {line.split()[0]}"
        try:
            requirement = Requirement(line.partition(" --hash")[0])
        except InvalidRequirement:
            yield f"no requirement: {line.split()[0]}"
            continue
        if not re.fullmatch(r"==[^*,]+", str(requirement.specifier)):
            yield f"not pinned: {requirement}"
        if not CHECKSUMS.search(line):
            yield f"without checksums: {requirement.name}"


def problems_of_direct(project: str, run: dict[str, Requirement], dev: dict[str, Requirement]) -> Iterator[str]:
    """What pyproject.toml asks for is in the lock, in a release that it allows; all of run is in dev as it is."""
    wanted = tomllib.loads(project)
    for named, lock in ((wanted["project"]["dependencies"], run), (wanted["dependency-groups"]["dev"], dev)):
        for requirement in map(Requirement, named):
            pinned = lock.get(canonicalize_name(requirement.name))
            if pinned is None or not requirement.specifier.contains(_release(pinned)):
                yield f"not in its lock: {requirement}"
    yield from (f"another release for developing: {name}" for name in run if dev.get(name) != run[name])


def problems_of_environment(installed: list[Distribution], lock: dict[str, Requirement]) -> Iterator[str]:
    """What is installed is what the lock pins, no more and nothing else, file by file."""
    for distribution in installed:
        name = canonicalize_name(distribution.metadata["Name"])
        if name in OF_THE_ENVIRONMENT:
            continue
        if name not in lock:
            yield f"installed, but in no lock: {name} {distribution.version}"
        elif _release(lock[name]) != distribution.version:
            yield f"installed as {distribution.version}, pinned as {_release(lock[name])}: {name}"
        yield from changed_files(distribution)


def changed_files(distribution: Distribution) -> Iterator[str]:
    """The files of a package that are not as it brought them, by the checksums that it came with."""
    for file in distribution.files or ():
        path = Path(str(file.locate()))
        if file.hash is None or path.suffix == ".pyc":
            continue
        if not path.exists():
            yield f"missing: {file}"
        elif _checksum(path, file.hash.mode) != file.hash.value:
            yield f"changed since it was installed: {file}"


def problems_of_licences(installed: list[Distribution]) -> Iterator[str]:
    for distribution in installed:
        if not FREE.search(licence(distribution)):
            yield f"licence of {distribution.metadata['Name']}: {licence(distribution) or 'none named'}"


def licence(distribution: Distribution) -> str:
    def told(header: str) -> list[str]:
        return distribution.metadata.get_all(header) or []

    classifiers = [text.rpartition(":: ")[2] for text in told("Classifier") if text.startswith("License ::")]
    words = [text.partition("\n")[0] for text in told("License")]
    known = LICENCE_NAMED_ELSEWHERE.get(canonicalize_name(distribution.metadata["Name"]), "")
    return "; ".join(told("License-Expression") or classifiers) or "".join(words) or known


def problems_offline() -> list[str]:
    texts = {name: path.read_text() for name, path in LOCKS.items()}
    installed = list(distributions())
    run, dev = pins(texts["run"]), pins(texts["dev"])
    return [
        *(f"{name}.txt: {problem}" for name, text in texts.items() for problem in problems_of_lock(text)),
        *problems_of_direct((PROJECT_ROOT / "pyproject.toml").read_text(), run, dev),
        *problems_of_environment(installed, {**dev, **run}),
        *problems_of_licences(installed),
    ]


def newer_releases() -> tuple[list[str], list[str]]:
    """What the index says of the pins: those that were withdrawn, and those that newer ones may replace."""
    options = ["--universal", "--python-version", "3.11", "--no-header", "--no-annotate", "--no-progress", "-q"]
    resolve = [sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--group", "dev", *options[:-1]]
    kept = subprocess.run([*resolve, "-c", str(LOCKS["dev"])], **QUIET)  # noqa: PLW1510  (it is in QUIET)
    newest = subprocess.run([*resolve, "--upgrade"], **QUIET)  # noqa: PLW1510  (it is in QUIET)
    if kept.returncode or newest.returncode:
        raise RuntimeError(kept.stderr + newest.stderr)
    withdrawn = [line for line in kept.stderr.splitlines() if "yanked" in line]
    before, after = pins(LOCKS["dev"].read_text()), pins(newest.stdout)
    changed = [name for name in after if name in before and before[name].specifier != after[name].specifier]
    return withdrawn, [f"{name} {_release(before[name])} -> {_release(after[name])}" for name in changed]


@dataclass
class Advice:
    """What pip-audit found: the holes that are known, how many packages it looked up, and why not the others."""

    holes: list[str]
    looked_up: int
    left_out: list[str]


def known_holes() -> Advice:
    command = [sys.executable, "-m", "uv", "tool", "run", PIP_AUDIT, "--disable-pip", "--require-hashes"]
    command += ["--progress-spinner", "off", "--format", "json", "-r", str(LOCKS["run"])]
    try:
        done = subprocess.run(command, timeout=300, **QUIET)  # noqa: PLW1510
    except subprocess.TimeoutExpired:
        return Advice([], 0, ["no answer in five minutes"])
    return advice(done.stdout, done.stderr)


def advice(answer: str, complaint: str) -> Advice:
    """Read pip-audit's answer. It calls packages whose advisories it could not fetch skipped, and its run a success."""
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        return Advice([], 0, [complaint.strip().rpartition("\n")[2] or "no answer"])
    holes = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {', '.join(hole['fix_versions']) or 'no release yet'}"
        for one in packages
        for hole in one.get("vulns", ())
    ]
    left_out = [str(one["skip_reason"]) for one in packages if "skip_reason" in one]
    return Advice(holes, len(packages) - len(left_out), left_out)


def main() -> int:
    wrong = problems_offline()
    installed = list(distributions())
    print(f"{len(installed)} packages are installed; {len(wrong)} are not as they should be.")
    for name in sorted({licence(one) for one in installed}):
        print(f"  licence {name}: {sum(licence(one) == name for one in installed)}")
    try:
        withdrawn, newer = newer_releases()
        wrong += withdrawn
        print(f"{len(withdrawn)} pinned releases were withdrawn; {len(newer)} have newer ones.")
        print("".join(f"  {line}\n" for line in newer), end="")
    except RuntimeError as problem:
        print(f"NOT LOOKED UP, the package index did not answer: {str(problem).strip().splitlines()[-1]}")
    found = known_holes()
    wrong += found.holes
    print(f"pip-audit looked {found.looked_up} packages up and knows {len(found.holes)} holes in them.")
    if found.left_out:
        print(f"KNOWN HOLES WERE NOT LOOKED UP for {len(found.left_out)} more, such as: {found.left_out[0]}")
    print("\n".join(wrong) or "Nothing wrong was found.")
    return 1 if wrong else 0


def _release(requirement: Requirement) -> str:
    return str(requirement.specifier).removeprefix("==")


def _checksum(path: Path, mode: str) -> str:
    return base64.urlsafe_b64encode(hashlib.new(mode, path.read_bytes()).digest()).rstrip(b"=").decode()


if __name__ == "__main__":
    sys.exit(main())
