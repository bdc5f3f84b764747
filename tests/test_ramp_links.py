"""How many connections a host is worth: `-j auto` over simulated links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import pytest

from support.links import MIB, Link
from support.ramping import Download, download

SEEDS = range(12)

CLEAN = Link(rate=12.5e6, round_trip=0.08)
LOSSY = Link(rate=25e6, round_trip=0.08, loss=0.005)
CAPPED = Link(rate=1e9, cap=2 * MIB)
LAN = Link(rate=12.5e6, round_trip=0.001)

# One connection fills these: over the first paths slow start takes longer than a moment.
FULL_AFTER_A_WHILE = {
    "80 ms": CLEAN,
    "80 ms, noise": replace(CLEAN, noise=0.3),
    "80 ms, slow noise": replace(CLEAN, noise=0.3, calm=0.4),
    "80 ms, a small queue": replace(CLEAN, queue=3e5),
    "80 ms, a long queue": replace(CLEAN, queue=3e6, noise=0.3),
    "80 ms, 1 Gbit/s": replace(CLEAN, rate=125e6),
    "200 ms": replace(CLEAN, round_trip=0.2),
    "40 ms": replace(CLEAN, round_trip=0.04),
    "DSL, a long queue": Link(rate=5e5, round_trip=0.04, queue=150e3),
}
FULL_AT_ONCE = {
    "20 ms": replace(CLEAN, round_trip=0.02),
    "1 ms": LAN,
    "1 ms, noise": replace(LAN, noise=0.3),
    "loopback": Link(),
    "loopback, noise": Link(noise=0.3),
}


def downloads(link: Link, seconds: float, seeds: Sequence[int] = SEEDS) -> list[Download]:
    """Fetch as much as the link brings in that time."""
    return [download(link, link.rate * seconds, seed) for seed in seeds]


def mean_target(done: Download, since: float) -> float:
    """How many were wanted on average, from `since` seconds on."""
    ends = [when for when, _ in done.targets[1:]] + [done.seconds]
    held = [
        (max(0.0, end - max(start, since)), target)
        for (start, target), end in zip(done.targets, ends, strict=True)
    ]
    return sum(span * target for span, target in held) / sum(span for span, _ in held)


@pytest.mark.parametrize("name", FULL_AFTER_A_WHILE)
@pytest.mark.parametrize("told", [False, True])
def test_a_long_path_that_one_fills_never_gets_more_than_four(name: str, told: bool) -> None:
    link = FULL_AFTER_A_WHILE[name]
    for seed in SEEDS:
        done = download(link, link.rate * 7.0, seed, told=told)
        assert done.most <= 4
        assert done.seconds < 10.5


@pytest.mark.parametrize("name", FULL_AT_ONCE)
def test_a_short_path_that_one_fills_never_gets_more_than_two(name: str) -> None:
    for done in downloads(FULL_AT_ONCE[name], 4.0):
        assert done.most <= 2


@pytest.mark.parametrize("link", [CLEAN, LAN, replace(LAN, noise=0.3, pauses=0.1)])
def test_it_ends_at_one_or_two_and_seldom_tries_more(link: Link) -> None:
    for done in downloads(link, 60.0, range(4)):
        assert done.target <= 4
        assert mean_target(done, 10.0) < 2.8
        assert done.requests < 16


@pytest.mark.parametrize("pauses", [0.1, 0.3])
def test_pauses_make_nothing_look_like_growth(pauses: float) -> None:
    runs = downloads(replace(LAN, noise=0.3, pauses=pauses), 7.0, range(24))
    assert max(done.most for done in runs) <= 4
    # A pause while a long path's only connection speeds up cannot be told from its end.
    runs = downloads(replace(CLEAN, noise=0.3, pauses=pauses), 7.0, range(24))
    assert sum(done.most > 4 for done in runs) <= 3


@pytest.mark.parametrize(
    "link",
    [
        CAPPED,
        replace(CAPPED, gusts=True),
        replace(CAPPED, noise=0.3),
        replace(CAPPED, noise=0.3, pauses=0.2),
        replace(CAPPED, rate=50 * MIB),
        replace(CAPPED, piece=MIB, round_trip=0.01),
    ],
    ids=["cap", "gusts", "noise", "pauses", "the link too", "many requests"],
)
def test_caps_are_outnumbered_within_a_second(link: Link) -> None:
    fixed = median(download(link, 200 * MIB, seed, fixed=8).seconds for seed in range(3))
    runs = [download(link, 200 * MIB, seed) for seed in SEEDS]
    assert median(done.reached(32) for done in runs) < 1.0
    assert max(done.seconds for done in runs) < 0.4 * fixed


def test_caps_over_a_long_path_take_little_longer() -> None:
    link = replace(CAPPED, round_trip=0.08, rate=1e8)
    for seed in SEEDS:
        done = download(link, 200 * MIB, seed)
        assert done.reached(32) < 1.7
        assert done.seconds < 5.2


def test_what_the_link_has_no_use_for_is_trimmed() -> None:
    link = Link(rate=50 * MIB, cap=2 * MIB, round_trip=0.001)
    for seed in range(4):
        done = download(link, 3000 * MIB, seed)
        assert 20 <= mean_target(done, 15.0) <= 28
        assert done.received / done.seconds > 0.93 * link.rate


def test_a_lossy_long_path_grows_fast() -> None:
    runs = [download(LOSSY, 20 * MIB, seed) for seed in range(40)]
    assert median(done.reached(32) for done in runs) < 0.8
    # Where the first connection was lucky the losses of a few more tell.
    assert sorted(done.reached(32) for done in runs)[37] < 1.4
    assert max(done.seconds for done in runs) < 4.0


def test_a_lossy_long_path_grows_where_the_system_does_not_tell_of_losses() -> None:
    runs = [download(LOSSY, 20 * MIB, seed, told=False) for seed in range(40)]
    assert median(done.reached(32) for done in runs) < 1.4
    spent = sorted(done.seconds for done in runs)
    assert spent[20] < 2.6
    # Where the first connection was lucky it takes a second attempt.
    assert spent[36] < 6.0
    assert spent[39] < 12.0


NOT_LOSSY = {
    **FULL_AFTER_A_WHILE,
    "a tiny queue": replace(CLEAN, queue=5e4),
    "reordering": replace(CLEAN, reordering=0.05),
    "reordering, a small queue": replace(CLEAN, reordering=0.05, queue=3e5),
    "loss that the sender does not mind": replace(CLEAN, loss=0.005, stubborn=True),
    "the same, faster": replace(CLEAN, rate=25e6, loss=0.005, stubborn=True),
    "a cap": replace(CAPPED, rate=1e8, round_trip=0.08),
}


@pytest.mark.parametrize("name", NOT_LOSSY)
def test_a_path_that_loses_nothing_at_random_is_not_taken_for_one(name: str) -> None:
    for done in downloads(NOT_LOSSY[name], 4.0, range(24)):
        assert done.ramp is not None
        assert not done.ramp.heeded


@pytest.mark.parametrize("told", [False, True])
def test_a_queue_is_reason_for_no_more_than_two(told: bool) -> None:
    for seed in SEEDS:
        done = download(CLEAN, 40 * MIB, seed, told=told)
        assert done.most == (2 if told else 4)


def test_a_lossy_long_path_is_held() -> None:
    fixed = median(download(LOSSY, 200 * MIB, seed, fixed=32).seconds for seed in range(3))
    runs = [download(LOSSY, 200 * MIB, seed) for seed in SEEDS]
    assert median(done.seconds for done in runs) < 1.1 * fixed


def test_three_quarters_of_a_lossy_link_with_up_to_96() -> None:
    runs = [download(LOSSY, 200 * MIB, seed, most=96) for seed in SEEDS]
    assert median(done.received / done.seconds for done in runs) > 0.75 * LOSSY.rate


@pytest.mark.parametrize("allowed", [1, 2, 4, 7, 16])
@pytest.mark.parametrize(
    "kind",
    [CAPPED, replace(CAPPED, round_trip=0.08), replace(CAPPED, gusts=True)],
    ids=["cap", "80 ms", "gusts"],
)
def test_a_limit_on_connections_is_settled_with(allowed: int, kind: Link) -> None:
    link = replace(kind, allowed=allowed)
    for seed in range(4):
        done = download(link, allowed * 50 * MIB, seed)
        assert done.refusals <= 12
        assert done.target == allowed
        assert done.seconds < 27.0


def test_a_limit_that_is_lifted_is_found_out() -> None:
    for seed in range(4):
        limited = replace(CAPPED, allowed=4)
        done = download(limited, 2000 * MIB, seed, later=[(20.0, CAPPED)])
        assert done.target == 32
        assert done.ramp is not None
        assert not done.ramp.limited
        assert done.refusals <= 12


def test_a_cap_that_comes_later_is_outnumbered() -> None:
    link = Link(rate=50 * MIB, round_trip=0.001)
    for seed in range(4):
        capped = replace(link, cap=2 * MIB)
        done = download(link, 1000 * MIB, seed, later=[(8.0, capped)])
        assert done.reached(32) < 15.0
        assert done.seconds < 32.0


@pytest.mark.parametrize("slower", [0.5, 0.2])
def test_a_link_that_slows_down_gets_no_more_for_long(slower: float) -> None:
    for seed in range(4):
        less = replace(LAN, rate=slower * LAN.rate)
        done = download(LAN, 40 * LAN.rate, seed, later=[(8.0, less)])
        assert done.most <= 4
        assert mean_target(done, 20.0) < 2


def test_many_that_are_of_no_use_any_more_are_given_up_step_by_step() -> None:
    for seed in range(4):
        slow = Link(rate=5 * MIB, round_trip=0.001)
        done = download(CAPPED, 2000 * MIB, seed, later=[(10.0, slow)], time_up=90.0)
        assert done.target <= 4
        assert done.received > 10 * 60 * MIB + 75 * 5 * MIB


def test_what_was_found_is_where_the_next_file_begins() -> None:
    first = download(CAPPED, 200 * MIB, 1)
    assert first.ramp is not None
    assert first.ramp.found == 32
    second = download(CAPPED, 200 * MIB, 1, known=first.ramp.found)
    assert second.targets[0][1] == 32
    assert second.seconds < first.seconds - 0.4
