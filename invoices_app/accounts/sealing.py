"""Secrets that we must be able to read again, sealed with a key that follows from SECRET_KEY.

AES-256-GCM, its key by HKDF-SHA256 (RFC 5869). What is sealed names its key and is bound to an owner, so that nobody
who can write to the database can give one person's secret to another.

The library behind it is 6 MB of a worker, so it is loaded when the first secret is sealed or opened: most never are.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from functools import lru_cache

PURPOSE = b"invoices: sealed secrets, 1"
KEY_BYTES = 32
NAME_BYTES = 4
NONCE_BYTES = 12


class CannotOpen(ValueError):  # noqa: N818  (it says what happened)
    """No key that we have opens this, or it was changed."""


def seal(secret: bytes, owner: bytes, key: str) -> bytes:
    """`secret` sealed for `owner`: the name of the key, a nonce, and the ciphertext with its tag."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    nonce = secrets.token_bytes(NONCE_BYTES)
    derived = _derived(key)
    return _name(derived) + nonce + AESGCM(derived).encrypt(nonce, secret, owner)


def open_sealed(sealed: bytes, owner: bytes, keys: Sequence[str]) -> bytes:
    """The secret, by whichever of `keys` sealed it; raises CannotOpen when none did, or for another owner."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    name, nonce, ciphertext = sealed[:NAME_BYTES], sealed[NAME_BYTES : NAME_BYTES + NONCE_BYTES], sealed[16:]
    for derived in (derived for derived in map(_derived, keys) if _name(derived) == name):
        try:
            return AESGCM(derived).decrypt(nonce, ciphertext, owner)
        except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
            continue
    raise CannotOpen("sealed with a key that is not known any more, or changed since")


def is_sealed_with(sealed: bytes, key: str) -> bool:
    """Whether `key` is the one that opens this, by its name alone."""
    return sealed[:NAME_BYTES] == _name(_derived(key))


@lru_cache(maxsize=8)
def _derived(key: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return HKDF(SHA256(), KEY_BYTES, salt=None, info=PURPOSE).derive(key.encode())


def _name(derived: bytes) -> bytes:
    return hashlib.sha256(derived).digest()[:NAME_BYTES]
