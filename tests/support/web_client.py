"""A quick browser for real servers: it keeps its cookies and its form token, and reads no more than it must."""

from __future__ import annotations

import re
import uuid
from typing import Any, Self

import httpx

from tests.support import plain_http

PASSWORD = "a sentence to sign in"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class WebClient:
    """One person at a running app. Answers come as they are: a refusal is an answer, too."""

    def __init__(self, base_url: str, timeout: float = 15, password: str = PASSWORD) -> None:
        self._http = plain_http.client(base_url=base_url, timeout=timeout, headers={"Accept-Language": "en-GB"})
        self._csrf_token = ""
        self._password = password

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._http.close()

    def register(self, business: str) -> str:
        """Make an account with a business; answers the email to sign in with."""
        email = f"{uuid.uuid4().hex}@example.com"
        self.get("/register")
        values = {"name": "Ada", "email": email, "password": PASSWORD, "business_name": business}
        self._expect_move(self.post("/register", **values))
        self.get("/clients/new")
        return email

    def sign_in(self, email: str) -> None:
        if self.get("/login").status_code != 303:  # who came in before a connection broke is led on
            self._expect_move(self.post("/login", email=email, password=self._password))
        self.get("/clients/new")

    def cookies(self) -> str:
        """What this browser would send as `Cookie`."""
        return "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())

    def add_client(self, name: str) -> str:
        """Make a client; answers its id."""
        return self._made(self.post("/clients", name=name, one_time_token=uuid.uuid4()))

    def add_invoice(self, client_id: str, price: int = 100, lines: int = 1) -> str:
        """Make a draft with lines at 20 %; answers its id."""
        values = {"client_id": client_id, "one_time_token": uuid.uuid4()}
        for number in range(lines):
            fields = {"description": f"Work {number}", "unit_price": price, "tax_rate": 20}
            values |= {f"lines-{number}-{name}": value for name, value in fields.items()}
        return self._made(self.post("/invoices", **values))

    def issue(self, invoice_id: str) -> None:
        self._expect_move(self.post(f"/invoices/{invoice_id}/issue"))

    def get(self, path: str) -> httpx.Response:
        response = self._http.get(path)
        if found := TOKEN.search(response.text):
            self._csrf_token = found[1]
        return response

    def post(self, path: str, **values: Any) -> httpx.Response:
        """Send a plain form, which is answered by a redirect when all is well."""
        data = {"csrf_token": self._csrf_token, **{name: str(value) for name, value in values.items()}}
        return self._http.post(path, data=data)

    def _made(self, response: httpx.Response) -> str:
        self._expect_move(response)
        return response.headers["Location"].rsplit("/", 1)[-1]

    def _expect_move(self, response: httpx.Response) -> None:
        assert response.status_code == 303, (
            f"{response.status_code} from {response.request.url}: {response.text[:2000]}"
        )
