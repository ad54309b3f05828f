"""Every page and state: accessible in light and dark, fits a phone, quiet in the console."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import look_over
from tests.browser.conftest import Open, Shop
from tests.journeys.pages import Visitor

pytestmark = pytest.mark.browser

PAGES = {
    "login": ("nobody", "/login"),
    "forgot": ("nobody", "/password/forgot"),
    "register": ("nobody", "/register"),
    "dashboard empty": ("newcomer", "/"),
    "dashboard": ("shop", "/"),
    "clients empty": ("newcomer", "/clients"),
    "clients": ("shop", "/clients"),
    "clients archived": ("shop", "/clients?archived=1"),
    "client new": ("shop", "/clients/new"),
    "client": ("shop", "/clients/{client}"),
    "client edit": ("shop", "/clients/{client}/edit"),
    "invoices empty": ("newcomer", "/invoices"),
    "invoices": ("shop", "/invoices"),
    "invoices archived": ("shop", "/invoices?archived=1"),
    "invoices none found": ("shop", "/invoices?q=nothing"),
    "invoice new": ("shop", "/invoices/new"),
    "invoice draft": ("shop", "/invoices/{draft}"),
    "invoice sent": ("shop", "/invoices/{sent}"),
    "invoice overdue": ("shop", "/invoices/{overdue}"),
    "invoice paid": ("shop", "/invoices/{paid}"),
    "invoice archived": ("shop", "/invoices/{archived}"),
    "invoice credited": ("shop", "/invoices/{credited}"),
    "credit note": ("shop", "/invoices/{credit_note}"),
    "credit notes": ("shop", "/invoices?type=credit"),
    "print of a credit note": ("shop", "/invoices/{credit_note}/print"),
    "invoices sorted and searched": ("shop", "/invoices?q=order&sort=client&archived=1"),
    "invoices of a client": ("shop", "/invoices?client={client}&status=draft"),
    "invoice history": ("shop", "/invoices/{paid}/history"),
    "client history": ("shop", "/clients/{client}/history"),
    "print": ("shop", "/invoices/{sent}/print"),
    "print many": ("shop", "/invoices/print?ids={sent}&ids={draft}"),
    "palette": ("shop", "/palette?q=maison"),
    "shortcuts": ("shop", "/shortcuts"),
    "account": ("shop", "/settings/account"),
    "settings": ("shop", "/settings/business"),
    "export": ("shop", "/export"),
    "import": ("shop", "/import"),
    "second factor": ("newcomer", "/settings/account/second-factor"),
    "team": ("shop", "/settings/team"),
    "businesses": ("shop", "/businesses"),
    "settings of numbers": ("shop", "/settings/numbers"),
    "numbers": ("shop", "/invoices/numbers"),
    "not found": ("shop", "/nothing/here"),
}


def refuse_login(page: Page) -> None:
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").filter(has_text="password")).to_be_visible()


def refuse_client(page: Page) -> None:
    page.get_by_label("Email").fill("no address")
    page.get_by_role("button", name="Add client").click()
    expect(page.get_by_role("heading", name="Please have another look")).to_be_visible()


def refuse_invoice(page: Page) -> None:
    page.get_by_label("Price, line 1").fill("a lot")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_role("heading", name="Please have another look")).to_be_visible()


def refuse_line(page: Page) -> None:
    cell = page.get_by_label("Quantity, line 1")
    cell.fill("a dozen")
    cell.press("Tab")
    expect(page.locator("#invoice-lines .error")).to_be_visible()


def refuse_new_line(page: Page) -> None:
    page.get_by_label("Description, new line").fill("Cup")
    page.get_by_label("Price, new line").fill("-1")
    page.get_by_label("Price, new line").press("Enter")
    expect(page.locator("#invoice-lines tr.unsaved .error")).to_be_visible()


def clash(page: Page) -> None:
    """An edit that says it has seen an older version of its line."""
    for outcome in ("Saved just now", "Not saved"):
        if outcome == "Not saved":
            page.locator("tr.line [name=version]").first.evaluate("field => { field.value = '1' }")
        page.get_by_label("Unit, line 1").fill(uuid.uuid4().hex[:6])
        page.get_by_label("Unit, line 1").press("Tab")
        expect(page.locator("#save-state")).to_have_text(outcome)
    expect(page.locator("tr.clash")).to_be_visible()


def suggest_lines(page: Page) -> None:
    page.get_by_label("Description, new line").press_sequentially("unbr")
    expect(page.locator("#choices [role=option]").first).to_be_visible()


def suggest_clients(page: Page) -> None:
    page.get_by_label("Bill to").fill("mai")
    expect(page.locator("#choices [role=option]").first).to_be_visible()


def open_menus(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")


def open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.keyboard.type("maison")
    expect(page.get_by_role("option").first).to_contain_text("Maison")


def open_shortcuts(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("button", name="Turn single keys off")).to_be_visible()


def select_rows(page: Page) -> None:
    for box in page.locator(".pick [name=ids]").all()[:2]:
        box.check(force=True)
    expect(page.locator(".selection")).to_be_visible()


STATES: dict[str, tuple[str, str, Callable[[Page], None]]] = {
    "login refused": ("nobody", "/login", refuse_login),
    "client refused": ("shop", "/clients/new", refuse_client),
    "invoice refused": ("shop", "/invoices/new", refuse_invoice),
    "line refused": ("shop", "/invoices/{draft}", refuse_line),
    "new line refused": ("shop", "/invoices/{draft}", refuse_new_line),
    "line clash": ("shop", "/invoices/{draft}", clash),
    "suggestions open": ("shop", "/invoices/{draft}", suggest_lines),
    "clients to choose": ("shop", "/invoices/{draft}", suggest_clients),
    "palette open": ("shop", "/invoices", open_palette),
    "shortcuts open": ("shop", "/clients", open_shortcuts),
    "rows selected": ("shop", "/invoices", select_rows),
    "draft with menus open": ("shop", "/invoices/{draft}", open_menus),
    "sent with menus open": ("shop", "/invoices/{sent}", open_menus),
    **{name: (who, path, lambda _page: None) for name, (who, path) in PAGES.items()},
}
each_state = pytest.mark.parametrize("state", STATES)


@pytest.fixture
def show(browse: Open, shop: Shop, newcomer: Visitor) -> Callable[..., Page]:
    """Bring a browser into one of the states."""

    def open_state(state: str, **options: object) -> Page:
        who, path, act = STATES[state]
        visitor = {"shop": shop.visitor, "newcomer": newcomer}.get(who)
        page = browse(shop.at(path), visitor, **options)
        act(page)
        return page

    return open_state


@each_state
def test_axe_finds_nothing_and_it_fits_a_phone(show: Callable[..., Page], state: str) -> None:
    look_over(show(state))


@pytest.mark.parametrize("who", ["nobody", "newcomer", "shop"])
def test_pages_are_quiet_without_javascript(browse: Open, shop: Shop, newcomer: Visitor, who: str) -> None:
    """One window for all pages of a person: opening windows is what takes the time."""
    visitor = {"shop": shop.visitor, "newcomer": newcomer}.get(who)
    page = browse("/healthz", visitor, java_script_enabled=False)
    for name in (name for name, (person, _) in PAGES.items() if person == who):
        page.goto(shop.at(PAGES[name][1]))
        assert page.locator("h1").count() == 1, name


def test_every_button_of_a_draft_is_within_a_phone_without_javascript(browse: Open, shop: Shop) -> None:
    page = browse(shop.at("/invoices/{draft}"), shop.visitor, width=375, java_script_enabled=False)
    boxes = {button: button.bounding_box() for button in page.get_by_role("button").all()}
    outside = [button for button, box in boxes.items() if box and not 0 <= box["x"] <= 375 - box["width"]]
    assert any(boxes.values())
    assert not [button.text_content() for button in outside]
