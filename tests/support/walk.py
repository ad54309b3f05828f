"""What the pages of a person offer to send: every form, link and htmx address, found by walking the HTML."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from tests.support.browser import Browser
from tests.support.html import Page

NEVER_SENT = {"/logout"}
ADDRESSES = ("href", "action", "formaction", "src")
PAGES_OF_A_KIND = 6
"""Enough for an invoice in every state; of addresses with a query, one of a kind is enough."""


def path_of(rule: Rule) -> str:
    """A rule as the table of routes names it, without its converters."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", rule.rule)


@dataclass(frozen=True)
class Offer:
    """What a page offers to send: a form, or an address with a query."""

    rule: str
    method: str
    url: str
    fields: tuple[tuple[str, str], ...]

    @property
    def kind(self) -> tuple[str, str, frozenset[str]]:
        return self.method, self.rule, frozenset(re.sub(r"\d+", "0", name) for name, _ in self.fields)


class Walk:
    """A walk over all pages that a person can reach, some of each kind."""

    def __init__(self, app: Flask, browser: Browser) -> None:
        self.offers: dict[tuple[str, str, frozenset[str]], Offer] = {}
        self._routes = app.url_map.bind("localhost")
        self._browser = browser
        self._seen: dict[tuple[str, frozenset[str]], set[str]] = {}
        self._to_see = deque(["/"])

    def run(self) -> None:
        while self._to_see:
            url = self._to_see.popleft()
            self.read(url)

    def read(self, url: str) -> None:
        answer = FlaskClient.open(self._browser, url)
        assert answer.status_code < 500, url
        if answer.mimetype == "text/html":
            self.see(Page(answer))

    def rule_of(self, url: str, method: str) -> str | None:
        try:
            rule, _ = self._routes.match(urlsplit(url).path, method=method, return_rule=True)
        except HTTPException:
            return None
        return path_of(rule)

    def see(self, page: Page) -> None:
        """Note what a page offers, and where it leads on to."""
        for form in page.forms:
            self._note(form.method.upper(), form.action, tuple(form.values.items()))
        for element in page.elements:
            for name, value in element.attrib.items():
                if not value.startswith("/") or value.startswith("//"):
                    continue
                if name in ADDRESSES or name == "hx-get" or name.startswith("data-"):
                    self._follow(value)
                if name in {"hx-post", "data-create", "data-paste"}:
                    self._note("POST", value, ())

    def _follow(self, url: str) -> None:
        parts = urlsplit(url)
        rule = self.rule_of(url, "GET")
        if rule is None or rule.startswith("/static"):
            return
        query = tuple(parse_qsl(parts.query, keep_blank_values=True))
        if query:
            self._note("GET", parts.path, query)
        seen = self._seen.setdefault((rule, frozenset(name for name, _ in query)), set())
        address = url.partition("#")[0]
        if address not in seen and len(seen) < (1 if query else PAGES_OF_A_KIND) and not rule.endswith(".csv"):
            seen.add(address)
            self._to_see.append(address)

    def _note(self, method: str, url: str, fields: tuple[tuple[str, str], ...]) -> None:
        path = urlsplit(url).path
        rule = self.rule_of(path, method)
        if rule is not None and rule not in NEVER_SENT:
            offer = Offer(rule, method, path, fields)
            self.offers.setdefault(offer.kind, offer)
