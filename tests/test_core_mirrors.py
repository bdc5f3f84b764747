"""What is known of a mirror, which one is chosen, and what comes of it in whole downloads."""

from __future__ import annotations

from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.mirrorchoice import TRIAL, WANTED, better, choose
from segdl.core.mirrors import (
    BELIEVED,
    Mirror,
    Outcome,
    State,
    after,
    closed,
    each,
    expected,
    measured,
    opened,
)
from support.mirrorworld import MIB, Server, World

PURE = settings(deadline=None, derandomize=True, max_examples=300)
LARGE = 1 << 40


def proved(
    rate: float,
    connections: int = 1,
    *,
    single: float | None = None,
    state: State = State.PROVED,
    most: int = 99,
    ready_at: float = 0.0,
    priority: int = 1,
) -> Mirror:
    """A mirror that was measured for long."""
    return Mirror(
        state=state,
        connections=connections,
        rate=rate if connections else 0.0,
        single=rate / max(connections, 1) if single is None else single,
        evidence=10.0,
        most=most,
        ready_at=ready_at,
        priority=priority,
    )


# What is measured.


def test_a_rate_is_the_mean_since_the_first_byte() -> None:
    mirror = opened(Mirror())
    for received in (0, 0, 1000, 1000, 1000, 1000):
        mirror = measured(mirror, received, 0.25)
    assert mirror.rate == pytest.approx(4000)
    assert mirror.single == pytest.approx(4000)
    assert mirror.evidence == pytest.approx(1.0)


def test_silence_is_evidence_too() -> None:
    mirror = opened(Mirror())
    for _ in range(40):
        mirror = measured(mirror, 0, 0.1)
    assert mirror.rate == 0
    assert mirror.evidence == pytest.approx(4.0)


def test_a_rate_follows_what_changes() -> None:
    mirror = proved(1000.0)
    for _ in range(60):
        mirror = measured(mirror, 20, 0.1)
    assert mirror.rate == pytest.approx(200, rel=0.3)
    assert mirror.single == mirror.rate


def test_connections_that_share_a_link_do_not_lower_what_one_brings_alone() -> None:
    mirror = opened(proved(1000.0))
    for _ in range(50):
        mirror = measured(mirror, 100, 0.1)
    assert mirror.rate == pytest.approx(1000, rel=0.1)
    assert mirror.single == 1000
    assert expected(mirror) < 300


def test_connections_that_do_not_share_bring_as_much_each() -> None:
    mirror = opened(proved(1000.0))
    for _ in range(50):
        mirror = measured(mirror, 200, 0.1)
    assert each(mirror) == pytest.approx(1000, rel=0.01)
    assert expected(mirror) == pytest.approx(1000, rel=0.1)


def test_an_idle_mirror_is_expected_to_bring_what_it_brought() -> None:
    mirror = closed(proved(1000.0))
    assert (mirror.rate, mirror.connections, expected(mirror)) == (0.0, 0, 1000.0)
    assert expected(Mirror()) == 0


# Which is chosen.


def test_the_one_that_adds_most() -> None:
    assert choose([proved(100.0), proved(900.0), proved(500.0)], 0.0, LARGE) == 1
    # The fast one is full.
    assert choose([proved(100.0), proved(900.0, 9, single=900.0)], 0.0, LARGE) == 0


def test_an_idle_one_goes_before_one_that_is_a_little_faster() -> None:
    assert choose([proved(100.0), proved(60.0, 0, single=60.0)], 0.0, LARGE) == 1
    assert choose([proved(100.0), proved(40.0, 0, single=40.0)], 0.0, LARGE) == 0


def test_among_equals_the_one_with_fewer_connections_then_by_priority() -> None:
    assert choose([proved(200.0, 2), proved(100.0), proved(200.0, 2)], 0.0, LARGE) == 1
    one, two = proved(100.0, priority=2), proved(100.0, priority=1)
    assert choose([one, two], 0.0, LARGE) == 1


def test_one_that_was_never_measured_is_not_forgotten() -> None:
    assert choose([proved(100.0), Mirror(state=State.PROVED)], 0.0, LARGE) == 1


def test_nobody_can_be_asked() -> None:
    mirrors = [
        proved(100.0, state=State.DROPPED),
        proved(100.0, 2, most=2),
        proved(100.0, most=0),
        proved(100.0, ready_at=5.0),
        opened(Mirror()),
    ]
    assert choose(mirrors, 4.9, LARGE) is None
    assert choose(mirrors, 5.0, LARGE) == 3


