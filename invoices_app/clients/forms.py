"""The client form."""

from __future__ import annotations

from invoices_app.accounts import rules
from invoices_app.accounts.forms import country_options, email_address
from invoices_app.accounts.models import (
    ADDRESS_LENGTH,
    CITY_LENGTH,
    EMAIL_LENGTH,
    IDENTIFIER_LENGTH,
    MAX_TERMS_DAYS,
    NAME_LENGTH,
    PHONE_LENGTH,
    POSTAL_CODE_LENGTH,
    TEXT_LENGTH,
)
from invoices_app.web.forms import (
    BaseForm,
    ChoiceField,
    LongTextField,
    PlainTextField,
    TokenField,
    VersionField,
    WholeNumberField,
)


def currency_options() -> list[tuple[str, str]]:
    return [("", "The business's own"), *rules.currency_options()]


class NamedForm(BaseForm):
    """What a client cannot do without."""

    name = PlainTextField("Name", max_length=NAME_LENGTH, needed="Enter the client's name.")


class ClientForm(NamedForm):
    """Everything about a client; `currency` and `payment_terms_days` left empty mean those of the business."""

    email = PlainTextField("Email", max_length=EMAIL_LENGTH, validators=[email_address])
    phone = PlainTextField("Phone", max_length=PHONE_LENGTH)
    address_line1 = PlainTextField("Address", max_length=ADDRESS_LENGTH)
    address_line2 = PlainTextField("Address, second line", max_length=ADDRESS_LENGTH)
    city = PlainTextField("City", max_length=CITY_LENGTH)
    region = PlainTextField("Region", max_length=CITY_LENGTH)
    postal_code = PlainTextField("Postal code", max_length=POSTAL_CODE_LENGTH)
    country = ChoiceField("Country", options=country_options, unknown="Choose a country from the list.", empty="")
    tax_id = PlainTextField("VAT or tax id", max_length=IDENTIFIER_LENGTH)
    currency = ChoiceField("Currency", options=currency_options, unknown="Choose a currency from the list.", empty="")
    payment_terms_days = WholeNumberField("Payment terms, days", low=0, high=MAX_TERMS_DAYS)
    notes = LongTextField("Notes to yourself", max_length=TEXT_LENGTH)


class NewClientForm(ClientForm):
    one_time_token = TokenField()


class QuickClientForm(NamedForm):
    """A client with nothing but a name, made where an invoice asks for one."""

    one_time_token = TokenField()


class EditClientForm(ClientForm):
    version = VersionField()
