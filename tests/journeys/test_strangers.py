"""A second business gets 404 on every address of the first; nobody gets in without signing in."""

from __future__ import annotations

import pytest

from tests.journeys.pages import PASSWORD, Visitor

READ = ["/clients/{client}", "/clients/{client}/edit", "/invoices/{draft}", "/invoices/{draft}/print",
        "/invoices/{sent}", "/invoices/{sent}/print"]  # fmt: skip
WRITE = [
    *(f"/clients/{{client}}{step}" for step in ("", "/archive", "/restore")),
    *(
        f"/invoices/{{{kind}}}{step}"
        for kind in ("draft", "sent")
        for step in ("", "/issue", "/pay", "/reopen", "/archive", "/restore", "/duplicate", "/lines")
    ),
    *(f"/invoices/{{draft}}/lines/{{line}}{step}" for step in ("", "/delete", "/move", "/duplicate")),
]
CHANGES = {"name": "Mine", "version": "1", "position": "1", "description": "Mine", "issue_date": "2026-01-01"}


@pytest.fixture(scope="module")
def ours(owner: Visitor, client_id: str) -> dict[str, str]:
    lines: list[dict[str, object]] = [{"description": "Secret work", "unit_price": "10"}] * 2
    draft = owner.write_invoice(client_id, lines)
    sent = owner.write_invoice(client_id, lines)
    owner.send(sent.form("/issue"))
    return {"client": client_id, "draft": draft.id, "sent": sent.id, "line": next(iter(draft.rows("line")))}


def state(owner: Visitor, ours: dict[str, str]) -> list[str]:
    pages = [owner.open(url.format(**ours)) for url in READ]
    return [page.text(page.by_id("main")) for page in pages]


@pytest.mark.parametrize("url", READ)
def test_stranger_reads_nothing(stranger: Visitor, ours: dict[str, str], url: str) -> None:
    page = stranger.open(url.format(**ours), status=404)
    assert "Secret work" not in page.text()


def test_stranger_writes_nothing(owner: Visitor, stranger: Visitor, ours: dict[str, str]) -> None:
    before = state(owner, ours)
    token = stranger.open("/clients/new").form("/clients").values["csrf_token"]
    values = CHANGES | {"client_id": ours["client"], "csrf_token": token}
    answers = {url: stranger.client.post(url.format(**ours), data=values).status_code for url in WRITE}
    assert set(answers.values()) == {404}, answers
    assert state(owner, ours) == before


def test_stranger_finds_nothing_in_lists(stranger: Visitor, ours: dict[str, str]) -> None:
    for url, kind in [("/invoices?archived=1", "invoice"), ("/clients?archived=1", "client")]:
        assert not stranger.open(url).rows(kind)
    stranger.open(f"/invoices?client={ours['client']}", 404)
    assert "Secret" not in stranger.open("/").text()


def test_stranger_cannot_bill_our_client(stranger: Visitor, ours: dict[str, str]) -> None:
    page = stranger.open("/invoices/new")
    refused = stranger.send(page.form("/invoices"), status=422, client_id=ours["client"])
    assert "Choose one of your clients." in refused.text()
    assert "Regular Client" not in refused.text()


def test_signing_out_closes_everything(base_url: str, ours: dict[str, str]) -> None:
    email = f"{ours['sent']}@example.com"
    with Visitor(base_url) as visitor:
        home = visitor.register("Short Visit", email)
        assert visitor.send(home.form("/logout")).path == "/login"
        for url in ("/", "/invoices", "/clients", *READ):
            assert visitor.open(url.format(**ours)).path == "/login"
        again = visitor.send(visitor.open("/login").form("/login"), email=email, password=PASSWORD)
        assert (again.path, again.status) == ("/", 200)
