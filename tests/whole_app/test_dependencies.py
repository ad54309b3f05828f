"""The part of the audit that needs no network; and that it would find what it looks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import audit

HASHES = " \\\n    --hash=sha256:" + "0" * 64 + "\n"


@pytest.mark.parametrize("what", audit.OFFLINE)
def test_nothing_is_found(what: str) -> None:
    assert list(audit.OFFLINE[what]()) == []


def test_the_locks_hold_all_there_is() -> None:
    run, dev = map(audit.pins, audit.LOCKS)
    assert {"flask", "sqlalchemy", "psycopg", "psycopg-binary", "cryptography"} <= run.keys()
    assert run.keys() < dev.keys()


@pytest.mark.parametrize(
    "line",
    [
        "flask==3.1.2\n",
        "flask>=3" + HASHES,
        "--index-url https://example.com/simple\n",
        "flask @ https://example.com/f\n",
    ],
)
def test_a_lock_that_pins_nothing_is_told(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "run.txt"
    lock.write_text("jinja2==3.1.6" + HASHES + line)
    with pytest.raises(ValueError, match=r"run\.txt: (flask|--index-url)"):
        audit.pins(lock)


def test_what_is_installed_beside_the_lock_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "dev.txt"
    other.write_text("flask==0.1" + HASHES)
    monkeypatch.setattr(audit, "LOCKS", (other, other))
    found = list(audit.installed())
    assert any(one.startswith("flask ") and one.endswith("0.1 is pinned") for one in found)
    assert any("nothing of it is pinned" in one for one in found)


def test_a_licence_nobody_looked_at_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "licence_of", lambda _package: "Proprietary")
    assert len(list(audit.licences())) > 50
