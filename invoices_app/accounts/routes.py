"""Register, sign in and out, and the settings of the business."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request, session, url_for
from flask_login import current_user, login_user

from invoices_app.accounts import actions, devices, queries, rules
from invoices_app.accounts.actions import Browser, Registration
from invoices_app.accounts.forms import BusinessForm, LoginForm, LogoForm, RegisterForm
from invoices_app.extensions import login
from invoices_app.results import Invalid, Ok
from invoices_app.web import errors, htmx, rate_limits
from invoices_app.web.access import identity, owners, public
from invoices_app.web.forms import one_time_token

blueprint = Blueprint("accounts", __name__)

FORGET = '"cache"'
"""What a browser drops at sign-out: pages that Back would show. Not "storage", which holds unsaved lines."""


@login.user_loader  # type: ignore[untyped-decorator]
def load_identity(token: str) -> queries.Identity | None:
    return queries.enter_session(token) or _twin_of_new_password(token)


def _twin_of_new_password(token: str) -> queries.Identity | None:
    """Who sent the form for a new password twice at once, and comes with the token that the first one has ended."""
    followed = next_token(token) if request.endpoint == "accounts.change_password" else None
    return queries.enter_session(followed) if followed else None


def next_token(token: str) -> str | None:
    """The session token that the form of this request leads to, however often it is sent."""
    sent = one_time_token()
    return rules.successor(str(current_app.secret_key), token, sent) if sent else None


@blueprint.get("/register")
@public
def register() -> Response:
    if current_user.is_authenticated:
        return htmx.go_to(url_for("dashboard.index"))
    return _page("accounts/register.html", RegisterForm())


@blueprint.post("/register")
@public
@rate_limits.closed_without_store
@rate_limits.REGISTRATION
def create_account() -> Response:
    form = RegisterForm.from_request()
    if not form.validate():
        return _page("accounts/register.html", form, 422)
    currency = rules.guess_currency(_country())
    registration = Registration(
        name=str(form.name.data),
        email=str(form.email.data),
        password=str(form.password.data),
        business_name=str(form.business_name.data),
        currency=currency,
    )
    match actions.register(registration, browser()):
        case Ok(token):
            return enter(token, url_for("dashboard.index"), remember=False)
        case Invalid(problems):
            form.add_errors(problems)
            return _page("accounts/register.html", form, 422)
        case refusal:
            return errors.answer(refusal)


@blueprint.get("/login", endpoint="login")
@public
def show_login() -> Response:
    if current_user.is_authenticated:
        return htmx.go_to(htmx.wanted_url(url_for("dashboard.index")))
    return _page("accounts/login.html", LoginForm())


@blueprint.post("/login")
@public
@rate_limits.closed_without_store
@rate_limits.LOGIN
@rate_limits.LOGIN_OF_ACCOUNT
def open_session() -> Response:
    form = LoginForm.from_request()
    if not form.validate():
        return _page("accounts/login.html", form, 422)
    email, password, remember = str(form.email.data).lower(), str(form.password.data), bool(form.remember.data)
    match actions.sign_in(email, password, browser(), remember=remember):
        case Ok(opened):
            return _go_on(opened, email, remember=remember)
        case Invalid(problems):
            form.add_errors(problems)
            return _page("accounts/login.html", form, 422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/logout")
@public
def logout() -> Response:
    if current_user.is_authenticated:
        actions.sign_out(identity().session_id)
    session.clear()
    response = htmx.go_to(url_for("accounts.login"))
    response.headers["Clear-Site-Data"] = FORGET
    return response


@blueprint.get("/settings/business")
@owners
def business() -> Response:
    return settings_page()


@blueprint.post("/settings/business")
@owners
def update_business() -> Response:
    form = BusinessForm.from_request(queries.business())
    if not form.validate():
        return settings_page(form, status=422)
    values = form.data
    match actions.update_business(values, values.pop("version")):
        case Ok():
            return htmx.done("Settings saved.", url_for("accounts.business"))
        case refusal:
            return errors.answer(refusal)


def settings_page(form: BusinessForm | None = None, logo_form: LogoForm | None = None, status: int = 200) -> Response:
    """The settings as they are, but for a form that comes back; the logo's, to htmx, without all the rest."""
    found, logo = queries.business_with_logo()
    context = {"form": form or BusinessForm(obj=found), "logo_form": logo_form or LogoForm(), "logo": logo}
    whole = "accounts/business.html"
    return htmx.render(whole, "accounts/_logo.html" if logo_form else whole, context, status)


def _page(template: str, form: object, status: int = 200) -> Response:
    return htmx.render(template, template, {"form": form, "next": htmx.wanted_url("")}, status)


def _go_on(opened: actions.SignedIn | actions.CodeNeeded, email: str, *, remember: bool) -> Response:
    """Into the app, or on to the code, for which the cookie keeps nothing but the token of this sign-in."""
    wanted = htmx.wanted_url("")
    match opened:
        case actions.SignedIn(token):
            rate_limits.forgive_account(email)
            return enter(token, wanted or url_for("dashboard.index"), remember=remember)
        case actions.CodeNeeded(token, user_id):
            session.clear()
            session[rate_limits.PENDING_LOGIN] = {"token": token, "account": str(user_id)}
            return htmx.go_to(url_for("accounts.show_code", next=wanted or None))


def enter(token: str, url: str, *, remember: bool) -> Response:
    """Start the browser's session afresh with `token` in it, and go on to `url`."""
    start(token, remember=remember)
    return htmx.go_to(url)


def start(token: str, *, remember: bool) -> None:
    """Start the browser's session afresh with `token` in it, so that nothing from before sign-in lives on."""
    session.clear()
    session.permanent = remember
    login_user(queries.enter_session(token))


def renew(token: str) -> None:
    """Go on in this browser's session under its new token; forms that were opened before have expired."""
    start(token, remember=session.permanent)


def browser() -> Browser:
    """What this request says of its browser."""
    return Browser(request.headers.get("User-Agent", ""), devices.plain_address(request.remote_addr or ""))


def _country() -> str | None:
    """The country of the browser's language, such as GB of en-GB."""
    for language in request.accept_languages.values():
        _language, _, country = language.partition("-")
        if len(country) == 2:
            return country.upper()
    return None
