"""The logo: its form on the settings page, and the picture itself."""

from __future__ import annotations

import uuid

from flask import Response, abort, render_template, request, url_for

from invoices_app.accounts import logo_actions, queries
from invoices_app.accounts.forms import LogoForm
from invoices_app.accounts.routes import blueprint, settings_page
from invoices_app.accounts.rules import LOGO_FILE_MAX_BYTES
from invoices_app.results import Invalid, Ok
from invoices_app.web import errors, htmx, uploads
from invoices_app.web.access import owners, readers

REQUEST_MAX_BYTES = 5 * LOGO_FILE_MAX_BYTES
"""A file that is too large still comes through, so that its form can say so, unless it is beyond all measure."""
FOREVER = "private, max-age=31536000, immutable"


@blueprint.post("/settings/logo")
@uploads.up_to(REQUEST_MAX_BYTES)
@owners
def change_logo() -> Response:
    form = LogoForm(request.files)
    if not form.validate():
        return settings_page(logo_form=form, status=422)
    match logo_actions.change_logo(form.logo.data.read(LOGO_FILE_MAX_BYTES + 1)):
        case Ok():
            return _done("The logo is on your invoices now.")
        case Invalid(problems):
            form.add_errors(problems)
            return settings_page(logo_form=form, status=422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/logo/remove")
@owners
def remove_logo() -> Response:
    match logo_actions.remove_logo():
        case Ok():
            return _done("Invoices have no logo any more. Those already issued keep theirs.")
        case refusal:
            return errors.answer(refusal)


@blueprint.get("/logos/<uuid:logo_id>", endpoint="logo")
@readers
def show_logo(logo_id: uuid.UUID) -> Response:
    """The picture of a logo; for good, since what an id stands for never changes."""
    found = queries.logo_picture(logo_id)
    if found is None:
        abort(404)
    response = Response(found.png, mimetype="image/png", headers={"Cache-Control": FOREVER})
    response.set_etag(found.sha256.hex())
    response.make_conditional(request)
    return response


def _done(message: str) -> Response:
    """Say what was done. Htmx puts the new logo beside the other form, which keeps what was typed into it."""
    if not htmx.is_fragment():
        return htmx.done(message, url_for("accounts.business"))
    _, logo = queries.business_with_logo()
    context = {"logo": logo, "logo_form": LogoForm(), "notice": htmx.Notice(message)}
    return Response(render_template("accounts/_logo_changed.html", **context), mimetype="text/html")
