"""Who is behind a session is told together with the version of their business's data, in one statement of one trip.

Every action that changes what pages show writes an audit event, and the end of the chain of them is kept at commit. So
that end's number tells whether a page that was made before is still right.

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# The statement sees all that was committed before it began, the session and the version alike.
FIND_SESSION = """
CREATE FUNCTION find_session(token_hash text)
RETURNS TABLE (
    session_id uuid, user_id uuid, business_id uuid, role membership_role, user_name varchar, email varchar,
    single_keys boolean, business_name varchar, currency varchar, time_zone varchar, use_is_due boolean,
    lacks_second_factor boolean, data_version bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp ROWS 1 AS $$
BEGIN
    RETURN QUERY
    SELECT entered.*, coalesce((SELECT h.seq FROM audit_heads h WHERE h.business_id = entered.business_id), 0)
    FROM enter_session(find_session.token_hash) AS entered;
END
$$
"""


def upgrade() -> None:
    op.execute(FIND_SESSION)


def downgrade() -> None:
    op.execute("DROP FUNCTION find_session(text)")
