"""Pure rules of the second factor: codes of an authenticator (TOTP, RFC 6238) and recovery codes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import datetime

import pyotp
import segno

ISSUER = "Invoices"
STEP_SECONDS = 30
WINDOW_STEPS = 1
"""So many steps before and after the present one are accepted, for clocks that are not quite right."""

CODE_DIGITS = 6
RECOVERY_CODES = 10
RECOVERY_DIGITS = 16
"""53 random bits. Digits alone, so that one field with a keypad of digits takes both kinds of codes."""

FEW_LEFT = 3
GROUP = 4
QR_SCALE = 4


def new_secret() -> str:
    """A secret for an authenticator: 160 random bits (RFC 4226, 4) in base32."""
    return pyotp.random_base32(32)


def address(secret: str, email: str) -> str:
    """What the QR code says: the otpauth:// address that authenticators read."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)


def qr_code(text: str) -> str:
    """`text` as a QR code: SVG to stand in a page, with no style and no script in it."""
    code = segno.make_qr(text, error="m")
    return code.svg_inline(scale=QR_SCALE, border=4, lineclass=None)


def grouped(text: str) -> str:
    """`text` in groups of four, as it is easy to read and to type."""
    return " ".join(text[start : start + GROUP] for start in range(0, len(text), GROUP))


def digits_of(typed: str) -> str:
    """What somebody typed or pasted as a code, without the blanks and dashes that help reading."""
    plain = unicodedata.normalize("NFKC", typed)
    return "".join(letter for letter in plain if not letter.isspace() and letter not in "-–")


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The newest time step within the window whose code this is; None when it is none of theirs."""
    totp = pyotp.TOTP(secret, digits=CODE_DIGITS, interval=STEP_SECONDS)
    present = int(now.timestamp()) // STEP_SECONDS
    steps = range(present + WINDOW_STEPS, present - WINDOW_STEPS - 1, -1)
    given = code.encode()
    found = [step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), given)]
    return found[0] if found else None


def new_recovery_codes() -> list[str]:
    """Ten different ones, in groups of four."""
    codes: set[str] = set()
    while len(codes) < RECOVERY_CODES:
        codes.add(f"{secrets.randbelow(10**RECOVERY_DIGITS):0{RECOVERY_DIGITS}}")
    return [grouped(code) for code in codes]


def recovery_hash(secret: str, code: str) -> bytes:
    """What is stored of a recovery code.

    A fast hash is enough for 53 random bits, since it is keyed, by the secret of the authenticator: who reads the table
    has nothing to try codes against without SECRET_KEY, which seals that secret. So a slow hash would only make us
    slow, and a new SECRET_KEY leaves these hashes as they are.
    """
    key = hmac.digest(secret.encode(), b"recovery codes", hashlib.sha256)
    return hmac.digest(key, digits_of(code).encode(), hashlib.sha256)


def recovery_hashes(secret: str, codes: Sequence[str]) -> list[bytes]:
    return [recovery_hash(secret, code) for code in codes]
