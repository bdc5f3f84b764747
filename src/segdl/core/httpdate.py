"""Dates in header fields (RFC 9110, 5.6.7)."""

from __future__ import annotations

import re
from functools import lru_cache

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIXED = re.compile(
    rf"(?:{'|'.join(_DAYS)}), (\d\d) ({'|'.join(_MONTHS)}) (\d{{4}}) (\d\d):(\d\d):(\d\d) GMT",
    re.ASCII,
)
_EPOCH = 1970


# One file's is read again and again, and many files are of one day.
@lru_cache(maxsize=256)
def parse_date(value: str | None) -> float | None:
    """Read an HTTP date as seconds since the epoch; one without a zone is in UTC.

    Example:
        >>> parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), parse_date("yesterday")
        (784111777.0, None)
    """
    if not value:
        return None
    told = _FIXED.fullmatch(value)
    if told is not None:
        day, month, year, hour, minute, second = told.groups()
        seconds = _seconds(
            int(year), _MONTHS.index(month), int(day), int(hour), int(minute), int(second)
        )
        if seconds is not None:
            return seconds
    return _as_library_reads(value)


def _seconds(year: int, month: int, day: int, hour: int, minute: int, second: int) -> float | None:
    """Return the seconds since the epoch; None for what no calendar has, or is before it."""
    new_year, leap = _days_before(year), _days_before(year + 1) - _days_before(year) == 366
    length = _LENGTHS[month] + (leap and month == 1)
    if year < _EPOCH or not 1 <= day <= length or hour > 23 or minute > 59 or second > 59:
        return None
    days = new_year - _days_before(_EPOCH) + sum(_LENGTHS[:month]) + (leap and month > 1) + day - 1
    return float(((days * 24 + hour) * 60 + minute) * 60 + second)


def _days_before(year: int) -> int:
    """Return the days from the first year to the first of January of another."""
    before = year - 1
    return 365 * before + before // 4 - before // 100 + before // 400


def _as_library_reads(value: str) -> float | None:
    """Read what is written otherwise: it takes time to load what knows all of that."""
    from datetime import timezone
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(value)
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
