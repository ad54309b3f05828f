"""A person's second factor: its page, and what can be done there."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, url_for

from invoices_app.accounts import second_factor, second_factor_actions
from invoices_app.accounts.routes import blueprint, renew
from invoices_app.accounts.second_factor_forms import (
    ConfirmForm,
    PasswordForm,
    RecoveryCodesForm,
    RenewForm,
    SwitchOffForm,
)
from invoices_app.accounts.second_factor_rules import RECOVERY_CODES
from invoices_app.results import Conflict, Invalid, Ok
from invoices_app.web import errors, htmx, rate_limits
from invoices_app.web.access import before_second_factor, identity, readers


@blueprint.get("/settings/account/second-factor")
@readers
@before_second_factor
def show_second_factor() -> Response:
    return _page()


@blueprint.post("/settings/account/second-factor/begin")
@readers
@before_second_factor
@rate_limits.closed_without_store
@rate_limits.CURRENT_PASSWORD
def begin_second_factor() -> Response:
    form = PasswordForm.from_request()
    if not form.validate():
        return _page(begin=form, status=422)
    match second_factor_actions.begin_set_up(str(form.password.data), identity().session_id):
        case Ok():
            rate_limits.forgive_person()
            return htmx.go_to(_here())
        case Invalid(problems):
            form.add_errors(problems)
            return _page(begin=form, status=422)
        case Conflict(sentence):
            return htmx.done(sentence, _here())
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/account/second-factor/confirm")
@readers
@before_second_factor
@rate_limits.closed_without_store
@rate_limits.CURRENT_PASSWORD
def confirm_second_factor() -> Response:
    form = ConfirmForm.from_request()
    if not form.validate():
        return _page(confirm=form, status=422)
    match second_factor_actions.finish_set_up(str(form.one_time_code.data), identity().session_id):
        case Ok(switched_on):
            rate_limits.forgive_person()
            renew(switched_on.token)
            return _codes_page(switched_on.codes, is_new=True)
        case Invalid(problems):
            form.one_time_code.data = ""
            form.add_errors(problems)
            return _page(confirm=form, status=422)
        case Conflict(sentence):
            return htmx.done(sentence, _here())
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/account/second-factor/codes")
@readers
@before_second_factor
@rate_limits.closed_without_store
@rate_limits.CURRENT_PASSWORD
def renew_recovery_codes() -> Response:
    form = RenewForm.from_request()
    if not form.validate():
        return _page(renew=form, status=422)
    match second_factor_actions.renew_codes(str(form.password.data)):
        case Ok(codes):
            rate_limits.forgive_person()
            return _codes_page(codes)
        case Invalid(problems):
            form.add_errors(problems)
            return _page(renew=form, status=422)
        case Conflict(sentence):
            return htmx.done(sentence, _here())
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/account/second-factor/off")
@readers
@before_second_factor
@rate_limits.closed_without_store
@rate_limits.CURRENT_PASSWORD
def switch_off_second_factor() -> Response:
    form = SwitchOffForm.from_request()
    if not form.validate():
        return _page(off=form, status=422)
    match second_factor_actions.switch_off(str(form.password.data)):
        case Ok():
            rate_limits.forgive_person()
            return htmx.done("Two-factor sign-in is off.", _here())
        case Invalid(problems):
            form.add_errors(problems)
            return _page(off=form, status=422)
        case Conflict(sentence):
            return htmx.done(sentence, _here())
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/account/second-factor/codes/file")
@readers
@before_second_factor
def download_recovery_codes() -> Response:
    """The codes that the page before showed, as a text file: they come back in the form, since only hashes are kept."""
    form = RecoveryCodesForm.from_request()
    codes = second_factor_actions.own_codes((form.recovery_codes.data or [])[:RECOVERY_CODES])
    if not codes:
        return htmx.done("These codes are not yours, or used. Make new ones.", _here())
    lines = [f"Recovery codes for Invoices, {identity().email}", "Each works once.", "", *codes, ""]
    headers = {"Content-Disposition": 'attachment; filename="invoices-recovery-codes.txt"'}
    return Response("\r\n".join(lines), headers=headers, mimetype="text/plain")


def _here() -> str:
    return url_for("accounts.show_second_factor")


def _page(
    *,
    begin: PasswordForm | None = None,
    confirm: ConfirmForm | None = None,
    renew: RenewForm | None = None,
    off: SwitchOffForm | None = None,
    status: int = 200,
) -> Response:
    """The page as things stand; a form that comes back keeps its sentences."""
    context = {
        "factor": second_factor.state(identity().session_id),
        "begin": begin or PasswordForm(),
        "confirm": confirm or ConfirmForm(),
        "renew": renew or RenewForm(),
        "off": off or SwitchOffForm(),
    }
    template = "accounts/second_factor.html"
    return htmx.render(template, template, context, status)


def _codes_page(codes: Sequence[str], *, is_new: bool = False) -> Response:
    """The only page that ever shows them; it answers the POST that made them, so that nothing keeps them."""
    template = "accounts/recovery_codes.html"
    return htmx.render(template, template, {"codes": codes, "is_new": is_new})
