"""The lock files pin everything by hash, and name no registry."""

from __future__ import annotations

import re

import pytest

from invoices_app.launcher.environment import PROJECT_ROOT

LOCKS = PROJECT_ROOT / ".requirements"


def pinned(name: str) -> set[str]:
    """The `package==version` of every entry; fails on an entry without a hash."""
    entries = (LOCKS / f"{name}.txt").read_text().replace("\\\n", " ").splitlines()
    for entry in entries:
        assert re.match(r"[a-z0-9-]+(\[[a-z,]+\])?==\S+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+$", entry), entry
    return {entry.split()[0] for entry in entries}


@pytest.mark.parametrize("name", ["run", "dev"])
def test_every_package_has_a_hash_and_nothing_an_address(name: str) -> None:
    assert len(pinned(name)) > 20
    assert "://" not in (LOCKS / f"{name}.txt").read_text()
    assert "-index" not in (LOCKS / f"{name}.txt").read_text()


def test_tests_run_on_what_is_served() -> None:
    assert pinned("run") <= pinned("dev")
