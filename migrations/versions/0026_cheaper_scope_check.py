"""Whether a scope is signed is asked some times by each statement: it takes a quarter of the time it took.

Two regular expressions were half of it. They kept nonsense out of two casts, which is not needed when only what the
signature covers is cast, and when it is compared as text. An expiry that somebody else wrote is no longer read at all.

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

from invoices_app.db.rewriting import rewrite_function, undo

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

FUNCTION = "scope_is_signed()"
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
    rewrite_function(FUNCTION, CHECK)


def downgrade() -> None:
    rewrite_function(FUNCTION, undo(CHECK))
