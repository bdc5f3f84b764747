"""Who takes over from whom, and when a connection is not worth keeping."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.core.pace import PATIENCE, is_lagging
from segdl.core.speed import flowing, flowing_on, measured
from segdl.core.tail import Running, Split, asked_at_once, overtakes, take_over

MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("running", "rate", "split"),
    [
        ([], 1e6, None),
        # One that is ten times slower keeps what it brings until both are done.
        ([Running(0, 11 * MIB, 1e5)], 1e6, Split(0, MIB)),
        # The one that ends last is helped, not the one with most bytes.
        ([Running(0, 64 * MIB, 64e6), Running(64 * MIB, 80 * MIB, 1e6)], 1e6, Split(1, 72 * MIB)),
        # Nothing is known of any: bytes decide.
        ([Running(0, 8 * MIB, None), Running(8 * MIB, 24 * MIB, None)], None, Split(1, 16 * MIB)),
        # One that has brought nothing yet counts as fast as the others.
        ([Running(0, 8 * MIB, 1e6), Running(8 * MIB, 24 * MIB, None)], 1e6, Split(1, 16 * MIB)),
        # Too little is left to cut.
        ([Running(0, 2 * MIB - 1, 1e3)], 1e6, None),
        # It ends soon without help.
        ([Running(0, 64 * MIB, 1e9)], 1e9, None),
        # It brings nothing: all but the least is taken.
        ([Running(0, 64 * MIB, 0.0)], 1e6, Split(0, MIB)),
    ],
)
def test_take_over(running: list[Running], rate: float | None, split: Split | None) -> None:
    assert take_over(running, rate=rate, setup=0.0, least=MIB) == split


@pytest.mark.parametrize(
    ("left", "rate", "round_trip", "asked"),
    [
        (20 * MIB, None, 0.0, 7 * MIB),
        # As much as an unknown connection may bring within a moment.
        (3 * MIB, None, 0.0, 3 * MIB),
        # Each request costs a round trip.
        (8 * MIB, None, 0.2, 8 * MIB),
        (20 * MIB, 2.0 * MIB, 0.08, 7 * MIB),
        (25 * MIB, 20.0 * MIB, 0.08, 25 * MIB),
        # Too little for two requests, however slow it is.
        (2 * MIB - 1, 1e3, 0.0, 2 * MIB - 1),
        (20 * MIB, 0.0, 0.0, 7 * MIB),
    ],
)
def test_asked_at_once(left: int, rate: float | None, round_trip: float, asked: float) -> None:
    assert asked_at_once(0, left, rate=rate, round_trip=round_trip) == asked


@pytest.mark.parametrize("length", [3, 6, 25, 128])
def test_equal_segments_are_not_all_done_with_their_first_request_at_once(length: int) -> None:
    starts = [number * length * MIB for number in range(8)]
    asked = sorted(
        asked_at_once(start, 100 * MIB, rate=None, round_trip=0.0) / MIB for start in starts
    )
    assert asked[0] >= 35
    assert asked[-1] <= 55
    assert all(later - earlier > 1.0 for earlier, later in pairwise(asked))


def test_a_newcomer_who_starts_late_gets_less() -> None:
    at_once = take_over([Running(0, 64 * MIB, 1e6)], rate=1e6, setup=0.0, least=MIB)
    late = take_over([Running(0, 64 * MIB, 1e6)], rate=1e6, setup=20.0, least=MIB)
    assert at_once is not None
    assert late is not None
    assert late.at > at_once.at
    assert take_over([Running(0, 8 * MIB, 1e6)], rate=1e6, setup=60.0, least=MIB) is None


def test_what_many_win_together_is_worth_it_where_one_alone_would_not_do() -> None:
    def split(newcomers: int) -> Split | None:
        last = [Running(0, 600 * 1024, 1.25e6)]
        return take_over(last, rate=3.7e5, setup=0.1, least=64 * 1024, newcomers=newcomers)

    assert split(1) is None
    assert split(8) == Split(0, 536 * 1024)


def test_who_needs_longer_to_begin_than_they_would_save_are_not_worth_it() -> None:
    last = [Running(0, 640 * 1024, 1.25e6)]
    assert take_over(last, rate=4e5, setup=0.5, least=64 * 1024, newcomers=9) is None


def test_where_others_share_the_link_more_must_be_won() -> None:
    fast, slow = [Running(0, 64 * MIB, 40e6)], [Running(0, 64 * MIB, 2e6)]
    assert take_over(fast, rate=40e6, setup=0.0, least=MIB) is not None
    assert take_over(fast, rate=40e6, setup=0.0, least=MIB, beside=True) is None
    assert take_over(slow, rate=2e6, setup=0.0, least=MIB, beside=True) is not None


@pytest.mark.parametrize(("newcomers", "at"), [(1, 32), (3, 48), (7, 56), (31, 62)])
def test_a_newcomer_leaves_theirs_to_those_that_come_with_it(newcomers: int, at: int) -> None:
    alone = [Running(0, 64 * MIB, 1e6)]
    split = take_over(alone, rate=1e6, setup=0.0, least=MIB, newcomers=newcomers)
    assert split == Split(0, at * MIB)


def test_so_many_newcomers_that_come_together_get_the_same() -> None:
    running, pieces = [Running(0, 64 * MIB, 1e6)], []
    for newcomers in range(7, 0, -1):
        split = take_over(running, rate=1e6, setup=0.0, least=MIB, newcomers=newcomers)
        assert split is not None
        cut = running[split.index]
        pieces.append(cut.stop - split.at)
        running[split.index] = Running(cut.position, split.at, cut.rate)
        running.append(Running(split.at, cut.stop, None))
    assert pieces == [8 * MIB] * 7


_RUNNING = st.builds(
    lambda position, left, rate: Running(position, position + left, rate),
    st.integers(0, 2**50),
    st.integers(0, 2**45),
    st.none() | st.floats(0, 1e12),
)


@given(
    running=st.lists(_RUNNING, max_size=12),
    rate=st.none() | st.floats(0, 1e12),
    setup=st.floats(0, 100),
    least=st.integers(1, 2**30),
    newcomers=st.integers(-2, 300),
)
def test_both_pieces_hold_bytes(
    running: list[Running], rate: float | None, setup: float, least: int, newcomers: int
) -> None:
    split = take_over(running, rate=rate, setup=setup, least=least, newcomers=newcomers)
    if split is not None:
        cut = running[split.index]
        assert cut.position + least <= split.at < cut.stop
        assert cut.stop - split.at >= least // 2


@given(
    st.lists(st.tuples(st.floats(0.06, 10), st.integers(0, 10**9)), min_size=1, max_size=20),
)
def test_a_speed_is_between_the_slowest_and_the_fastest(looks: list[tuple[float, int]]) -> None:
    speed, now, received, rates = flowing(0.0, 0), 0.0, 0, [0.0]
    for passed, count in looks:
        now, received = now + passed, received + count
        speed = measured(speed, now, received)
        # Until the first bytes come, the wait counts as a part of the first measure.
        rates.append(count / passed)
    if speed.rate is not None:
        assert 0.0 <= speed.rate <= max(rates) * 1.001


def test_a_flow_that_stops_is_forgotten() -> None:
    speed = measured(flowing(0.0, 0), 1.0, 10**6)
    for second in range(2, 12):
        speed = measured(speed, float(second), 10**6)
    assert speed.rate is not None
    assert speed.rate < 100


@pytest.mark.parametrize(
    ("rate", "silent", "age", "again", "lags"),
    [
        (1e5, 0.0, PATIENCE + 0.1, 0, True),
        (1e5, 0.0, PATIENCE - 0.1, 0, False),
        (1e5, 0.0, PATIENCE + 0.1, 1, False),
        (1e5, 0.0, 2 * PATIENCE + 0.1, 1, True),
        (5e5, 0.0, 100.0, 0, False),
        (9e5, PATIENCE, 100.0, 0, True),
        (9e5, PATIENCE - 0.1, 100.0, 0, False),
    ],
)
def test_lagging(rate: float, silent: float, age: float, again: int, *, lags: bool) -> None:
    assert is_lagging(rate, 1e6, 10**9, age=age, silent=silent, again=again) is lags


def test_nobody_lags_alone_or_shortly_before_the_end() -> None:
    assert not is_lagging(10.0, 0.0, 10**9, age=100, silent=100, again=0)
    assert not is_lagging(1e5, 1e6, 10**5, age=100, silent=0, again=0)


@pytest.mark.parametrize(
    ("rate", "at", "ahead", "goes_on"),
    [
        # The one that has the rest is far slower.
        (9e6, 4 * MIB, Running(5 * MIB, 20 * MIB, 1e6), True),
        # It is nearly as fast, or has nearly done it.
        (9e6, 4 * MIB, Running(5 * MIB, 20 * MIB, 6e6), False),
        (9e6, 4 * MIB, Running(19 * MIB, 20 * MIB, 1e6), False),
        # Nobody has begun: what came before is little.
        (9e6, 4 * MIB, Running(4 * MIB, 20 * MIB, None), True),
        (9e6, 4 * MIB, Running(4 * MIB + 1000, 20 * MIB, None), True),
        # Coming to where it goes on takes longer than a new connection would.
        (9e6, 4 * MIB, Running(12 * MIB, 20 * MIB, None), False),
        # It stands still.
        (9e6, 4 * MIB, Running(5 * MIB, 20 * MIB, 0.0), True),
        (0.0, 4 * MIB, Running(4 * MIB, 20 * MIB, None), False),
        # Too much would come twice, however slow the other one is.
        (9e6, 4 * MIB, Running(12 * MIB, 2000 * MIB, 1e3), False),
        # What it brings next is there already.
        (9e6, 6 * MIB, Running(5 * MIB, 20 * MIB, 1e3), False),
    ],
)
def test_overtakes(rate: float, at: int, ahead: Running, *, goes_on: bool) -> None:
    assert overtakes(rate, at, ahead, setup=0.1) is goes_on


def test_a_flow_that_is_counted_anew_keeps_its_rate_at_first() -> None:
    speed = measured(flowing(0.0, 0), 0.5, 500_000)
    on = flowing_on(speed, 0.5, 7)
    assert on.rate == 1e6
    assert on.began == 0.0
    slower = measured(on, 0.6, 7)
    assert slower.rate == pytest.approx(0.8e6)
    assert measured(slower, 1.2, 7).rate == 0.0


def test_waiting_for_the_first_byte_is_no_part_of_a_rate() -> None:
    waiting = measured(measured(flowing(0.0, 0), 1.0, 0), 2.0, 0)
    assert waiting.rate is None
    assert measured(waiting, 2.5, 500_000).rate == 1e6
