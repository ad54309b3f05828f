"""What happened, in words: pure functions from an audit event to sentences, its amounts and dates as on any page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from markupsafe import Markup

from invoices_app.invoices.history import NAMED, Event, History
from invoices_app.web.filters import currency_sign, day, moment, money, percent, quantity, unit_price

NOBODY = "Someone"
MAX_QUOTED = 80
NAMED_AT_MOST = 5

FIELDS = {
    "client_id": "client",
    "unit_price": "price",
    "tax_rate": "tax",
    "discount_percent": "discount",
    "tax_id": "tax id",
    "payment_terms_days": "payment terms",
    "wanted_series": "number series",
    "single_keys": "use of single keys",
    "address_line1": "address",
    "address_line2": "second line of the address",
}
UNDONE = {
    "invoice.changed": "a change of the heading",
    "line.added": "the adding of a line",
    "line.changed": "a change of a line",
    "line.deleted": "the deletion of a line",
    "line.duplicated": "the duplication of a line",
    "line.moved": "a move of a line",
    "line.pasted": "the adding of several lines",
    "line.restored": "the return of a line",
}
_NOT_FIELDS = frozenset({"line", "of", "position", "minor_units", "due_by_hand", "version", "logo_id"})
_PERCENT = frozenset({"tax_rate", "discount_percent"})


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as it is shown: who, when as a time element, and what, in sentences without their subject."""

    who: str
    when: Markup
    what: Sequence[Markup]


def entries(history: History, time_zone: str) -> list[Entry]:
    """The page's events in words; moments as the clock in `time_zone` (an IANA name) shows them."""
    return [
        Entry(
            event.who or NOBODY,
            moment(event.at, time_zone),
            sentences(event, history.currency_at(event), history.names),
        )
        for event in history.page.rows
    ]


def sentences(event: Event, currency: str, names: Mapping[str, str]) -> list[Markup]:
    """What was done, such as `changed the price of “Teapot” from €12.00 to €14.00`: one sentence for each field.

    `currency` (may be empty) is what amounts were in, `names` the clients and invoices by their ids as text. An action
    that is not known is named as it is; ids and structures are never shown.
    """
    told = _Told(event.changes, currency, names)
    tell = _TELL.get(event.action)
    if tell is None:
        return [Markup("did “{}”").format(event.action.replace(".", " ").replace("_", " "))]
    return tell(told) or [Markup("changed nothing that is shown")]


class _Told:
    """The changes of one event, each ready to stand in a sentence."""

    def __init__(self, changes: Mapping[str, Any], currency: str, names: Mapping[str, str]) -> None:
        self.changes, self.currency, self.names = changes, currency, names

    def get(self, name: str) -> Markup:
        """The value of a field in words, empty when it has none."""
        return self._words(name, self.changes.get(name))

    def size(self, name: str) -> Markup:
        """An amount without its sign."""
        return self._words(name, str(self.changes.get(name) or "").removeprefix("-"))

    def plain(self, name: str) -> str:
        """A value that is a name itself, such as a role or an address, without quotation marks."""
        value = self.changes.get(name)
        return _clipped(value) if isinstance(value, str) else ""

    def line(self) -> Markup:
        """The line that this is about."""
        name = self.changes.get("of") or self.changes.get("description")
        name = name[-1] if isinstance(name, list) and name else name
        return Markup("“{}”").format(_clipped(name)) if isinstance(name, str) and name else Markup("a line")

    def fields(self, of: Markup | None = None) -> list[Markup]:
        """A sentence for each field that has [before, after]."""
        return [
            self._change(name, pair[0], pair[1], of)
            for name, pair in self.changes.items()
            if isinstance(pair, list) and len(pair) == 2 and name not in _NOT_FIELDS
        ]

    def _change(self, name: str, before: Any, after: Any, of: Markup | None) -> Markup:
        field = FIELDS.get(name, name.replace("_", " "))
        thing = Markup("the {} of {}").format(field, of) if of else Markup("the {}").format(field)
        old, new = self._words(name, before), self._words(name, after)
        if not old:
            return Markup("set {} to {}").format(thing, new) if new else Markup("emptied {}").format(thing)
        if not new:
            return Markup("removed {}, {}").format(thing, old)
        return Markup("changed {} from {} to {}").format(thing, old, new)

    def _words(self, name: str, value: Any) -> Markup:
        if value is None or value == "" or isinstance(value, dict | list):
            return Markup("")
        if isinstance(value, bool):
            return Markup("yes") if value else Markup("no")
        if name in NAMED:
            return Markup("{}").format(self.names.get(str(value), "one that is gone"))
        return _dated(value) or self._number(name, value) or Markup("“{}”").format(_clipped(str(value)))

    def _number(self, name: str, value: Any) -> Markup | None:
        if name not in {"amount", "total", "unit_price", "quantity", "payment_terms_days", *_PERCENT}:
            return None
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            return None
        if name in _PERCENT:
            return Markup("{}").format(percent(number))
        if name == "payment_terms_days":
            return Markup("{} days").format(number)
        if name == "quantity" or not self.currency:
            return quantity(number)
        return money(number, self.currency) if name != "unit_price" else _price(number, self.currency)


