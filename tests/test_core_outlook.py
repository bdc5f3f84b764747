"""core/outlook.py: what a connection has still to bring, and how fast it is."""

from __future__ import annotations

import pytest

from segdl.core.arrivals import Look
from segdl.core.outlook import Outlook, outlook

MIB = 1 << 20
FIRST = Look(now=10.0, in_order=MIB, segments=1049, strays=0, size=1000, round_trip=0.1, least=0.08)


def after(known: Outlook | None, seconds: float, in_order: int, held: int, missing: int) -> Outlook:
    """Look again, so many seconds after the first time."""
    segments = 1 + (in_order + held) // FIRST.size
    look = FIRST._replace(now=FIRST.now + seconds, in_order=in_order, segments=segments)
    return outlook(known, look, missing)


def test_what_was_not_read_yet_is_here_all_the_same() -> None:
    known = after(None, 0.0, MIB, 0, 5 * MIB)
    # 200 kB came, of which the reader has nothing yet.
    known = after(known, 0.02, MIB + 200_000, 0, 5 * MIB)
    assert known.left == 5 * MIB - 200_000


def test_what_was_read_late_at_the_first_look_is_found_out() -> None:
    known = after(None, 0.0, MIB, 0, 5 * MIB + 200_000)
    assert known.left == 5 * MIB + 200_000
    assert after(known, 0.02, MIB, 0, 5 * MIB).left == 5 * MIB


def test_what_is_behind_a_missing_packet_is_here() -> None:
    known = after(None, 0.0, MIB, 0, 5 * MIB)
    known = after(known, 0.02, MIB, 300_000, 5 * MIB)
    assert known.left == pytest.approx(5 * MIB - 300_000, abs=FIRST.size)
    known = after(known, 0.04, MIB + 300_000, 0, 5 * MIB - 300_000)
    assert known.left == pytest.approx(5 * MIB - 300_000, abs=FIRST.size)


def test_what_came_twice_is_not_held_for_ever() -> None:
    known = None
    for step in range(20):
        known = after(known, step * 0.02, MIB + step * 1000, 300_000, 5 * MIB - step * 1000)
    assert known is not None
    assert known.left == pytest.approx(5 * MIB - 19_000, abs=FIRST.size)


def test_a_cut_shows_at_once() -> None:
    known = after(None, 0.0, MIB, 0, 5 * MIB)
    assert after(known, 0.02, MIB, 0, 2 * MIB).left == 2 * MIB


def test_there_is_never_less_than_nothing_left() -> None:
    known = after(None, 0.0, MIB, 0, 100_000)
    assert after(known, 0.02, MIB, 300_000, 100_000).left == 0


def test_the_speed_is_that_of_the_last_round_trips() -> None:
    known = None
    for step in range(41):
        # A loss holds up what is in order from the 20th look on: as much comes all the same.
        in_order = MIB + min(step, 20) * 20_000
        known = after(known, step * 0.01, in_order, step * 20_000 - (in_order - MIB), 5 * MIB)
    assert known is not None
    assert known.speed == pytest.approx(2e6, rel=0.01)
    assert known.seen[0].look.now == pytest.approx(10.19, abs=0.011)


@pytest.mark.parametrize("seconds", [0.0, 0.02])
def test_a_moment_tells_no_speed(seconds: float) -> None:
    known = after(None, 0.0, MIB, 0, MIB)
    assert after(known, seconds, MIB + 100_000, 0, MIB - 100_000).speed == 0.0


def test_what_tls_adds_is_not_taken_off_for_ever() -> None:
    known = None
    for step in range(200):
        # 20 of 1020 bytes are not the file's.
        known = after(known, step * 0.01, MIB + step * 10_200, 0, 5 * MIB - step * 10_000)
    assert known is not None
    assert known.left == pytest.approx(5 * MIB - 1_990_000, abs=200 * 30)


def test_looks_that_are_far_apart_tell_a_speed_all_the_same() -> None:
    known = after(None, 0.0, MIB, 0, 5 * MIB)
    for step in range(1, 4):
        known = after(known, step * 0.3, MIB + step * 300_000, 0, 5 * MIB - step * 300_000)
    assert known.speed == pytest.approx(1e6, rel=0.01)
    assert len(known.seen) == 2
