"""What people do with an invoice and its lines, by forms and links alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.journeys.pages import Form, Page, Visitor

LINES: list[dict[str, object]] = [
    {"description": "Design", "quantity": "3", "unit": "h", "unit_price": "80.00", "tax_rate": "20"},
    {"description": "Hosting", "quantity": "1", "unit_price": "12.50", "tax_rate": "20"},
    {"description": "Books", "quantity": "2", "unit_price": "10.00", "tax_rate": "0"},
]


@pytest.fixture
def draft(owner: Visitor, client_id: str) -> Page:
    return owner.write_invoice(client_id, LINES)


@pytest.fixture
def sent(owner: Visitor, draft: Page) -> Page:
    return owner.send(draft.form("/issue"))


def today() -> date:
    return datetime.now(UTC).date()


def line_form(page: Page, description: str) -> Form:
    """The form of the line with this description."""
    forms = [page.form(f"/lines/{line_id}") for line_id in page.rows("line")]
    return next(form for form in forms if form.values["description"] == description)


def order(page: Page) -> list[str]:
    return [page.form(f"/lines/{line_id}").values["description"] for line_id in page.rows("line")]


def totals(page: Page) -> tuple[str, ...]:
    return tuple(str(page.amount(f"invoice-{name}")) for name in ("subtotal", "tax", "total"))


# ---- Drafts and their lines ----


def test_a_new_draft_shows_what_was_written(draft: Page) -> None:
    assert order(draft) == ["Design", "Hosting", "Books"]
    assert totals(draft) == ("272.50", "50.50", "323.00")
    assert line_form(draft, "Design").values["unit"] == "h"
    assert (draft.invoice_status, draft.number) == ("draft", "")


def test_due_date_follows_the_clients_terms(owner: Visitor, client_id: str) -> None:
    page = owner.write_invoice(client_id, LINES, issue_date="2026-01-31")
    assert page.form(f"/invoices/{page.id}").values["due_date"] == "2026-02-14"


def test_edit_a_line(owner: Visitor, draft: Page) -> None:
    page = owner.send(line_form(draft, "Hosting"), quantity="4", discount_percent="10")
    assert totals(page) == ("305.00", "57.00", "362.00")
    assert line_form(page, "Hosting").values["quantity"] == "4"


def test_delete_a_line(owner: Visitor, draft: Page) -> None:
    page = owner.send(draft.form(f"{line_form(draft, 'Design').action}/delete"))
    assert order(page) == ["Hosting", "Books"]
    assert totals(page) == ("32.50", "2.50", "35.00")


def test_move_a_line(owner: Visitor, draft: Page) -> None:
    page = owner.send(draft.form(f"{line_form(draft, 'Books').action}/move", "Move up"))
    assert order(page) == ["Design", "Books", "Hosting"]
    page = owner.send(page.form(f"{line_form(page, 'Design').action}/move", "Move down"))
    assert order(page) == ["Books", "Design", "Hosting"]
    assert totals(page) == totals(draft)


def test_duplicate_a_line(owner: Visitor, draft: Page) -> None:
    page = owner.send(draft.form(f"{line_form(draft, 'Design').action}/duplicate"))
    assert order(page) == ["Design", "Design", "Hosting", "Books"]
    assert totals(page) == ("512.50", "98.50", "611.00")


def test_add_a_line_after_another(owner: Visitor, draft: Page) -> None:
    form = draft.form(f"/invoices/{draft.id}/lines")
    after = line_form(draft, "Design").action.rpartition("/")[2]
    page = owner.post(form.action, form.filled({"description": "Travel", "unit_price": "5"}) | {"after": after})
    assert order(page) == ["Design", "Travel", "Hosting", "Books"]


def test_edit_the_heading(owner: Visitor, draft: Page) -> None:
    header = draft.form(f"/invoices/{draft.id}")
    page = owner.send(header, reference="PO 77", discount_percent="10", notes="Thank you")
    values = page.form(f"/invoices/{page.id}").values
    assert (values["reference"], values["notes"]) == ("PO 77", "Thank you")
    assert totals(page) == ("272.50", "45.45", "290.70")


def test_a_stale_line_changes_nothing(owner: Visitor, draft: Page) -> None:
    owner.send(line_form(draft, "Hosting"), quantity="2")
    refused = owner.send(line_form(draft, "Hosting"), status=409, quantity="9")
    assert line_form(refused, "Hosting").values["quantity"] == "2"
    action = line_form(draft, "Hosting").action
    both = [form.values["quantity"] for form in refused.forms(action)]
    assert both == ["2", "9"]
    assert line_form(owner.open(draft.path), "Hosting").values["quantity"] == "2"


def test_bad_input_is_kept_beside_its_sentence(owner: Visitor, draft: Page) -> None:
    refused = owner.send(line_form(draft, "Hosting"), status=422, quantity="a dozen")
    assert line_form(refused, "Hosting").values["quantity"] == "a dozen"
    assert "Enter a number, such as 12.50." in refused.text()
    assert totals(owner.open(draft.path)) == totals(draft)


def test_a_bad_line_of_a_new_invoice_loses_nothing(owner: Visitor, client_id: str) -> None:
    form = owner.open("/invoices/new").form("/invoices")
    typed = {
        "client_id": client_id,
        "reference": "Keep me",
        "lines-0-description": "Fine",
        "lines-1-description": "Not fine",
        "lines-1-unit_price": "-3",
    }
    form = owner.send(form, status=422, **typed).form("/invoices")
    assert {name: form.values[name] for name in typed} == typed
    page = owner.send(form, **{"lines-1-unit_price": "3"})
    assert order(page) == ["Fine", "Not fine"]


def test_sending_the_form_twice_makes_one_invoice(owner: Visitor, client_id: str) -> None:
    form = owner.open("/invoices/new").form("/invoices")
    values = {"client_id": client_id, "reference": "Double click", "lines-0-description": "Once"}
    first, second = owner.send(form, **values), owner.send(form, **values)
    assert first.path == second.path
    assert len(owner.open("/invoices?q=Double+click").rows("invoice")) == 1


def test_sending_a_line_twice_adds_one(owner: Visitor, draft: Page) -> None:
    form = draft.form(f"/invoices/{draft.id}/lines")
    owner.send(form, description="Once")
    assert order(owner.send(form, description="Once")) == ["Design", "Hosting", "Books", "Once"]


def test_fields_left_out_have_their_usual_values(owner: Visitor, client_id: str) -> None:
    form = owner.open("/invoices/new").form("/invoices")
    token = {"csrf_token": form.values["csrf_token"]}
    page = owner.post(form.action, token | {"client_id": client_id, "lines-0-description": "Words alone"})
    page = owner.post(page.form(f"/invoices/{page.id}/lines").action, token | {"description": "Again"})
    assert order(page) == ["Words alone", "Again"]
    assert [line_form(page, words).values["quantity"] for words in order(page)] == ["1", "1"]
    assert totals(page)[0] == "0.00"


# ---- Issue and pay ----


def test_the_number_appears_at_issue_and_stays(owner: Visitor, sent: Page) -> None:
    assert sent.number.startswith(f"INV-{today().year}-")
    assert (sent.invoice_status, totals(sent)) == ("sent", ("272.50", "50.50", "323.00"))
    again = owner.open(sent.path)
    assert (again.number, again.forms("/issue")) == (sent.number, [])


def test_an_issued_invoice_is_frozen(owner: Visitor, draft: Page) -> None:
    owner.send(draft.form("/issue"))
    owner.send(line_form(draft, "Books"), status=422, quantity="9")
    owner.send(draft.form(f"/invoices/{draft.id}"), status=422, reference="Changed")
    page = owner.send(draft.form(f"{line_form(draft, 'Books').action}/delete"), status=422)
    assert "frozen" in page.text()
    assert totals(owner.open(draft.path)) == totals(draft)


def test_an_invoice_without_lines_is_not_issued(owner: Visitor, client_id: str) -> None:
    page = owner.write_invoice(client_id, [])
    refusal = owner.send(page.form("/issue"), status=422)
    assert "Add at least one line" in refusal.text()
    assert owner.open(page.path).number == ""


def test_pay_in_full(owner: Visitor, sent: Page) -> None:
    page = owner.send(sent.form("/pay"))
    assert page.invoice_status == "paid"
    assert (page.amount("invoice-paid"), page.amount("invoice-due")) == (Decimal("-323.00"), Decimal(0))
    assert not page.forms("/pay")


def test_pay_in_parts(owner: Visitor, sent: Page) -> None:
    page = owner.send(sent.form("/pay"), amount="100.10")
    assert page.invoice_status == "sent"
    assert page.amount("invoice-due") == Decimal("222.90")
    page = owner.send(page.form("/pay"))
    assert page.invoice_status == "paid"
    assert page.amount("invoice-due") == 0


def test_paying_twice_by_one_form_pays_once(owner: Visitor, sent: Page) -> None:
    form = sent.form("/pay")
    owner.send(form, amount="100")
    assert owner.send(form, amount="100").amount("invoice-due") == Decimal("223.00")


def test_paying_too_much_is_refused_and_kept(owner: Visitor, sent: Page) -> None:
    refused = owner.send(sent.form("/pay"), status=422, amount="323.01")
    assert "Only 323.00 is due" in refused.text()
    assert refused.form("/pay").values["amount"] == "323.01"
    assert owner.open(sent.path).invoice_status == "sent"


def test_reopen_takes_the_last_payment_back(owner: Visitor, sent: Page) -> None:
    paid = owner.send(owner.send(sent.form("/pay"), amount="23").form("/pay"))
    page = owner.send(paid.form("/reopen"))
    assert page.invoice_status == "sent"
    assert page.amount("invoice-due") == Decimal("300.00")
    assert page.number == sent.number


def test_late_is_overdue_until_it_is_paid(base_url: str) -> None:
    with Visitor(base_url) as visitor:
        visitor.register("Owed Money Ltd")
        client = visitor.add_client(name="Late Payer", payment_terms_days=0).id
        page = visitor.write_invoice(client, LINES, issue_date=today() - timedelta(days=2))
        page = visitor.send(page.form("/issue"))
        assert page.invoice_status == "overdue"
        assert page.id in visitor.open("/invoices?status=overdue").rows("invoice")
        assert visitor.send(page.form("/pay")).invoice_status == "paid"
        assert page.id not in visitor.open("/invoices?status=overdue").rows("invoice")


# ---- Archive, restore, duplicate ----


def test_archive_hides_and_restore_brings_back(owner: Visitor, sent: Page) -> None:
    owner.send(sent.form("/archive"))
    assert sent.id not in owner.open("/invoices").rows("invoice")
    archived = owner.open("/invoices?archived=1")
    assert sent.id in archived.rows("invoice")
    owner.send(archived.form(f"/invoices/{sent.id}/restore"))
    restored = owner.open(sent.path)
    assert (restored.number, totals(restored)) == (sent.number, totals(sent))
    assert sent.id in owner.open("/invoices").rows("invoice")


def test_an_archived_draft_is_not_edited(owner: Visitor, draft: Page) -> None:
    page = owner.send(draft.form("/archive"))
    assert not page.forms("/issue")
    refusal = owner.send(line_form(draft, "Books"), status=422, quantity="9")
    assert "archived" in refusal.text()


def test_duplicate_makes_a_draft_dated_today(owner: Visitor, client_id: str) -> None:
    original = owner.write_invoice(client_id, LINES, discount_percent="5", reference="Monthly")
    original = owner.send(original.form("/issue"))
    form = original.form("/duplicate")
    copy = owner.send(form)
    assert copy.id != original.id
    assert (copy.number, copy.invoice_status, order(copy)) == ("", "draft", ["Design", "Hosting", "Books"])
    assert totals(copy) == totals(original)
    header = copy.form(f"/invoices/{copy.id}").values
    assert header["reference"] == "Monthly"
    assert date.fromisoformat(header["due_date"]) - date.fromisoformat(header["issue_date"]) == timedelta(days=14)
    assert owner.send(form).path == copy.path


def test_clients_edit_archive_and_restore(owner: Visitor) -> None:
    client = owner.add_client(name="Ivory & Sons <Ltd>", city="Łódź", country="PL")
    edited = owner.send(owner.open(f"/clients/{client.id}/edit").form(f"/clients/{client.id}"), name="Ivory")
    assert "Ivory" in edited.text()
    owner.send(edited.form("/archive"))
    assert client.id not in owner.open("/clients").rows("client")
    owner.send(owner.open("/clients?archived=1").form(f"/clients/{client.id}/restore"))
    assert client.id in owner.open("/clients").rows("client")


def test_issued_invoices_keep_the_client_as_it_was(owner: Visitor) -> None:
    client = owner.add_client(name="Old Name", city="Old Town")
    page = owner.write_invoice(client.id, LINES)
    page = owner.send(page.form("/issue"))
    owner.send(owner.open(f"/clients/{client.id}/edit").form(f"/clients/{client.id}"), name="New Name", city="New Town")
    shown = owner.open(page.link("Print")).text()
    assert "Old Name" in shown
    assert "Old Town" in shown
    assert "New" not in shown


def test_long_lists_have_pages(owner: Visitor, client_id: str) -> None:
    client = owner.add_client(name="Frequent Client").id
    written = {owner.write_invoice(client, [], reference=f"Frequent {at}").id for at in range(26)}
    first = owner.open("/invoices?q=Frequent")
    second = owner.open(first.link("Older"))
    assert (len(first.rows("invoice")), len(second.rows("invoice"))) == (25, 1)
    assert {*first.rows("invoice"), *second.rows("invoice")} == written
