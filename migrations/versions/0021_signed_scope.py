"""The scope of a transaction is believed only when it is signed.

Anyone who can run SQL can set `app.business_id`. From now on it counts only beside a signature (HMAC-SHA256, RFC 2104)
by a key that no statement of the app's role can read: it lies in `scope_keys`, which only the owner's functions open,
and in the memory of the app, which derives it from SECRET_KEY. The policies ask once a statement, not once a row.

What enters a tenant inside the database (`enter_session`, `enter_invitation`, `my_businesses`) signs with a key of the
database's own, by `sign_scope`, which the app may not call.

Web processes from before this migration sign nothing. In a database with businesses in it they are believed for
another fifteen minutes, so that processes can be replaced one by one; a new database believes nobody from the start.

Revision ID: 0021
Revises: 0020
"""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

from invoices_app.db.rewriting import rewrite_function

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

GRACE = "15 minutes"
DEFINER = "SECURITY DEFINER SET search_path = public, pg_temp"

SCOPE_IS_SIGNED = f"""
CREATE FUNCTION scope_is_signed() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE {DEFINER}
AS $$
DECLARE
    until text := coalesce(current_setting('app.scope_until', true), '');
    signature text := coalesce(current_setting('app.signature', true), '');
    message bytea := convert_to(
        concat_ws(
            '|', until, coalesce(current_setting('app.delivering', true), ''),
            coalesce(current_setting('app.business_id', true), ''), coalesce(current_setting('app.user_id', true), ''),
            encode(convert_to(coalesce(current_setting('app.login_email', true), ''), 'UTF8'), 'hex')
        ), 'UTF8');
BEGIN
    IF until !~ '^[0-9]{{1,12}}$' OR signature !~ '^[0-9a-f]{{64}}$' THEN
        RETURN now() < unsigned_scope_until();
    END IF;
    RETURN until::bigint > extract(epoch FROM now()) AND EXISTS (
        SELECT FROM scope_keys k
        WHERE sha256(k.outer_block || sha256(k.inner_block || message)) = decode(signature, 'hex')
    );
END
$$
"""

SIGN_SCOPE = """
CREATE FUNCTION sign_scope(person uuid, business uuid) RETURNS void
LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    until text := (extract(epoch FROM now())::bigint + 3600)::text;
    message bytea := convert_to(concat_ws('|', until, '', coalesce(business::text, ''), coalesce(person::text, ''), ''), 'UTF8');
BEGIN
    PERFORM set_config('app.user_id', coalesce(person::text, ''), true),
            set_config('app.business_id', coalesce(business::text, ''), true),
            set_config('app.login_email', '', true),
            set_config('app.delivering', '', true),
            set_config('app.scope_until', until, true),
            set_config('app.signature', encode(sha256(k.outer_block || sha256(k.inner_block || message)), 'hex'), true)
    FROM scope_keys k WHERE k.signer = 'database';
END
$$
"""

# What each setting says, when it may be believed.
SIGNED = {
    "current_business_id()": ("uuid", "NULLIF(current_setting('app.business_id', true), '')::uuid"),
    "current_user_id()": ("uuid", "NULLIF(current_setting('app.user_id', true), '')::uuid"),
    "current_login_email()": ("text", "NULLIF(current_setting('app.login_email', true), '')"),
    "is_delivering()": ("boolean", "current_setting('app.delivering', true) = 'on'"),
}
NEW = ("current_login_email()", "is_delivering()")

# How a policy says it before, and how from now on.
ASKED_ONCE = {
    "current_business_id()": "(SELECT current_business_id())",
    "current_user_id()": "(SELECT current_user_id())",
    "NULLIF(current_setting('app.login_email'::text, true), ''::text)": "(SELECT current_login_email())",
    "(current_setting('app.delivering'::text, true) = 'on'::text)": "(SELECT is_delivering())",
}
_ONCE = re.compile(r"\( SELECT (\w+)\(\) AS \w+\)")

SESSION_BY_SETTINGS = """PERFORM set_config('app.user_id', found_session.user_id::text, true),
            set_config('app.business_id', found_session.business_id::text, true);"""
SESSION_SIGNED = "PERFORM sign_scope(found_session.user_id, found_session.business_id);"
INVITATION_BY_SETTINGS = "PERFORM set_config('app.business_id', found_invitation.business_id::text, true);"
INVITATION_SIGNED = "PERFORM sign_scope(current_user_id(), found_invitation.business_id);"

MY_BUSINESSES = """
CREATE OR REPLACE FUNCTION my_businesses()
RETURNS TABLE (business_id uuid, name varchar, role membership_role)
LANGUAGE plpgsql VOLATILE {rights}
AS $$
DECLARE
    {entered}
    mine record;
BEGIN
    FOR mine IN
        SELECT m.business_id, m.role FROM memberships m WHERE m.user_id = {me} ORDER BY m.created_at
    LOOP
        PERFORM {enter};
        RETURN QUERY SELECT b.id, b.name, mine.role FROM businesses b WHERE b.id = mine.business_id;
    END LOOP;
    PERFORM {leave};
END
$$
"""


