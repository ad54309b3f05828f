"""What an invoice list shows, as a file."""

from __future__ import annotations

from flask import Response

from invoices_app.invoices import export as rows
from invoices_app.invoices import listing
from invoices_app.invoices.blueprint import blueprint
from invoices_app.web import csv_export, rate_limits
from invoices_app.web.access import identity, readers


@blueprint.get("/invoices.csv")
@readers
@rate_limits.EXPORT
def export() -> Response:
    filters, today = listing.requested().filters, identity().today()
    batches = rows.export_batches(filters, today)
    return csv_export.download(f"invoices-{today.isoformat()}.csv", rows.HEADER, batches)
