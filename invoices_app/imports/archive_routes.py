"""Everything that a business has, as one file to take along."""

from __future__ import annotations

from flask import Response

from invoices_app.imports import archive_actions, archive_export
from invoices_app.imports.blueprint import blueprint
from invoices_app.results import Ok
from invoices_app.web import errors, htmx, rate_limits
from invoices_app.web.access import identity, owners
from invoices_app.web.downloads import attachment


@blueprint.get("/export")
@owners
def show_export() -> Response:
    return htmx.render("imports/export.html", "imports/export.html", {})


@blueprint.post("/export")
@owners
@rate_limits.EXPORT
def export() -> Response:
    """The archive. A POST, since it is noted in the history."""
    name = f"invoices-archive-{identity().today().isoformat()}.zip"
    match archive_actions.note_export():
        case Ok():
            return attachment(name, "application/zip", archive_export.chunks())
        case refusal:
            return errors.answer(refusal)
