"""People who work with the app at random, each in a process of its own, and keep a journal of what they were told."""

from __future__ import annotations

import random
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from tests.support.web_client import WebClient

LINE = re.compile(r'<tr id="line-([0-9a-f-]{36})"[^>]*data-version="(\d+)"')
NUMBER = re.compile(r"INV-\d{4}-\d{4,}")
UNAVAILABLE = frozenset({500, 502, 503, 504})
GIVE_UP_SECONDS = 90.0
MOST_KNOWN = 30
WORK = {"create": 4, "issue": 5, "edit": 9, "add_line": 2, "pay": 5, "duplicate": 3, "archive": 1, "correct": 2}
"""What people do, and how often beside the others."""


@dataclass(frozen=True)
class Plan:
    """What one person knows at the beginning. `shared` drafts are edited by everybody; `until` is a Unix time."""

    base_url: str
    email: str
    client_id: str
    shared: list[str]
    seed: int
    until: float


@dataclass(frozen=True)
class Edit:
    """A description that was written over the version `base` of a line."""

    line_id: str
    base: int
    text: str


@dataclass
class Journal:
    """What the app said yes to, by the ids that it can be found by again, and what nobody was told the end of."""

    done: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    retries: int = 0
    longest: float = 0.0
    created: dict[uuid.UUID, str] = field(default_factory=dict)
    """One-time token and the invoice that it made."""
    copied: dict[uuid.UUID, str] = field(default_factory=dict)
    lines: dict[uuid.UUID, str] = field(default_factory=dict)
    """One-time token of a line, and the invoice that it was added to."""
    payments: dict[uuid.UUID, str] = field(default_factory=dict)
    corrected: dict[uuid.UUID, tuple[str, str]] = field(default_factory=dict)
    """One-time token, the invoice that it took back, and the draft that it opened."""
    numbers: dict[str, str] = field(default_factory=dict)
    archived: set[str] = field(default_factory=set)
    edits: list[Edit] = field(default_factory=list)
    perhaps_edits: list[Edit] = field(default_factory=list)
    perhaps: set[uuid.UUID] = field(default_factory=set)
    """One-time tokens of what was asked for and never answered."""


class GaveUpError(Exception):
    """The app has not answered for too long."""


def work(plan: Plan) -> Journal:
    """Work until the time is over; answers the journal."""
    with WebClient(plan.base_url) as client:
        person = Worker(plan, client)
        person.sign_in()
        while time.time() < plan.until:
            person.do_something()
        return person.journal