def _dated(value: Any) -> Markup | None:
    """The day that a text such as 2026-11-22 is, None for any other value."""
    try:
        return Markup("{}").format(day(date.fromisoformat(value))) if len(value) == len("2026-11-22") else None
    except (TypeError, ValueError):
        return None


def _clipped(text: str) -> str:
    """The beginning of a long text, on one line."""
    words = " ".join(text.split())
    return words if len(words) <= MAX_QUOTED else f"{words[:MAX_QUOTED].rstrip()}…"


def _price(value: Decimal, currency: str) -> Markup:
    return Markup("{}{}").format(currency_sign(currency), unit_price(value, currency))


def _created(told: _Told) -> list[Markup]:
    client = told.get("client")
    return [Markup("made this draft for {}").format(client) if client else Markup("made this draft")]


def _issued(told: _Told) -> list[Markup]:
    number, total = told.changes.get("number"), told.get("total")
    over = Markup(", {} in total").format(total) if total else Markup("")
    return [Markup("issued it as {}{}").format(number, over)]


def _paid(told: _Told) -> list[Markup]:
    method = str(told.changes.get("method", "")).replace("_", " ")
    by = Markup(" by {}").format(method) if method and method != "other" else Markup("")
    is_refund = str(told.changes.get("amount", "")).startswith("-")
    moved = Markup(", paid {}") if is_refund else Markup(", received {}")
    on = moved.format(told.get("paid_on")) if told.get("paid_on") else Markup("")
    return [Markup("recorded a {} of {}{}{}").format("refund" if is_refund else "payment", told.size("amount"), by, on)]


def _credited(told: _Told) -> list[Markup]:
    draft = Markup(", and opened a draft to put it right") if told.get("draft") else Markup("")
    return [Markup("credited it by {}{}{}").format(told.get("credit_note"), draft, _reason(told))]


def _credits(told: _Told) -> list[Markup]:
    return [Markup("took {} back by this credit note{}").format(told.get("from"), _reason(told))]


def _reason(told: _Told) -> Markup:
    reason = told.changes.get("reason")
    return Markup(": “{}”").format(_clipped(reason)) if isinstance(reason, str) and reason else Markup("")


def _added(told: _Told) -> list[Markup]:
    position = told.changes.get("position")
    where = f"line {position}," if isinstance(position, int) else "the line"
    return [Markup("added {} {}{}").format(where, told.line(), _at_price(told))]


def _at_price(told: _Told) -> Markup:
    """, 2 h at €12.00: as far as it is known."""
    amount, each = told.get("quantity"), told.get("unit_price")
    unit = f" {unit}" if (unit := told.changes.get("unit")) and isinstance(unit, str) else ""
    return Markup(", {}{} at {}").format(amount, unit, each) if amount and each else Markup("")


def _changed_line(told: _Told) -> list[Markup]:
    renamed = isinstance(told.changes.get("description"), list)
    return told.fields() if renamed and len(told.fields()) == 1 else told.fields(told.line())


def _moved(told: _Told) -> list[Markup]:
    match told.changes.get("position"):
        case [int(before), int(after)]:
            return [Markup("moved {} from line {} to line {}").format(told.line(), before, after)]
    return [Markup("moved {}").format(told.line())]


def _pasted(told: _Told) -> list[Markup]:
    lines = told.changes.get("lines") or []
    texts = [line.get("description") if isinstance(line, Mapping) else line for line in lines]
    named = [Markup("“{}”").format(_clipped(text)) for text in texts if isinstance(text, str)]
    more = len(named) - NAMED_AT_MOST
    shown = Markup(", ").join(named[:NAMED_AT_MOST])
    return [Markup("added {} lines: {}{}").format(len(lines), shown, f" and {more} more" if more > 0 else "")]


