"""What an action answers; routes `match` on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")

FieldErrors = Mapping[str, Sequence[str]]

FORM = "form"
"""The key of errors that belong to the form as a whole and to none of its fields."""


@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    """Done and committed."""

    value: T


@dataclass(frozen=True, slots=True)
class Invalid:
    """Nothing was changed; one or more sentences a field, `FORM` for those that belong to no field."""

    errors: FieldErrors = field(default_factory=dict)

    @classmethod
    def because(cls, sentence: str, field_name: str = FORM) -> Invalid:
        return cls({field_name: [sentence]})

    def sentences(self) -> list[str]:
        return [sentence for sentences in self.errors.values() for sentence in sentences]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Nothing was changed: the row has moved on since the person saw it, or is `gone`. `message` says what happened."""

    message: str
    gone: bool = False


@dataclass(frozen=True, slots=True)
class NotFound:
    """There is no such thing in this business."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The person's role does not allow it."""

    message: str = "Your role in this business does not allow this."


ActionResult = Ok[T] | Invalid | Conflict | NotFound | Forbidden
