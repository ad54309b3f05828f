"""Whether a scope is signed is asked some times by each statement: it takes a quarter of the time it took.

Two regular expressions were half of it. They kept nonsense out of two casts, which is not needed when only what the
signature covers is cast, and when it is compared as text. An expiry that somebody else wrote is no longer read at all.

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

CHECK = (
    (
        """
    IF until !~ '^[0-9]{1,12}$' OR signature !~ '^[0-9a-f]{64}$' THEN
        RETURN now() < unsigned_scope_until();
    END IF;
    RETURN until::bigint > extract(epoch FROM now()) AND EXISTS (
        SELECT FROM scope_keys k
        WHERE sha256(k.outer_block || sha256(k.inner_block || message)) = decode(signature, 'hex')
    );
""",
        """
    IF signature = '' THEN
        RETURN now() < unsigned_scope_until();
    END IF;
    IF NOT EXISTS (
        SELECT FROM scope_keys k
        WHERE encode(sha256(k.outer_block || sha256(k.inner_block || message)), 'hex') = signature
    ) THEN
        RETURN false;
    END IF;
    RETURN to_timestamp(until::double precision) > now();
""",
    ),
)


def upgrade() -> None:
    _rewrite(CHECK)


def downgrade() -> None:
    _rewrite(tuple((after, before) for before, after in CHECK))


def _rewrite(changes: tuple[tuple[str, str], ...]) -> None:
    definition: str = op.get_bind().scalar(
        sa.text("SELECT pg_get_functiondef(CAST('scope_is_signed()' AS regprocedure))")
    )
    for before, after in changes:
        if before not in definition:
            raise RuntimeError("scope_is_signed() is not as this migration knows it")
        definition = definition.replace(before, after)
    op.execute(definition.replace(":", "\\:"))
