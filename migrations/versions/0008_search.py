"""Search: one document of words for each invoice and client, found by prefixes through one index.

Row-level security keeps `@@` out of index conditions, since it is not leakproof. So the app asks `search()`, which
runs as the owner, for whom one policy opens the table: it finds nothing but the ids of the current business. Every
word begins with a key of its tenant and kind, so that the index of one is not read for another. What is there already
gets its documents by the next migration, while people work.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

MAX_SOURCE = 60_000
MAX_WORD = 60
MAX_QUERY_WORDS = 10

FUNCTIONS = {
    "search_key(uuid, search_kind)": """
CREATE FUNCTION search_key(business uuid, kind search_kind) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN right(business::text, 10) || CASE kind WHEN 'client' THEN 'c' ELSE 'i' END
""",
    # "INV-2026-0118" is found by inv-2026-01, by 0118 and by 118; "O'Brien" by obrien and by brien. By 2026-01 it is
    # found because index_invoices() adds the number from its first digit on.
    "search_document(text, text)": f"""
CREATE FUNCTION search_document(key text, source text) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    folded text := left(search_fold(left(source, {MAX_SOURCE})), {MAX_SOURCE});
    parts text := ' ' || regexp_replace(folded, '[^[:alnum:]]+', ' ', 'g');
    joined text := regexp_replace(regexp_replace(folded, '[^[:alnum:]\\s]+', '', 'g'), '\\s+', ' ', 'g');
    unpadded text := regexp_replace(parts, ' 0+(?=[1-9])', ' ', 'g');
    words text := regexp_replace(concat_ws(' ', parts, joined, unpadded), '([^ ]{{{MAX_WORD}}})[^ ]+', '\\1', 'g');
BEGIN
    RETURN array_to_tsvector(array_remove(string_to_array(key || replace(words, ' ', ' ' || key), ' '), key));
END
$$
""",
    # Every word must begin one of the document; NULL when there is no word in what was typed.
    "search_query(text, text)": f"""