class Worker:
    """A person at work, who tries again what was not answered, as a browser's user would."""

    def __init__(self, plan: Plan, client: WebClient) -> None:
        self.plan, self.client = plan, client
        self.dice = random.Random(plan.seed)
        self.journal = Journal()
        self.drafts: list[str] = []
        self.issued: list[str] = []
        self.shared = list(plan.shared)
        self.versions: dict[str, dict[str, int]] = {}

    def sign_in(self) -> None:
        """Come in, however often it takes."""
        while True:
            try:
                return self.client.sign_in(self.plan.email)
            except (httpx.TransportError, AssertionError):
                if time.time() > self.plan.until + GIVE_UP_SECONDS:
                    raise
                time.sleep(0.5)

    def do_something(self) -> None:
        (what,) = self.dice.choices(list(WORK), list(WORK.values()))
        started = time.monotonic()
        try:
            getattr(self, what)()
        except GaveUpError:
            self.journal.statuses[0] += 1
        self.journal.longest = max(self.journal.longest, time.monotonic() - started)
        del self.drafts[:-MOST_KNOWN], self.issued[:-MOST_KNOWN]

    def create(self) -> None:
        token = uuid.uuid4()
        fields = {"lines-0-description": "Work", "lines-0-unit_price": str(self.dice.randrange(1, 99999) / 100)}
        made = self._make("/invoices", token, client_id=self.plan.client_id, **fields)
        if made:
            self._note("create")
            self.journal.created[token] = made
            self.drafts.append(made)

    def duplicate(self) -> None:
        if source := self._any(self.drafts + self.issued):
            token = uuid.uuid4()
            made = self._make(f"/invoices/{source}/duplicate", token)
            if made:
                self._note("duplicate")
                self.journal.copied[token] = made
                self.drafts.append(made)

    def issue(self) -> None:
        rarely = self.shared if self.dice.random() < 0.01 else []
        if invoice_id := self._any(rarely or self.drafts):
            response, _ = self._ask(lambda: self.client.post(f"/invoices/{invoice_id}/issue"))
            if response.status_code == 303:
                self._note("issue")
                shown, _ = self._ask(lambda: self.client.get(f"/invoices/{invoice_id}/print"))
                found = NUMBER.search(shown.text)
                self.journal.numbers[invoice_id] = found[0] if found else "none"
                self.issued.append(invoice_id)
            self._forget(invoice_id)

    def edit(self) -> None:
        invoice_id = self._any(self.shared if self.dice.random() < 0.8 else self.drafts)
        if invoice_id is None:
            return
        known = self.versions.get(invoice_id)
        if not known or self.dice.random() < 0.5:
            shown, _ = self._ask(lambda: self.client.get(f"/invoices/{invoice_id}"))
            known = self.versions[invoice_id] = {line_id: int(version) for line_id, version in LINE.findall(shown.text)}
        if not known:
            self._forget(invoice_id)
            return
        line_id = self.dice.choice(sorted(known))
        edit = Edit(line_id, known[line_id], uuid.uuid4().hex)
        self._write(invoice_id, edit, known)

    def _write(self, invoice_id: str, edit: Edit, known: dict[str, int]) -> None:
        path = f"/invoices/{invoice_id}/lines/{edit.line_id}"
        values = {"version": edit.base, "description": edit.text}
        try:
            response, was_doubtful = self._ask(lambda: self.client.post(path, **values))
        except GaveUpError:
            self.journal.perhaps_edits.append(edit)
            raise
        if response.status_code == 303:
            self._note("edit")
            self.journal.edits.append(edit)
            known[edit.line_id] = edit.base + 1
            return
        del self.versions[invoice_id]
        if was_doubtful:
            self.journal.perhaps_edits.append(edit)
        if response.status_code == 422:
            self._forget(invoice_id)

    def add_line(self) -> None:
        if invoice_id := self._any(self.drafts):
            token = uuid.uuid4()
            values = {"one_time_token": token, "description": "More", "unit_price": "7.77", "tax_rate": "20"}
            if self._once(f"/invoices/{invoice_id}/lines", token, values).status_code == 303:
                self._note("add line")
                self.journal.lines[token] = invoice_id
            else:
                self._forget(invoice_id)

    def pay(self) -> None:
        if invoice_id := self._any(self.issued):
            token = uuid.uuid4()
            amount = {"amount": "0.01"} if self.dice.random() < 0.8 else {}
            if self._once(f"/invoices/{invoice_id}/pay", token, {"one_time_token": token, **amount}).status_code == 303:
                self._note("pay")
                self.journal.payments[token] = invoice_id
            else:
                self._forget(invoice_id)

    def correct(self) -> None:
        if invoice_id := self._any(self.issued):
            token = uuid.uuid4()
            if made := self._make(f"/invoices/{invoice_id}/correct", token):
                self._note("correct")
                self.journal.corrected[token] = (invoice_id, made)
                self.drafts.append(made)
                self.issued.remove(invoice_id)

    def archive(self) -> None:
        if invoice_id := self._any(self.drafts + self.issued):
            response, _ = self._ask(lambda: self.client.post(f"/invoices/{invoice_id}/archive"))
            if response.status_code == 303:
                self._note("archive")
                self.journal.archived.add(invoice_id)
            self._forget(invoice_id)

    def _make(self, path: str, token: uuid.UUID, **values: str) -> str | None:
        response = self._once(path, token, {"one_time_token": token, **values})
        return response.headers["Location"].rsplit("/", 1)[-1] if response.status_code == 303 else None

    def _once(self, path: str, token: uuid.UUID, values: dict[str, object]) -> httpx.Response:
        """Ask for something that a one-time token keeps from counting twice."""
        try:
            response, was_doubtful = self._ask(lambda: self.client.post(path, **values))
        except GaveUpError:
            self.journal.perhaps.add(token)
            raise
        if response.status_code != 303 and was_doubtful:
            self.journal.perhaps.add(token)
        return response

    def _ask(self, send: Callable[[], httpx.Response]) -> tuple[httpx.Response, bool]:
        """The answer, and whether an earlier try had none, so that it may have counted."""
        started, was_doubtful = time.monotonic(), False
        while time.monotonic() < started + GIVE_UP_SECONDS:
            try:
                response = send()
            except httpx.TransportError:
                pass
            else:
                self.journal.statuses[response.status_code] += 1
                if response.status_code not in UNAVAILABLE:
                    return response, was_doubtful
            was_doubtful = True
            self.journal.retries += 1
            time.sleep(self.dice.uniform(0.05, 0.5))
        raise GaveUpError

    def _note(self, what: str) -> None:
        self.journal.done[what] += 1

    def _any(self, ids: list[str]) -> str | None:
        return self.dice.choice(ids) if ids else None

    def _forget(self, invoice_id: str) -> None:
        """It is not what it was any more: issued, archived, paid."""
        self.versions.pop(invoice_id, None)
        for known in (self.drafts, self.shared):
            if invoice_id in known:
                known.remove(invoice_id)
