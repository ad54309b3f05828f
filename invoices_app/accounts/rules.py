"""Pure rules of accounts: passwords, currencies, identifiers, the size of a logo."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import ARGON2_VERSION
from babel.numbers import get_territory_currencies

from invoices_app.accounts.passwords import normalised
from invoices_app.accounts.postal import LOCALE
from invoices_app.money import currency_codes, minor_units

COMMON_CURRENCIES = (
    "EUR",
    "GBP",
    "USD",
    "CHF",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CZK",
    "CAD",
    "AUD",
    "NZD",
    "JPY",
)
FALLBACK_CURRENCY = "EUR"
MAX_MINOR_UNITS = 3
"""The decimals of stored amounts; only units of account, such as the Chilean UF, have more."""
LOGO_FILE_MAX_BYTES = 2 * 1024 * 1024
LOGO_PRINTED_WIDTH = 200
LOGO_PRINTED_HEIGHT = 64
"""CSS pixels: 53 x 17 mm on paper, where a logo of full size has 288 pixels to the inch and more."""

_hasher = PasswordHasher()  # Argon2id with the library's parameters, which follow RFC 9106


def _random_base64(count: int) -> str:
    return base64.b64encode(secrets.token_bytes(count)).rstrip(b"=").decode()


_NOBODYS_HASH = (
    f"$argon2id$v={ARGON2_VERSION}$m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    f"${_random_base64(_hasher.salt_len)}${_random_base64(_hasher.hash_len)}"
)
"""To compare with it takes as long as with any other, and no password is known to make it. It is not computed, since
every process would take a fifth of a second for that when it starts."""


def hash_password(password: str) -> str:
    return _hasher.hash(normalised(password))


def password_matches(password_hash: str | None, password: str) -> bool:
    """Compare in the same time whether there is an account (a hash) or not.

    Hashes from before passwords were normalised are of the text as it was typed; only where that differs is it tried.
    """
    matches = [_verify(password_hash or _NOBODYS_HASH, text) for text in {normalised(password), password}]
    return any(matches) and password_hash is not None


def _verify(password_hash: str, text: str) -> bool:
    try:
        return _hasher.verify(password_hash, text)
    except VerifyMismatchError:
        return False


def new_token() -> str:
    """A session token: 256 random bits, URL-safe."""
    return secrets.token_urlsafe(32)


def successor(secret_key: str, token: str, form_token: uuid.UUID) -> str:
    """The session token that follows `token` when a form with this one-time token is sent: the same for its twin.

    Who knows an earlier session token cannot tell it without the secret key.
    """
    told = f"session token after {form_token}\0{token}".encode()
    return base64.urlsafe_b64encode(hmac.digest(secret_key.encode(), told, "sha256")).rstrip(b"=").decode()


def token_hash(token: str) -> bytes:
    """What is stored of a session token. It is random enough that a plain SHA-256 cannot be turned back."""
    return hashlib.sha256(token.encode()).digest()


def guess_currency(country: str | None) -> str:
    """The currency in use in a country (ISO 3166 alpha-2), or the fallback where none is known."""
    currencies = get_territory_currencies(country) if country else []
    return next((code for code in currencies if code in _currencies()), FALLBACK_CURRENCY)


@dataclass(frozen=True, slots=True)
class SheetLogo:
    """A logo on the sheet: which it is, and its size there in CSS pixels."""

    id: uuid.UUID
    width: int
    height: int


def sheet_logo(logo_id: uuid.UUID | None, width: int | None, height: int | None) -> SheetLogo | None:
    """The logo of so many pixels made to fit its place on the sheet, never enlarged; None where there is none."""
    if logo_id is None or width is None or height is None:
        return None
    scale = min(LOGO_PRINTED_WIDTH / width, LOGO_PRINTED_HEIGHT / height, 1)
    return SheetLogo(logo_id, max(1, round(width * scale)), max(1, round(height * scale)))


@cache
def currency_options() -> list[tuple[str, str]]:
    """(code, "EUR - Euro") of every currency in use, the common ones first."""
    names = LOCALE.currencies
    rest = sorted(code for code in _currencies() if code in names and code not in COMMON_CURRENCIES)
    return [(code, f"{code} – {names[code]}") for code in (*COMMON_CURRENCIES, *rest)]


@cache
def country_options() -> list[tuple[str, str]]:
    """(ISO 3166 alpha-2 code, English name) of every country, by name."""
    countries = [(code, name) for code, name in LOCALE.territories.items() if len(code) == 2 and code.isalpha()]
    real = [(code, name) for code, name in countries if code not in {"EU", "EZ", "UN", "ZZ", "QO", "XA", "XB"}]
    return sorted(real, key=lambda option: option[1])


@cache
def time_zone_options() -> list[tuple[str, str]]:
    """Every IANA time zone that is named after a place, and UTC."""
    return [(zone, zone.replace("_", " ")) for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"]


@cache
def _currencies() -> frozenset[str]:
    return frozenset(code for code in currency_codes() if minor_units(code) <= MAX_MINOR_UNITS)
