"""A business with something of everything, so that its pages offer all there is."""

from __future__ import annotations

import uuid

from invoices_app.accounts import account_actions
from invoices_app.accounts.models import Membership, Role
from invoices_app.db.transaction import transaction
from invoices_app.invoices import series_actions
from invoices_app.invoices.series_actions import SeriesValues
from tests.support.factories import (
    archive,
    line,
    make_client,
    make_invitation,
    make_invoice,
    make_issued,
    make_logo,
    pay,
    today,
    value_of,
)
from tests.support.imports import bring, csv_bytes, id_of, start
from tests.support.people import PASSWORD, Person, make_owner, make_teammate

ROWS_OF_A_PAGE = 25


def furnish(person: Person, mark: str) -> None:
    """Clients for two pages, documents in every state, two series, a team, invitations, links; all bear `mark`."""
    client_id = make_client(person, f"{mark} client")
    for number in range(ROWS_OF_A_PAGE):
        make_client(person, f"{mark} client {number}")
    make_logo(person, colour=(len(mark), uuid.uuid4().int % 256, uuid.uuid4().int % 256))
    for _ in range(ROWS_OF_A_PAGE):
        make_invoice(person, [], client_id=client_id, reference=mark)
    for make in (make_invoice, make_issued):
        make(person, [line(mark), line(mark)], client_id=client_id, reference=mark, notes=mark)
    pay(person, make_issued(person, client_id=client_id))
    archive(person, make_invoice(person, client_id=client_id))
    make_teammate(person, f"{mark} colleague")
    make_invitation(person, f"invited-{uuid.uuid4().hex}@example.com")
    person.signed_in_browser()
    with person.acting():
        series = SeriesValues(f"{mark.upper().replace(' ', '-')}-{{seq}}", yearly=False, is_default=False)
        value_of(series_actions.add_series(mark[:3].upper(), series, today()))
        wanted = account_actions.ask_for_email(f"new-{uuid.uuid4().hex}@example.com", PASSWORD, lambda token: token)
        value_of(wanted)
    bring_file(person, mark)
    join(person, make_owner(person.app, f"{mark} partner", f"{mark} partner"))


def bring_file(person: Person, mark: str) -> None:
    """A file whose import waits to be started, with a row that cannot come in, and another one that runs."""
    rows = [[f"{mark}-{number}", "2024-03-05", mark, mark, 1, "10.00", 20] for number in range(3)]
    bring(person.browser, csv_bytes([*rows, [mark, "no day", mark, mark, 1, "10.00", 20]]), f"{mark}.csv")
    running = id_of(bring(person.browser, csv_bytes(rows), f"{mark} that runs.csv"))
    start(person.browser, running)


def join(person: Person, other: Person) -> None:
    """Make a person a member of somebody else's business as well."""
    with other.acting(), transaction() as session:
        session.add(Membership(business_id=other.business_id, user_id=person.user_id, role=Role.MEMBER))