def test_far_slower_ones_are_left_aside_while_others_take_their_work() -> None:
    fast, slow = proved(8000.0, 8, single=8000.0), proved(90.0, 0, single=90.0)
    assert choose([slow, fast], 0.0, LARGE) == 1
    assert choose([slow, fast._replace(most=8)], 0.0, LARGE) == 0
    # The fast one is so full by now that the slow one is not far slower.
    assert choose([slow, fast._replace(rate=1000.0)], 0.0, LARGE) == 0


def test_one_that_just_began_is_not_far_slower_yet() -> None:
    fast = [proved(8000.0)] * (WANTED - 1)
    begun = proved(10.0)._replace(evidence=BELIEVED - 0.1)
    assert choose([begun, *fast, Mirror()], 0.0, LARGE) != WANTED
    slow = begun._replace(evidence=BELIEVED)
    assert choose([slow, *fast, Mirror()], 0.0, LARGE) == WANTED


def test_a_tail_goes_only_to_one_that_is_faster() -> None:
    mirrors = [proved(100.0, 0, single=100.0), proved(40.0)]
    assert choose(mirrors, 0.0, LARGE, least=99.0) == 0
    assert choose(mirrors, 0.0, LARGE, least=100.0) is None
    assert choose([Mirror(), *mirrors], 0.0, LARGE, least=100.0) is None


# Trials.


def test_an_untried_one_is_tried_beside_others_by_priority() -> None:
    mirrors = [proved(100.0), Mirror(priority=2), Mirror(priority=1)]
    assert choose(mirrors, 0.0, LARGE) == 2
    mirrors[2] = opened(mirrors[2])
    # Half of what is at work is on trial.
    assert choose(mirrors, 0.0, LARGE) == 0
    mirrors[0] = mirrors[0]._replace(connections=2)
    assert choose(mirrors, 0.0, LARGE) == 1


@pytest.mark.parametrize(("connections", "tries"), [(1, False), (2, False), (3, True)])
def test_less_than_half_of_the_connections_are_on_trial(connections: int, tries: bool) -> None:
    trials = [opened(Mirror()), opened(Mirror())]
    mirrors = [proved(100.0, connections), *trials, Mirror()]
    assert choose(mirrors, 0.0, LARGE) == (3 if tries else 0)


@pytest.mark.parametrize(("remaining", "tries"), [(299, False), (300, True)])
def test_the_end_of_a_download_is_no_time_for_trials(remaining: int, tries: bool) -> None:
    assert choose([proved(100.0), Mirror()], 0.0, remaining) == int(tries)


@pytest.mark.parametrize(("remaining", "tries"), [(8 * TRIAL - 1, False), (8 * TRIAL, True)])
def test_nor_is_a_small_file(remaining: int, tries: bool) -> None:
    first = Mirror(state=State.PROVED, connections=1)
    assert choose([first, Mirror()], 0.0, remaining) == int(tries)


def test_enough_mirrors_are_enough() -> None:
    used = [proved(100.0) for _ in range(WANTED)]
    assert choose([*used, Mirror()], 0.0, LARGE) != WANTED
    # One of them is far slower than the others, or dropped.
    assert choose([proved(9.0), *used[1:], Mirror()], 0.0, LARGE) == WANTED
    assert choose([proved(0.0, state=State.DROPPED), *used[1:], Mirror()], 0.0, LARGE) == WANTED


def test_where_nobody_else_takes_more_untried_ones_are_tried_but_few_at_once() -> None:
    full = proved(100.0, 2, most=2)
    mirrors = [full, *(Mirror() for _ in range(20))]
    for _ in range(3):
        index = choose(mirrors, 0.0, 1)
        assert index is not None
        mirrors[index] = opened(mirrors[index])
    assert choose(mirrors, 0.0, 1) is None


# What becomes of it.


def test_what_ends_a_mirror_at_once() -> None:
    for outcome in (Outcome.DENIED, Outcome.LIED):
        assert after([proved(1.0)], 0, outcome, 0.0).state is State.DROPPED
        assert after([Mirror()], 0, outcome, 0.0).state is State.DROPPED


