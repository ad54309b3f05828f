"""Row-level security, forced, on every table: a transaction sees its own tenant, and nothing when it names none.

The scope comes from three transaction-local settings that `invoices_app.db.tenancy` writes, and from the session
token that `enter_session` is given.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TENANT_TABLES = (
    "memberships",
    "audit_events",
    "submissions",
    "clients",
    "number_series",
    "number_counters",
    "invoices",
    "line_items",
    "invoice_taxes",
    "payments",
)

# Policies for the tables that are not simply a tenant's: what may be seen, and what may be written.
OTHER_POLICIES = {
    "businesses": ("id = current_business_id()", "id = current_business_id()"),
    "users": (
        """id = current_user_id()
        OR email = NULLIF(current_setting('app.login_email', true), '')
        OR EXISTS (SELECT FROM memberships m WHERE m.user_id = users.id AND m.business_id = current_business_id())""",
        "id = current_user_id()",
    ),
    "user_sessions": (
        "user_id = current_user_id() OR token_hash = current_token_hash()",
        "user_id = current_user_id()",
    ),
}

FUNCTIONS = {
    "current_business_id()": """
        RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
        RETURN NULLIF(current_setting('app.business_id', true), '')::uuid""",
    "current_user_id()": """
        RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
        RETURN NULLIF(current_setting('app.user_id', true), '')::uuid""",
    "current_token_hash()": """
        RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
        RETURN decode(NULLIF(current_setting('app.token_hash', true), ''), 'hex')""",
}

# One round trip for what every request starts with: find the session, enter its tenant, say who it is.
ENTER_SESSION = """
CREATE FUNCTION enter_session(token_hash text)
RETURNS TABLE (
    session_id uuid, user_id uuid, business_id uuid, role membership_role, user_name varchar, email varchar,
    business_name varchar, currency varchar, time_zone varchar
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
    SELECT found_session.id, u.id, b.id, m.role, u.name, u.email, b.name, b.currency, b.time_zone
    FROM users u
    JOIN memberships m ON m.user_id = u.id AND m.business_id = found_session.business_id
    JOIN businesses b ON b.id = m.business_id
    WHERE u.id = found_session.user_id;
END
$$
"""


def upgrade() -> None:
    for signature, body in FUNCTIONS.items():
        op.execute(f"CREATE FUNCTION {signature} {body}")
    op.execute(ENTER_SESSION)
    for table in TENANT_TABLES:
        own = "business_id = current_business_id()"
        if table == "memberships":
            own_or_mine = f"{own} OR user_id = current_user_id()"
            _protect(table, own_or_mine, own)
        else:
            _protect(table, own, own)
    for table, (visible, writable) in OTHER_POLICIES.items():
        _protect(table, visible, writable)


def _protect(table: str, visible: str, writable: str) -> None:
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY tenant ON {table} USING ({visible}) WITH CHECK ({writable})")


def downgrade() -> None:
    for table in (*TENANT_TABLES, *OTHER_POLICIES):
        op.execute(f"DROP POLICY tenant ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP FUNCTION enter_session(text)")
    for signature in FUNCTIONS:
        op.execute(f"DROP FUNCTION {signature}")
