"""A browser without JavaScript: it reads pages, follows links, fills in forms, and knows nothing of the app."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Self
from xml.etree.ElementTree import Element

import httpx

from tests.support import plain_http
from tests.support.elements import Elements, words_of
from tests.support.parsing import parse_loosely

PASSWORD = "a sentence to sign in"


@dataclass
class Form:
    """A form as it stands on a page, with what its fields hold."""

    action: str
    values: dict[str, str]

    def filled(self, changes: Mapping[str, object]) -> dict[str, str]:
        """What the form sends after `changes`. A field that is not on the form fails."""
        unknown = set(changes) - set(self.values)
        assert not unknown, f"{self.action} has no fields {unknown}, only {set(self.values)}"
        return self.values | {name: str(value) for name, value in changes.items()}


class Page(Elements):
    """A page as it was answered."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.status = response.status_code
        self.path = response.url.path
        self.url = str(response.url)

    @cached_property
    def roots(self) -> list[Element]:
        return [parse_loosely(self.response.text)]

    @property
    def id(self) -> str:
        """The id of the thing that this page is about."""
        return self.path.split("/")[2]

    def has(self, name: str) -> bool:
        return name in self.ids

    def text(self, element: Element | None = None) -> str:
        return words_of(*(self.roots if element is None else [element]))

    def amount(self, name: str) -> Decimal:
        """The amount that the element with this id holds."""
        return self.amounts(self.by_id(name))[0]

    def amounts(self, element: Element) -> list[Decimal]:
        return [Decimal(str(data.get("value"))) for data in element.iter("data")]

    def days(self) -> list[date]:
        return [date.fromisoformat(str(time.get("datetime"))) for time in self.all("time")]

    def rows(self, kind: str) -> dict[str, Element]:
        """Rows of a table by id: `invoice`, `client` or `line`."""
        return {
            str(row.get("id")).removeprefix(f"{kind}-"): row
            for row in self.all("tr")
            if str(row.get("id")).startswith(f"{kind}-")
        }

    def link(self, words: str) -> str:
        return next(str(a.get("href")) for a in self.all("a") if self.text(a) == words)

    @property
    def number(self) -> str:
        return self.text(self.by_id("invoice-number"))

    @property
    def invoice_status(self) -> str:
        return str(self.by_id("invoice-status").get("data-status"))

    def forms(self, action: str, button: str = "") -> list[Form]:
        """The POST forms whose action ends in `action`, with a button that says `button` when one is named.

        A button may send its form elsewhere (`formaction`).
        """
        forms = [form for form in self.all("form") if form.get("method") == "post"]
        return [
            Form(str(form.get("action")), self.values_of(form))
            for form in forms
            if str(form.get("action")).endswith(action)
            and (not button or any(self.text(found) == button for found in form.iter("button")))
        ] + [
            Form(str(found.get("formaction")), self.values_of(form))
            for found in self.all("button")
            for form in forms
            if self.owner_of(found) is form
            and str(found.get("formaction")).endswith(action)
            and button in {"", self.text(found)}
        ]

    def form(self, action: str, button: str = "") -> Form:
        found = self.forms(action, button)
        assert found, f"{self.path} has no form for {action} {button}: {self.text()[:300]}"
        return found[0]


class Visitor:
    """Someone at such a browser."""

    def __init__(self, base_url: str) -> None:
        self.client = plain_http.client(base_url=base_url, follow_redirects=True, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.client.close()

    def open(self, url: str, status: int = 200) -> Page:
        page = Page(self.client.get(url))
        assert page.status == status, f"{url} answered {page.status}: {page.text()[:300]}"
        return page

    def send(self, form: Form, status: int = 200, **changes: object) -> Page:
        """Fill the form in and send it."""
        return self.post(form.action, form.filled(changes), status)

    def post(self, url: str, values: Mapping[str, str], status: int = 200) -> Page:
        page = Page(self.client.post(url, data=values))
        assert page.status == status, f"{url} answered {page.status}: {page.text()[:300]}"
        return page

    def register(self, business: str, email: str = "", name: str = "Ada Owner") -> Page:
        form = self.open("/register").form("/register")
        email = email or f"{uuid.uuid4().hex}@example.com"
        return self.send(form, name=name, email=email, password=PASSWORD, business_name=business)

    def add_client(self, **details: object) -> Page:
        return self.send(self.open("/clients/new").form("/clients"), **details)

    def write_invoice(self, client_id: str, lines: list[dict[str, object]], **header: object) -> Page:
        """A draft: the first lines come with the form, the others one by one."""
        form = self.open("/invoices/new").form("/invoices")
        places = sum(name.endswith("-description") for name in form.values)
        cells = {f"lines-{at}-{name}": value for at, line in enumerate(lines[:places]) for name, value in line.items()}
        page = self.send(form, client_id=client_id, **header, **cells)
        for line in lines[places:]:
            page = self.send(page.form(f"/invoices/{page.id}/lines"), **line)
        return page
