"""Form fields that refuse what the database would refuse, and say it in a sentence.

Every field trims its text and rejects control characters; numbers and dates are read by `values`, shown as what they
came to, and kept as they were typed when they are wrong.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Self

from flask import request
from wtforms import Field, Form, StringField, TextAreaField
from wtforms.validators import Length, StopValidation
from wtforms.widgets import HiddenInput, Input, TextInput

from invoices_app.results import FORM, FieldErrors
from invoices_app.texts import CONTROL_CHARACTERS
from invoices_app.web.values import parse_amount, parse_day

LINE_BREAKS = re.compile(r"[\t\r\n]+")
MAX_SEARCH_LENGTH = 100


class BaseForm(Form):
    """A form of the house. CSRF is checked for every POST by the app, so that no form repeats it."""

    @classmethod
    def from_request(cls, obj: object = None) -> Self:
        """The form as it was sent; a field that was not sent keeps the value that `obj` has."""
        return cls(request.form, obj=obj)

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether all is right; what a hidden field complains of is told at the head of the form, where it is seen."""
        valid = bool(super().validate(extra_validators))
        for field in self:
            if isinstance(field.widget, HiddenInput) and field.errors:
                self.form_errors.extend(field.errors)
                field.errors = ()
        return valid

    def add_errors(self, errors: FieldErrors) -> None:
        """Put an action's sentences beside their fields, and the others at the head of the form."""
        for name, sentences in errors.items():
            if name != FORM and name in self._fields:
                target = self._fields[name]
                target.errors = [*target.errors, *sentences]
            else:
                self.form_errors.extend(sentences)


def visible(text: str) -> str:
    """`text` as it can stand in HTML: what may not be there becomes a mark that the person can see and remove."""
    return CONTROL_CHARACTERS.sub("\ufffd", text)


def required(sentence: str) -> list[Any]:
    """Validators of a field that must hold more than white space."""

    def not_blank(_form: Any, field: Field) -> None:
        if (field.data is None or field.data == "") and not field.errors:
            raise StopValidation(sentence)

    return [not_blank]


class PlainTextField(StringField):
    """One line of text, trimmed, line breaks turned into spaces, of at most `max_length` characters.

    `needed` is the sentence for when it is empty.
    """

    def __init__(self, label: str, *, max_length: int, needed: str = "", **kwargs: Any) -> None:
        validators = [
            *(required(needed) if needed else []),
            Length(max=max_length, message=_too_long(max_length)),
        ]
        super().__init__(label, validators=[*validators, *kwargs.pop("validators", [])], **kwargs)
        self.max_length = max_length

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = LINE_BREAKS.sub(" ", str(valuelist[0])).strip() if valuelist else self.data or ""

    def _value(self) -> str:
        return visible(self.data or "")

    def pre_validate(self, form: Any) -> None:  # noqa: ARG002  (WTForms gives it)
        if self.data and CONTROL_CHARACTERS.search(self.data):
            raise StopValidation("Remove the control characters.")


class LongTextField(TextAreaField):
    """Some lines of text, trimmed, of at most `max_length` characters."""

    def __init__(self, label: str, *, max_length: int, **kwargs: Any) -> None:
        super().__init__(label, validators=[Length(max=max_length, message=_too_long(max_length))], **kwargs)
        self.max_length = max_length

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = str(valuelist[0]).replace("\r\n", "\n").strip() if valuelist else self.data or ""

    def _value(self) -> str:
        return visible(self.data or "")

    def pre_validate(self, form: Any) -> None:  # noqa: ARG002
        if self.data and CONTROL_CHARACTERS.search(self.data):
            raise StopValidation("Remove the control characters.")


class ParsedField(Field):
    """A text input with a meaning: `parse` reads it, `show` writes it.

    An empty input, or none at all, means `empty`; where there is no sensible meaning, `needed` is the sentence that
    asks for one. What was sent comes back as it was typed: a form is shown again only when something in it was refused.
    """

    widget: Input = TextInput()

    def __init__(self, label: str = "", *, needed: str = "", empty: Any = None, **kwargs: Any) -> None:
        super().__init__(label, validators=required(needed) if needed else [], **kwargs)
        self.empty = empty
        self.typed: str | None = None

    def parse(self, text: str) -> Any:
        """The value of `text`; raises ValueError with a sentence."""
        raise NotImplementedError

    def show(self, value: Any) -> str:
        return str(value)

    def _value(self) -> str:
        if self.typed is not None:
            return visible(self.typed)
        return "" if self.data is None else self.show(self.data)

    def process_formdata(self, valuelist: list[Any]) -> None:
        if not valuelist:
            self.data = self.empty if self.data is None else self.data
            return
        self.typed = str(valuelist[0]).strip()
        self.data = None
        self.data = self.parse(self.typed) if self.typed else self.empty


