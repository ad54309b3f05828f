"""Forms of accounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from email_validator import EmailNotValidError, validate_email
from stdnum import iban as iban_number
from stdnum.exceptions import ValidationError as IdentifierError
from wtforms import BooleanField, Field, FileField, PasswordField
from wtforms.validators import Length, StopValidation

from invoices_app.accounts import rules
from invoices_app.accounts.models import (
    ADDRESS_LENGTH,
    BIC_LENGTH,
    CITY_LENGTH,
    EMAIL_LENGTH,
    IBAN_LENGTH,
    IDENTIFIER_LENGTH,
    MAX_TERMS_DAYS,
    NAME_LENGTH,
    PASSWORD_MAX_LENGTH,
    PASSWORD_MIN_LENGTH,
    PHONE_LENGTH,
    POSTAL_CODE_LENGTH,
    TEXT_LENGTH,
    Role,
)
from invoices_app.money import HUNDRED
from invoices_app.web.forms import (
    BaseForm,
    ChoiceField,
    LongTextField,
    PercentField,
    PlainTextField,
    TokenField,
    VersionField,
    WholeNumberField,
    required,
)

IBAN_SPACES = str.maketrans("", "", " -")


def email_address(_form: Any, field: Field) -> None:
    """An address that mail could be sent to, by its form alone; kept in lower case."""
    if not field.data:
        return
    try:
        field.data = validate_email(field.data, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        raise StopValidation("Enter an email address, such as name@example.com.") from None


def iban(_form: Any, field: Field) -> None:
    """An IBAN whose check digits hold (ISO 13616)."""
    if not field.data:
        return
    try:
        field.data = iban_number.validate(field.data.translate(IBAN_SPACES), check_country=False)
    except IdentifierError:
        raise StopValidation("This IBAN has a wrong length or check digit.") from None


def chosen(_form: Any, field: Field) -> None:
    """A file; browsers send one without a name where none was chosen."""
    if not field.data:
        raise StopValidation("Choose a picture first.")


class SecretField(PasswordField):
    """A password: kept exactly as typed, never shown again."""


_NOT_TOO_LONG = Length(max=PASSWORD_MAX_LENGTH, message=f"Use at most {PASSWORD_MAX_LENGTH} characters.")
_NOT_TOO_SHORT = Length(min=PASSWORD_MIN_LENGTH, message=f"Use at least {PASSWORD_MIN_LENGTH} characters.")


def new_password(label: str) -> SecretField:
    """A password that is being chosen."""
    return SecretField(label, validators=[*required("Choose a password."), _NOT_TOO_SHORT, _NOT_TOO_LONG])


def known_password(label: str, **options: Any) -> SecretField:
    """A password that is asked for again; one from before a longer minimum counts as well."""
    return SecretField(label, validators=[*required("Enter your password."), _NOT_TOO_LONG], **options)


class RegisterForm(BaseForm):
    name = PlainTextField("Your name", max_length=NAME_LENGTH, needed="Enter your name.")
    email = PlainTextField(
        "Email", max_length=EMAIL_LENGTH, needed="Enter your email address.", validators=[email_address]
    )
    password = new_password("Password")
    business_name = PlainTextField("Business name", max_length=NAME_LENGTH, needed="Enter the name of your business.")


class LoginForm(BaseForm):
    email = PlainTextField("Email", max_length=EMAIL_LENGTH, needed="Enter your email address.")
    password = known_password("Password")
    remember = BooleanField("Keep me signed in on this computer")


class ForgottenForm(BaseForm):
    email = PlainTextField(
        "Email", max_length=EMAIL_LENGTH, needed="Enter your email address.", validators=[email_address]
    )


class NewPasswordForm(BaseForm):
    password = new_password("New password")


class NameForm(BaseForm):
    name = PlainTextField("Your name", max_length=NAME_LENGTH, needed="Enter your name.")


class NewEmailForm(BaseForm):
    email = PlainTextField(
        "New email", max_length=EMAIL_LENGTH, needed="Enter your new email address.", validators=[email_address]
    )
    current_password = known_password("Your password", id="password-for-email")


class PasswordForm(BaseForm):
    current_password = known_password("Current password")
    password = new_password("New password")
    one_time_token = TokenField()


def role_options() -> list[tuple[str, str]]:
    return [
        (Role.BOOKKEEPER.value, "Bookkeeper: reads everything"),
        (Role.MEMBER.value, "Member: works with clients and invoices"),
        (Role.OWNER.value, "Owner: also settings and team"),
    ]


class RoleForm(BaseForm):
    role = ChoiceField("Role", options=role_options, unknown="Choose a role from the list.", needed="Choose a role.")


class InviteForm(RoleForm):
    email = PlainTextField(
        "Email", max_length=EMAIL_LENGTH, needed="Enter their email address.", validators=[email_address]
    )


class JoinWithPasswordForm(BaseForm):
    password = known_password("Your password")


class JoinAsNewForm(BaseForm):
    name = PlainTextField("Your name", max_length=NAME_LENGTH, needed="Enter your name.")
    password = new_password("Password")


class LogoForm(BaseForm):
    """Made from `request.files`."""

    logo = FileField("A picture", validators=[chosen])


def country_options() -> list[tuple[str, str]]:
    return [("", "–"), *rules.country_options()]


class BusinessForm(BaseForm):
    name = PlainTextField("Business name", max_length=NAME_LENGTH, needed="Enter the name of your business.")
    legal_name = PlainTextField("Legal name", max_length=NAME_LENGTH)
    address_line1 = PlainTextField("Address", max_length=ADDRESS_LENGTH)
    address_line2 = PlainTextField("Address, second line", max_length=ADDRESS_LENGTH)
    city = PlainTextField("City", max_length=CITY_LENGTH)
    region = PlainTextField("Region", max_length=CITY_LENGTH)
    postal_code = PlainTextField("Postal code", max_length=POSTAL_CODE_LENGTH)
    country = ChoiceField("Country", options=country_options, unknown="Choose a country from the list.", empty="")
    email = PlainTextField("Email", max_length=EMAIL_LENGTH, validators=[email_address])
    phone = PlainTextField("Phone", max_length=PHONE_LENGTH)
    tax_id = PlainTextField("VAT or tax id", max_length=IDENTIFIER_LENGTH)
    registration_number = PlainTextField("Company registration number", max_length=IDENTIFIER_LENGTH)
    currency = ChoiceField(
        "Currency",
        options=rules.currency_options,
        unknown="Choose a currency from the list.",
        needed="Choose a currency.",
    )
    time_zone = ChoiceField(
        "Time zone",
        options=rules.time_zone_options,
        unknown="Choose a time zone from the list.",
        needed="Choose a time zone.",
    )
    default_tax_rate = PercentField("Usual tax rate, %", low=Decimal(0), high=HUNDRED, empty=Decimal(0))
    payment_terms_days = WholeNumberField(
        "Payment terms, days", low=0, high=MAX_TERMS_DAYS, needed="Enter the days that clients have to pay."
    )
    account_name = PlainTextField("Account name", max_length=NAME_LENGTH)
    iban = PlainTextField("IBAN", max_length=IBAN_LENGTH + 10, validators=[iban])
    bic = PlainTextField("BIC", max_length=BIC_LENGTH)
    payment_details = LongTextField("How to pay", max_length=TEXT_LENGTH)
    invoice_notes = LongTextField("Notes on every new invoice", max_length=TEXT_LENGTH)
    version = VersionField()
