"""For migrations: a function of the database that says one thing differently from now on."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op
from sqlalchemy import text

Changes = Sequence[tuple[str, str]]
"""What a function says, and what it says instead."""


def rewrite_function(signature: str, changes: Changes, *, anew: bool = False) -> None:
    """Change what a function says, wherever it says it; make it `anew` when what it answers has other columns.

    Raises RuntimeError when it does not say so: then it is not the function that the migration was written for.
    """
    find = text("SELECT pg_get_functiondef(CAST(:name AS regprocedure))")
    definition: str = op.get_bind().scalar(find, {"name": signature})
    for before, after in changes:
        if before not in definition:
            raise RuntimeError(f"{signature} is not as this migration knows it: {before}")
        definition = definition.replace(before, after)
    if anew:
        op.execute(f"DROP FUNCTION {signature}")
    op.execute(definition.replace(":", "\\:"))


def undo(changes: Changes) -> Changes:
    """The changes that take these back."""
    return [(after, before) for before, after in reversed(changes)]
