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


def lead(speed: Callable[[int], float], *stretches: tuple[int, float]) -> Capacity:
    """Have so many connections for so many seconds, one stretch after the other."""
    capacity, now, received = Capacity(), 100.0, 0.0
    for number, seconds in stretches:
        for _ in range(round(seconds / STEP)):
            now, received = now + STEP, received + speed(number) * STEP
            capacity = capacity.note(now, int(received), number)
    return capacity


@pytest.mark.parametrize(("before", "after"), [(2, 1), (3, 2), (8, 7), (5, 1), (1, 2), (2, 5)])
def test_the_same_over_another_number_is_a_full_link(before: int, after: int) -> None:
    assert lead(full, (before, 1.0), (after, 1.0)).is_full
    assert not lead(capped, (before, 1.0), (after, 1.0)).is_full


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
