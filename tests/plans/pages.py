"""The addresses that are asked for: every list, filter, sort and search, and every other page that reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from flask.testing import FlaskClient

from invoices_app.invoices.figures import STATUSES
from invoices_app.invoices.queries import SORTS
from tests.plans.judging import (
    A_BATCH,
    A_PAGE,
    ALL_NUMBERS,
    CHOICES,
    CREDIT_NOTES,
    DASHBOARD,
    FAR_AWAY,
    FIGURES,
    FIGURES_AND_OPEN,
    FOUND_CHOICES,
    HISTORY,
    OF_CLIENT,
    OPEN,
    RESTORED,
    SEARCH,
    SUGGESTIONS,
    Found,
    Limits,
    look_at,
)
from tests.plans.stage import Stage
from tests.support.browser import HTMX

BOTH_WAYS = [f"{sign}{sort}" for sort in SORTS for sign in ("-", "")]


@dataclass(frozen=True)
class Case:
    """An address, `{...}` in it filled in with the things of the business, and what its statements may do."""

    path: str
    group: str
    limits: Limits = FIGURES
    is_fragment: bool = False


def lists() -> Iterator[Case]:
    """Each status in each order, some with archived ones; pages in the middle; the lists of a client."""
    for status, sort in product((None, *STATUSES), BOTH_WAYS):
        limits = FIGURES_AND_OPEN if status in {"sent", "overdue"} else FIGURES
        query = f"status={status}&sort={sort}" if status else f"sort={sort}"
        group = f"list, {status or 'all'}, in every order"
        yield Case(f"/invoices?{query}", group, limits)
        if status is None or sort in {"-date", "client"}:
            yield Case(f"/invoices?{query}&archived=1", group, limits)
    for sort, archived in product(BOTH_WAYS, ("", "&archived=1")):
        path = f"/invoices?sort={sort}{archived}&cursor={{middle:{sort}}}"
        yield Case(path, "more rows, from the middle, in every order", A_PAGE, is_fragment=True)
    for sort in ("-date", "client"):
        yield Case(f"/invoices?sort={sort}&upto={{middle:{sort}}}", "a thousand rows again", RESTORED)
    for status in STATUSES:
        limits = OPEN if status in {"sent", "overdue"} else A_PAGE
        path = f"/invoices?status={status}&cursor={{middle:-date}}"
        yield Case(path, f"more rows, {status}", limits, is_fragment=True)
    for query in ("", "&status=sent", "&status=overdue&sort=due", "&sort=-amount", "&archived=1&sort=client"):
        yield Case(f"/invoices?client={{client}}{query}", "list of a client", OF_CLIENT)
        yield Case(f"/clients/{{client}}?{query[1:]}", "page of a client", OF_CLIENT)
    for query in ("", "&status=paid", "&sort=due", "&archived=1", "&sort=-number"):
        yield Case(f"/invoices?type=credit{query}", "list of credit notes", CREDIT_NOTES)


RARE = ("{number}", "{name}", "nobody", "-")
COMMON = ("2025-0", "planning", "planning+delivery", "p")


def searches() -> Iterator[Case]:
    """What is rare, what is common, what is nowhere; alone and with filters."""
    rests = ("", "&status=sent&sort=amount", "&archived=1&sort=-client", "&client={client}")
    for typed, rest in product((*RARE, *COMMON), rests):
        group = f"search, {'rare' if typed in RARE else 'common'} words"
        limits = FAR_AWAY if rest.endswith("-client") else SEARCH
        yield Case(f"/invoices?q={typed}{rest}", group, limits)
    for typed in ("{name}", "bakery", "b", "nobody"):
        yield Case(f"/clients?q={typed}", "search for clients", SEARCH)
        yield Case(f"/clients?q={typed}&archived=1", "search for clients", SEARCH)
        yield Case(f"/clients/search?q={typed}", "choosing a client", FOUND_CHOICES, is_fragment=True)
        yield Case(f"/palette?q={typed}", "search in the palette", SEARCH, is_fragment=True)
    yield Case("/palette?q={number}", "search in the palette", SEARCH, is_fragment=True)


OTHERS = {
    "/": DASHBOARD,
    "/clients": FIGURES,
    "/clients?archived=1": FIGURES,
    "/clients?cursor={client cursor}": FIGURES,
    "/clients/search": CHOICES,
    "/clients/{client}/edit": A_PAGE,
    "/clients/{client}/history": HISTORY,
    "/clients.csv": A_BATCH,
    "/invoices.csv?status=overdue": A_BATCH,
    "/invoices.csv?client={client}": A_BATCH,
    "/invoices/new": CHOICES,
    "/invoices/new?client={client}": CHOICES,
    "/invoices/{draft}": CHOICES,
    "/invoices/{issued}": A_PAGE,
    "/invoices/{paid}": A_PAGE,
    "/invoices/{draft}/history": HISTORY,
    "/invoices/{issued}/history": HISTORY,
    "/invoices/{issued}/print": A_PAGE,
    "/invoices/print?ids={draft}&ids={issued}&ids={paid}": A_PAGE,
    "/invoices/numbers": ALL_NUMBERS,
    "/settings/numbers": A_PAGE,
    "/settings/numbers/preview?pattern=A-{{seq}}": A_PAGE,
    "/settings/account": A_PAGE,
    "/settings/account/second-factor": A_PAGE,
    "/settings/business": A_PAGE,
    "/settings/team": A_PAGE,
    "/businesses": A_PAGE,
    "/palette": A_PAGE,
    "/shortcuts": A_PAGE,
    "/export": A_PAGE,
    "/readyz": A_PAGE,
}
NAMED = {
    "/": "dashboard",
    "/clients": "list of clients",
    "/clients?archived=1": "list of clients",
    "/clients?cursor={client cursor}": "list of clients",
    "/clients.csv": "export, a batch",
    "/invoices.csv?status=overdue": "export, a batch",
    "/invoices.csv?client={client}": "export, a batch",
    "/invoices/{draft}": "an invoice",
    "/invoices/{issued}": "an invoice",
    "/invoices/{paid}": "an invoice",
    "/clients/{client}/history": "history",
    "/invoices/{draft}/history": "history",
    "/invoices/{issued}/history": "history",
    "/invoices/numbers": "report of numbers",
}
"""What is counted together in the report."""


def all_cases() -> list[Case]:
    suggested = [
        Case(f"/invoices/{{draft}}/suggestions?q={typed}", "suggestions for a line", SUGGESTIONS, is_fragment=True)
        for typed in ("", "planning", "p", "z")
    ]
    others = [Case(path, NAMED.get(path, "other pages"), limits) for path, limits in OTHERS.items()]
    return [*lists(), *searches(), *suggested, *others]


def ask(stage: Stage, case: Case) -> Found:
    """Ask for the page of a case, and look at its statements."""
    path = _address(stage, case)
    headers = HTMX if case.is_fragment else {}

    def get() -> None:
        answer = FlaskClient.open(stage.person.browser, path, headers=headers)
        assert answer.status_code == 200, f"{answer.status_code} from {path}"
        answer.get_data()

    return look_at(stage, case.limits, get)


def _address(stage: Stage, case: Case) -> str:
    path = case.path.replace("{client cursor}", stage.client_cursor)
    for sort in BOTH_WAYS:
        if f"{{middle:{sort}}}" in path:
            path = path.replace(f"{{middle:{sort}}}", stage.in_the_middle(sort))
    return path.format(**stage.things)
