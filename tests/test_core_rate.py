"""The arithmetic of a limit: what it lets through, what it charges, who goes first."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.credit import Credit
from segdl.core.rate import CATCH_UP, KERNEL_WINDOW, Bucket, Claim, Terms, joining

PURE = settings(deadline=None, derandomize=True, max_examples=200)
RATES = st.integers(1, 10**9)


def most_in_a_second(taken: list[tuple[float, int]]) -> int:
    """Return the most bytes within any second of `(time, bytes)`, which are in order."""
    most = within = 0
    first = 0
    for time, count in taken:
        within += count
        while time - taken[first][0] > 1.0:
            within -= taken[first][1]
            first += 1
        most = max(most, within)
    return most


@PURE
@given(
    RATES,
    st.lists(st.tuples(st.floats(0, 0.3), st.floats(0, 1), st.booleans()), min_size=1),
)
def test_no_second_sees_more_than_a_quarter_above_the_rate(
    rate: int, takes: list[tuple[float, float, bool]]
) -> None:
    largest = max(1, rate // 20)
    bucket, now, taken = Bucket(), 0.0, []
    for idle, part, late in takes * 20:
        now += bucket.at_time(now, rate).pause(rate) * (1 + 1e-9) + (idle if late else 0.0)
        bucket = bucket.at_time(now, rate)
        if bucket.pause(rate):
            # Woken a hair too early.
            continue
        count = max(1, int(part * largest))
        bucket = bucket.plus(count)
        taken.append((now, count))
    # A byte more for each that is let through at a level below one.
    assert most_in_a_second(taken) <= (1 + CATCH_UP) * rate + largest + 2
    assert (1 + CATCH_UP) * rate + largest <= 1.25 * rate or rate < 20


@PURE
@given(RATES, st.floats(0, 1e4), st.floats(0, 1e4))
def test_a_pause_is_as_long_as_it_has_to_be(rate: int, level: float, later: float) -> None:
    bucket = Bucket(level, 100.0)
    ready = bucket.at_time(100.0 + bucket.pause(rate) + 1e-3, rate)
    assert ready.pause(rate) == 0.0
    assert bucket.at_time(100.0 + later, rate).level >= -CATCH_UP * rate
    # A clock that stands still, or a rate that is lifted.
    assert bucket.at_time(99.0, rate).level == pytest.approx(max(level, -CATCH_UP * rate))
    assert bucket.at_time(100.0, None).level == 0.0


def test_what_is_given_back_may_be_taken_at_once() -> None:
    bucket = Bucket().plus(1000).plus(-1000)
    assert bucket.pause(10) == 0.0
    assert Bucket().plus(-1000).at_time(0.0, 100).level == -5.0


@pytest.mark.parametrize(
    ("rate", "share", "tls", "size"),
    [
        (None, 1.0, False, None),
        (None, 1.0, True, None),
        (20_000_000, 1.0, False, 1_000_000),
        (20_000_000, 0.125, False, 125_000),
        (2_000_000, 0.125, False, 12_500),
        (20_480, 0.125, False, 1024),
        (1024, 0.125, False, 257),
        (1, 0.125, False, 1),
        (1024, 0.125, True, 16_384),
    ],
)
def test_reads(rate: int | None, share: float, tls: bool, size: int | None) -> None:
    assert Terms(rate, share).read(tls=tls) == size


@pytest.mark.parametrize(
    ("rate", "share", "round_trip", "window"),
    [
        (None, 1.0, 0.1, None),
        (2_000_000, 1.0, 0.0, 100_000),
        (2_000_000, 0.125, 0.0, 12_500),
        (2_000_000, 0.125, 0.0125, 12_500),
        (2_000_000, 0.125, 0.1, 100_000),
        (1024, 0.125, 0.3, 4096),
    ],
)
def test_windows(rate: int | None, share: float, round_trip: float, window: int | None) -> None:
    assert Terms(rate, share).window(round_trip) == window


@PURE
@given(RATES, st.floats(0.001, 1), st.floats(0, 1), st.integers(0, 10**7))
def test_a_window_grows_by_a_read_at_a_time_and_shrinks_at_once(
    rate: int, share: float, round_trip: float, paid: int
) -> None:
    terms = Terms(rate, share)
    wanted = terms.window(round_trip)
    step = terms.read(tls=False)
    window = terms.next_window(paid, round_trip, tls=False)
    assert wanted is not None
    assert step is not None
    assert window == min(wanted, paid + step)
    assert Terms(None, share).next_window(paid, round_trip, tls=False) == paid


def test_what_is_charged_in_advance() -> None:
    terms = Terms(2_000_000, 0.125)
    assert terms.opening(tls=False) == Credit(6250, 12_500)
    assert terms.advance(tls=False) == 18_750
    assert terms.opening(tls=True) == Credit(16_384, 12_500)
    # The first window is never larger than the kernel makes it.
    assert Terms(10**9, 1.0).opening(tls=False) == Credit(8192, KERNEL_WINDOW)
    # At most a second's, or nothing would be read for long.
    assert Terms(1024, 0.125).advance(tls=True) == 1024
    assert Terms(None, 1.0).advance(tls=True) == 0


@PURE
@given(
    st.integers(0, 20_000),
    st.integers(1, 20_000),
    st.one_of(st.none(), st.integers(0, 100_000)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 40_000)), max_size=60),
)
def test_all_that_a_server_may_have_sent_is_charged_once(
    with_head: int, window: int, length: int | None, reads: list[tuple[float, int]]
) -> None:
    credit = Credit(with_head, window)
    charged = credit.opening
    credit = credit.opened(charged)
    end = 10**9 if length is None else length
    if length is not None:
        credit = credit.answered(length, charged)
        charged = min(charged, length)
    done = 0
    for part, size in reads:
        # A window does not shrink under what is in it.
        window = max(size, credit.window)
        sendable = min(end, max(with_head, done) + credit.window)
        count = int(part * (sendable - done))
        charged += credit.due(count, window)
        credit = credit.after(count, window)
        done += count
        sendable = min(end, max(with_head, done) + window)
        assert sendable <= charged <= end
    if length is not None and done == length:
        assert charged == length


@PURE
@given(st.integers(0, 20_000), st.integers(0, 30_000), st.lists(st.integers(1, 9000), min_size=1))
def test_a_body_that_was_not_charged_at_first_is_charged_as_it_is_read(
    with_head: int, advance: int, reads: list[int]
) -> None:
    """Many short answers at a very low limit cost their length."""
    credit = Credit(with_head, 4096)
    advance, length = min(advance, credit.opening), sum(reads)
    credit = credit.opened(advance).answered(length, advance)
    charged = min(advance, length)
    for count in reads:
        charged += credit.due(count, 4096)
        credit = credit.after(count, 4096)
    assert charged == length


def test_claims() -> None:
    # By file, by connection, by age.
    line = [Claim(0, 9, 9), Claim(1, 0, 8), Claim(1, 1, 1), Claim(1, 1, 2)]
    assert all(first < second for first, second in pairwise(line))
    assert joining(1.0, 2.0) == joining(2.0, 1.0) == 2.0
