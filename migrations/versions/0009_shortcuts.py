"""Shortcuts of a single key can be turned off, for people who would press them by accident (WCAG 2.1.4).

Revision ID: 0009
Revises: 0008a
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008a"
branch_labels = None
depends_on = None

# As in 0004, and it says whether the person uses single keys.
ENTER_SESSION = """
CREATE FUNCTION enter_session(token_hash text)
RETURNS TABLE (
    session_id uuid, user_id uuid, business_id uuid, role membership_role, user_name varchar, email varchar,
    {column} business_name varchar, currency varchar, time_zone varchar
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    found_session user_sessions%ROWTYPE;
BEGIN
    PERFORM set_config('app.token_hash', enter_session.token_hash, true);
    SELECT * INTO found_session FROM user_sessions s
    WHERE s.token_hash = current_token_hash() AND s.expires_at > now();
    PERFORM set_config('app.token_hash', '', true);
    IF found_session.id IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('app.user_id', found_session.user_id::text, true),
            set_config('app.business_id', found_session.business_id::text, true);
    RETURN QUERY
    SELECT found_session.id, u.id, b.id, m.role, u.name, u.email, {value} b.name, b.currency, b.time_zone
    FROM users u
    JOIN memberships m ON m.user_id = u.id AND m.business_id = found_session.business_id
    JOIN businesses b ON b.id = m.business_id
    WHERE u.id = found_session.user_id;
END
$$
"""


def _replace(column: str, value: str) -> None:
    op.execute("DROP FUNCTION enter_session(text)")
    op.execute(ENTER_SESSION.format(column=column, value=value))


def upgrade() -> None:
    op.add_column("users", sa.Column("single_keys", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    _replace("single_keys boolean,", "u.single_keys,")


def downgrade() -> None:
    _replace("", "")
    op.drop_column("users", "single_keys")
