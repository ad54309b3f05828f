"""Forms of the second factor."""

from __future__ import annotations

from typing import Any

from wtforms import BooleanField, SelectMultipleField

from invoices_app.accounts.forms import known_password
from invoices_app.web.forms import BaseForm, PlainTextField

CODE_LENGTH = 40
"""Enough for a recovery code with blanks or dashes wherever somebody likes them."""


class PasswordForm(BaseForm):
    """The password of somebody who is signed in, asked for again."""

    password = known_password("Your password")


class RenewForm(PasswordForm):
    """The same on a page that asks twice: ids are unique."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.password.id = "renew-password"


class SwitchOffForm(PasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.password.id = "off-password"


class ConfirmForm(BaseForm):
    one_time_code = PlainTextField(
        "Code from the app", max_length=CODE_LENGTH, needed="Enter the six digits that your app shows."
    )


class CodeForm(BaseForm):
    """The second step of signing in: one field for both kinds of codes."""

    one_time_code = PlainTextField("Code", max_length=CODE_LENGTH, needed="Enter the code from your app.")


class SecondFactorForm(BaseForm):
    """What a business asks of its team."""

    required = BooleanField("Everyone must use a second factor")


class RecoveryCodesForm(BaseForm):
    """The codes of a page that showed them once, to have them as a file."""

    recovery_codes = SelectMultipleField(validate_choice=False)
