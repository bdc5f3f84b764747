"""How many requests an origin gets: the state machine, and servers that it meets."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from segdl.core.admission import (
    FIRST_RAISE,
    LONGEST_RAISE,
    NEXT_RAISE,
    UNANSWERED,
    Admission,
    answered,
    asked,
    asked_again,
    closed,
    may_ask,
    may_ask_again,
    opening,
    refused,
)

NEVER = float("inf")


def streams(cap: int, count: int, *, now: float = 0.0) -> Admission:
    """An origin with `count` responses being read."""
    state = opening(cap)
    for _ in range(count):
        state = answered(asked(state), now)
    return state


def test_at_first_everything_may_go_out_but_not_all_at_once() -> None:
    state = opening(32)
    for _ in range(UNANSWERED):
        assert may_ask(state, 0.0)
        state = asked(state)
    assert not may_ask(state, 0.0)
    assert may_ask(answered(state, 0.0), 0.0)


def test_connections_that_were_answered_on_before() -> None:
    """However many wait for an answer there, new ones may be tried beside them, up to the limit."""
    state = opening(16)
    for _ in range(UNANSWERED):
        assert may_ask_again(state, 0.0)
        state = asked_again(state)
    for _ in range(UNANSWERED):
        assert may_ask(state, 0.0)
        state = asked(state)
    assert not may_ask(state, 0.0)
    assert not may_ask_again(state, 0.0)


def test_a_refusal_holds_back_what_goes_out_over_such_connections() -> None:
    state = refused(asked(asked_again(asked_again(opening(8)))), 0.0, 5.0, 1.0)
    assert state.limit == 2
    state = closed(state, was_streaming=True)
    assert not may_ask_again(state, 4.0)
    assert may_ask_again(state, 5.0)


@pytest.mark.parametrize("cap", [1, 2, 8, 32])
def test_never_more_than_the_cap(cap: int) -> None:
    state = streams(cap, cap)
    assert state.streaming == state.limit == cap
    assert not may_ask(state, 1e9)
    assert may_ask(closed(state, was_streaming=True), 0.0)


def test_a_refusal_beside_streams_settles_at_the_streams() -> None:
    state = refused(asked(streams(8, 3)), 5.0, None, 1.0)
    assert state.limit == state.streaming == 3
    assert state.unanswered == 0
    assert state.refusals == 1
    # Nothing asks for a pause: a stream that ends may be replaced at once.
    assert not may_ask(state, 5.0)
    assert may_ask(closed(state, was_streaming=True), 5.0)


@pytest.mark.parametrize("ended", [0, 1, 2])
def test_a_stream_that_ended_before_a_refusal_was_heard_of_counts(ended: int) -> None:
    state = opening(8)
    for _ in range(8):
        state = asked(state)
    for _ in range(3):
        state = answered(state, 0.0)
    for _ in range(ended):
        state = closed(state, was_streaming=True)
    for _ in range(5):
        state = refused(state, 0.0, None, 1.0)
    assert (state.limit, state.streaming, state.unanswered) == (3, 3 - ended, 0)
    for _ in range(ended):
        assert may_ask(state, 0.0)
        state = asked(state)
    assert not may_ask(state, 0.0)
    # Refused again, it does allow no more than these.
    for _ in range(ended):
        state = refused(state, 0.0, None, 1.0)
    assert state.limit == 3 - ended


def test_a_request_without_an_answer_keeps_no_limit_up() -> None:
    # The server allowed five, and now allows two.
    state = asked(streams(8, 5))
    for _ in range(3):
        state = closed(state, was_streaming=True)
    for _ in range(2):
        assert may_ask(state, 0.0)
        state = refused(asked(state), 0.0, None, 1.0)
    assert (state.limit, state.unanswered) == (2, 1)
    assert not may_ask(state, 0.0)


def test_a_refusal_alone_says_nothing_of_the_limit_but_waits() -> None:
    state = refused(asked(opening(8)), 5.0, None, 1.5)
    assert state.limit == 8
    assert state.raise_at is None
    assert not may_ask(state, 6.4)
    assert may_ask(state, 6.5)


def test_refusals_together_without_a_stream_leave_one() -> None:
    state = refused(asked(asked(asked(opening(8)))), 0.0, None, 1.0)
    assert state.limit == 1
    assert not may_ask(state, 0.5)


def test_retry_after_holds_everything_back() -> None:
    state = refused(asked(streams(8, 3)), 5.0, 20.0, 1.0)
    state = closed(state, was_streaming=True)
    assert not may_ask(state, 24.9)
    assert may_ask(state, 25.0)


def test_a_shorter_wait_does_not_replace_a_longer_one() -> None:
    state = asked(asked(opening(8)))
    state = refused(refused(state, 0.0, 60.0, 1.0), 1.0, 2.0, 1.0)
    assert not may_ask(state, 59.9)
    assert may_ask(state, 60.0)


def test_one_more_is_tried_after_a_while_that_doubles() -> None:
    state, now = refused(asked(streams(8, 2)), 0.0, None, 1.0), 0.0
    waits = []
    for _ in range(9):
        assert state.raise_at is not None
        waits.append(state.raise_at - now)
        assert not may_ask(state, state.raise_at - 0.01)
        assert may_ask(state, state.raise_at)
        now = state.raise_at
        state = asked(state)
        # One, not more.
        assert not may_ask(state, now)
        state = refused(state, now, None, 1.0)
        assert state.limit == 2
    assert waits == [min(LONGEST_RAISE, FIRST_RAISE * 2**n) for n in range(9)]


def test_what_the_server_takes_is_followed_soon_by_the_next() -> None:
    state = refused(asked(streams(8, 2)), 0.0, None, 1.0)
    now = FIRST_RAISE
    for count in range(3, 8):
        state = answered(asked(state), now)
        assert state.limit == count
        assert state.raise_at == now + NEXT_RAISE
        assert not may_ask(state, now + NEXT_RAISE - 0.01)
        now += NEXT_RAISE
        assert may_ask(state, now)
    state = answered(asked(state), now)
    assert state.limit == state.cap == 8
    assert state.raise_at is None


def test_refusals_that_come_together_are_one() -> None:
    state = streams(8, 2)
    for _ in range(6):
        state = asked(state)
    for _ in range(6):
        state = refused(state, 0.0, None, 1.0)
    assert state.refusals == 6
    assert state.raise_at == FIRST_RAISE
    assert state.raise_delay == 2 * FIRST_RAISE


def test_a_raise_waits_at_least_as_long_as_the_server_asks() -> None:
    state = refused(asked(streams(8, 2)), 0.0, 100.0, 1.0)
    assert state.raise_at == 100.0


def test_a_request_that_ends_without_an_answer() -> None:
    state = closed(asked(streams(8, 2)), was_streaming=False)
    assert state == streams(8, 2)


class AdmissionMachine(RuleBasedStateMachine):
    """Any order of events: what is counted is what happens, and nothing gets stuck."""

    def __init__(self) -> None:
        super().__init__()
        self.cap = 1
        self.state = opening(1)
        self.now = 0.0
        self.unanswered = 0
        self.streaming = 0
        self.refusals = 0
        self.forbidden_until = 0.0

    @precondition(lambda self: not self.unanswered and not self.streaming and not self.refusals)
    @rule(cap=st.integers(1, 12))
    def open(self, cap: int) -> None:
        self.cap, self.state = cap, opening(cap)

    @rule(seconds=st.floats(0, 5) | st.floats(0, 1000))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(times=st.integers(1, 12))
    def ask(self, times: int) -> None:
        for _ in range(times):
            if may_ask(self.state, self.now):
                assert self.now >= self.forbidden_until
                self.state = asked(self.state)
                self.unanswered += 1

    @rule(times=st.integers(1, 12))
    def ask_again(self, times: int) -> None:
        for _ in range(times):
            if may_ask_again(self.state, self.now):
                assert self.now >= self.forbidden_until
                self.state = asked_again(self.state)
                self.streaming += 1

    @precondition(lambda self: self.unanswered)
    @rule()
    def answer(self) -> None:
        self.state = answered(self.state, self.now)
        self.unanswered -= 1
        self.streaming += 1

    @precondition(lambda self: self.unanswered)
    @rule(after=st.none() | st.floats(0, 700), delay=st.floats(0, 30))
    def refuse(self, after: float | None, delay: float) -> None:
        before = self.state
        self.state = refused(before, self.now, after, delay)
        self.unanswered -= 1
        self.refusals += 1
        pause = after if after is not None else (0.0 if self.streaming else delay)
        self.forbidden_until = max(self.forbidden_until, self.now + pause)
        assert self.state.limit <= before.limit

    @precondition(lambda self: self.streaming)
    @rule()
    def finish(self) -> None:
        self.state = closed(self.state, was_streaming=True)
        self.streaming -= 1

    @precondition(lambda self: self.unanswered)
    @rule()
    def lose(self) -> None:
        self.state = closed(self.state, was_streaming=False)
        self.unanswered -= 1

    @invariant()
    def counts_are_true(self) -> None:
        assert self.state.cap == self.cap
        assert self.state.unanswered == self.unanswered >= 0
        assert self.state.streaming == self.streaming >= 0
        assert self.state.refusals == self.refusals
        assert self.unanswered + self.streaming <= self.cap
        # Two for each three that stream, and no more in all than were asked for.
        assert self.unanswered <= max(UNANSWERED, 2 * self.cap // 5)
        assert self.streaming <= self.state.limit

    @invariant()
    def the_limit_is_sound(self) -> None:
        assert 1 <= self.state.limit <= self.cap
        assert (self.state.raise_at is None) == (self.state.limit == self.cap)
        assert FIRST_RAISE <= self.state.raise_delay <= LONGEST_RAISE
        assert self.state.not_before == self.forbidden_until

    @invariant()
    def nothing_is_stuck(self) -> None:
        later = max(self.now, self.state.not_before)
        if not self.unanswered and not self.streaming:
            assert may_ask(self.state, later)
        if not self.unanswered and self.streaming < self.cap:
            # At the latest when one more may be tried.
            assert may_ask(self.state, max(later, self.state.raise_at or 0.0))


AdmissionMachine.TestCase.settings = settings(
    deadline=None, derandomize=True, max_examples=60, stateful_step_count=40
)
TestAdmissionMachine = AdmissionMachine.TestCase


@dataclass
class Simulation:
    """`workers` that always want to fetch, and a server that allows `allowed` at once.

    Times are simulated. `length` is how long a stream lasts on average, `lag` how long the
    server goes on counting a stream that has ended.
    """

    workers: int
    allowed: int
    random: Random
    length: float = NEVER
    lag: float = 0.0
    after: float | None = None
    now: float = 0.0
    refusals: int = 0
    counted: int = 0
    asked_at: list[float] = field(default_factory=list)
    refused_at: list[float] = field(default_factory=list)
    events: list[tuple[float, int, str]] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        self.state = opening(self.workers)

    def at(self, when: float, what: str) -> None:
        self.number += 1
        if when < NEVER:
            heapq.heappush(self.events, (when, self.number, what))

    def ask_all(self) -> None:
        while may_ask(self.state, self.now):
            self.state = asked(self.state)
            self.asked_at.append(self.now)
            self.at(self.now + self.random.uniform(0.01, 0.1), "arrive")
        for when in (self.state.not_before, self.state.raise_at):
            if when is not None and when > self.now:
                self.at(when, "look")

    def run(self, until: float = 600.0) -> Simulation:
        self.ask_all()
        while self.events and self.events[0][0] <= until:
            self.now, _, what = heapq.heappop(self.events)
            getattr(self, what)()
            self.ask_all()
        return self

    def look(self) -> None:
        """Nothing happens but that time has passed."""

    def arrive(self) -> None:
        taken = self.counted < self.allowed
        self.counted += taken
        self.at(self.now + self.random.uniform(0.01, 0.1), "accept" if taken else "refuse")

    def accept(self) -> None:
        self.state = answered(self.state, self.now)
        if self.length < NEVER:
            self.at(self.now + self.random.uniform(0.5, 1.5) * self.length, "end")

    def refuse(self) -> None:
        self.refusals += 1
        self.refused_at.append(self.now)
        self.state = refused(self.state, self.now, self.after, 0.5)

    def end(self) -> None:
        self.state = closed(self.state, was_streaming=True)
        self.at(self.now + self.lag, "forget")

    def forget(self) -> None:
        self.counted -= 1


PAIRS = [(workers, allowed) for workers in range(2, 33) for allowed in range(1, workers + 1)]


@pytest.mark.parametrize("after", [None, 0.0, 5.0])
def test_a_server_that_allows_some_is_refused_little_and_settled_with(after: float | None) -> None:
    for workers, allowed in PAIRS:
        case = f"{allowed} of {workers}"
        met = Simulation(workers, allowed, Random(case), after=after).run()
        assert met.refusals <= 20, case
        assert met.state.streaming == allowed == met.state.limit, case


@pytest.mark.parametrize("lag", [0.0, 0.02])
def test_so_it_is_where_streams_end_and_others_begin(lag: float) -> None:
    for workers, allowed in PAIRS[::7]:
        case = f"{allowed} of {workers}"
        met = Simulation(workers, allowed, Random(case), length=40.0, lag=lag).run()
        assert met.refusals <= 20, case
        # A stream that has just ended may be missing.
        assert met.state.streaming >= allowed - 2, case
        assert len(met.asked_at) > met.refusals + 5 * allowed, case


def test_a_server_that_allows_more_later_is_found_out() -> None:
    met = Simulation(8, 2, Random(1)).run(60.0)
    assert met.state.streaming == 2
    met.allowed = 6
    met.run()
    assert met.state.streaming == 6
    assert met.refusals <= 20


@pytest.mark.parametrize("workers", [1, 2, 8, 32])
def test_a_server_that_is_rate_limited_is_not_asked_before_the_time(workers: int) -> None:
    met = Simulation(workers, 0, Random(workers), after=30.0).run()
    assert met.refusals > 5
    for when in met.refused_at:
        # What was on its way before the refusal came is excused.
        early = [asked_at for asked_at in met.asked_at if when < asked_at < when + 30.0]
        assert not early
    # After the first volley one request at a time asks whether it is over.
    assert met.refusals <= UNANSWERED + 600 / 30


@pytest.mark.parametrize("workers", [2, 8, 32])
def test_when_the_wait_is_over_it_goes_on(workers: int) -> None:
    met = Simulation(workers, 0, Random(workers), after=30.0).run(100.0)
    met.allowed = workers
    met.run(100.0 + 30.0 + 700.0)
    assert met.state.streaming == workers