def test_what_could_not_be_compared_waits_and_counts_for_nothing() -> None:
    tried = Mirror()
    for now in (0.0, 10.0, 20.0):
        tried = after([tried, proved(1.0)], 0, Outcome.POSTPONED, now)
        assert tried == Mirror(ready_at=now + 10.0)


def test_a_proof_counts_for_one_that_is_not_dropped() -> None:
    assert after([Mirror(failures=1)], 0, Outcome.PROVED, 0.0) == Mirror(state=State.PROVED)
    dropped = Mirror(state=State.DROPPED)
    assert after([dropped], 0, Outcome.PROVED, 0.0).state is State.DROPPED


def test_failures_in_a_row_end_a_mirror_while_another_delivers() -> None:
    mirrors, now = [proved(100.0, 0, single=100.0), proved(10.0)], 0.0
    for failures in (1, 2, 3):
        assert mirrors[0].state is State.PROVED
        mirrors[0] = after(mirrors, 0, Outcome.FAILED, now)
        assert mirrors[0].failures == failures
        assert mirrors[0].ready_at > now
        now = mirrors[0].ready_at
    assert mirrors[0].state is State.DROPPED


def test_bytes_between_failures_count() -> None:
    mirrors, now = [proved(100.0, 0, single=100.0), proved(10.0)], 0.0
    for _ in range(10):
        mirrors[0] = after(mirrors, 0, Outcome.FAILED, now)
        mirrors[0] = after(mirrors, 0, Outcome.BROUGHT, now)
        now += 60
    assert (mirrors[0].state, mirrors[0].failures) == (State.PROVED, 0)


def test_connections_that_break_together_are_one_failure() -> None:
    mirrors = [proved(100.0, 0, single=100.0), proved(10.0)]
    for at in (0.0, 0.01, 0.02, 0.03):
        mirrors[0] = after(mirrors, 0, Outcome.FAILED, at)
    assert mirrors[0].failures == 1


def test_where_all_fail_none_is_dropped() -> None:
    mirrors, now = [proved(0.0), proved(0.0), Mirror()], 0.0
    for _ in range(20):
        for index in range(3):
            mirrors[index] = after(mirrors, index, Outcome.FAILED, now)
        now += 100
    assert State.DROPPED not in [mirror.state for mirror in mirrors]
    assert all(mirror.ready_at <= now + 60 for mirror in mirrors)


def test_one_that_fails_its_trial_gets_another_later() -> None:
    once = after([Mirror(), proved(10.0)], 0, Outcome.FAILED, 0.0)
    assert (once.state, once.ready_at) == (State.UNTRIED, 10.0)
    twice = after([once, proved(10.0)], 0, Outcome.FAILED, 10.0)
    assert twice.state is State.DROPPED


def test_a_refusal_beside_streams_is_no_failure() -> None:
    mirror = proved(100.0)
    assert after([mirror, proved(1.0)], 0, Outcome.REFUSED, 0.0, wait=9.0) == mirror


def test_one_that_refuses_everything_is_dropped_in_the_end() -> None:
    mirrors, now = [proved(100.0, 0, single=100.0), proved(10.0)], 0.0
    for _ in range(3):
        mirrors[0] = after(mirrors, 0, Outcome.REFUSED, now, wait=30.0)
        assert mirrors[0].ready_at == now + 30
        now += 30
    assert mirrors[0].state is State.DROPPED


# Which one gives up a connection.


def test_a_connection_moves_where_it_brings_much_more() -> None:
    assert better([proved(100.0), proved(201.0)], 0, 0.0) == 1
    assert better([proved(100.0), proved(199.0)], 0, 0.0) is None
    assert better([proved(100.0)], 0, 0.0) is None


def test_one_of_several_on_a_full_link_moves_to_an_idle_one() -> None:
    full = proved(100.0, 2, single=100.0)
    assert better([full, proved(30.0, 0, single=30.0)], 0, 0.0) == 1
    # The last one of a link does not.
    assert better([proved(100.0), proved(110.0, 0, single=110.0)], 0, 0.0) is None


@pytest.mark.parametrize("evidence", [0.0, BELIEVED - 0.1])
def test_nothing_moves_on_little_evidence(evidence: float) -> None:
    slow, fast = proved(10.0), proved(1000.0)
    assert better([slow, fast], 0, 0.0) == 1
    assert better([slow._replace(evidence=evidence), fast], 0, 0.0) is None
    assert better([slow, fast._replace(evidence=evidence)], 0, 0.0) is None


