"""HTML answers: read as a browser reads them, and checked for what every answer of ours must hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from xml.etree.ElementTree import Element

from werkzeug.test import TestResponse

from tests.support.elements import FIELDS, Elements, words_of
from tests.support.parsing import parse_fragment, parse_page

PARTIAL = re.compile(r"<hx-partial[^>]*>(.*?)</hx-partial>", re.DOTALL)
BARE = re.compile(r"&(?!(?:#[0-9]+|#x[0-9a-f]+|[a-z][a-z0-9]*);).{0,20}", re.IGNORECASE)
NAMELESS = frozenset({"hidden", "submit", "button"})


@dataclass
class Form:
    """A form with what its fields hold, those tied to it by `form=` included."""

    action: str
    method: str
    values: dict[str, str]

    @property
    def tokens(self) -> dict[str, str]:
        """The hidden inputs that a program must send along."""
        names = ("csrf_token", "one_time_token", "version")
        return {name: self.values[name] for name in names if name in self.values}


class Page(Elements):
    """An answer: a whole page, a fragment, or none of both (a redirect)."""

    def __init__(self, response: TestResponse) -> None:
        self.response = response
        self.status = response.status_code
        self.headers = response.headers
        self.location = response.headers.get("Location") or response.headers.get("HX-Redirect", "")
        self.is_html = response.mimetype == "text/html"
        self.text = response.get_data(as_text=True) if self.is_html else ""
        self.is_whole = self.text.lstrip().lower().startswith("<!doctype")

    @cached_property
    def roots(self) -> list[Element]:
        """The page, or the fragment followed by its out-of-band parts. Raises ParseError for wrong HTML."""
        if self.is_whole:
            return [parse_page(self.text)]
        return [parse_fragment(part) for part in (PARTIAL.sub("", self.text), *PARTIAL.findall(self.text))]

    def words(self, element: Element | None = None) -> str:
        """The text of an element, or of all, in single blanks."""
        return words_of(*([element] if element is not None else self.roots))

    def amounts(self, name: str) -> list[Decimal]:
        """The amounts in the element with an id."""
        return [Decimal(str(data.get("value"))) for data in self.by_id(name).iter("data")]

    def amount(self, name: str) -> Decimal:
        (amount,) = self.amounts(name)
        return amount

    def row_ids(self, kind: str) -> list[str]:
        """The ids of the rows of things of a kind: invoice, client or line."""
        names = [str(row.get("id", "")) for row in self.all("tr")]
        return [name.removeprefix(f"{kind}-") for name in names if name.startswith(f"{kind}-")]

    @property
    def alert(self) -> str:
        """What stands in alerts and error sentences."""
        told = [
            e for e in self.elements if e.get("role") == "alert" or set(e.get("class", "").split()) & {"error", "bad"}
        ]
        return " ".join(self.words(element) for element in told).strip()

    def error_of(self, name: str) -> str:
        """The sentence that the invalid field of this name is described by, empty when there is none."""
        for field in self.fields(name):
            if field.get("aria-invalid") == "true":
                ids = [part for part in field.get("aria-describedby", "").split() if part.endswith("-error")]
                return " ".join(self.words(self.by_id(part)) for part in ids)
        return ""

    def fields(self, name: str) -> list[Element]:
        return [field for field in self.all(*FIELDS) if field.get("name") == name]

    def typed(self, name: str) -> list[str]:
        """What the fields of this name hold."""
        return [value for field in self.fields(name) if (value := self.value_of(field)) is not None]

    @cached_property
    def forms(self) -> list[Form]:
        """The forms, and once more for each button that sends its form elsewhere."""
        found = [
            Form(str(form.get("action", "")), str(form.get("method", "get")).lower(), self.values_of(form))
            for form in self.all("form")
        ]
        for button in self.all("button"):
            form = self.owner_of(button)
            if form is not None and "formaction" in button.attrib:
                method = str(button.get("formmethod", form.get("method", "get"))).lower()
                found.append(Form(str(button.get("formaction")), method, self.values_of(form)))
        return found

    def form(self, action: str) -> Form:
        """The first POST form with this action."""
        found = next((form for form in self.forms if form.action == action and form.method == "post"), None)
        assert found is not None, f"no form leads to {action}: {sorted({form.action for form in self.forms})}"
        return found

    def has_form(self, action: str) -> bool:
        return any(form.action == action and form.method == "post" for form in self.forms)


def check(page: Page) -> None:
    """Hold an HTML answer to the rules of the house; raises AssertionError that names what is wrong."""
    assert page.response.content_type == "text/html; charset=utf-8"
    rules = (*RULES, *(PAGE_RULES if page.is_whole else FRAGMENT_RULES))
    problems = [problem for rule in rules for problem in rule(page)]
    assert not problems, f"{page.response.request.path}: " + "; ".join(problems)


def unique_ids(page: Page) -> Iterator[str]:
    ids = Counter(str(element.get("id")) for element in page.elements if "id" in element.attrib)
    yield from (f"id {name!r} {count} times" for name, count in ids.items() if count > 1 or not name or " " in name)


def named_fields(page: Page) -> Iterator[str]:
    labelled = {label.get("for") for label in page.all("label") if page.words(label)}
    for field in page.all(*FIELDS):
        named = (
            field.get("aria-label", "").strip() or field.get("id") in labelled or page.above(field, "label") is not None
        )
        if not named and field.get("type") not in NAMELESS:
            yield f"{field.tag} {field.get('name')} has no label"


def named_buttons(page: Page) -> Iterator[str]:
    for element in page.all("button", "a", "summary"):
        if not page.words(element) and not element.get("aria-label", "").strip():
            yield f"a {element.tag} without words: {element.attrib}"


def nothing_inline(page: Page) -> Iterator[str]:
    for element in page.elements:
        if element.tag == "style" or (element.tag == "script" and ("src" not in element.attrib or page.words(element))):
            yield f"inline {element.tag}"
        for name, value in element.attrib.items():
            if name == "style" or name.startswith(("on", "hx-on")):
                yield f"inline {name} on {element.tag}"
            scripted = value.strip().lower().startswith(("javascript:", "js:"))
            if scripted and (name.startswith("hx-") or name in {"href", "src", "action", "formaction"}):
                yield f"script in {name} on {element.tag}"


def references_are_whole(page: Page) -> Iterator[str]:
    """A bare & is no error to the parser, but text that nobody has escaped."""
    yield from (f"bare & in {found!r}" for found in BARE.findall(page.text))


def only_options(page: Page) -> Iterator[str]:
    """Newer browsers keep other elements in a select, older ones drop them."""
    for select in page.all("select"):
        yield from (f"{e.tag} in a select" for e in select.iter() if e.tag not in {"select", "option", "optgroup"})


def forms_lead_somewhere(page: Page) -> Iterator[str]:
    for form in page.forms:
        if not form.action.startswith("/") or form.action.startswith("//"):
            yield f"a form leads to {form.action!r}"
        if form.method == "post" and not form.values.get("csrf_token"):
            yield f"the form to {form.action} has no csrf_token"


def fields_belong(page: Page) -> Iterator[str]:
    """A field without a form is never sent."""
    for field in page.all(*FIELDS, "button"):
        needs_form = field.get("name") or (field.tag == "button" and field.get("type") != "button")
        if needs_form and page.owner_of(field) is None:
            yield f"{field.tag} {field.get('name')} stands in no form {field.get('form', '')}"


def references_exist(page: Page) -> Iterator[str]:
    for element in page.elements:
        for name in ("for", "aria-describedby", "aria-labelledby", "aria-controls"):
            yield from (
                f"{name}={wanted} on {element.tag} refers to nothing"
                for wanted in element.get(name, "").split()
                if wanted not in page.ids
            )


def targets_exist(page: Page) -> Iterator[str]:
    for element in page.elements:
        for name in ("hx-target", "href"):
            target = element.get(name, "")
            if target.startswith("#") and element.tag != "hx-partial" and target[1:] not in page.ids:
                yield f"{name} {target} is not on the page"


def one_page(page: Page) -> Iterator[str]:
    (root,) = page.roots
    for tag in ("title", "main", "h1"):
        found = [page.words(element) for element in page.all(tag)]
        if len(found) != 1 or not found[0]:
            yield f"{tag}: {found}"
    if not root.get("lang"):
        yield "no language"


def no_page(page: Page) -> Iterator[str]:
    if re.search(r"<(html|head|body|!doctype)\b", page.text, re.IGNORECASE):
        yield "a whole page came as a fragment"


Rule = Callable[[Page], Iterator[str]]
RULES: tuple[Rule, ...] = (
    unique_ids,
    named_fields,
    named_buttons,
    nothing_inline,
    references_are_whole,
    only_options,
    forms_lead_somewhere,
)
PAGE_RULES: tuple[Rule, ...] = (one_page, references_exist, targets_exist, fields_belong)
FRAGMENT_RULES: tuple[Rule, ...] = (no_page,)
