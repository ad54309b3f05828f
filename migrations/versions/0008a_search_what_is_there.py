"""Documents for what was written before there was a search, a thousand at a time, while people work.

Each step is a transaction of its own and locks nothing that anybody waits for long: an invoice that somebody writes to
meanwhile is indexed by the triggers as well, one after the other. A migration that was interrupted starts over.

Revision ID: 0008a
Revises: 0008
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0008a"
down_revision = "0008"
branch_labels = None
depends_on = None

AT_ONCE = 1000
INVOICES = f"""
    SELECT index_invoices(array_agg(id)), (array_agg(id ORDER BY id DESC))[1] AS last FROM (
        SELECT id FROM invoices
        WHERE business_id = :business AND (CAST(:after AS uuid) IS NULL OR id > :after)
        ORDER BY id LIMIT {AT_ONCE} FOR UPDATE
    ) AS portion
"""
CLIENTS = """
    INSERT INTO search_documents (business_id, kind, entity_id, document)
    SELECT c.business_id, 'client', c.id, search_document(
        search_key(c.business_id, 'client'),
        concat_ws(' ', c.name, c.legal_name, c.contact_name, c.email, c.phone, c.city, c.postal_code, c.tax_id)
    )
    FROM clients c WHERE c.business_id = :business
    ON CONFLICT (business_id, kind, entity_id) DO NOTHING
"""
SCOPE = "SELECT set_config('app.business_id', :business, false)"


def upgrade() -> None:
    connection = op.get_bind()
    op.execute("ALTER TABLE businesses NO FORCE ROW LEVEL SECURITY")  # within this transaction the owner sees all
    businesses = connection.execute(sa.text("SELECT id FROM businesses ORDER BY id")).scalars().all()
    op.execute("ALTER TABLE businesses FORCE ROW LEVEL SECURITY")
    with op.get_context().autocommit_block():
        for business in businesses:
            connection.execute(sa.text(SCOPE), {"business": str(business)})
            connection.execute(sa.text(CLIENTS), {"business": business})
            after = _index_portion(connection, business, None)
            while after is not None:
                after = _index_portion(connection, business, after)
        connection.execute(sa.text(SCOPE), {"business": ""})


def _index_portion(connection: sa.Connection, business: uuid.UUID, after: uuid.UUID | None) -> uuid.UUID | None:
    """Index the next invoices behind `after`; the last of them, None when there was none left."""
    return connection.execute(sa.text(INVOICES), {"business": business, "after": after}).one().last


def downgrade() -> None:
    """The documents go with their table."""
