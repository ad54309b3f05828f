"""The second factor: sealed secrets of authenticators, recovery codes, and sign-ins that wait for a code.

`enter_session` says as well whether the business asks for a second factor that the person lacks, and `clear_expired`
clears the sign-ins whose time is over. Only the person sees theirs; a sign-in that waits for its code is also found by the hash of its token. The owner of the
tables sees the sealed secrets, to seal them anew when SECRET_KEY changes; it has no key to open them.

Revision ID: 0020
Revises: 0019
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from invoices_app.db.rewriting import rewrite_function, undo

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# What each function says before, and from now on.
ENTER_SESSION = (
    ("use_is_due boolean", "use_is_due boolean, lacks_second_factor boolean"),
    (
        "interval '5 minutes'",
        "interval '5 minutes',\n           b.second_factor_required AND u.second_factor_since IS NULL",
    ),
)
CLEAR_EXPIRED = (
    (
        ") SELECT count(*) INTO tokens FROM gone;",
        """), over AS (
        DELETE FROM pending_logins p WHERE p.token_hash IN (
            SELECT l.token_hash FROM pending_logins l WHERE l.expires_at <= now() LIMIT most FOR UPDATE SKIP LOCKED
        ) RETURNING 1
    ) SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM over) INTO tokens;""",
    ),
)


def upgrade() -> None:
    op.add_column("users", sa.Column("second_factor_since", sa.DateTime(timezone=True), nullable=True))
    required = sa.Column("second_factor_required", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    op.add_column("businesses", required)
    op.create_table(
        "second_factors",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("set_up_in", sa.UUID(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "octet_length(sealed_secret) BETWEEN 33 AND 200", name=op.f("ck_second_factors_sealed_secret_length")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_second_factors_user_id")),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_second_factors")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("octet_length(code_hash) = 32", name=op.f("ck_recovery_codes_code_hash_length")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_recovery_codes_user_id")),
        sa.PrimaryKeyConstraint("user_id", "code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "pending_logins",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("password_seen", sa.LargeBinary(), nullable=False),
        sa.Column("remember", sa.Boolean(), nullable=False),
        sa.Column("wrong_codes", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("ck_pending_logins_token_hash_length")),
        sa.CheckConstraint("octet_length(password_seen) = 32", name=op.f("ck_pending_logins_password_seen_length")),
        sa.CheckConstraint("wrong_codes BETWEEN 0 AND 5", name=op.f("ck_pending_logins_wrong_codes_range")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_pending_logins_user_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_pending_logins")),
    )
    op.create_index("ix_pending_logins_user_id", "pending_logins", ["user_id"])
    mine = "user_id = current_user_id()"
    _protect("second_factors", mine, mine)
    _protect("recovery_codes", mine, mine)
    _protect("pending_logins", f"{mine} OR token_hash = current_token_hash()", mine)
    for command in ("SELECT", "UPDATE"):
        op.execute(
            f"CREATE POLICY reseal_{command.lower()} ON second_factors FOR {command} TO CURRENT_USER USING (true)"
        )
    op.execute(
        "CREATE POLICY clearing ON pending_logins TO CURRENT_USER"
        " USING (current_setting('app.clearing', true) = 'on') WITH CHECK (false)"
    )
    rewrite_function("enter_session(text)", ENTER_SESSION, anew=True)
    rewrite_function("clear_expired(integer)", CLEAR_EXPIRED, anew=True)


def _protect(table: str, visible: str, writable: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({visible}) WITH CHECK ({writable})")


def downgrade() -> None:
    for signature, changes in (("clear_expired(integer)", CLEAR_EXPIRED), ("enter_session(text)", ENTER_SESSION)):
        rewrite_function(signature, undo(changes), anew=True)
    op.drop_table("pending_logins")
    op.drop_table("recovery_codes")
    op.drop_table("second_factors")
    op.drop_column("businesses", "second_factor_required")
    op.drop_column("users", "second_factor_since")
