"""The settings of a business."""

from __future__ import annotations

import pytest

from invoices_app.accounts.models import Role
from tests.support.people import Person, make_teammate

URL = "/settings/business"


@pytest.fixture
def partner(owner: Person) -> Person:
    """Another owner of the same business."""
    return make_teammate(owner, "Pat Partner", Role.OWNER)


def test_everything_is_kept(owner: Person, partner: Person) -> None:
    values = {
        "name": "New Name",
        "legal_name": "New Name Ltd",
        "address_line1": "1 Road",
        "city": "Köln",
        "postal_code": "50667",
        "country": "DE",
        "email": "office@example.com",
        "tax_id": "DE123456789",
        "currency": "EUR",
        "time_zone": "Europe/Berlin",
        "default_tax_rate": "19",
        "payment_terms_days": "14",
        "iban": "DE89 3704 0044 0532 0130 00",
        "invoice_notes": "Danke.\nBis bald.",
    }
    owner.browser.get(URL)
    assert owner.browser.submit(URL, values).location == URL
    form = partner.browser.get(URL).form(URL).values
    assert {name: form[name] for name in values} == {**values, "iban": "DE89370400440532013000"}


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Enter the name of your business."),
        ("name", "n" * 201, "Use at most 200 characters."),
        ("email", "not an address", "Enter an email address, such as name@example.com."),
        ("country", "XX", "Choose a country from the list."),
        ("currency", "XXX", "Choose a currency from the list."),
        ("currency", "", "Choose a currency."),
        ("currency", "CLF", "Choose a currency from the list."),
        ("time_zone", "Mars/Olympus", "Choose a time zone from the list."),
        ("time_zone", "../../etc/passwd", "Choose a time zone from the list."),
        ("default_tax_rate", "-1", "Enter zero or more."),
        ("default_tax_rate", "100.0001", "Enter 100 or less."),
        ("default_tax_rate", "NaN", "Enter a number, such as 12.50."),
        ("payment_terms_days", "366", "Enter a whole number from 0 to 365."),
        ("payment_terms_days", "1.5", "Enter a whole number from 0 to 365."),
        ("iban", "DE89370400440532013001", "This IBAN has a wrong length or check digit."),
        ("invoice_notes", "n" * 2001, "Use at most 2000 characters."),
    ],
)
def test_refusals_stand_beside_their_field(owner: Person, field: str, value: str, sentence: str) -> None:
    owner.browser.get(URL)
    form = owner.browser.form_for(URL)
    assert form is not None
    page = owner.browser.send(URL, {**form.values, field: value, "city": "Typed"}, 422)
    assert page.error_of(field) == sentence
    assert page.typed(field) == [value or page.typed(field)[0]]
    assert page.typed("city") == ["Typed"]
    assert owner.browser.get(URL).typed("city") == [""]


def test_two_at_once(owner: Person, partner: Person) -> None:
    owner.browser.get(URL)
    partner.browser.get(URL)
    owner.browser.submit(URL, {"city": "First"})
    page = partner.browser.submit(URL, {"city": "Second"}, 409)
    assert "Someone else changed these settings" in page.words()
    assert owner.browser.get(URL).typed("city") == ["First"]


def test_each_business_has_its_own(owner: Person, stranger: Person) -> None:
    owner.browser.get(URL)
    owner.browser.submit(URL, {"city": "Ours"})
    assert stranger.browser.get(URL).typed("city") == [""]


def test_without_its_version_nothing_is_saved(owner: Person) -> None:
    owner.browser.get(URL)
    owner.browser.submit(URL, {"city": "Lost", "version": ""}, 422)
    assert owner.browser.get(URL).typed("city") == [""]
