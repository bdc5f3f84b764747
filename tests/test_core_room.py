"""Whether a link has room."""

from __future__ import annotations

import pytest

from segdl.core.room import Room

MB = 1_000_000


def after(*stretches: tuple[float, float], step: float = 0.05) -> Room:
    """Have a link bring so much for so many seconds, one stretch after the other."""
    room, now, received = Room(), 100.0, 0.0
    for seconds, speed in stretches:
        for _ in range(round(seconds / step)):
            now += step
            received += speed * step
            room = room.note(now, int(received))
    return room


@pytest.mark.parametrize(
    ("then", "is_there"), [(100 * MB, False), (85 * MB, False), (60 * MB, True), (0, True)]
)
def test_there_is_room_where_much_less_comes_than_before(then: float, *, is_there: bool) -> None:
    assert after((1.0, 100 * MB), (0.5, then)).is_there is is_there


def test_a_gust_is_no_measure_and_a_lull_none() -> None:
    assert not after((1.0, 100 * MB), (0.05, 0), (0.05, 100 * MB)).is_there
    assert not after((0.2, 100 * MB)).is_there
    assert not after().is_there


def test_what_was_long_ago_may_have_been_another_link() -> None:
    assert after((1.0, 100 * MB), (4.0, 50 * MB)).is_there
    assert not after((1.0, 100 * MB), (6.0, 50 * MB)).is_there


def test_looks_that_are_close_to_one_another_tell_the_same() -> None:
    assert after((1.0, 100 * MB), (0.5, 50 * MB), step=0.001).is_there
    assert not after((1.0, 100 * MB), (0.5, 100 * MB), step=0.001).is_there
