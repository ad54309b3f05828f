"""The only source of the present: the instant now, and the date today where a business is."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


def today(time_zone: str) -> date:
    """The calendar date at this moment in `time_zone` (an IANA name)."""
    return now().astimezone(ZoneInfo(time_zone)).date()