CREATE FUNCTION search_query(key text, typed text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT string_agg('''' || key || left(word, {MAX_WORD}) || ''':*', ' & ')::tsquery
    FROM (
        SELECT word
        FROM regexp_split_to_table(search_fold(typed), '\\s+') AS chunk,
             regexp_split_to_table(
                 CASE WHEN chunk ~ '[0-9]' THEN regexp_replace(chunk, '[^[:alnum:]]+', '', 'g') ELSE chunk END,
                 '[^[:alnum:]]+'
             ) AS word
        WHERE word <> ''
        LIMIT {MAX_QUERY_WORDS}
    ) AS words
$$
""",
    # Nothing but the index of words may find them, however many tenants there are: hence no index on the tenant.
    "search(search_kind, text, integer)": """
CREATE FUNCTION search(kind search_kind, typed text, most integer) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 100
SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    business uuid := current_business_id();
    wanted tsquery := search_query(search_key(business, kind), typed);
BEGIN
    RETURN QUERY
    SELECT d.entity_id FROM search_documents d
    WHERE d.document @@ wanted AND (d.business_id = business) IS TRUE
    LIMIT most;
END
$$
""",
    "index_invoices(uuid[])": """
CREATE FUNCTION index_invoices(ids uuid[]) RETURNS void LANGUAGE sql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
    INSERT INTO search_documents AS d (business_id, kind, entity_id, document)
    SELECT i.business_id, 'invoice', i.id, search_document(
        search_key(i.business_id, 'invoice'),
        concat_ws(' ', i.number, substring(i.number, '[0-9].*'), i.reference, i.client_name, c.name, (
            SELECT string_agg(l.description, ' ' ORDER BY l.position) FROM line_items l
            WHERE l.business_id = i.business_id AND l.invoice_id = i.id
        ))
    )
    FROM unnest(ids) AS changed (id)
    JOIN invoices i ON i.business_id = current_business_id() AND i.id = changed.id
    JOIN clients c ON c.business_id = i.business_id AND c.id = i.client_id
    ON CONFLICT (business_id, kind, entity_id) DO UPDATE SET document = excluded.document
    WHERE d.document <> excluded.document
$$
""",
    "keep_invoice_search()": """
CREATE FUNCTION keep_invoice_search() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM index_invoices(ARRAY(SELECT id FROM new_rows));
    ELSE
        PERFORM index_invoices(ARRAY(
            SELECT id FROM (
                SELECT id, number, reference, client_id, client_name FROM new_rows
                EXCEPT SELECT id, number, reference, client_id, client_name FROM old_rows
            ) AS changed
        ));
    END IF;
    RETURN NULL;
END
$$
""",
    "keep_line_search()": """
CREATE FUNCTION keep_line_search() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM index_invoices(ARRAY(SELECT DISTINCT invoice_id FROM new_rows));
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM index_invoices(ARRAY(SELECT DISTINCT invoice_id FROM old_rows));
    ELSE
        PERFORM index_invoices(ARRAY(
            SELECT DISTINCT invoice_id FROM (
                SELECT id, invoice_id, description FROM new_rows
                EXCEPT SELECT id, invoice_id, description FROM old_rows
            ) AS changed
        ));
    END IF;
    RETURN NULL;
END
$$
""",
    "keep_client_search()": """
CREATE FUNCTION keep_client_search() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO search_documents AS d (business_id, kind, entity_id, document)
    SELECT c.business_id, 'client', c.id, search_document(
        search_key(c.business_id, 'client'),
        concat_ws(' ', c.name, c.legal_name, c.contact_name, c.email, c.phone, c.city, c.postal_code, c.tax_id)
    )
    FROM new_rows c
    ON CONFLICT (business_id, kind, entity_id) DO UPDATE SET document = excluded.document
    WHERE d.document <> excluded.document;
    IF TG_OP = 'UPDATE' THEN
        PERFORM index_invoices(ARRAY(
            SELECT i.id FROM (
                SELECT business_id, id, name FROM new_rows EXCEPT SELECT business_id, id, name FROM old_rows
            ) AS changed
            JOIN invoices i ON i.business_id = changed.business_id AND i.client_id = changed.id
        ));
    END IF;
    RETURN NULL;
END
$$
""",
}

INSERTED = "REFERENCING NEW TABLE AS new_rows"
UPDATED = "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"
DELETED = "REFERENCING OLD TABLE AS old_rows"
TRIGGERS = (
    ("invoices", "INSERT", INSERTED, "keep_invoice_search"),
    ("invoices", "UPDATE", UPDATED, "keep_invoice_search"),
    ("line_items", "INSERT", INSERTED, "keep_line_search"),
    ("line_items", "UPDATE", UPDATED, "keep_line_search"),
    ("line_items", "DELETE", DELETED, "keep_line_search"),
    ("clients", "INSERT", INSERTED, "keep_client_search"),
    ("clients", "UPDATE", UPDATED, "keep_client_search"),
)


def upgrade() -> None:
    op.create_table(
        "search_documents",
        sa.Column("business_id", sa.UUID(), nullable=False),
        sa.Column("kind", postgresql.ENUM("invoice", "client", name="search_kind"), nullable=False),
        sa.Column("entity_id", sa.UUID(), nullable=False),
        sa.Column("document", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(["business_id"], ["businesses.id"], name=op.f("fk_search_documents_business_id")),
        sa.PrimaryKeyConstraint("business_id", "entity_id", "kind", name=op.f("pk_search_documents")),
    )
    op.create_index("ix_search_documents_document", "search_documents", ["document"], postgresql_using="gin")
    for function in FUNCTIONS.values():
        op.execute(function)
    for table, event, rows, function in TRIGGERS:
        op.execute(
            f"CREATE TRIGGER {function}_{event.lower()} AFTER {event} ON {table} {rows}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )
    op.execute("ALTER TABLE search_documents ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE search_documents FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant ON search_documents"
        " USING (business_id = current_business_id()) WITH CHECK (business_id = current_business_id())"
    )
    op.execute("CREATE POLICY search ON search_documents FOR SELECT TO CURRENT_USER USING (true)")


def downgrade() -> None:
    for table, event, _rows, function in TRIGGERS:
        op.execute(f"DROP TRIGGER {function}_{event.lower()} ON {table}")
    for signature in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")
    op.drop_table("search_documents")
    op.execute("DROP TYPE search_kind")
