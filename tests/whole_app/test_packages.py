"""The packages: pinned, with checksums, installed as pinned, under free licences. `make audit` asks the network."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path

import pytest

from tests import audit

SHA = "a" * 64
GOOD = f"flask==3.1.2 \\\n    --hash=sha256:{SHA} \\\n    --hash=sha256:{SHA}\n"
LOCK = audit.pins(GOOD)


def test_everything_is_as_the_locks_say() -> None:
    assert audit.problems_offline() == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (GOOD.replace("==", ">="), "not pinned"),
        (GOOD.replace("3.1.2", "3.1.*"), "not pinned"),
        (GOOD.replace("==3.1.2", ""), "not pinned"),
        ("flask==3.1.2\n", "without checksums"),
        (GOOD.replace("sha256", "md5"), "without checksums"),
        (GOOD.replace(SHA, "a" * 63), "without checksums"),
        (f"flask @ https://example.com/flask.whl --hash=sha256:{SHA}\n", "an address"),
        (f"--index-url https://example.com/simple\n{GOOD}", "an option"),
        (f"-e .\n{GOOD}", "an option"),
    ],
)
def test_a_lock_that_is_none_is_seen(text: str, problem: str) -> None:
    """Else the test above would prove nothing."""
    assert list(audit.problems_of_lock(GOOD)) == []
    assert [found for found in audit.problems_of_lock(text) if found.startswith(problem)]


def test_a_lock_that_pyproject_has_left_behind_is_seen() -> None:
    project = '[project]\ndependencies = ["{}"]\n[dependency-groups]\ndev = []\n'
    assert list(audit.problems_of_direct(project.format("Flask>=3.1"), LOCK, LOCK)) == []
    for asked in ("flask>=3.2", "redis>=1"):
        assert list(audit.problems_of_direct(project.format(asked), LOCK, LOCK)) == [f"not in its lock: {asked}"]
    assert list(audit.problems_of_direct(project.format("flask"), LOCK, {})) == [
        "another release for developing: flask"
    ]


@pytest.fixture
def copied(tmp_path: Path) -> Distribution:
    """A small package, installed once more where it can be spoilt."""
    found = distribution("itsdangerous")
    for file in found.files or ():
        target = tmp_path / file
        if ".." not in file.parts and file.suffix != ".pyc":
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(str(file.locate()), target)
    (info,) = tmp_path.glob("*.dist-info")
    return PathDistribution(info)


def test_what_is_installed_otherwise_is_seen(copied: Distribution, tmp_path: Path) -> None:
    release = copied.version
    right, other = (audit.pins(f"itsdangerous=={version} --hash=sha256:{SHA}") for version in (release, "9.9"))
    assert list(audit.problems_of_environment([copied], right)) == []
    assert list(audit.problems_of_environment([copied], other)) == [
        f"installed as {release}, pinned as 9.9: itsdangerous"
    ]
    assert list(audit.problems_of_environment([copied], LOCK)) == [f"installed, but in no lock: itsdangerous {release}"]
    module = tmp_path / "itsdangerous" / "signer.py"
    module.write_text(module.read_text() + "\n")
    (tmp_path / "itsdangerous" / "timed.py").unlink()
    assert sorted(audit.problems_of_environment([copied], right)) == [
        "changed since it was installed: itsdangerous/signer.py",
        "missing: itsdangerous/timed.py",
    ]


def test_a_licence_that_asks_for_more_is_seen(copied: Distribution, tmp_path: Path) -> None:
    assert list(audit.problems_of_licences([copied])) == []
    (metadata,) = tmp_path.glob("*.dist-info/METADATA")
    metadata.write_text("Metadata-Version: 2.4\nName: itsdangerous\nLicense-Expression: AGPL-3.0-only\n")
    assert list(audit.problems_of_licences([copied])) == ["licence of itsdangerous: AGPL-3.0-only"]


def test_advisories_that_were_not_reached_are_no_good_news() -> None:
    """pip-audit itself says "No known vulnerabilities found" and ends with 0 when it could look nothing up."""
    skipped = {"name": "flask", "skip_reason": "Dependency not found on PyPI and could not be audited: flask (3.1.3)"}
    clean = {"name": "redis", "version": "8.1.0", "vulns": []}
    hole = {"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": [], "description": ""}
    bad = {"name": "jinja2", "version": "2.4.1", "vulns": [hole]}
    found = audit.advice(json.dumps({"dependencies": [skipped, clean, bad], "fixes": []}), "")
    assert found.holes == ["jinja2 2.4.1: PYSEC-2019-217, mended in 2.10.1"]
    assert (found.looked_up, found.left_out) == (2, [skipped["skip_reason"]])
    for answer in ("", "{}", "<html>"):
        assert audit.advice(answer, "first\nConnection refused") == audit.Advice([], 0, ["Connection refused"])
