"""What came lately, and how fast."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from segdl.core.speeds import GAP, Speeds

PURE = settings(deadline=None, derandomize=True, max_examples=150)
COUNTS = st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(-(10**15), 10**15)), max_size=60)


def noted(*counts: tuple[float, int], memory: float = 2.0) -> Speeds:
    speeds = Speeds(memory=memory)
    for now, received in counts:
        speeds = speeds.note(now, received)
    return speeds


def test_nothing_is_known_of_nothing() -> None:
    assert Speeds(memory=2.0).mean(1.0) == Speeds(memory=2.0).age == 0.0
    assert noted((5.0, 100)).mean(1.0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "speed"),
    [(0.5, 300.0), (1.0, 300.0), (1.5, 700 / 3), (2.0, 200.0), (7.0, 200.0), (0.0, 0.0)],
)
def test_the_mean_of_the_last_seconds(seconds: float, speed: float) -> None:
    assert noted((0.0, 0), (1.0, 100), (2.0, 400)).mean(seconds) == pytest.approx(speed)


def test_what_is_older_than_the_memory_is_forgotten() -> None:
    speeds = noted(*((tenth / 10, tenth) for tenth in range(100)))
    assert speeds.age == pytest.approx(2.0, abs=0.11)
    assert len(speeds.counts) <= 2.0 / GAP + 2


def test_a_count_out_of_order_or_too_close_changes_nothing() -> None:
    speeds = noted((1.0, 100), (2.0, 200))
    assert speeds.note(1.5, 300) is speeds
    assert speeds.note(2.0 + GAP / 2, 300) is speeds
    assert speeds.note(2.0 + GAP * 2, 300) is not speeds


def test_bytes_are_never_taken_back() -> None:
    assert noted((0.0, 100), (1.0, 50)).mean(1.0) == 0.0


@PURE
@given(COUNTS, st.floats(-10, 1e7))
@example([(0.0, -1), (1.375, 10**15)], 1e-200)
def test_any_counts_make_a_speed(counts: list[tuple[float, int]], seconds: float) -> None:
    speeds = noted(*counts)
    assert 0.0 <= speeds.mean(seconds) < float("inf")
    assert 0.0 <= speeds.age <= 2.0 + 1e-6
