"""The number of SQL statements of a page: a constant, the same at 10 and at 10,000 rows, and with 3 and 300 lines."""

from __future__ import annotations

import uuid

import pytest
from flask import Flask

from invoices_app.db.keyset import ROWS_PER_PAGE
from tests.support.databases import Database
from tests.support.factories import issue, line, make_client, make_invoice, read
from tests.support.imports import BAD_ROW, bring, csv_bytes, id_of, some_invoices
from tests.support.people import Person, make_owner
from tests.support.statements import CountStatements

# Each begins with one that finds the session. What enters the business travels with the first of a transaction.
BUDGETS = {
    "/invoices": 3,
    "/invoices?archived=1&status=draft": 3,
    "/invoices?status=overdue&sort=-due": 3,
    "/invoices?sort=client": 3,
    "/invoices?type=credit&status=sent": 3,
    "/invoices?q=job": 3,
    "/invoices?q=job&sort=amount&archived=1": 3,
    "/invoices?q=nobody": 3,
    "/invoices?client={client}": 4,
    "/invoices?client={client}&q=job": 4,
    "/clients": 3,
    "/clients?q=client&archived=1": 3,
    "/clients/search": 2,
    "/clients/search?q=client": 2,
    "/clients/{client}": 4,
    "/clients/{client}?status=sent&sort=due&archived=1": 4,
    "/clients/{client}/edit": 2,
    "/": 3,
    "/palette": 1,
    "/palette?q=client": 5,
    "/shortcuts": 1,
    "/invoices/new": 3,
    "/invoices/{draft}": 4,
    "/invoices/{issued}": 2,
    "/invoices/{issued}/history": 5,
    "/clients/{client}/history": 5,
    "/invoices/{draft}/suggestions": 3,
    "/invoices/{draft}/suggestions?q=line": 3,
    "/invoices/{draft}/print": 2,
    "/invoices/{issued}/print": 2,
    "/invoices/print?ids={draft}&ids={issued}": 2,
    "/invoices/numbers": 3,
    "/settings/numbers": 2,
    "/settings/numbers/preview?pattern=A-{{seq}}": 2,
    "/settings/account": 4,
    "/settings/account/second-factor": 2,
    "/settings/business": 2,
    "/settings/team": 4,
    "/businesses": 2,
    "/export": 1,
    "/import": 2,
    "/import/{import}": 5,
    "/import/{import}/problems.csv": 3,
    "/healthz": 0,
    "/readyz": 2,
    "/static/css/app.css": 0,
}


def furnish(app: Flask, database: Database, count: int) -> tuple[Person, dict[str, uuid.UUID]]:
    """A business with that many clients, invoices, and lines on each of two of them."""
    person = make_owner(app, "Ada Owner", f"{count} of each")
    client_id = make_client(person)
    lines = [line(f"Line {number}") for number in range(min(count, 300) if count > 10 else 3)]
    draft, issued = (make_invoice(person, lines, client_id) for _ in range(2))
    issue(person, issued)
    with database.as_app(person.business_id, person.user_id) as connection:
        connection.execute(
            "INSERT INTO invoices (business_id, id, client_id, currency, minor_units, issue_date, due_date, reference)"
            " SELECT %s, gen_random_uuid(), %s, 'GBP', 2, '2026-01-01'::date + n, '2026-03-01'::date + n, 'Job ' || n"
            " FROM generate_series(1, %s) n",
            [person.business_id, client_id, count],
        )
        connection.execute(
            "INSERT INTO clients (business_id, id, name) SELECT %s, gen_random_uuid(), 'Client ' || n"
            " FROM generate_series(1, %s) n",
            [person.business_id, count],
        )
    import_id = id_of(bring(person.browser, csv_bytes([*some_invoices(min(count, 1_000)), BAD_ROW])))
    return person, {"client": client_id, "draft": draft, "issued": issued, "import": import_id}


@pytest.fixture(scope="module", params=[10, 10_000])
def business(request: pytest.FixtureRequest, app: Flask, database: Database) -> tuple[Person, dict[str, uuid.UUID]]:
    return furnish(app, database, request.param)


@pytest.mark.parametrize(("path", "budget"), BUDGETS.items())
def test_statements_of_a_page(
    business: tuple[Person, dict[str, uuid.UUID]], count_statements: CountStatements, path: str, budget: int
) -> None:
    person, ids = business
    url = path.format(**ids)
    assert person.browser.open(url).status_code == 200
    with count_statements() as statements:
        assert person.browser.open(url).status_code == 200
    assert len(statements) == budget, "\n".join(statements)


@pytest.mark.parametrize(
    ("path", "budget"), {"/invoices": 2, "/invoices?q=job": 3, "/clients": 2, "/clients/{client}": 3}.items()
)
def test_statements_of_the_next_rows(
    business: tuple[Person, dict[str, uuid.UUID]], count_statements: CountStatements, path: str, budget: int
) -> None:
    """More rows alone cost less than the page: nothing is counted again."""
    person, ids = business
    page = person.browser.get(path.format(**ids))
    further = [str(link.get("hx-get")) for link in page.all("a") if "cursor=" in str(link.get("hx-get"))]
    assert len(further) == (len([*page.all("tr")]) > ROWS_PER_PAGE)
    for url in further:
        with count_statements() as statements:
            assert person.browser.get(url, htmx=True).words()
        assert len(statements) == budget, "\n".join(statements)


WRITE_BUDGETS = {
    "create": ("/invoices", 7),
    "edit a cell": ("/invoices/{draft}/lines/{line}", 3),
    "issue": ("/invoices/{draft}/issue", 6),
}
"""What people do all day; more lines make none of them more statements."""


@pytest.mark.parametrize("lines", [3, 300])
def test_statements_of_a_write(app: Flask, count_statements: CountStatements, lines: int) -> None:
    person = make_owner(app, "Ada Owner", "Writes")
    client_id = make_client(person)
    issue(person, make_invoice(person, [line()], client_id))  # the counter of this year is there
    draft = make_invoice(person, [line(f"Line {number}") for number in range(lines)], client_id)
    line_id = read(person, draft).lines[1].id
    sent = {
        "create": {
            "client_id": str(client_id),
            "one_time_token": str(uuid.uuid4()),
            **{f"lines-{n}-description": f"Line {n}" for n in range(lines)},
        },
        "edit a cell": {"quantity": "5", "version": "1"},
        "issue": {"one_time_token": str(uuid.uuid4())},
    }
    page = person.browser.get(f"/invoices/{draft}")
    for name, (path, budget) in WRITE_BUDGETS.items():
        with count_statements() as statements:
            is_edit = name == "edit a cell"
            url = path.format(draft=draft, line=line_id)
            person.browser.post(url, sent[name], 200 if is_edit else 303, htmx=is_edit, on=page)
        assert len(statements) == budget, "\n".join(statements)
