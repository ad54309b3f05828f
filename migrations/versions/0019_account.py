"""A person's account: sessions that end when they are not used, links that change an email, and clearing what has ended.

`enter_session` finds a session that is neither too old nor idle for too long, and says whether its use should be
noted. `clear_expired` runs as the owner, since nobody else sees the sessions, links and invitations of all people; the
policies that let the owner see them hold only within it.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

CLEARED = ("user_sessions", "account_tokens", "invitations")

# As in 0009, with what stands in braces.
ENTER_SESSION = """
CREATE FUNCTION enter_session(token_hash text)
RETURNS TABLE (
    session_id uuid, user_id uuid, business_id uuid, role membership_role, user_name varchar, email varchar,
    single_keys boolean, business_name varchar, currency varchar, time_zone varchar{column}
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    found_session user_sessions%ROWTYPE;
BEGIN
    PERFORM set_config('app.token_hash', enter_session.token_hash, true);
    SELECT * INTO found_session FROM user_sessions s
    WHERE s.token_hash = current_token_hash() AND s.expires_at > now(){live};
    PERFORM set_config('app.token_hash', '', true);
    IF found_session.id IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('app.user_id', found_session.user_id::text, true),
            set_config('app.business_id', found_session.business_id::text, true);
    RETURN QUERY
    SELECT found_session.id, u.id, b.id, m.role, u.name, u.email, u.single_keys, b.name, b.currency, b.time_zone{value}
    FROM users u
    JOIN memberships m ON m.user_id = u.id AND m.business_id = found_session.business_id
    JOIN businesses b ON b.id = m.business_id
    WHERE u.id = found_session.user_id;
END
$$
"""

# An invitation that has ended is shown to owners for a month, so that they can send it again.
CLEAR_EXPIRED = """
CREATE FUNCTION clear_expired(most integer)
RETURNS TABLE (sessions bigint, tokens bigint, ended_invitations bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
AS $$
BEGIN
    PERFORM set_config('app.clearing', 'on', true);
    WITH gone AS (
        DELETE FROM user_sessions WHERE id IN (
            SELECT s.id FROM user_sessions s
            WHERE s.expires_at <= now() OR s.last_used_at <= now() - s.idle_timeout
            LIMIT most FOR UPDATE SKIP LOCKED
        ) RETURNING 1
    ) SELECT count(*) INTO sessions FROM gone;
    WITH gone AS (
        DELETE FROM account_tokens a WHERE a.token_hash IN (
            SELECT t.token_hash FROM account_tokens t WHERE t.expires_at <= now() LIMIT most FOR UPDATE SKIP LOCKED
        ) RETURNING 1
    ) SELECT count(*) INTO tokens FROM gone;
    WITH gone AS (
        DELETE FROM invitations WHERE (business_id, id) IN (
            SELECT i.business_id, i.id FROM invitations i WHERE i.expires_at <= now() - interval '30 days'
            LIMIT most FOR UPDATE SKIP LOCKED
        ) RETURNING 1
    ) SELECT count(*) INTO ended_invitations FROM gone;
    PERFORM set_config('app.clearing', '', true);
    RETURN NEXT;
END
$$
"""


def upgrade() -> None:
    op.add_column(
        "user_sessions",
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.add_column(
        "user_sessions",
        sa.Column("idle_timeout", sa.Interval(), server_default=sa.text("'02:00:00'::interval"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_user_sessions_idle_timeout_positive"), "user_sessions", "idle_timeout > interval '0'"
    )
    _keep_remembered_sessions()
    op.add_column("account_tokens", sa.Column("new_email", sa.String(length=254), nullable=True))
    op.create_check_constraint(
        op.f("ck_account_tokens_new_email_lower"), "account_tokens", "new_email = lower(new_email)"
    )
    live = "\n        AND s.last_used_at > now() - s.idle_timeout"
    value = ",\n           found_session.last_used_at < now() - interval '5 minutes'"
    _replace_enter_session(", use_is_due boolean", live, value)
    for table in CLEARED:
        op.execute(
            f"CREATE POLICY clearing ON {table} TO CURRENT_USER"
            " USING (current_setting('app.clearing', true) = 'on') WITH CHECK (false)"
        )
    op.execute(CLEAR_EXPIRED)


def _keep_remembered_sessions() -> None:
    """Who asked to stay signed in is, for two weeks; the owner sees everybody's sessions only while this runs."""
    op.execute("ALTER TABLE user_sessions NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE user_sessions SET idle_timeout = '14 days' WHERE expires_at - created_at > interval '1 day'")
    op.execute("ALTER TABLE user_sessions FORCE ROW LEVEL SECURITY")


def _replace_enter_session(column: str, live: str, value: str) -> None:
    op.execute("DROP FUNCTION enter_session(text)")
    op.execute(ENTER_SESSION.format(column=column, live=live, value=value))


def downgrade() -> None:
    op.execute("DROP FUNCTION clear_expired(integer)")
    for table in CLEARED:
        op.execute(f"DROP POLICY clearing ON {table}")
    _replace_enter_session("", "", "")
    op.execute("ALTER TABLE account_tokens NO FORCE ROW LEVEL SECURITY")  # a link for an email must not set a password
    op.execute("DELETE FROM account_tokens WHERE new_email IS NOT NULL")
    op.execute("ALTER TABLE account_tokens FORCE ROW LEVEL SECURITY")
    op.drop_constraint(op.f("ck_account_tokens_new_email_lower"), "account_tokens")
    op.drop_column("account_tokens", "new_email")
    op.drop_constraint(op.f("ck_user_sessions_idle_timeout_positive"), "user_sessions")
    op.drop_column("user_sessions", "idle_timeout")
    op.drop_column("user_sessions", "last_used_at")
