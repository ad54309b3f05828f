"""Let all data of a business leave."""

from __future__ import annotations

from invoices_app.accounts import audit
from invoices_app.db.tenancy import current_scope
from invoices_app.db.transaction import transaction
from invoices_app.results import ActionResult, NotFound, Ok


def note_export() -> ActionResult[None]:
    """Write into the history that all data leaves, before it does: who took it along is asked for later."""
    with transaction() as session:
        business_id = current_scope(session).business_id
        if business_id is None:
            return NotFound()
        audit.record(session, "business.exported", "business", business_id)
        return Ok(None)
