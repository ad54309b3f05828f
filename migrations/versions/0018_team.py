"""Teams: invitations, when a member last signed in, and the businesses that a person belongs to.

An invitation is seen by its business, and by who holds its token: `enter_invitation` finds it by the token's hash and
enters its business, as `enter_session` does. `my_businesses` answers the names of a person's own businesses, by
entering each for a moment; no policy is opened for it.

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Who is seen: as in 0004, and who once was in the team, since the history goes on naming them.
PEOPLE = """id = current_user_id()
    OR email = NULLIF(current_setting('app.login_email', true), '')
    OR EXISTS (SELECT FROM memberships m WHERE m.user_id = users.id AND m.business_id = current_business_id())"""
FORMER = """EXISTS (
    SELECT FROM former_members f WHERE f.user_id = users.id AND f.business_id = current_business_id()
)"""

ENTER_INVITATION = """
CREATE FUNCTION enter_invitation(token_hash text)
RETURNS TABLE (
    id uuid, business_id uuid, email varchar, role membership_role, business_name varchar, inviter varchar
)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    found_invitation invitations%ROWTYPE;
BEGIN
    PERFORM set_config('app.token_hash', enter_invitation.token_hash, true);
    SELECT * INTO found_invitation FROM invitations i
    WHERE i.token_hash = current_token_hash() AND i.expires_at > now();
    PERFORM set_config('app.token_hash', '', true);
    IF found_invitation.id IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('app.business_id', found_invitation.business_id::text, true);
    RETURN QUERY
    SELECT found_invitation.id, b.id, found_invitation.email, found_invitation.role, b.name, u.name
    FROM businesses b LEFT JOIN users u ON u.id = found_invitation.invited_by
    WHERE b.id = found_invitation.business_id;
END
$$
"""

MY_BUSINESSES = """
CREATE FUNCTION my_businesses()
RETURNS TABLE (business_id uuid, name varchar, role membership_role)
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    entered text := current_setting('app.business_id', true);
    mine record;
BEGIN
    FOR mine IN
        SELECT m.business_id, m.role FROM memberships m WHERE m.user_id = current_user_id() ORDER BY m.created_at
    LOOP
        PERFORM set_config('app.business_id', mine.business_id::text, true);
        RETURN QUERY SELECT b.id, b.name, mine.role FROM businesses b WHERE b.id = mine.business_id;
    END LOOP;
    PERFORM set_config('app.business_id', coalesce(entered, ''), true);
END
$$
"""


def upgrade() -> None:
    op.add_column("memberships", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))
    role = postgresql.ENUM("owner", "member", "bookkeeper", name="membership_role", create_type=False)
    op.create_table(
        "invitations",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("role", role, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by", sa.UUID(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_invitations_email_lower")),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("ck_invitations_token_hash_length")),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name=op.f("fk_invitations_business_id")),
        sa.ForeignKeyConstraint(["invited_by"], ["users.id"], name=op.f("fk_invitations_invited_by")),
        sa.PrimaryKeyConstraint("business_id", "id", name=op.f("pk_invitations")),
    )
    op.create_index("uq_invitations_business_id_email", "invitations", ["business_id", "email"], unique=True)
    op.create_index("uq_invitations_token_hash", "invitations", ["token_hash"], unique=True)
    op.execute("ALTER TABLE invitations ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE invitations FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON invitations"
        " USING (business_id = current_business_id() OR token_hash = current_token_hash())"
        " WITH CHECK (business_id = current_business_id())"
    )
    op.create_table(
        "former_members",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("user_id", sa.UUID(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name=op.f("fk_former_members_business_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_former_members_user_id")),
        sa.PrimaryKeyConstraint("business_id", "user_id", name=op.f("pk_former_members")),
    )
    op.execute("ALTER TABLE former_members ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE former_members FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON former_members"
        " USING (business_id = current_business_id()) WITH CHECK (business_id = current_business_id())"
    )
    op.execute(f"ALTER POLICY tenant ON users USING ({PEOPLE} OR {FORMER})")
    op.execute(ENTER_INVITATION)
    op.execute(MY_BUSINESSES)


def downgrade() -> None:
    op.execute(f"ALTER POLICY tenant ON users USING ({PEOPLE})")
    op.drop_table("former_members")
    op.execute("DROP FUNCTION my_businesses()")
    op.execute("DROP FUNCTION enter_invitation(text)")
    op.drop_table("invitations")
    op.drop_column("memberships", "last_used_at")