def upgrade() -> None:
    _make_keys()
    grace = (
        f"now() + interval '{GRACE}'"
        if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM businesses)"))
        else "'-infinity'"
    )
    until = op.get_bind().scalar(sa.text(f"SELECT ({grace})::timestamptz::text"))
    op.execute(
        f"CREATE FUNCTION unsigned_scope_until() RETURNS timestamptz LANGUAGE sql STABLE RETURN '{until}'::timestamptz"
    )
    op.execute(SCOPE_IS_SIGNED)
    op.execute(SIGN_SCOPE)
    op.execute("REVOKE ALL ON FUNCTION sign_scope(uuid, uuid) FROM PUBLIC")
    for signature, (kind, value) in SIGNED.items():
        op.execute(
            f"CREATE OR REPLACE FUNCTION {signature} RETURNS {kind} LANGUAGE sql STABLE PARALLEL SAFE"
            f" RETURN CASE WHEN scope_is_signed() THEN {value} END"
        )
    _rewrite_policies(_ask_once)
    _rewrite_with_rights("enter_session(text)", SESSION_BY_SETTINGS, SESSION_SIGNED, as_definer=True)
    _rewrite_with_rights("enter_invitation(text)", INVITATION_BY_SETTINGS, INVITATION_SIGNED, as_definer=True)
    op.execute(
        MY_BUSINESSES.format(
            rights=DEFINER,
            entered="me uuid := current_user_id();\n    entered uuid := current_business_id();",
            me="me",
            enter="sign_scope(me, mine.business_id)",
            leave="sign_scope(me, entered)",
        )
    )


def downgrade() -> None:
    op.execute(
        MY_BUSINESSES.format(
            rights="SECURITY INVOKER RESET ALL",
            entered="entered text := current_setting('app.business_id', true);",
            me="current_user_id()",
            enter="set_config('app.business_id', mine.business_id::text, true)",
            leave="set_config('app.business_id', coalesce(entered, ''), true)",
        ).replace(" SECURITY INVOKER RESET ALL", "")
    )
    _rewrite_with_rights("enter_invitation(text)", INVITATION_SIGNED, INVITATION_BY_SETTINGS, as_definer=False)
    _rewrite_with_rights("enter_session(text)", SESSION_SIGNED, SESSION_BY_SETTINGS, as_definer=False)
    _rewrite_policies(_ask_each_time)
    for signature in NEW:
        op.execute(f"DROP FUNCTION {signature}")
    for signature in SIGNED.keys() - set(NEW):
        kind, value = SIGNED[signature]
        op.execute(
            f"CREATE OR REPLACE FUNCTION {signature} RETURNS {kind} LANGUAGE sql STABLE PARALLEL SAFE RETURN {value}"
        )
    op.execute("DROP FUNCTION sign_scope(uuid, uuid)")
    op.execute("DROP FUNCTION scope_is_signed()")
    op.execute("DROP FUNCTION unsigned_scope_until()")
    op.drop_table("scope_keys")


def _make_keys() -> None:
    """The table, with the database's own key: two blocks of 512 random bits each, which nothing outside knows."""
    op.create_table(
        "scope_keys",
        sa.Column("signer", sa.String(length=16), nullable=False),
        sa.Column("inner_block", sa.LargeBinary(), nullable=False),
        sa.Column("outer_block", sa.LargeBinary(), nullable=False),
        sa.Column("installed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("signer IN ('database', 'app')", name=op.f("ck_scope_keys_signer_known")),
        sa.CheckConstraint(
            "octet_length(inner_block) = 64 AND octet_length(outer_block) = 64", name=op.f("ck_scope_keys_block_length")
        ),
        sa.PrimaryKeyConstraint("inner_block", name=op.f("pk_scope_keys")),
    )
    random = " || ".join(["sha256((gen_random_uuid()::text || gen_random_uuid()::text)::bytea)"] * 2)
    op.execute(f"INSERT INTO scope_keys (signer, inner_block, outer_block) VALUES ('database', {random}, {random})")


def _ask_once(condition: str) -> str:
    for before, after in ASKED_ONCE.items():
        condition = condition.replace(before, after)
    return condition


def _ask_each_time(condition: str) -> str:
    after = {once.removeprefix("(SELECT ").removesuffix(")"): each for each, once in ASKED_ONCE.items()}
    return _ONCE.sub(lambda found: after[f"{found[1]}()"], condition)


def _rewrite_policies(rewrite: Callable[[str], str]) -> None:
    policies = op.get_bind().execute(
        sa.text(
            "SELECT tablename, policyname, qual, with_check FROM pg_policies WHERE schemaname = 'public' ORDER BY 1"
        )
    )
    for table, policy, visible, writable in policies.all():
        using = f" USING ({rewrite(visible)})" if visible else ""
        check = f" WITH CHECK ({rewrite(writable)})" if writable else ""
        if (rewrite(visible or ""), rewrite(writable or "")) != (visible or "", writable or ""):
            op.execute(f"ALTER POLICY {policy} ON {table}{using}{check}")


def _rewrite_with_rights(signature: str, before: str, after: str, *, as_definer: bool) -> None:
    """Change one statement of a function, and whose rights it has."""
    rewrite_function(signature, [(before, after)])
    rights = DEFINER if as_definer else "SECURITY INVOKER RESET search_path"
    op.execute(f"ALTER FUNCTION {signature} {rights}")
