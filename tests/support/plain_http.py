"""HTTP to servers of our own, which speak no TLS."""

from __future__ import annotations

import ssl
from typing import Any

import httpx

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""It trusts nobody. Without it httpx reads the system's certificates for every client, which takes 100 ms."""


def client(**options: Any) -> httpx.Client:
    return httpx.Client(verify=NO_TLS, **options)


def get(url: str, **options: Any) -> httpx.Response:
    return httpx.get(url, verify=NO_TLS, **options)
