"""A browser without JavaScript that knows HTML, remembers its last page, and checks every page that it sees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask.testing import FlaskClient

from tests.support.html import Form, Page, check

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
Values = Mapping[str, Any]


class Browser(FlaskClient):
    """Werkzeug's client whose `get` and `post` answer a checked `Page`.

    `post` takes csrf_token, version and one_time_token from the form that leads to the same URL on the page that it
    last saw (or on the page given as `on`), as a browser would; what is given in the data wins.
    """

    page: Page | None = None
    csrf_token: str = ""

    def get(self, url: str, status: int = 200, *, htmx: bool = False, **options: Any) -> Page:  # type: ignore[override]
        return self._see(super().get(url, **_options(options, htmx=htmx)), status)

    def post(  # type: ignore[override]
        self,
        url: str,
        data: Values | None = None,
        status: int = 303,
        *,
        htmx: bool = False,
        on: Page | None = None,
        **options: Any,
    ) -> Page:
        """Send `data` with the tokens of the page's form to `url`."""
        form = self.form_for(url, on)
        values = {"csrf_token": self.token(), **(form.tokens if form else {}), **(data or {})}
        return self.send(url, values, status, htmx=htmx, **options)

    def submit(self, url: str, changes: Values | None = None, status: int = 303, **options: Any) -> Page:
        """Send the whole form of the last page that leads to `url`, with changes to what its fields hold."""
        form = self.form_for(url)
        assert form is not None, f"the page has no form to {url}"
        unknown = set(changes or {}) - set(form.values)
        assert not unknown, f"the form to {url} has no {unknown}, only {set(form.values)}"
        return self.send(url, {**form.values, **(changes or {})}, status, **options)

    def send(self, url: str, data: Values | bytes, status: int, *, htmx: bool = False, **options: Any) -> Page:
        """Send exactly `data`, nothing from any form."""
        return self._see(super().post(url, data=data, **_options(options, htmx=htmx)), status)

    def send_any(self, url: str, data: Values, statuses: set[int], *, htmx: bool = False) -> Page:
        """As `send`, where one of several answers is right."""
        response = super().post(url, data=data, **_options({}, htmx=htmx))
        assert response.status_code in statuses, f"{response.status_code} from {url}"
        return self._see(response, response.status_code)

    def form_for(self, url: str, on: Page | None = None) -> Form | None:
        page = on or self.page
        return page.form(url) if page and page.has_form(url) else None

    def follow(self, page: Page) -> Page:
        """Go where a redirect leads."""
        assert page.location, f"{page.status} leads nowhere"
        return self.get(page.location)

    def token(self) -> str:
        """A CSRF token of this browser's session, from the last page or from one that it can see in any case."""
        if not self.csrf_token:
            seen = self.page
            self.get("/shortcuts" if self.get_cookie("invoices_session") else "/login")
            self.page = seen
        return self.csrf_token

    def _see(self, response: Any, status: int) -> Page:
        page = Page(response)
        seen = f"{page.status} {page.location} instead of {status} from {response.request.path}"
        assert page.status == status, f"{seen}: {page.words() if page.is_html else response.data[:500]}"
        if page.is_html and page.location == "":
            check(page)
            if page.is_whole:
                self.page = page
            tokens = [form.values["csrf_token"] for form in page.forms if "csrf_token" in form.values]
            self.csrf_token = tokens[0] if tokens else self.csrf_token
        return page


def _options(options: dict[str, Any], *, htmx: bool) -> dict[str, Any]:
    return {**options, "headers": {**(HTMX if htmx else {}), **options.get("headers", {})}}
