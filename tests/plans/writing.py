"""What people change, and what happens beside pages: each looked at while it is done."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from invoices_app.accounts import password_actions
from invoices_app.extensions import db
from invoices_app.invoices import correction_actions, line_actions
from invoices_app.mail import outbox
from invoices_app.results import Ok
from tests.plans.judging import A_WRITE, Found, look_at
from tests.plans.stage import Stage
from tests.support.browser import Browser
from tests.support.factories import (
    ORIGIN,
    line,
    make_client,
    make_invitation,
    make_invoice,
    make_issued,
    pay,
    today,
    value_of,
)
from tests.support.people import Person
from tests.support.writes import Write


def credit_some(person: Person, count: int) -> None:
    """Take that many new invoices back, half of them paid before, so that there are credit notes of both kinds."""
    for place in range(count):
        invoice_id = make_issued(person, [line(f"Credited {place}")])
        if place % 2:
            pay(person, invoice_id)
        with person.acting():
            value_of(correction_actions.correct_invoice(invoice_id, today(), with_draft=False))


def carry_out(stage: Stage, write: Write) -> Found:
    """Do it through its form."""
    place = write.place(stage.person)
    browser = stage.person.browser
    browser.get(place.page)
    form = browser.form_for(place.url)
    assert form is not None, f"{place.page} has no form to {place.url}"
    values = {**form.values, **place.more, **write.good}
    return look_at(stage, A_WRITE, lambda: browser.send_any(place.url, values, {200, 303}))


Prepared = Callable[[], object]


def _sign_in(stage: Stage) -> Prepared:
    browser = Browser(stage.app, use_cookies=True)
    browser.get("/login")
    return lambda: browser.send_any(
        "/login",
        {"csrf_token": browser.csrf_token, "email": stage.person.email, "password": stage.password},
        {303},
    )


def _ask_for_a_password(stage: Stage) -> Prepared:
    def ask() -> None:
        with stage.app.app_context():
            assert isinstance(password_actions.send_link(stage.person.email, lambda token: f"/x/{token}"), Ok)

    return ask


def _deliver(stage: Stage) -> Prepared:
    _ask_for_a_password(stage)()

    def deliver() -> None:
        with stage.app.app_context():
            mail = outbox.claim(db.engine)
            assert mail is not None
            outbox.delivered(db.engine, mail)

    return deliver


def _open_an_invitation(stage: Stage) -> Prepared:
    token = make_invitation(stage.person, f"{uuid.uuid4().hex}@example.com")
    return lambda: Browser(stage.app, use_cookies=True).get(f"/invitations/{token}")


def _register(stage: Stage) -> Prepared:
    browser = Browser(stage.app, use_cookies=True)
    browser.get("/register")
    values = {"name": "Nora New", "email": f"{uuid.uuid4().hex}@example.com", "business_name": "New Ltd"}
    return lambda: browser.submit("/register", {**values, "password": f"a new password {uuid.uuid4()}"})


def _undo_an_edit(stage: Stage) -> Prepared:
    invoice_id = make_invoice(stage.person)

    def undo() -> None:
        with stage.person.acting():
            value_of(line_actions.undo(invoice_id, ORIGIN))

    with stage.person.acting():
        value_of(line_actions.add_lines(invoice_id, [line()], ORIGIN))
    return undo


def _undo_archiving(stage: Stage) -> Prepared:
    """Of an invoice, and of a client."""
    undone = []
    for path in (f"/invoices/{make_invoice(stage.person)}", f"/clients/{make_client(stage.person)}"):
        stage.person.browser.get(path)
        page = stage.person.browser.follow(stage.person.browser.post(f"{path}/archive"))
        undone.append(next(form.action for form in page.forms if form.action.endswith("/undo")))

    def undo() -> None:
        for path in undone:
            stage.person.browser.post(path)

    return undo


OTHERS: dict[str, Callable[[Stage], Prepared]] = {
    "sign in": _sign_in,
    "ask for a password": _ask_for_a_password,
    "deliver mail": _deliver,
    "open an invitation": _open_an_invitation,
    "register": _register,
    "undo an edit": _undo_an_edit,
    "undo archiving": _undo_archiving,
}


def carry_out_other(stage: Stage, name: str) -> Found:
    """Do one of the others."""
    return look_at(stage, A_WRITE, OTHERS[name](stage))
