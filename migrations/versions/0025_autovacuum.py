"""How tables that are written all the time are looked after: room for updates in place, and vacuum before rows pile up.

PostgreSQL's own settings wait for a fifth of a table to be dead, and for a tenth to be new before it is analysed: a
hundred thousand rows of a million. Lists are read from indexes, and every dead row of an index is met by whoever reads past it.

Revision ID: 0025
Revises: 0024
"""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# A hundredth of the rows, and what the default sets as the least: 50. For tables that grow without end.
GROWS = {
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_analyze_scale_factor": "0.01",
    "autovacuum_vacuum_insert_scale_factor": "0.02",
}
# Few rows, each updated again and again, no index of what is updated: a third of a page stays free, so that the new
# version of a row finds room beside the old one (HOT) also where many businesses share the page; no index is touched,
# and whoever comes next clears the page.
IN_PLACE = {
    "fillfactor": "70",
    "autovacuum_vacuum_scale_factor": "0.05",
    "autovacuum_vacuum_threshold": "200",
}
# Rows that come and go: the table stays small only if what went away is cleared soon.
COMES_AND_GOES = {
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_threshold": "200",
    "autovacuum_analyze_scale_factor": "0.05",
}

SETTINGS = {
    # Each edit of a draft counts its revision up, in no index; of 192 such updates 155 found room in full pages, and all
    # with 15 % kept free. Another total, due date or status is in an index: such an update never stays in place.
    "invoices": {**GROWS, "fillfactor": "85"},
    # A cell that is no description changes no index, and finds room without any being kept: 191 of 192.
    "line_items": GROWS,
    "invoice_taxes": GROWS,
    # Only inserted: what matters is that index-only scans and freezing keep up.
    "payments": GROWS,
    "audit_events": GROWS,
    # Words of an edited description replace those before, in a GIN index, which collects them: vacuum sorts them in.
    "search_documents": GROWS,
    "clients": {"autovacuum_vacuum_scale_factor": "0.02", "autovacuum_analyze_scale_factor": "0.02"},
    # Inserted two to four at a time, gathered and deleted some hundreds at a time, by every business: most of what is
    # ever written here is dead soon, and each list and dashboard reads through it.
    "business_figures": {**COMES_AND_GOES, "autovacuum_vacuum_scale_factor": "0.01"},
    # The end of a business's chain moves with every event, a counter with every number.
    "audit_heads": IN_PLACE,
    "number_counters": IN_PLACE,
    # A session's last use is noted every five minutes, in no index; sessions come and go as well.
    "user_sessions": {**COMES_AND_GOES, "fillfactor": "80"},
    # Those of a draft go away when it is issued.
    "draft_edits": COMES_AND_GOES,
    # Each mail is written, claimed, and deleted within seconds.
    "mail_outbox": {"autovacuum_vacuum_scale_factor": "0", "autovacuum_vacuum_threshold": "100"},
    "submissions": GROWS,
}


def upgrade() -> None:
    for table, settings in SETTINGS.items():
        told = ", ".join(f"{name} = {value}" for name, value in settings.items())
        op.execute(f"ALTER TABLE {table} SET ({told})")


def downgrade() -> None:
    for table, settings in SETTINGS.items():
        op.execute(f"ALTER TABLE {table} RESET ({', '.join(settings)})")
