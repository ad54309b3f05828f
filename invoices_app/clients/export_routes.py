"""What the client list shows, as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Response

from invoices_app.clients import queries
from invoices_app.clients.queries import ClientFilters
from invoices_app.clients.routes import blueprint, requested_filters
from invoices_app.web import csv_export, rate_limits
from invoices_app.web.access import identity, readers

CLIENTS_AT_ONCE = 500
COLUMNS = (
    "name", "legal_name", "contact_name", "email", "phone", "address_line1", "address_line2", "city", "region",
    "postal_code", "country", "tax_id", "tax_number", "registration_number", "electronic_address",
    "electronic_address_scheme", "currency", "payment_terms_days", "notes", "archived",
)  # fmt: skip


@blueprint.get("/clients.csv")
@readers
@rate_limits.EXPORT
def export() -> Response:
    name = f"clients-{identity().today().isoformat()}.csv"
    return csv_export.download(name, ("client_id", *COLUMNS), _batches(requested_filters()))


def _batches(filters: ClientFilters) -> Iterator[list[list[Any]]]:
    for clients in queries.client_batches(filters, CLIENTS_AT_ONCE):
        yield [[str(client.id), *(getattr(client, name) for name in COLUMNS)] for client in clients]
