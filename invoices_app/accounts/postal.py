"""Postal addresses and the names of countries, as they are written in English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel import Locale

LOCALE = Locale.parse("en_GB")


def address_lines(details: Mapping[str, Any]) -> list[str]:
    """A postal address as it is written on an envelope, without empty lines, the country by its name."""
    country = LOCALE.territories.get(details["country"], details["country"])
    city = " ".join(filter(None, (details["city"], details["postal_code"])))
    lines = (details["address_line1"], details["address_line2"], city, details["region"], country)
    return [line for line in lines if line]
