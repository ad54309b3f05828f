"""What a password may be: long, and neither common nor a pattern nor made of what others know."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters

from invoices_app.accounts import passwords, rules
from tests.support.browser import Browser
from tests.support.databases import Database
from tests.support.factories import make_invitation
from tests.support.people import PASSWORD, Person

LIST = Path(passwords.__file__).parent / "data" / "common_passwords.txt"
KNOWN = ("Ada Owner", "ada.lovelace@example.com", "Owner & Sons Ltd")
DECOMPOSED = "pa\u0308rchen unter ba\u0308umen"
"""Typed on a system that sends an a and two dots; others send one letter for it."""


@pytest.mark.parametrize(
    ("password", "sentence"),
    [
        ("password1234", passwords.COMMON),
        ("PassWord1234", passwords.COMMON),
        ("ｐａｓｓｗｏｒｄ1234", passwords.COMMON),
        ("passwordpassword", passwords.COMMON),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", passwords.PATTERN),
        ("abababababababab", passwords.PATTERN),
        ("xk3xk3xk3xk3xk3", passwords.PATTERN),
        ("23456789012345", passwords.PATTERN),
        ("poiuytrewqasdfgh", passwords.PATTERN),
        ("ada lovelace 1815!", passwords.OWN_WORDS),
        ("OwnerSonsLtd-2026", passwords.OWN_WORDS),
        ("my invoices 2026", passwords.OWN_WORDS),
        ("e\u0301" * 6, passwords.TOO_SHORT),
    ],
)
def test_what_is_quickly_guessed_is_refused(password: str, sentence: str) -> None:
    assert passwords.problem(password, KNOWN) == sentence


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "correct horse battery staple",
        "ada walks her dog slowly",
        "fJ8-kq2_Zr0w",
        "Пароль из пяти слов",
        "   spaces   x",
        "四季折々の花が咲く庭です",
    ],
)
def test_anything_else_is_fine(password: str) -> None:
    assert passwords.problem(password, KNOWN) is None


def test_the_list_is_what_its_head_says() -> None:
    lines = LIST.read_text("utf-8").splitlines()
    words = [line for line in lines if not line.startswith("#")]
    assert f"# {len(words)} of them" in "\n".join(lines[:3])
    assert words == sorted(set(words))
    assert all(len(word) >= 12 and word == unicodedata.normalize("NFKC", word).casefold() for word in words)
    assert (LIST.parent / "common_passwords.LICENSE").is_file()


def test_one_password_in_two_encodings_is_one() -> None:
    for stored, typed in (
        (DECOMPOSED, unicodedata.normalize("NFC", DECOMPOSED)),
        ("ﬁnd a ﬂat in Bath", "find a flat in Bath"),
    ):
        for first, second in ((stored, typed), (typed, stored)):
            assert rules.password_matches(rules.hash_password(first), second)
    assert not rules.password_matches(rules.hash_password("find a flat in Bath"), "find a flat in bath")


def test_hashes_from_before_still_verify() -> None:
    """Those of the text as it was typed, not normalised."""
    assert rules.password_matches(PasswordHasher().hash(DECOMPOSED), DECOMPOSED)
    assert not rules.password_matches(PasswordHasher().hash(DECOMPOSED), DECOMPOSED + "!")
    assert not rules.password_matches(None, DECOMPOSED)


def test_the_hash_of_nobody_is_one_as_others_are() -> None:
    made = extract_parameters(rules.hash_password(PASSWORD))
    assert extract_parameters(rules._NOBODYS_HASH) == made  # noqa: SLF001


def test_the_same_rule_at_every_place(visitor: Browser, owner: Person, database: Database) -> None:
    """Registration, invitation, reset and change all refuse, beside the field, and change nothing."""
    visitor.get("/register")
    sent = {"name": "New Person", "email": "new.person@example.com", "business_name": "Teapots & Cups"}
    for password, sentence in (("password1234", passwords.COMMON), ("teapots cups 2026", passwords.OWN_WORDS)):
        page = visitor.submit("/register", {**sent, "password": password}, 422)
        assert page.error_of("password") == sentence
    assert database.value("SELECT count(*) FROM users WHERE email = 'new.person@example.com'") == 0

    invitation = f"/invitations/{make_invitation(owner, 'nina.niemand@example.com')}"
    visitor.get(invitation)
    page = visitor.submit(invitation, {"name": "Nina", "password": "nina-niemand-77"}, 422)
    assert page.error_of("password") == passwords.OWN_WORDS
    visitor.submit(invitation, {"name": "Nina", "password": "a teapot in the snow"})

    owner.browser.get("/settings/account")
    form = {"current_password": PASSWORD, "password": "owner & sons ltd"}
    page = owner.browser.submit("/settings/account/password", form, 422)
    assert page.error_of("password") == passwords.OWN_WORDS
    owner.browser.get("/clients")


def test_a_refused_password_leaves_the_link_alive(visitor: Browser, owner: Person, database: Database) -> None:
    visitor.get("/password/forgot")
    visitor.submit("/password/forgot", {"email": owner.email})
    plain = database.value("SELECT plain FROM mail_outbox WHERE recipient = %s ORDER BY id DESC LIMIT 1", owner.email)
    link = plain[plain.index("/password/reset/") :].split()[0]
    for password, sentence in (("password1234", passwords.COMMON), ("ada ada owner 1", passwords.OWN_WORDS)):
        visitor.get(link)
        assert visitor.submit(link, {"password": password}, 422).error_of("password") == sentence
    assert visitor.submit(link, {"password": "a teapot in the snow"}).location == "/login"
