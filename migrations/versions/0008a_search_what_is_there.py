"""Documents for what was written before there was a search, a thousand at a time, while people work.

Each step is a transaction of its own and locks nothing that anybody waits for long: what somebody writes meanwhile has
its document from the triggers by then, which wins. A migration that was interrupted goes on where it was.

Revision ID: 0008a
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008a"
down_revision = "0008"
branch_labels = None
depends_on = None

AT_ONCE = 1000
INVOICES = f"""
    INSERT INTO search_documents (business_id, kind, entity_id, document)
    SELECT i.business_id, 'invoice', i.id, search_document(
        search_key(i.business_id, 'invoice'),
        concat_ws(' ', i.number, substring(i.number, '[0-9].*'), i.reference, i.client_name, c.name, (
            SELECT string_agg(l.description, ' ' ORDER BY l.position) FROM line_items l
            WHERE l.business_id = i.business_id AND l.invoice_id = i.id
        ))
    )
    FROM (
        SELECT * FROM invoices
        WHERE business_id = :business AND (CAST(:after AS uuid) IS NULL OR id > :after) ORDER BY id LIMIT {AT_ONCE}
    ) AS i
    JOIN clients c ON c.business_id = i.business_id AND c.id = i.client_id
    ON CONFLICT (business_id, kind, entity_id) DO NOTHING
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
LAST_OF_PORTION = f"""
    SELECT id FROM (
        SELECT id FROM invoices
        WHERE business_id = :business AND (CAST(:after AS uuid) IS NULL OR id > :after) ORDER BY id LIMIT {AT_ONCE}
    ) AS portion
    ORDER BY id DESC LIMIT 1
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
            after = None
            while True:
                portion = {"business": business, "after": after}
                last = connection.execute(sa.text(LAST_OF_PORTION), portion).scalar_one_or_none()
                if last is None:
                    break
                connection.execute(sa.text(INVOICES), portion)
                after = last
        connection.execute(sa.text(SCOPE), {"business": ""})


def downgrade() -> None:
    """The documents go with their table."""