def test_a_change_is_measured_before_the_next() -> None:
    slow, fast = proved(10.0, 2, single=5.0), proved(1000.0)
    assert better([slow, fast], 0, 0.0) == 1
    assert better([closed(slow), fast], 0, 0.0) is None
    assert better([slow, opened(fast)], 0, 0.0) is None
    seen = measured(measured(opened(fast), 1000, 0.5), 1000, 0.5)
    assert better([slow, seen], 0, 0.0) == 1


def test_one_that_says_nothing_at_all_is_given_a_little_longer() -> None:
    silent, fast = proved(0.0), proved(10.0)
    assert better([silent._replace(evidence=3.9), fast], 0, 0.0) is None
    assert better([silent._replace(evidence=4.0), fast], 0, 0.0) == 1


def test_nothing_moves_to_one_that_is_not_proved_or_takes_no_more() -> None:
    slow = proved(1.0)
    for other in (
        proved(999.0, most=1),
        proved(999.0, ready_at=1.0),
        proved(999.0, state=State.DROPPED),
        proved(999.0, state=State.UNTRIED),
        Mirror(),
    ):
        assert better([slow, other], 0, 0.0) is None


# Laws.

rates = st.floats(0, 1e9)
mirrors_of_all_kinds = st.lists(
    st.builds(
        Mirror,
        priority=st.integers(1, 5),
        state=st.sampled_from(State),
        most=st.integers(0, 5),
        connections=st.integers(0, 4),
        rate=st.none() | rates,
        single=rates,
        evidence=st.floats(0, 100),
        failures=st.integers(0, 4),
        ready_at=st.floats(0, 10),
    ),
    min_size=1,
    max_size=6,
)


@PURE
@given(mirrors_of_all_kinds, st.floats(0, 20), st.integers(0, LARGE), rates)
def test_whoever_is_chosen_may_be_asked(
    mirrors: list[Mirror], now: float, remaining: int, least: float
) -> None:
    index = choose(mirrors, now, remaining, least=least)
    open_now = [
        mirror
        for mirror in mirrors
        if mirror.state is not State.DROPPED
        and mirror.ready_at <= now
        and mirror.connections < mirror.most
    ]
    if index is None:
        assert least or all(m.state is State.UNTRIED for m in open_now)
        return
    chosen = mirrors[index]
    assert chosen in open_now
    assert chosen.state is State.PROVED or not chosen.connections
    assert not least or expected(chosen) > least
    for number, mirror in enumerate(mirrors):
        target = better(mirrors, number, now) if mirror.connections else None
        assert target != number
        if target is not None:
            assert mirrors[target] in open_now
            assert mirrors[target].state is State.PROVED


@PURE
@given(
    st.lists(
        st.tuples(st.sampled_from("ocm"), st.integers(0, 1 << 40), st.floats(0.001, 100)),
        max_size=40,
    )
)
def test_what_is_measured_stays_a_number(steps: list[tuple[str, int, float]]) -> None:
    mirror = Mirror()
    fastest = 0.0
    for step, received, seconds in steps:
        if step == "o":
            mirror = opened(mirror)
        elif mirror.connections and step == "c":
            mirror = closed(mirror)
        elif mirror.connections:
            mirror = measured(mirror, received, seconds)
            fastest = max(fastest, received / seconds)
        for number in (mirror.rate or 0.0, mirror.single, mirror.evidence, expected(mirror)):
            assert isfinite(number)
            assert number >= 0
        assert expected(mirror) <= max(each(mirror), mirror.single)
        assert mirror.single <= fastest * 1.001 + 1e-6 or mirror.connections


# Whole downloads.

FIVE, ONE = Server(link=10 * MIB), Server(link=2 * MIB)
STALLS = Server(link=5 * MIB, stalls_at=0.0)


@pytest.mark.parametrize(
    ("slots", "noise"), [(3, 0.0), (4, 0.0), (4, 0.5), (8, 0.0), (8, 0.5), (16, 0.0), (16, 0.5)]
)
@pytest.mark.parametrize(
    "servers",
    [(FIVE, ONE, STALLS), (ONE, FIVE, STALLS), (STALLS, ONE, FIVE), (ONE, STALLS, FIVE)],
    ids=["fast first", "slow first", "stall first", "fast last"],
)
def test_one_five_times_faster_and_one_that_stalls(
    servers: tuple[Server, ...], slots: int, noise: float
) -> None:
    # Large enough that what the world's own way of ending loses (10 MiB) is little.
    world = World(size=800 * MIB, servers=list(servers), slots=slots, noise=noise)
    took = world.run()
    assert world.size / took >= 0.95 * 12 * MIB
    assert world.asked[servers.index(STALLS)] <= 2