def _changed_business(told: _Told) -> list[Markup]:
    match told.changes.get("logo_id"):
        case [_, None]:
            return [*told.fields(), Markup("removed the logo")]
        case [_, str()]:
            return [*told.fields(), Markup("changed the logo")]
    return told.fields()


def _invited(told: _Told) -> list[Markup]:
    return [Markup("invited {} as {}").format(told.plain("email") or "someone", told.plain("role") or "member")]


def _role_changed(told: _Told) -> list[Markup]:
    match told.changes.get("role"):
        case [str(before), str(after)]:
            return [Markup("changed a role from {} to {}").format(before, after)]
    return [Markup("changed a role")]


def _undone(told: _Told) -> list[Markup]:
    return [Markup("took back {}").format(UNDONE.get(str(told.changes.get("undone")), "an edit")), *told.fields()]


def _says(sentence: str, name: str = "") -> Callable[[_Told], list[Markup]]:
    """The sentence, with the value of that change in it."""
    return lambda told: [Markup(sentence).format(told.get(name) if name else told.line())]  # noqa: S704  (our own words)


_TELL: Mapping[str, Callable[[_Told], list[Markup]]] = {
    "invoice.created": _created,
    "invoice.changed": _Told.fields,
    "invoice.issued": _issued,
    "invoice.paid": _paid,
    "invoice.reopened": _says("took the last payment back, {}", "amount"),
    "invoice.archived": _says("archived it"),
    "invoice.restored": _says("brought it back from the archive"),
    "invoice.credited": _credited,
    "invoice.credits": _credits,
    "invoice.duplicated": _says("made this draft as a copy of {}", "from"),
    "line.added": _added,
    "line.changed": _changed_line,
    "line.deleted": lambda told: [Markup("deleted the line {}{}").format(told.line(), _at_price(told))],
    "line.moved": _moved,
    "line.duplicated": _says("duplicated the line {}"),
    "line.pasted": _pasted,
    "line.restored": _says("put the line {} back"),
    "edit.undone": _undone,
    "client.created": _says("added this client"),
    "client.changed": _Told.fields,
    "client.archived": _says("archived it"),
    "client.restored": _says("brought it back from the archive"),
    "business.registered": _says("registered the business"),
    "business.changed": _changed_business,
    "business.seeded": lambda told: [Markup("had {} invoices made").format(told.changes.get("invoices", "many"))],
    "business.exported": _says("exported all data"),
    "business.imported": _says("imported an archive of all data"),
    "data.imported": _says("imported it from {}", "file"),
    "import.uploaded": _says("brought the file {}", "file"),
    "import.read": _says("chose how the file is read"),
    "import.started": _says("started the import of {}", "file"),
    "import.cancelled": _says("cancelled the import of {}", "file"),
    "business.entered": _says("came over from another business"),
    "member.invited": _invited,
    "member.joined": lambda told: [Markup("joined as {}").format(told.plain("role"))],
    "member.role_changed": _role_changed,
    "member.removed": lambda told: [Markup("removed {} from the team").format(told.plain("name") or "someone")],
    "invitation.resent": lambda told: [Markup("sent the invitation to {} again").format(told.plain("email"))],
    "invitation.withdrawn": lambda told: [Markup("withdrew the invitation to {}").format(told.plain("email"))],
    "series.created": _says("added this number series"),
    "series.changed": _Told.fields,
    "session.opened": _says("signed in"),
    "session.ended": lambda told: [Markup("signed out {}").format(told.plain("device") or "a browser")],
    "sessions.ended": _says("signed out every other browser"),
    "second_factor.on": _says("switched two-factor sign-in on"),
    "second_factor.off": _says("switched two-factor sign-in off"),
    "second_factor.reset": _says("lost a second factor, which whoever runs Invoices took off"),
    "second_factor.codes_renewed": _says("made new recovery codes"),
    "second_factor.recovery_code_used": _says("signed in with a recovery code"),
    "second_factor.sign_in_ended": _says("had a sign-in ended after five wrong codes"),
    "password.reset": _says("set a new password by a link"),
    "password.changed": _says("changed the password"),
    "email.change_asked": _says("asked for a link to a new email address"),
    "email.change_withdrawn": _says("withdrew the link to a new email address"),
    "email.changed": _Told.fields,
    "user.changed": _Told.fields,
}
