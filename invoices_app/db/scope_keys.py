"""The key that scopes are signed with: derived from SECRET_KEY, kept in the database for the owner's functions alone.

HMAC-SHA256 (RFC 2104). The database holds the key as the two blocks that HMAC makes of it, so that it needs nothing
but its own `sha256`.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from sqlalchemy import CheckConstraint, Connection, String, text
from sqlalchemy.orm import Mapped, mapped_column

from invoices_app.db.base import Base

LABEL = b"invoices: scope of a transaction, 1"
LIFETIME_SECONDS = 3600
"""How long a signature is good for at the start of a transaction; clocks of app and database may differ by less."""

KEPT = 2
"""Keys of the app that are believed: this one and the one before it, while processes are replaced one by one."""

BLOCK_BYTES = 64


class ScopeKey(Base):
    """A key as HMAC's two blocks, the key xor 0x36 and 0x5c; the database signs with one of its own."""

    __tablename__ = "scope_keys"
    __table_args__ = (
        CheckConstraint("signer IN ('database', 'app')", name="signer_known"),
        CheckConstraint("octet_length(inner_block) = 64 AND octet_length(outer_block) = 64", name="block_length"),
    )

    signer: Mapped[str] = mapped_column(String(16))
    inner_block: Mapped[bytes] = mapped_column(primary_key=True)
    outer_block: Mapped[bytes]
    installed_at: Mapped[datetime] = mapped_column(server_default=text("now()"))


_INSTALL = text(
    "INSERT INTO scope_keys (signer, inner_block, outer_block) VALUES ('app', :inner, :outer)"
    " ON CONFLICT (inner_block) DO UPDATE SET installed_at = now()"
)
_FORGET = text(
    "DELETE FROM scope_keys WHERE signer = 'app' AND inner_block NOT IN ("
    " SELECT inner_block FROM scope_keys WHERE signer = 'app' ORDER BY installed_at DESC LIMIT :kept)"
)


def sign(secret_key: str, values: Iterable[str]) -> dict[str, str]:
    """The settings `until` (seconds since 1970) and `signature` (hex) for these values, which hold no `|`."""
    until = str(int(time.time()) + LIFETIME_SECONDS)
    message = "|".join((until, *values)).encode()
    return {"until": until, "signature": hmac.digest(_key(secret_key), message, "sha256").hex()}


def install(connection: Connection, secret_key: str) -> None:
    """Let the database believe what this secret key signs; the caller is the owner, and commits.

    A schema from before scopes were signed is left alone.
    """
    if connection.scalar(text("SELECT to_regclass('public.scope_keys')")) is None:
        return
    key = _key(secret_key).ljust(BLOCK_BYTES, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C))
    connection.execute(_INSTALL, {"inner": inner, "outer": outer})
    connection.execute(_FORGET, {"kept": KEPT})


@lru_cache(maxsize=4)
def _key(secret_key: str) -> bytes:
    return hmac.digest(secret_key.encode(), LABEL, hashlib.sha256)