class AmountField(ParsedField):
    """A decimal between `low` and `high` with at most `digits` decimals, which a sum is rounded to."""

    def __init__(self, label: str, *, low: Decimal, high: Decimal, digits: int = 4, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.low, self.high, self.digits = low, high, digits

    def parse(self, text: str) -> Decimal:
        value = parse_amount(text, self.digits)
        if value < self.low:
            raise ValueError("Enter zero or more." if self.low == 0 else f"Enter {self.low:f} or more.")
        if value > self.high:
            raise ValueError(f"Enter {self.high:f} or less.")
        if -int(value.as_tuple().exponent) > self.digits and value != round(value, self.digits):
            raise ValueError(f"Use at most {self.digits} decimals.")
        return value

    def show(self, value: Decimal) -> str:
        return f"{value.normalize():f}" if value else "0"


class PercentField(AmountField):
    """A percentage, written with its mark or without: 20 and 20% are the same."""

    def parse(self, text: str) -> Decimal:
        number, _mark, more = text.partition("%")
        return super().parse(text if more else number)


class WholeNumberField(ParsedField):
    """A whole number from `low` to `high`."""

    def __init__(self, label: str = "", *, low: int, high: int, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.low, self.high = low, high

    def parse(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and self.low <= int(text) <= self.high):
            raise ValueError(f"Enter a whole number from {self.low} to {self.high}.")
        return int(text)


class DayField(ParsedField):
    """A calendar date in years `first` to `last`, written in one of the ways of `parse_day`.

    `today` answers the date where the business is. Distances such as +30 count from the day in the form's field
    `counts_from`, which stands before this one, as long as that is right, and from today otherwise.
    """

    def __init__(
        self, label: str, *, first: int, last: int, today: Callable[[], date], counts_from: str = "", **kwargs: Any
    ) -> None:
        super().__init__(label, **kwargs)
        self.first, self.last, self.today = first, last, today
        self._base: Field | None = kwargs["_form"][counts_from] if counts_from else None

    def parse(self, text: str) -> date:
        day = parse_day(text, self.today(), self._base.data if self._base else None)
        if not self.first <= day.year <= self.last:
            raise ValueError(f"Enter a date between {self.first} and {self.last}.")
        return day

    def show(self, value: date) -> str:
        return value.isoformat()


class IdField(ParsedField):
    """The id of a thing, chosen from a list; `unknown` is the sentence for what is no id at all."""

    def __init__(self, label: str, *, unknown: str, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.unknown = unknown
        self.options: list[tuple[str, str]] = []

    def parse(self, text: str) -> uuid.UUID:
        try:
            return uuid.UUID(text)
        except ValueError:
            raise ValueError(self.unknown) from None


class ChoiceField(ParsedField):
    """One of a list of (value, label) pairs, given as a function that is called when the form is shown."""

    def __init__(self, label: str, *, options: Any, unknown: str, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self._options = options
        self.unknown = unknown

    @property
    def options(self) -> list[tuple[str, str]]:
        return list(self._options())

    def parse(self, text: str) -> str:
        if text not in {value for value, _label in self._options()}:
            raise ValueError(self.unknown)
        return text


class VersionField(WholeNumberField):
    """The version of the row that the person saw."""

    widget = HiddenInput()

    def __init__(self, **kwargs: Any) -> None:
        sentence = "Reload the page: this form does not say what it changes."
        super().__init__("Version", low=1, high=10**9 - 1, needed=sentence, **kwargs)

    def process_formdata(self, valuelist: list[Any]) -> None:
        """A version that was not sent is none: taking the stored one for it would let any stale form through."""
        self.data = None
        super().process_formdata(valuelist)


class TokenField(ParsedField):
    """A one-time token; anything that is none counts as none, since it only guards against doing things twice."""

    widget = HiddenInput()

    def parse(self, text: str) -> uuid.UUID | None:
        return uuid_or_none(text)


def _too_long(max_length: int) -> str:
    return f"Use at most {max_length} characters."


def search_text(args: Mapping[str, str]) -> str:
    """The search text in a URL, without control characters, cut to a sensible length."""
    return CONTROL_CHARACTERS.sub("", args.get("q", ""))[:MAX_SEARCH_LENGTH].strip()


def uuid_or_none(text: str | None) -> uuid.UUID | None:
    """The id that `text` writes, or None when it writes none."""
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def one_time_token() -> uuid.UUID | None:
    """The one-time token of a form that carries nothing else."""
    return uuid_or_none(request.form.get("one_time_token"))
