"""A person's own account: name, email, password, and the browsers that they are signed in with."""

from __future__ import annotations

import uuid

from flask import Response, session, url_for
from flask_login import current_user

from invoices_app.accounts import account_actions, password_actions, second_factor, sessions
from invoices_app.accounts.forms import NameForm, NewEmailForm, PasswordForm
from invoices_app.accounts.routes import blueprint, next_token, renew
from invoices_app.results import Conflict, Invalid, Ok
from invoices_app.web import errors, htmx, rate_limits
from invoices_app.web.access import identity, public, readers

DEAD_LINK = errors.Explanation(
    "This link has ended", "It was used, withdrawn or is older than an hour.", "Ask for a new one in your account."
)


@blueprint.get("/settings/account")
@readers
def account() -> Response:
    return _account_page()


@blueprint.post("/settings/account")
@readers
def rename() -> Response:
    form = NameForm.from_request(_Named(identity().user_name))
    if not form.validate():
        return _account_page(name_form=form, status=422)
    match account_actions.rename(str(form.name.data)):
        case Ok():
            return htmx.done("Your name is saved.", url_for("accounts.account"))
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/account/email")
@readers
@rate_limits.closed_without_store
@rate_limits.CURRENT_PASSWORD
@rate_limits.EMAIL_CHANGE
def ask_for_email() -> Response:
    form = NewEmailForm.from_request()
    if not form.validate():
        return _account_page(email_form=form, status=422)
    match account_actions.ask_for_email(str(form.email.data), str(form.current_password.data), _link):
        case Ok():
            rate_limits.forgive_person()
            return htmx.done(f"A mail to {form.email.data} is on its way.", url_for("accounts.account"))
        case Invalid(problems):
            form.add_errors(problems)
            return _account_page(email_form=form, status=422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/account/email/withdraw")
@readers
def forget_email() -> Response:
    match account_actions.forget_email():
        case Ok():
            return htmx.done("Your email address stays as it is.", url_for("accounts.account"))
        case refusal:
            return errors.answer(refusal)


@blueprint.get("/email/confirm/<token>")
@public
def show_new_email(token: str) -> Response:
    new_email = account_actions.email_of_link(token)
    if new_email is None:
        return errors.respond(410, DEAD_LINK)
    template = "accounts/new_email.html"
    return htmx.render(template, template, {"new_email": new_email, "token": token})


@blueprint.post("/email/confirm/<token>")
@public
@rate_limits.closed_without_store
@rate_limits.LOGIN
def change_email(token: str) -> Response:
    person = (identity().session_id, identity().user_id) if current_user.is_authenticated else None
    match account_actions.change_email(token, person):
        case Ok(session_token) if session_token:
            renew(session_token)
            return htmx.done("Your email address is changed.", url_for("accounts.account"))
        case Ok():
            sentence = "Your email address is changed. Sign in with it."
            return htmx.done(sentence, url_for("accounts.login"))
        case Conflict(gone=True):
            return errors.respond(410, DEAD_LINK)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/account/password")
@readers
@rate_limits.closed_without_store
@rate_limits.CURRENT_PASSWORD
def change_password() -> Response:
    form = PasswordForm.from_request()
    if not form.validate():
        return _account_page(password_form=form, status=422)
    current, password = str(form.current_password.data), str(form.password.data)
    followed = next_token(str(session["_user_id"]))
    match password_actions.change_password(identity().session_id, current, password, followed):
        case Ok(token):
            rate_limits.forgive_person()
            renew(token)
            sentence = "Your password is changed. Every other browser is signed out."
            return htmx.done(sentence, url_for("accounts.account"))
        case Invalid(problems):
            form.add_errors(problems)
            return _account_page(password_form=form, status=422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/account/sessions/<uuid:session_id>/end")
@readers
def end_session(session_id: uuid.UUID) -> Response:
    match account_actions.end_session(session_id):
        case Ok(device):
            return htmx.done(f"{device} is signed out.", url_for("accounts.account"))
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/account/sessions/end-others")
@readers
def end_other_sessions() -> Response:
    match account_actions.end_other_sessions(identity().session_id):
        case Ok(count):
            ended = f"{count} other browser{'s are' if count != 1 else ' is'} signed out."
            return htmx.done(ended if count else "You are signed in nowhere else.", url_for("accounts.account"))
        case refusal:
            return errors.answer(refusal)


class _Named:
    """What the form for the name begins with."""

    def __init__(self, name: str) -> None:
        self.name = name


def _account_page(
    name_form: NameForm | None = None,
    email_form: NewEmailForm | None = None,
    password_form: PasswordForm | None = None,
    status: int = 200,
) -> Response:
    """The account as it is, but for a form that comes back."""
    context = {
        "name_form": name_form or NameForm(obj=_Named(identity().user_name)),
        "email_form": email_form or NewEmailForm(),
        "password_form": password_form or PasswordForm(),
        "second_factor_since": second_factor.since(),
        "pending_email": account_actions.pending_email(),
        "sessions": sessions.own_sessions(identity().session_id),
        "most_listed": sessions.MOST_LISTED,
    }
    template = "accounts/account.html"
    return htmx.render(template, template, context, status)


def _link(token: str) -> str:
    return htmx.whole_url("accounts.show_new_email", token=token)
