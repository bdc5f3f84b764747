"""Whether a link has room."""

from __future__ import annotations

import pytest

from segdl.core.room import Room

MB = 1_000_000


def after(*stretches: tuple[float, float, int], step: float = 0.05) -> Room:
    """Have a link bring so much for so many seconds, of so many files, one after the other."""
    room, now, received = Room(), 100.0, 0.0
    for seconds, speed, files in stretches:
        for _ in range(round(seconds / step)):
            now += step
            received += speed * step
            room = room.note(now, int(received), files)
    return room


@pytest.mark.parametrize(
    ("then", "is_there"), [(100 * MB, False), (85 * MB, False), (60 * MB, True), (0, True)]
)
def test_there_is_room_where_much_less_comes_than_before(then: float, *, is_there: bool) -> None:
    assert after((1.0, 100 * MB, 2), (0.5, then, 1)).is_there is is_there


def test_where_as_many_are_at_work_it_is_something_else() -> None:
    assert not after((1.0, 100 * MB, 2), (0.5, 30 * MB, 2)).is_there
    # One that ended long before is not the reason.
    assert not after((1.0, 100 * MB, 2), (9.0, 100 * MB, 1), (0.5, 30 * MB, 1)).is_there


def test_a_gust_is_no_measure_and_a_lull_none() -> None:
    assert not after((1.0, 100 * MB, 2), (0.05, 0, 1), (0.05, 100 * MB, 1)).is_there
    assert not after((0.2, 100 * MB, 1)).is_there
    assert not after().is_there


def test_what_was_long_ago_may_have_been_another_link() -> None:
    assert after((1.0, 100 * MB, 2), (4.0, 50 * MB, 1)).is_there
    assert not after((1.0, 100 * MB, 2), (6.0, 50 * MB, 1)).is_there


def test_looks_that_are_close_to_one_another_tell_the_same() -> None:
    assert after((1.0, 100 * MB, 2), (0.5, 50 * MB, 1), step=0.001).is_there
    assert not after((1.0, 100 * MB, 2), (0.5, 100 * MB, 1), step=0.001).is_there


@pytest.mark.parametrize("small", [1, 2, 4, 8])
@pytest.mark.parametrize("seconds", [0.2, 0.3, 0.4, 0.49])
@pytest.mark.parametrize("together", [True, False])
def test_small_files_on_a_full_link_leave_no_room(
    small: int, seconds: float, *, together: bool
) -> None:
    link, room, beside = 20 * MB, Room(), 0
    each = link / (small + 2)
    begun = [0.0 if together else number * seconds / small for number in range(small)]
    for step in range(1, 100):
        now = step * 0.05
        for number, since in enumerate(begun):
            if now >= since + seconds:
                beside += int(each * (now - since))
                begun[number] = now
        room = room.note(now, int(2 * each * now), 2, beside)
        assert not room.is_there
