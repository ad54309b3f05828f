"""Every audit event holds its place in its business's chain, and a hash over its content and the hash before it.

The chain is made at commit, by a deferred trigger: the row that holds its end is the last lock of a transaction, so that
nobody who holds it waits for anybody. `invoices_app.accounts.chain` computes the same hashes and compares.

Revision ID: 0012
Revises: 0011
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# A text that only one event can have, whatever the session's settings are: texts in an array, the moment in microseconds.
HASH = """
CREATE FUNCTION audit_hash(previous bytea, event audit_events) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE
RETURN sha256(convert_to(jsonb_build_array(
    encode(previous, 'hex'), event.seq::text, event.business_id::text, event.id::text, event.actor_id::text,
    event.action, event.entity_type, event.entity_id::text, event.changes::text, event.request_id,
    (extract(epoch FROM event.created_at) * 1000000)::bigint::text
)::text, 'UTF8'))
"""

# Runs as the owner when the trigger calls it; called by the app's role it can write nothing.
CHAIN = """
CREATE FUNCTION chain_events(business uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    unchained CURSOR FOR
        SELECT * FROM audit_events e WHERE e.business_id = business AND e.seq IS NULL ORDER BY e.id FOR UPDATE;
    head audit_heads%ROWTYPE;
    chained audit_events%ROWTYPE;
BEGIN
    SELECT * INTO head FROM audit_heads h WHERE h.business_id = business FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO audit_heads (business_id) VALUES (business) ON CONFLICT DO NOTHING;
        SELECT * INTO head FROM audit_heads h WHERE h.business_id = business FOR UPDATE;
    END IF;
    FOR event IN unchained LOOP
        head.seq := head.seq + 1;
        chained := event;
        chained.seq := head.seq;
        head.hash := audit_hash(head.hash, chained);
        UPDATE audit_events SET seq = head.seq, hash = head.hash WHERE CURRENT OF unchained;
    END LOOP;
    UPDATE audit_heads h SET seq = head.seq, hash = head.hash WHERE h.business_id = business;
END
$$
"""

# The first event of a transaction takes the others of it along. Whether it has is asked anew each time (EXECUTE): a plan
# that was made while the table was small, and kept, may find an event by going through all of them.
TRIGGER = """
CREATE FUNCTION keep_audit_chain() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
    unchained boolean;
BEGIN
    IF NEW.business_id IS DISTINCT FROM current_business_id() THEN
        RAISE EXCEPTION 'an audit event must be committed in the scope of its business'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE 'SELECT seq IS NULL FROM audit_events WHERE business_id = $1 AND id = $2'
        INTO unchained USING NEW.business_id, NEW.id;
    IF unchained THEN
        PERFORM chain_events(NEW.business_id);
    END IF;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "audit_heads",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("seq", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("hash", sa.LargeBinary(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name=op.f("fk_audit_heads_business_id")),
        sa.PrimaryKeyConstraint("business_id", name=op.f("pk_audit_heads")),
    )
    op.add_column("audit_events", sa.Column("seq", sa.BigInteger(), nullable=True))
    op.add_column("audit_events", sa.Column("hash", sa.LargeBinary(), nullable=True))
    op.execute(HASH)
    op.execute(CHAIN)
    op.execute(TRIGGER)
    op.create_index("uq_audit_events_business_id_seq", "audit_events", ["business_id", "seq"], unique=True)
    _chain_what_is_there()
    op.execute(
        "CREATE CONSTRAINT TRIGGER keep_audit_chain AFTER INSERT ON audit_events"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION keep_audit_chain()"
    )
    op.execute(
        "CREATE POLICY unchained ON audit_events AS RESTRICTIVE FOR INSERT WITH CHECK (seq IS NULL AND hash IS NULL)"
    )
    op.execute("ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE audit_heads FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON audit_heads"
        " USING (business_id = current_business_id()) WITH CHECK (business_id = current_business_id())"
    )
    # Whoever verifies all chains must learn which there are; a head says nothing of what happened.
    op.execute("CREATE POLICY every_chain ON audit_heads FOR SELECT TO CURRENT_USER USING (true)")


def _chain_what_is_there() -> None:
    """Chain the events of before, one business at a time; the owner sees every tenant's only while this runs."""
    op.execute("ALTER TABLE audit_events NO FORCE ROW LEVEL SECURITY")
    for (business_id,) in op.get_bind().execute(sa.text("SELECT DISTINCT business_id FROM audit_events")).all():
        op.execute(sa.text("SELECT chain_events(:business_id)").bindparams(business_id=business_id))
    op.execute("ALTER TABLE audit_events FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_audit_chain ON audit_events")
    op.execute("DROP POLICY unchained ON audit_events")
    op.execute("DROP FUNCTION keep_audit_chain()")
    op.execute("DROP FUNCTION chain_events(uuid)")
    op.execute("DROP FUNCTION audit_hash(bytea, audit_events)")
    op.drop_index("uq_audit_events_business_id_seq", table_name="audit_events")
    op.drop_column("audit_events", "hash")
    op.drop_column("audit_events", "seq")
    op.drop_table("audit_heads")
