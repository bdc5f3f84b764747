"""One number of connections for the files of a host that are at work at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from segdl.core.ramp import Phase, Ramp, Sample, ramp_sample, ramp_start
from segdl.core.ramp_files import ramp_among, ramp_aside, share, together
from segdl.engine.company import Company

if TYPE_CHECKING:
    from collections.abc import Callable

MB = 1_000_000
STEP = 0.05
TRIP = 0.001


def full(_: int) -> float:
    return 100.0 * MB


def capped(connections: int) -> float:
    return 2.0 * MB * connections


def lead(state: Ramp, speed: Callable[[int], float], seconds: float) -> list[Ramp]:
    """Let connections bring what they do; return the states."""
    start = state.speeds.counts[-1] if state.speeds.counts else (0.0, 0)
    now, received = start[0], float(start[1])
    states = [state]
    for _ in range(round(seconds / STEP)):
        streaming = max(state.target, state.least)
        now, received = now + STEP, received + speed(streaming) * STEP
        sample = Sample(now=now, received=int(received), streaming=streaming, round_trip=TRIP)
        state = ramp_sample(state, sample)
        states.append(state)
    return states


@pytest.mark.parametrize("files", [2, 3, 4, 7])
def test_a_link_that_is_full_is_tried_by_few_and_seldom(files: int) -> None:
    states = lead(ramp_among(ramp_start(32), files), full, 40.0)
    assert max(each.target for each in states) <= max(files + 2, files + files // 2)
    assert sum(each.target > files for each in states) < len(states) / 3
    # Nobody goes without, and nothing is known of what one of them would gain by more.
    assert min(each.target for each in states) == states[-1].target == files
    assert states[-1].found is None


@pytest.mark.parametrize("files", [2, 3, 4, 7])
def test_where_each_connection_is_held_down_all_get_as_many_as_one_would(files: int) -> None:
    states = lead(ramp_among(ramp_start(8), files), capped, 6.0)
    last = states[-1]
    assert last.target == 8 * files
    assert [share(last, place) for place in range(files)] == [8] * files
    assert last.found is not None
    assert last.found > files
    # As soon as that is known.
    assert states[round(3.0 / STEP)].target == 8 * files


def test_who_is_left_is_looked_at_anew() -> None:
    state = lead(ramp_among(ramp_start(32), 3), full, 3.0)[-1]
    assert state.phase is not Phase.LISTENING
    two = ramp_among(state, 2)
    assert (two.target, two.phase, two.found) == (2, Phase.HOLDING, None)
    one = ramp_among(two, 1)
    assert (one.target, one.phase, one.most) == (1, Phase.LISTENING, 32)
    assert max(each.target for each in lead(one, capped, 6.0)) == 32


def test_what_was_found_to_pay_is_shared() -> None:
    found = lead(ramp_among(ramp_start(8), 2), capped, 6.0)[-1]
    three = ramp_among(found, 3)
    assert (three.target, three.most) == (16, 24)
    assert [share(three, place) for place in range(3)] == [6, 5, 5]
    assert ramp_among(ramp_start(8, 6), 3).target == 6
    # Each has one, whatever was found for one before.
    assert ramp_among(ramp_start(8, 2), 3).target == 3
    assert ramp_among(ramp_among(ramp_start(8, 2), 3), 1).target == 2


def test_one_more_file_is_one_more_connection() -> None:
    listening = ramp_among(ramp_start(32), 2)
    assert ramp_among(listening, 3).target == 3
    state = lead(listening, full, 3.0)[-1]
    assert ramp_among(state, 5).target == 5
    climbing = lead(ramp_among(ramp_start(32), 4), full, 0.9)[-1]
    assert climbing.phase is Phase.CLIMBING
    for files in (3, 4, 5):
        among = ramp_among(climbing, files)
        assert (among.target, among.phase, among.found) == (6, Phase.CLIMBING, None)
    assert ramp_among(climbing, 6).phase is Phase.HOLDING
    weighing = listening._replace(phase=Phase.WEIGHING, target=8)
    assert ramp_among(weighing, 3)[:3] == (96, 8, 3)
    assert ramp_among(weighing, 3).proven == 3


def test_a_number_that_is_not_heeded_is_not_judged() -> None:
    state = ramp_start(32)
    for step in range(200):
        sample = Sample(now=step * STEP, received=step**2 * MB, streaming=1, refusals=step)
        state = ramp_aside(state, sample._replace(losses=step))
    assert (state.target, state.phase, state.refusals, state.losses) == (
        1,
        Phase.LISTENING,
        199,
        199,
    )
    # What came is known all the same.
    assert ramp_sample(state, sample._replace(now=200 * STEP)).phase is Phase.CLIMBING


def test_sums_are_of_what_is_known() -> None:
    gone = Sample(0.0, 100, 5, asked=5, losses=2, arrived=50)
    some = Sample(2.0, 10, 1, asked=1, swollen=1.5, left=7)
    other = Sample(1.0, 20, 2, losses=1, arrived=20, swollen=1.1, left=9)
    total = together([some, other], gone)
    assert total == Sample(2.0, 130, 3, asked=1, losses=3, arrived=70, swollen=1.5)
    nothing = Sample(0.0, 0, 0)
    assert together([some], nothing) == some


# -- those at work --


def told(received: int, *, streaming: int = 1, now: float = 1.0) -> Sample:
    return Sample(now=now, received=received, streaming=streaming)


def test_what_came_for_those_that_left_stays_counted() -> None:
    company = Company()
    for name in "abc":
        company.join(name, 32, None)
        company.tell(name, told(5 * MB), heeded=True)
    assert company.ramp.speeds.counts[-1][1] == 5 * MB
    company.leave("b")
    company.leave("nobody")
    assert (company.ramp.least, company.ramp.target) == (2, 2)
    company.tell("a", told(6 * MB, now=2.0), heeded=True)
    assert company.ramp.speeds.counts[-1][1] == 16 * MB
    company.leave("a")
    company.leave("c")
    # The next one begins anew.
    company.join("d", 32, 3)
    assert company.ramp == ramp_start(32, 3)
    company.tell("d", told(MB), heeded=True)
    assert company.ramp.speeds.counts == ((1.0, MB),)


def test_those_who_came_first_get_what_is_left_over() -> None:
    company = Company()
    for name in "abc":
        company.join(name, 8, 8)
    assert [company.share(name) for name in "abc"] == [3, 3, 2]
    company.leave("a")
    assert [company.share(name) for name in "bc"] == [4, 4]
    company.restart(8, 1)
    assert [company.share(name) for name in "bc"] == [1, 1]


def test_who_waits_for_another_try_is_in_nobodys_way() -> None:
    company = Company()
    for name in "ab":
        company.join(name, 8, 8)
    company.tell("b", told(0, streaming=0), heeded=True)
    assert [company.share(name) for name in "ab"] == [8, 4]
    company.tell("b", told(0, streaming=1), heeded=True)
    assert [company.share(name) for name in "ab"] == [4, 4]


def test_files_that_others_wait_for_learn_nothing() -> None:
    company = Company()
    company.join("a", 32, None)
    for step in range(100):
        company.tell("a", told(step**2 * MB, now=step * STEP), heeded=False)
    assert company.ramp.phase is Phase.LISTENING
    assert company.share("a") == 1
