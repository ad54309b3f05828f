"""The second step of signing in, for those who have a second factor."""

from __future__ import annotations

from flask import Response, flash, session, url_for
from flask_login import current_user

from invoices_app.accounts import second_factor, second_factor_login
from invoices_app.accounts.routes import blueprint, browser, start
from invoices_app.accounts.second_factor_forms import CodeForm
from invoices_app.accounts.second_factor_letters import codes_left
from invoices_app.accounts.second_factor_login import ENDED, Entered
from invoices_app.results import Conflict, Invalid, Ok
from invoices_app.web import errors, htmx, rate_limits
from invoices_app.web.access import public


@blueprint.get("/login/code")
@public
def show_code() -> Response:
    if current_user.is_authenticated:
        return htmx.go_to(htmx.wanted_url(url_for("dashboard.index")))
    if not second_factor.pending_works(_token()):
        return _begin_again(ENDED)
    return _page(CodeForm())


@blueprint.post("/login/code")
@public
@rate_limits.closed_without_store
@rate_limits.LOGIN
@rate_limits.CODE_OF_ACCOUNT
def enter_code() -> Response:
    form = CodeForm.from_request()
    if not form.validate():
        return _page(form, 422)
    match second_factor_login.enter_code(_token(), str(form.one_time_code.data), browser()):
        case Ok(entered):
            return _enter(entered)
        case Conflict(sentence):
            return _begin_again(sentence)
        case Invalid(problems):
            form.one_time_code.data = ""  # nobody corrects a code: the next one is on its way
            form.add_errors(problems)
            return _page(form, 422)
        case refusal:
            return errors.answer(refusal)


def _enter(entered: Entered) -> Response:
    rate_limits.forgive_account(entered.email, entered.user_id)
    start(entered.token, remember=entered.remember)
    if entered.few_left:
        flash(
            f"That was a recovery code. {codes_left(entered.codes_left or 0)} Make new ones under Two-factor sign-in."
        )
    return htmx.go_to(htmx.wanted_url(url_for("dashboard.index")))


def _begin_again(sentence: str) -> Response:
    """To the password, and say why; whoever came without one just sees the sign-in page."""
    if session.pop(rate_limits.PENDING_LOGIN, None):
        flash(sentence, "error")
    return htmx.go_to(url_for("accounts.login", next=htmx.wanted_url("") or None))


def _token() -> str:
    return str(session.get(rate_limits.PENDING_LOGIN, {}).get("token", ""))


def _page(form: CodeForm, status: int = 200) -> Response:
    template = "accounts/login_code.html"
    return htmx.render(template, template, {"form": form, "next": htmx.wanted_url("")}, status)
