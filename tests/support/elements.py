"""What a browser makes of a page's elements: which form a field belongs to, and what it would send."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from xml.etree.ElementTree import Element

FIELDS = ("input", "select", "textarea")


def words_of(*elements: Element) -> str:
    """Their text, in single blanks."""
    return " ".join(" ".join("".join(element.itertext()) for element in elements).split())


class Elements:
    """The elements below some roots."""

    @cached_property
    def roots(self) -> list[Element]:
        raise NotImplementedError

    @cached_property
    def elements(self) -> list[Element]:
        return [element for root in self.roots for element in root.iter()]

    @cached_property
    def ids(self) -> dict[str, Element]:
        return {str(element.get("id")): element for element in self.elements if "id" in element.attrib}

    @cached_property
    def parents(self) -> dict[Element, Element]:
        return {child: parent for parent in self.elements for child in parent}

    def all(self, *tags: str) -> Iterator[Element]:
        return (element for element in self.elements if element.tag in tags)

    def by_id(self, name: str) -> Element:
        assert name in self.ids, f"no element has the id {name}"
        return self.ids[name]

    def above(self, element: Element, tag: str) -> Element | None:
        """The nearest element of a kind that an element stands in."""
        found = self.parents.get(element)
        while found is not None and found.tag != tag:
            found = self.parents.get(found)
        return found

    def owner_of(self, field: Element) -> Element | None:
        """The form that a field is sent with."""
        return self.ids.get(str(field.get("form"))) if field.get("form") else self.above(field, "form")

    def value_of(self, field: Element) -> str | None:
        """What a field would send; None when it would send nothing."""
        if field.tag == "textarea":
            return "".join(field.itertext())
        if field.tag == "select":
            options = list(field.iter("option"))
            chosen = [option for option in options if "selected" in option.attrib] or options[:1]
            return str(chosen[-1].get("value", words_of(chosen[-1]))) if chosen else None
        if field.get("type") in {"checkbox", "radio"} and "checked" not in field.attrib:
            return None
        return str(field.get("value", ""))

    def values_of(self, form: Element) -> dict[str, str]:
        """What a form would send, by the names of its fields."""
        found = ((field.get("name"), self.value_of(field)) for field in self._fields_by_form.get(form, []))
        return {name: value for name, value in found if name and value is not None}

    @cached_property
    def _fields_by_form(self) -> dict[Element | None, list[Element]]:
        found: dict[Element | None, list[Element]] = {}
        for field in self.all(*FIELDS):
            found.setdefault(self.owner_of(field), []).append(field)
        return found
