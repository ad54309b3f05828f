"""The team, invitations into it, and going from one business to another."""

from __future__ import annotations

import uuid

from flask import Response, url_for
from flask_login import current_user

from invoices_app.accounts import team, team_actions
from invoices_app.accounts.forms import InviteForm, JoinAsNewForm, JoinWithPasswordForm, RoleForm
from invoices_app.accounts.models import Role
from invoices_app.accounts.routes import blueprint, browser, enter, renew
from invoices_app.accounts.second_factor_forms import SecondFactorForm
from invoices_app.results import Conflict, Invalid, Ok
from invoices_app.web import errors, htmx, rate_limits
from invoices_app.web.access import before_second_factor, identity, owners, public, readers

GONE = errors.Explanation(
    "This invitation has ended", "It was used, withdrawn or is older than 7 days.", "Ask who invited you for a new one."
)


@blueprint.get("/settings/team")
@owners
def show_team() -> Response:
    return _team_page()


@blueprint.post("/settings/team/invitations")
@owners
@rate_limits.MAIL
def invite() -> Response:
    form = InviteForm.from_request()
    if not form.validate():
        return _team_page(form, status=422)
    match team_actions.invite(str(form.email.data), Role(form.role.data), _link_of):
        case Ok():
            return htmx.done(f"Invitation sent to {form.email.data}.", url_for("accounts.show_team"))
        case Invalid(problems):
            form.add_errors(problems)
            return _team_page(form, status=422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/team/invitations/<uuid:invitation_id>/resend")
@owners
@rate_limits.MAIL
def resend_invitation(invitation_id: uuid.UUID) -> Response:
    match team_actions.resend_invitation(invitation_id, _link_of):
        case Ok(email):
            return htmx.done(f"Invitation sent to {email} again.", url_for("accounts.show_team"))
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/team/invitations/<uuid:invitation_id>/withdraw")
@owners
def withdraw_invitation(invitation_id: uuid.UUID) -> Response:
    match team_actions.withdraw_invitation(invitation_id):
        case Ok(email):
            return htmx.done(f"Invitation of {email} withdrawn.", url_for("accounts.show_team"))
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/team/<uuid:user_id>/role")
@owners
def change_role(user_id: uuid.UUID) -> Response:
    form = RoleForm.from_request()
    if not form.validate():
        return _team_page(refused=(user_id, str(form.role.errors[0])), status=422)
    match team_actions.change_role(user_id, Role(form.role.data), identity().session_id):
        case Ok(change):
            after = "accounts.show_team" if user_id != identity().user_id else "dashboard.index"
            if change.token:
                renew(change.token)
            return htmx.done(f"{change.name} is {form.role.data} now.", url_for(after))
        case Invalid() as refusal:
            return _team_page(refused=(user_id, " ".join(refusal.sentences())), status=422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/team/<uuid:user_id>/remove")
@owners
def remove_member(user_id: uuid.UUID) -> Response:
    match team_actions.remove_member(user_id):
        case Ok(name):
            return htmx.done(f"{name} is no longer in your team.", url_for("accounts.show_team"))
        case Invalid() as refusal:
            return _team_page(refused=(user_id, " ".join(refusal.sentences())), status=422)
        case refusal:
            return errors.answer(refusal)


@blueprint.post("/settings/team/second-factor")
@owners
def require_second_factor() -> Response:
    form = SecondFactorForm.from_request()
    asked = bool(form.required.data)
    match team_actions.require_second_factor(on=asked):
        case Ok():
            said = "Everyone here needs a second factor now." if asked else "A second factor is up to each person now."
            return htmx.done(said, url_for("accounts.show_team"))
        case Invalid(problems):
            form.add_errors(problems)
            return _team_page(factor_form=form, status=422)
        case refusal:
            return errors.answer(refusal)


@blueprint.get("/invitations/<token>")
@public
def show_invitation(token: str) -> Response:
    return _invitation_page(token)


@blueprint.post("/invitations/<token>")
@public
@rate_limits.closed_without_store
@rate_limits.LOGIN
def join(token: str) -> Response:
    """Three ways in: signed in, with the password of an account, or with a new account."""
    found = team.invitation(token)
    if found is None:
        return errors.respond(404, GONE)
    if current_user.is_authenticated:
        match team_actions.join(token, identity().user_id):
            case Ok(business_id):
                _switch(business_id)
                return htmx.done(f"You joined {found.business_name}.", url_for("dashboard.index"))
            case refusal:
                return errors.answer(refusal)
    if found.user_id is None:
        return _join_as_new(token)
    rate_limits.count_for_account(found.email)
    return _join_with_password(token, found)


@blueprint.get("/businesses")
@readers
@before_second_factor
def businesses() -> Response:
    template = "accounts/businesses.html"
    return htmx.render(template, template, {"businesses": team.own_businesses()})


@blueprint.post("/businesses/<uuid:business_id>/switch")
@readers
@before_second_factor
def switch_business(business_id: uuid.UUID) -> Response:
    return _switch(business_id)


def _switch(business_id: uuid.UUID) -> Response:
    match team_actions.switch_business(identity().session_id, business_id):
        case Ok(token):
            if token:
                renew(token)
            return htmx.go_to(url_for("dashboard.index"))
        case refusal:
            return errors.answer(refusal)


@rate_limits.LOGIN_OF_ACCOUNT
def _join_with_password(token: str, found: team.OpenInvitation) -> Response:
    form = JoinWithPasswordForm.from_request()
    if not form.validate():
        return _invitation_page(token, form, 422)
    match team_actions.join_with_password(token, str(form.password.data)):
        case Ok():
            rate_limits.forgive_account(found.email)
            return htmx.done(f"You joined {found.business_name}. Sign in to go on.", url_for("accounts.login"))
        case Invalid(problems):
            form.add_errors(problems)
            return _invitation_page(token, form, 422)
        case refusal:
            return errors.answer(refusal)


def _join_as_new(token: str) -> Response:
    form = JoinAsNewForm.from_request()
    if not form.validate():
        return _invitation_page(token, form, 422)
    match team_actions.join_as_new(token, str(form.name.data), str(form.password.data), browser()):
        case Ok(session_token):
            return enter(session_token, url_for("dashboard.index"), remember=False)
        case Conflict():
            return errors.respond(404, GONE)
        case Invalid(problems):
            form.add_errors(problems)
            return _invitation_page(token, form, 422)
        case refusal:
            return errors.answer(refusal)


def _team_page(
    form: InviteForm | None = None,
    refused: tuple[uuid.UUID, str] | None = None,
    factor_form: SecondFactorForm | None = None,
    status: int = 200,
) -> Response:
    """The team; `refused` is a sentence beside the member whom it is about."""
    context = {
        "members": team.members(),
        "factor_form": factor_form or SecondFactorForm(required=team.requires_second_factor()),
        "invitations": team.invitations(),
        "form": form or InviteForm(),
        "roles": InviteForm().role.options,
        "refused": refused,
    }
    template = "accounts/team.html"
    return htmx.render(template, template, context, status)


def _invitation_page(token: str, form: object = None, status: int = 200) -> Response:
    found = team.invitation(token)
    if found is None:
        return errors.respond(404, GONE)
    fresh = JoinWithPasswordForm() if found.user_id else JoinAsNewForm()
    template = "accounts/invitation.html"
    context = {"invitation": found, "form": form or fresh, "token": token}
    return htmx.render(template, template, context, status)


def _link_of(token: str) -> str:
    return htmx.whole_url("accounts.show_invitation", token=token)
