"""How many connections a host is worth: the decisions, and whatever is sampled."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.ramp import Phase, Ramp, Sample, ramp_sample, ramp_start

PURE = settings(deadline=None, derandomize=True, max_examples=200)


@pytest.mark.parametrize(
    ("most", "known", "target"),
    [(32, None, 1), (1, None, 1), (0, None, 1), (32, 7, 7), (4, 7, 4), (4, 0, 1), (0, 9, 1)],
)
def test_the_beginning(most: int, known: int | None, target: int) -> None:
    state = ramp_start(most, known)
    assert state.target == target
    assert state.found == (None if known is None else target)


def run(state: Ramp, *counts: tuple[float, int], streaming: int | None = None) -> Ramp:
    """Sample bytes at times, with as many at work as were wanted."""
    for now, received in counts:
        at_work = state.target if streaming is None else streaming
        state = ramp_sample(state, Sample(now=now, received=received, streaming=at_work))
    return state


def flow(begin: float, end: float, speed: float, received: int = 0) -> list[tuple[float, int]]:
    """Samples of a steady flow every 50 ms."""
    steps = round((end - begin) / 0.05)
    return [(begin + step * 0.05, received + int(step * 0.05 * speed)) for step in range(steps)]


def test_what_speeds_up_by_itself_is_listened_to() -> None:
    state = run(ramp_start(32), *((tenth / 10, 1000 * 2**tenth) for tenth in range(20)))
    assert (state.target, state.phase, state.found) == (1, Phase.LISTENING, None)


def test_a_raise_that_brings_nothing_is_taken_back() -> None:
    state = run(ramp_start(32), *flow(0.0, 0.5, 1e6))
    assert (state.target, state.phase, state.found) == (2, Phase.CLIMBING, 1)
    state = run(state, *flow(0.5, 1.2, 1e6, 500_000))
    assert (state.target, state.phase, state.found) == (1, Phase.HOLDING, 1)


def test_a_raise_that_brings_its_share_is_followed_by_another() -> None:
    state = run(ramp_start(32), *flow(0.0, 0.5, 1e6), *flow(0.5, 0.7, 2e6, 500_000))
    assert (state.target, state.phase, state.found) == (4, Phase.CLIMBING, 2)


def test_a_raise_after_which_nothing_comes_says_that_the_link_is_not_full() -> None:
    state = run(ramp_start(32), *flow(0.0, 0.5, 1e6), *flow(0.5, 1.2, 0, 500_000))
    assert state.target == 4


def test_over_a_long_path_there_are_four_at_once() -> None:
    state = ramp_start(32)
    for now, received in flow(0.0, 1.0, 1e6):
        sample = Sample(now=now, received=received, streaming=1, round_trip=0.05)
        state = ramp_sample(state, sample)
    assert state.target == 4


def lossy(times: float, *, seconds: float = 0.2) -> Ramp:
    """One connection loses a packet at 1 MB/s after 0.3 s, and goes on `times` as fast."""
    state, arrived = ramp_start(32), 0.0
    for step in range(1, 7 + round(seconds / 0.05)):
        arrived += 50_000 * (times if step > 6 else 1)
        sample = Sample(
            now=step / 20,
            received=int(arrived),
            streaming=1,
            round_trip=0.08,
            losses=int(step >= 6),
            arrived=int(arrived),
        )
        state = ramp_sample(state, sample)
    return state


def test_a_lost_packet_is_answered_by_eight_before_it_is_weighed() -> None:
    state = lossy(1.0, seconds=0.05)
    assert (state.target, state.phase, state.found) == (8, Phase.WEIGHING, None)


@pytest.mark.parametrize("times", [0.3, 0.7, 1.0, 1.1])
def test_many_follow_where_the_sender_slows_down_at_a_loss(times: float) -> None:
    state = lossy(times)
    assert (state.target, state.phase, state.heeded) == (32, Phase.CLIMBING, True)


@pytest.mark.parametrize("times", [1.5, 2.0, 4.0])
def test_a_sender_that_does_not_mind_a_loss_is_listened_to_on(times: float) -> None:
    state = lossy(times, seconds=0.15)
    assert (state.target, state.phase, state.found) == (1, Phase.LISTENING, None)


def holding(number: int, losses: int, speed: float, **more: int) -> Ramp:
    """`number` are held at `speed`, and so many packets are lost in a second."""
    state = ramp_start(32, known=number)._replace(limited=bool(more.get("limited")))
    for step in range(20):
        sample = Sample(
            now=step / 20,
            received=int(step * speed / 20),
            streaming=number,
            round_trip=0.08,
            losses=losses if step == 19 else 0,
            arrived=int(step * speed / 20),
        )
        state = ramp_sample(state, sample)
    return state


@pytest.mark.parametrize(
    ("number", "losses", "speed", "target"),
    [
        (2, 4, 1e6, 32),
        (4, 6, 2e6, 32),
        # Once may be chance.
        (2, 1, 1e6, 2),
        # So seldom it may be a router that keeps its queue short.
        (1, 5, 12e6, 1),
        # With so much under way it is not the losses that hold it down.
        (1, 10, 12e6, 1),
        # More than a few were found otherwise.
        (8, 20, 3e6, 8),
    ],
)
def test_few_become_many_where_losses_hold_them_down(
    number: int, losses: int, speed: float, target: int
) -> None:
    assert holding(number, losses, speed).target == target


def test_where_more_are_refused_losses_change_nothing() -> None:
    assert holding(2, 4, 1e6, limited=1).target == 2


def test_many_that_were_of_no_use_do_not_come_again_for_losses() -> None:
    state = lossy(1.0)._replace(target=2, proven=2, phase=Phase.HOLDING, until=9.0, best=0.0)
    sample = Sample(now=2.0, received=10**6, streaming=2, round_trip=0.08, losses=9, arrived=10**6)
    assert ramp_sample(state, sample).target == 2


@pytest.mark.parametrize(("swollen", "target"), [(None, 4), (1.1, 4), (1.3, 2)])
def test_where_a_queue_has_grown_two_are_tried(swollen: float | None, target: int) -> None:
    state = ramp_start(32)
    for now, received in flow(0.0, 0.6, 1e6):
        sample = Sample(now=now, received=received, streaming=1, round_trip=0.05, swollen=swollen)
        state = ramp_sample(state, sample)
    assert state.target == target


@pytest.mark.parametrize(
    ("swollen", "left", "target"),
    [(1.3, 1_900_000, 1), (1.3, 2_100_000, 2), (1.1, 1_900_000, 4), (1.3, None, 2)],
)
def test_where_a_queue_has_grown_none_is_tried_for_the_last_two_seconds(
    swollen: float, left: int | None, target: int
) -> None:
    state = ramp_start(32)
    for now, received in flow(0.0, 0.6, 1e6):
        sample = Sample(
            now=now, received=received, streaming=1, round_trip=0.05, swollen=swollen, left=left
        )
        state = ramp_sample(state, sample)
    assert state.target == target


@pytest.mark.parametrize(("queued_at", "target"), [(-1.4, 1), (-2.0, 4)])
def test_a_queue_that_overflowed_is_empty_for_a_while(queued_at: float, target: int) -> None:
    state = ramp_start(32)._replace(queued_at=queued_at)
    for now, received in flow(0.0, 0.6, 1e6):
        sample = Sample(
            now=now, received=received, streaming=1, round_trip=0.05, swollen=1.0, left=10**6
        )
        state = ramp_sample(state, sample)
    assert state.target == target


@pytest.mark.parametrize(("swollen", "phase"), [(1.0, Phase.WEIGHING), (1.5, Phase.LISTENING)])
def test_what_a_full_queue_loses_says_nothing(swollen: float, phase: Phase) -> None:
    state = ramp_start(32)
    for now, received in flow(0.0, 0.3, 1e6):
        sample = Sample(
            now=now,
            received=received,
            streaming=1,
            round_trip=0.08,
            losses=now > 0.2,
            arrived=received,
            # What was lost there shows when the queue is empty.
            swollen=swollen if now < 0.1 else 1.0,
        )
        state = ramp_sample(state, sample)
    assert state.phase is phase


def test_a_number_that_cannot_be_had_is_not_waited_for() -> None:
    state = run(ramp_start(32), *flow(0.0, 2.0, 1e6), streaming=1)
    assert state.target == 2
    state = run(state, *flow(2.0, 6.0, 1e6, 2 * 10**6), streaming=1)
    assert state.target == 1


def four_proved(speed: float) -> Ramp:
    """Thirty-two are tried, and `speed` is what four of them brought."""
    return ramp_start(32)._replace(target=32, proven=4, phase=Phase.CLIMBING, before=speed)


@pytest.mark.parametrize(
    ("times", "target", "wait"),
    [
        (2.1, 32, 8.0),
        (1.5, 32, 2.0),
        (1.15, 32, 2.0),
        (1.05, 16, 2.0),
        (0.9, 16, 2.0),
        (0.3, 32, 8.0),
    ],
)
def test_eight_times_as_many_must_bring_twice_as_much(
    times: float, target: int, wait: float
) -> None:
    # 29: of so many some are always between two requests.
    state = run(four_proved(1e6), *flow(0.0, 1.0, times * 1e6), streaming=29)
    assert (state.target, state.phase, state.wait) == (target, Phase.HOLDING, wait)


def test_bursts_that_are_a_round_trip_apart_are_no_end_of_growth() -> None:
    state, received = ramp_start(32), 0
    for step in range(60):
        received += 10_000 * 2 ** (step // 6) if step % 6 == 0 else 0
        sample = Sample(now=step / 20, received=received, streaming=1, round_trip=0.3)
        state = ramp_sample(state, sample)
    assert state.phase is Phase.LISTENING


def test_a_very_long_path_is_not_listened_to_for_ever() -> None:
    state = ramp_start(32)
    for now, received in flow(0.0, 4.0, 1e6):
        sample = Sample(now=now, received=received, streaming=1, round_trip=10.0)
        state = ramp_sample(state, sample)
    assert state.target == 4


def eight_probed() -> tuple[Ramp, tuple[float, int]]:
    """Eight were held at 8 MB/s, and a step to ten is tried; when, and what had come."""
    state = run(ramp_start(64, known=8), *flow(0.0, 2.2, 8e6))
    assert (state.target, state.phase) == (10, Phase.PROBING)
    return state, state.speeds.counts[-1]


def test_a_step_up_that_pays_plainly_is_followed_early() -> None:
    state, (now, received) = eight_probed()
    state = run(state, *flow(now + 0.05, now + 1.4, 12e6, received))
    assert (state.target, state.phase, state.found) == (64, Phase.CLIMBING, 10)


@pytest.mark.parametrize(("times", "found"), [(1.05, 8), (1.2, 10)])
def test_a_step_up_must_bring_half_of_its_share(times: float, found: int) -> None:
    state, (now, received) = eight_probed()
    state = run(state, *flow(now + 0.05, now + 2.8, times * 8e6, received))
    assert state.found == found


def test_what_speeds_up_without_newcomers_is_no_merit_of_theirs() -> None:
    state, (now, received) = eight_probed()
    state = run(state, *flow(now + 0.05, now + 4.8, 12e6, received), streaming=8)
    assert (state.target, state.phase, state.found) == (8, Phase.HOLDING, 8)


def test_one_of_many_may_be_between_two_requests() -> None:
    state = ramp_start(64, known=8)
    for now, received in flow(0.0, 2.3, 8e6):
        sample = Sample(now=now, received=received, streaming=7, asked=1)
        state = ramp_sample(state, sample)
    assert state.phase is Phase.PROBING


def test_tests_that_change_nothing_become_rare_but_do_not_end() -> None:
    state, received, tests = ramp_start(32, known=8), 0, []
    for step in range(14_000):
        # Ten bring no more than eight, fewer bring less.
        received += min(8, state.target) * 50_000
        before, state = state, run(state, (step / 20, received))
        if state.phase is Phase.PROBING is not before.phase:
            tests.append(step / 20)
    waits = [round(later - sooner, 1) for sooner, later in pairwise(tests)]
    assert all(later > 0.99 * sooner for sooner, later in pairwise(waits))
    assert 60 < waits[-1] < 70


@pytest.mark.parametrize(("streaming", "target"), [(0, 1), (1, 1), (5, 5), (8, 8), (30, 8)])
def test_a_refusal_leaves_what_streams(streaming: int, target: int) -> None:
    state = ramp_start(32, known=8)
    refused = Sample(now=1.0, received=0, streaming=streaming, refusals=3)
    state = ramp_sample(state, refused)
    assert (state.target, state.phase, state.found) == (target, Phase.HOLDING, target)


def test_refusals_that_come_together_are_one() -> None:
    state = ramp_start(32, known=8)
    for number in range(1, 6):
        sample = Sample(now=number / 100, received=0, streaming=4, refusals=number)
        state = ramp_sample(state, sample)
    assert (state.target, state.wait) == (4, 10.0)


def test_more_is_tried_when_the_gate_would_ask_again() -> None:
    state = ramp_sample(ramp_start(32, 8), Sample(now=0.0, received=0, streaming=4, refusals=1))
    state = run(state, *flow(0.05, 9.95, 1e6))
    assert state.target == 4
    state = run(state, *flow(10.0, 10.2, 1e6, 10**7))
    assert (state.target, state.phase) == (6, Phase.PROBING)
    state = ramp_sample(state, Sample(now=10.3, received=10**7, streaming=4, refusals=2))
    assert (state.target, state.wait) == (4, 20.0)
    state = ramp_sample(state, Sample(now=10.35, received=10**7, streaming=4, refusals=3))
    assert (state.target, state.wait) == (4, 20.0)


def test_a_sample_that_is_early_or_late_changes_nothing() -> None:
    state = run(ramp_start(32), (1.0, 10), (1.1, 20))
    for now in (0.0, 1.0, 1.1, 1.11):
        assert run(state, (now, 30)) is state


def test_what_is_too_little_for_all_is_no_reason_for_more() -> None:
    state = run(ramp_start(32, known=8), *flow(0.0, 1.0, 8e6))
    # The last pieces: fewer and fewer are at work, and they bring less and less.
    for streaming in range(7, 0, -1):
        begin = 8.0 - streaming
        counts = flow(begin, begin + 1, streaming * 1e6, int(begin * 8e6))
        state = run(state, *counts, streaming=streaming)
        assert state.target == 8


SAMPLES = st.lists(
    st.builds(
        Sample,
        now=st.floats(-10, 1e4) | st.floats(0, 20),
        received=st.integers(-10, 10**15),
        streaming=st.integers(0, 200),
        asked=st.integers(0, 200),
        refusals=st.integers(0, 5) | st.integers(0, 10**6),
        round_trip=st.floats(0, 10) | st.just(0.08),
        losses=st.none() | st.integers(0, 10**6) | st.integers(0, 3),
        arrived=st.none() | st.integers(-10, 10**15),
        swollen=st.none() | st.floats(0, 1e6),
        left=st.none() | st.integers(-10, 10**15),
    ),
    max_size=40,
)


@PURE
@given(st.integers(-3, 200), st.none() | st.integers(-3, 300), SAMPLES)
def test_any_samples_keep_the_bounds(most: int, known: int | None, samples: list[Sample]) -> None:
    state = ramp_start(most, known)
    for sample in samples:
        before, state = state, ramp_sample(state, sample)
        assert 1 <= state.target <= max(1, most)
        assert 1 <= state.proven <= max(1, most)
        assert state.refusals >= before.refusals
        assert state.before >= 1
        if sample.refusals > before.refusals:
            assert state.target <= max(1, sample.streaming)


STEPS = st.tuples(
    st.floats(0.03, 0.6), st.integers(0, 10**8), st.floats(0, 1), st.sampled_from([0, 0, 0, 0, 1])
)


@PURE
@given(st.integers(1, 100), st.floats(0, 0.3), st.lists(STEPS, max_size=120))
def test_any_flow_keeps_the_bounds(
    most: int, round_trip: float, steps: list[tuple[float, int, float, int]]
) -> None:
    state, now, received, refusals = ramp_start(most), 0.0, 0, 0
    for seconds, brought, share, refused in steps:
        now, received, refusals = now + seconds, received + brought, refusals + refused
        streaming = round(state.target * share)
        before = state
        state = ramp_sample(
            state,
            Sample(
                now=now,
                received=received,
                streaming=streaming,
                asked=state.target - streaming,
                refusals=refusals,
                round_trip=round_trip,
            ),
        )
        assert 1 <= state.target <= most
        # Never eightfold from nothing: what is beyond four was proved to be worth it.
        if state.target > before.target >= 4:
            assert state.phase is not Phase.LISTENING
        assert state.target <= max(4, 8 * before.target)
        assert state.until <= now + 64.0 + 1e-6


def test_the_burst_that_a_pacing_server_begins_with_is_no_speed_to_compare_with() -> None:
    """As nginx with `limit_rate 4m`: a second's worth at once, and then by whole seconds."""
    came = {0.08: 6, 0.8: 4, 1.1: 4, 1.25: 4}
    state, received = ramp_start(32), 0
    for tick in range(1, 29):
        now = tick / 20
        received += sum(lump for at, lump in came.items() if now - 0.05 < at <= now) * 2**20
        sample = Sample(now=now, received=received, streaming=min(2, state.target))
        state = ramp_sample(state, sample)
    assert state.target >= 4


@pytest.mark.parametrize("first", [0, 2 * 2**20])
def test_a_first_burst_is_followed_by_many_whether_its_beginning_was_seen_or_not(
    first: int,
) -> None:
    """As nginx with `limit_rate 2m`: each connection begins with a second's worth, and waits."""
    state, burst, served = run(ramp_start(32), (0.0, first)), 2 * 2**20, 1
    for tick in range(1, 20):
        served = max(served, state.target)
        state = run(state, (tick / 20, served * burst))
    assert state.target == 32


def test_what_more_than_are_wanted_bring_is_not_what_those_bring() -> None:
    state = ramp_start(32)._replace(phase=Phase.HOLDING, since=0.0, best=1e6)
    # The second one has yet to go, and then the one is slower.
    state = run(state, *flow(0.0, 3.0, 2e6), streaming=2)
    assert (state.phase, state.target) == (Phase.HOLDING, 1)
    state = run(state, *flow(3.0, 5.5, 1e6, 6 * 10**6), streaming=1)
    assert (state.phase, state.target) == (Phase.PROBING, 2)
    assert state.before == pytest.approx(1e6, rel=0.05)
