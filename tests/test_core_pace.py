"""Backoff, and which connections crawl."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.pace import BASE_DELAY, LONGEST_DELAY, Drip, backoff, is_crawling

PURE = settings(deadline=None, derandomize=True, max_examples=150)


@pytest.mark.parametrize(
    ("attempt", "jitter", "delay"),
    [
        (1, 0.0, 0.25),
        (1, 0.5, 0.375),
        (2, 0.0, 0.5),
        (3, 0.0, 1.0),
        (6, 0.0, 8.0),
        (7, 0.0, 15.0),
        (7, 0.5, 22.5),
        (1000, 0.0, 15.0),
        (10**9, 0.0, 15.0),
    ],
)
def test_backoff(attempt: int, jitter: float, delay: float) -> None:
    assert backoff(attempt, jitter) == pytest.approx(delay)


@PURE
@given(st.integers(1, 10**6), st.floats(0, 1, exclude_max=True))
def test_backoff_is_in_its_half_and_never_falls(attempt: int, jitter: float) -> None:
    delay = backoff(attempt, jitter)
    assert BASE_DELAY / 2 <= delay <= LONGEST_DELAY
    assert delay <= backoff(attempt + 1, jitter)
    assert backoff(attempt, 0.0) <= delay <= 2 * backoff(attempt, 0.0)


@pytest.mark.parametrize(
    ("rate", "fastest", "crawls"),
    [
        (0, 0, True),
        (1, 1, True),
        (15.9, 15.9, True),
        (16, 16, False),
        (16, 1024, False),
        (16, 1025, True),
        (500, 900, False),
        (500, 32_000, False),
        (500, 32_001, True),
        (1023, 1e6, True),
        (1024, 1e9, False),
        (1e6, 1e9, False),
    ],
)
def test_crawling(rate: float, fastest: float, crawls: bool) -> None:
    assert is_crawling(rate, fastest) is crawls


@pytest.mark.parametrize(
    ("reads", "crawls"),
    [
        ([], False),
        ([(1, 10.0)], False),
        ([(1, 10.1)], True),
        ([(1, 1.0)] * 10, False),
        ([(1, 1.0)] * 11, True),
        ([(16, 1.0)] * 11, False),
        # Nothing of an earlier window makes up for a later one.
        ([(10**6, 1.0)] * 11 + [(1, 1.0)] * 10, False),
        ([(10**6, 1.0)] * 11 + [(1, 1.0)] * 11, True),
        # What is there at once takes no time.
        ([(1, 0.0)] * 1000, False),
    ],
)
def test_a_drip_shows_after_its_window(reads: list[tuple[int, float]], crawls: bool) -> None:
    drip = Drip(10.0)
    for came, after in reads:
        drip.took(came, after=after)
    assert drip.crawls is crawls
