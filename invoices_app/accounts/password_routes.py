"""A forgotten password: ask for a link, and use it."""

from __future__ import annotations

from flask import Response, session, url_for

from invoices_app.accounts import password_actions, tokens
from invoices_app.accounts.forms import ForgottenForm, NewPasswordForm
from invoices_app.accounts.routes import blueprint
from invoices_app.results import Conflict, Invalid, Ok
from invoices_app.web import errors, htmx, rate_limits
from invoices_app.web.access import public


@blueprint.get("/password/forgot")
@public
def forgot_password() -> Response:
    return _page("forgot", ForgottenForm())


@blueprint.post("/password/forgot")
@public
@rate_limits.closed_without_store
@rate_limits.RESET_MAIL
@rate_limits.RESET_MAIL_OF_ACCOUNT
def send_password_link() -> Response:
    form = ForgottenForm.from_request()
    if not form.validate():
        return _page("forgot", form, 422)
    match password_actions.send_link(str(form.email.data), _link):
        case Ok():
            sentence = "If there is an account with this address, a link is on its way. It works for one hour."
            return htmx.done(sentence, url_for("accounts.login"))
        case refusal:
            return errors.answer(refusal)


@blueprint.get("/password/reset/<token>")
@public
def reset_password(token: str) -> Response:
    if not password_actions.link_works(token):
        return _page("forgot", _dead_link(), 410)
    return _page("reset", NewPasswordForm(), token=token)


@blueprint.post("/password/reset/<token>")
@public
@rate_limits.closed_without_store
@rate_limits.LOGIN
def set_password(token: str) -> Response:
    form = NewPasswordForm.from_request()
    if not form.validate():
        return _page("reset", form, 422, token=token)
    match password_actions.reset_password(token, str(form.password.data)):
        case Ok():
            session.clear()
            return htmx.done("Your password is set. Sign in with it.", url_for("accounts.login"))
        case Invalid(problems):
            form.add_errors(problems)
            return _page("reset", form, 422, token=token)
        case Conflict():
            return _page("forgot", _dead_link(), 410)
        case refusal:
            return errors.answer(refusal)


def _dead_link() -> ForgottenForm:
    form = ForgottenForm()
    form.form_errors.append(tokens.DEAD_LINK)
    return form


def _link(token: str) -> str:
    return htmx.whole_url("accounts.reset_password", token=token)


def _page(name: str, form: object, status: int = 200, token: str = "") -> Response:
    template = f"accounts/{name}.html"
    return htmx.render(template, template, {"form": form, "token": token}, status)
