"""Dates as servers write them are read as the standard library reads them."""

from __future__ import annotations

from datetime import timezone
from email.utils import formatdate, parsedate_to_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.httpdate import parse_date

PURE = settings(deadline=None, derandomize=True, max_examples=500)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "Jun", "Dec"]


def as_library_reads(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()


@PURE
@given(st.integers(0, 253402300799))
def test_every_second_until_the_year_10000(seconds: int) -> None:
    assert parse_date(formatdate(seconds, usegmt=True)) == seconds


@PURE
@given(
    st.integers(0, 32),
    st.sampled_from(MONTHS),
    st.sampled_from([0, 50, 99, 1900, 1969, 1970, 1972, 2000, 2023, 2024, 2100, 9999]),
    st.integers(0, 25),
    st.integers(0, 61),
    st.integers(0, 61),
)
def test_what_no_calendar_has(
    day: int, month: str, year: int, hour: int, minute: int, second: int
) -> None:
    text = f"Mon, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
    assert parse_date(text) == as_library_reads(text)


@pytest.mark.parametrize(
    "text",
    [
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "Sun, 06 Nov 1994 09:49:37 +0100",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "sun, 06 nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
    ],
)
def test_what_is_written_otherwise(text: str) -> None:
    assert parse_date(text) == as_library_reads(text) == 784111777.0
