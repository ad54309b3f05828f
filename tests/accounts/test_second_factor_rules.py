"""Codes, recovery codes and sealing, without a database: against the RFC's vectors, and against tampering."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices_app.accounts import sealing
from invoices_app.accounts import second_factor_rules as rules
from invoices_app.config import Settings, SettingsError

KEY, OTHER = "k" * 40, "o" * 40
OWNER = uuid.UUID(int=1).bytes
RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
# RFC 6238, appendix B, SHA-1, the last six of its eight digits.
VECTORS = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


@pytest.mark.parametrize(("seconds", "code"), VECTORS.items())
def test_the_vectors_of_the_rfc(seconds: int, code: str) -> None:
    assert rules.matching_step(RFC_SECRET, code, datetime.fromtimestamp(seconds, UTC)) == seconds // 30


@pytest.mark.parametrize(
    ("late", "accepted"), [(-61, False), (-30, True), (0, True), (29, True), (30, True), (61, False)]
)
def test_one_step_before_and_after_is_accepted(late: int, *, accepted: bool) -> None:
    start = datetime.fromtimestamp(1234567890, UTC)  # a step begins here
    found = rules.matching_step(RFC_SECRET, "005924", start + timedelta(seconds=late))
    assert found == (1234567890 // 30 if accepted else None)


@pytest.mark.parametrize("code", ["", "00592", "0059240", "00592a", "٠٠٥٩٢٤", "\x00", "0" * 10_000])
def test_what_is_no_code(code: str) -> None:
    assert rules.matching_step(RFC_SECRET, code, datetime.fromtimestamp(1234567890, UTC)) is None


@pytest.mark.parametrize("typed", ["005924", "005 924", " 005-924 ", "００５９２４", "005\u00a0924", "005–924"])
def test_however_it_is_typed(typed: str) -> None:
    assert rules.digits_of(typed) == "005924"


def test_recovery_codes_are_many_and_long() -> None:
    codes = [code for _ in range(50) for code in rules.new_recovery_codes()]
    assert len(set(codes)) == 500
    assert all(len(rules.digits_of(code)) == 16 and rules.digits_of(code).isdecimal() for code in codes)
    assert 10**rules.RECOVERY_DIGITS > 2**50


def test_hashes_of_recovery_codes_depend_on_the_secret_and_not_on_the_blanks() -> None:
    one, two = rules.new_secret(), rules.new_secret()
    assert rules.recovery_hash(one, "1234 5678 9012 3456") == rules.recovery_hash(one, "1234567890123456")
    assert rules.recovery_hash(one, "1234567890123456") != rules.recovery_hash(two, "1234567890123456")


def test_secrets_have_160_bits() -> None:
    secret = rules.new_secret()
    assert len(base64.b32decode(secret)) == 20
    assert secret != rules.new_secret()


def test_the_qr_code_needs_no_exception_in_the_policy() -> None:
    address = rules.address(RFC_SECRET, "ada+invoices@example.com")
    assert address.startswith("otpauth://totp/Invoices:ada%2Binvoices%40example.com?secret=GEZDG")
    drawn = rules.qr_code(address)
    assert drawn.startswith("<svg")
    assert not any(word in drawn for word in ("style", "<script", "data:", "href"))


@given(st.binary(max_size=100))
def test_sealed_and_opened(secret: bytes) -> None:
    sealed = sealing.seal(secret, OWNER, KEY)
    assert sealing.open_sealed(sealed, OWNER, [KEY]) == secret
    assert not secret or len(secret) < 4 or secret not in sealed
    assert sealing.seal(secret, OWNER, KEY) != sealed


def test_an_earlier_key_opens_and_another_one_does_not() -> None:
    sealed = sealing.seal(b"secret", OWNER, KEY)
    assert sealing.open_sealed(sealed, OWNER, [OTHER, KEY]) == b"secret"
    assert sealing.is_sealed_with(sealed, KEY)
    assert not sealing.is_sealed_with(sealed, OTHER)
    for keys in ([OTHER], []):
        with pytest.raises(sealing.CannotOpen):
            sealing.open_sealed(sealed, OWNER, keys)


def test_it_is_bound_to_its_owner_and_to_every_byte() -> None:
    sealed = sealing.seal(b"secret", OWNER, KEY)
    with pytest.raises(sealing.CannotOpen):
        sealing.open_sealed(sealed, uuid.UUID(int=2).bytes, [KEY])
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(sealing.CannotOpen):
            sealing.open_sealed(bytes(changed), OWNER, [KEY])
    for cut in (b"", sealed[:4], sealed[:16], sealed[:-1]):
        with pytest.raises(sealing.CannotOpen):
            sealing.open_sealed(cut, OWNER, [KEY])


def test_earlier_keys_come_from_the_environment() -> None:
    read = Settings.from_env({"SECRET_KEY": KEY, "SECRET_KEY_FALLBACKS": f" {OTHER} ,{'x' * 32},"})
    assert read.secret_keys == (KEY, OTHER, "x" * 32)
    assert OTHER not in repr(read)
    with pytest.raises(SettingsError, match="SECRET_KEY_FALLBACKS"):
        Settings.from_env({"SECRET_KEY": KEY, "SECRET_KEY_FALLBACKS": "short"})
