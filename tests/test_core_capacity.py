"""Whether a link is full, by files that come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from segdl.core.capacity import Capacity

if TYPE_CHECKING:
    from collections.abc import Callable

MB = 1_000_000
STEP = 0.05


def full(_: int) -> float:
    return 100.0 * MB


def capped(connections: int) -> float:
    return 10.0 * MB * connections


def lead(
    speed: Callable[[int], float], *stretches: tuple[int, float], beside: tuple[float, ...] = ()
) -> Capacity:
    """Have so many connections for so many seconds, one stretch after the other.

    Others, which nobody counts, bring so many bytes a second `beside` them in each stretch.
    """
    capacity, now, received, of_others = Capacity(), 100.0, 0.0, 0.0
    for place, (number, seconds) in enumerate(stretches):
        others = beside[place] if beside else 0.0
        for _ in range(round(seconds / STEP)):
            now, of_others = now + STEP, of_others + others * STEP
            received += speed(number) * STEP
            capacity = capacity.note(now, int(received), number, int(of_others))
    return capacity


@pytest.mark.parametrize(("before", "after"), [(2, 1), (3, 2), (8, 7), (5, 1), (1, 2), (2, 5)])
def test_the_same_over_another_number_is_a_full_link(before: int, after: int) -> None:
    assert lead(full, (before, 1.0), (after, 1.0)).is_full
    assert not lead(capped, (before, 1.0), (after, 1.0)).is_full


def left_by_small_ones(number: int) -> float:
    return {2: 80.0, 3: 80.0, 4: 100.0}[number] * MB


def test_what_small_files_left_shows_no_gain() -> None:
    stretches = ((2, 1.0), (3, 1.0), (4, 0.6))
    assert not lead(left_by_small_ones, *stretches).is_full
    assert lead(left_by_small_ones, *stretches, beside=(20.0 * MB, 20.0 * MB, 0.0)).is_full
    # Fewer of them go on.
    assert lead(left_by_small_ones, *stretches, beside=(20.0 * MB, 20.0 * MB, 2.0 * MB)).is_full


@pytest.mark.parametrize("small", [0.0001, 0.5, 0.8, 1.0, 3.0, 5.0])
@pytest.mark.parametrize(("before", "after"), [(2, 3), (3, 2), (2, 4), (10, 11), (28, 29)])
def test_small_files_hide_no_gain(small: float, before: int, after: int) -> None:
    # Each connection is held down; theirs bring so much in all, and one has the place of another.
    beside = (small * capped(1), max(0.0, small + before - after) * capped(1))
    assert not lead(capped, (before, 1.0), (after, 0.6), beside=beside).is_full
    assert not lead(capped, (before, 1.0), (after, 0.6), beside=(beside[0], 0.0)).is_full
    assert not lead(capped, (before, 1.0), (after, 0.6), beside=(beside[0],) * 2).is_full


@pytest.mark.parametrize("beside", [0.0, 0.001, 15.0])
def test_what_comes_in_gusts_is_a_full_link_all_the_same(beside: float) -> None:
    def gusty(number: int) -> float:
        return {2: 85.0, 3: 98.0}[number] * MB

    assert lead(gusty, (2, 1.0), (3, 0.6), beside=(beside * MB,) * 2).is_full


def test_who_was_never_seen_otherwise_may_try() -> None:
    assert not Capacity().is_full
    assert not lead(full, (1, 5.0)).is_full
    # Files that begin one right after the other were none.
    assert not lead(full, (1, 0.1), (2, 0.1), (3, 0.1), (4, 1.0)).is_full


def test_right_after_a_change_nobody_tries() -> None:
    assert lead(capped, (3, 1.0), (2, 0.2)).is_full
    assert not lead(capped, (3, 1.0), (2, 0.6)).is_full


def test_what_is_long_past_says_nothing() -> None:
    assert lead(full, (3, 1.0), (2, 4.0)).is_full
    assert not lead(full, (3, 1.0), (2, 6.0)).is_full


def test_all_that_is_remembered_has_to_say_so() -> None:
    # One began with more than it went on with.
    def bursting(number: int) -> float:
        return 20.0 * MB if number == 1 else capped(number)

    assert lead(bursting, (1, 0.5), (2, 0.5)).is_full
    assert not lead(bursting, (1, 0.5), (2, 0.5), (5, 0.5)).is_full