@pytest.mark.parametrize("slots", [3, 8, 16])
def test_one_that_stalls_in_the_middle_costs_little(slots: int) -> None:
    servers = [FIVE, ONE, Server(link=5 * MIB, stalls_at=5.0)]
    took = World(size=400 * MIB, servers=servers, slots=slots).run()
    assert took <= (400 - 5 * 5) / 12 / 0.9


@pytest.mark.parametrize("slots", [4, 8, 16])
@pytest.mark.parametrize("order", [1, -1])
def test_where_connections_are_capped_the_fast_mirror_gets_nearly_all(
    slots: int, order: int
) -> None:
    servers = [Server(each=0.4 * MIB), Server(each=2 * MIB)][::order]
    world = World(size=50 * slots * MIB, servers=servers, slots=slots)
    assert world.size / world.run() >= 0.9 * slots * 2 * MIB


def test_small_links_beside_a_large_one_are_used_too() -> None:
    servers = [Server(link=10 * MIB), *[Server(link=0.8 * MIB)] * 5]
    world = World(size=400 * MIB, servers=servers, slots=16)
    assert world.size / world.run() >= 0.93 * 14 * MIB


@pytest.mark.parametrize("order", [1, -1])
def test_one_that_is_far_slower_costs_next_to_nothing(order: int) -> None:
    servers = [Server(link=10 * MIB), Server(link=0.05 * MIB)][::order]
    world = World(size=200 * MIB, servers=servers)
    assert world.size / world.run() >= 0.95 * 10 * MIB


def test_a_mirror_at_its_limit_is_not_asked_more() -> None:
    servers = [Server(each=2 * MIB, most=2), Server(each=2 * MIB, most=2)]
    world = World(size=400 * MIB, servers=servers)
    assert world.size / world.run() >= 0.95 * 8 * MIB
    assert world.refusals <= 2


def test_one_that_lies_or_says_no_is_asked_once() -> None:
    servers = [ONE, Server(link=9 * MIB, lies=True), Server(link=9 * MIB, denies=True)]
    world = World(size=100 * MIB, servers=servers)
    assert world.size / world.run() >= 0.95 * 2 * MIB
    assert world.asked[1:] == [1, 1]
    assert world.brought[1:] == [0, 0]
    assert [mirror.state for mirror in world.mirrors[1:]] == [State.DROPPED] * 2


def test_one_that_dies_is_dropped() -> None:
    servers = [ONE, Server(link=10 * MIB, dies_at=5.0)]
    world = World(size=100 * MIB, servers=servers)
    world.run()
    assert world.mirrors[1].state is State.DROPPED


def test_an_outage_of_all_ends_none_of_them() -> None:
    servers = [Server(link=2 * MIB, dies_at=5.0, lives_at=15.0) for _ in range(2)]
    world = World(size=100 * MIB, servers=servers)
    assert world.run() <= 25 / 0.9 + 15
    assert [mirror.state for mirror in world.mirrors] == [State.PROVED] * 2
    assert sum(world.asked) < 60


def test_a_long_list_is_not_asked_from_end_to_end() -> None:
    world = World(size=100 * MIB, servers=[Server(each=0.5 * MIB)] * 100)
    world.run()
    assert sum(map(bool, world.asked)) == WANTED
    assert world.asked[:WANTED] == [count for count in world.asked if count]


def test_equal_mirrors_do_not_pass_connections_around() -> None:
    world = World(size=400 * MIB, servers=[Server(link=3 * MIB)] * 4)
    assert world.size / world.run() >= 0.93 * 12 * MIB
    assert world.moves <= 15


@pytest.mark.parametrize("noise", [0.0, 0.5])
def test_where_the_own_link_is_full_nothing_is_won_by_moving(noise: float) -> None:
    servers = [Server(link=10 * MIB), Server(link=2 * MIB), Server(link=7 * MIB)]
    world = World(size=200 * MIB, servers=servers, client=5 * MIB, noise=noise)
    assert world.size / world.run() >= 0.95 * 5 * MIB
    assert world.moves <= 15
