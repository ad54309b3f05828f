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


def first_of_month(day: date, months: int = 0) -> date:
    """The first day of the month that lies `months` after that of `day`, before it when negative."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
