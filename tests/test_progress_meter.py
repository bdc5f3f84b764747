"""Speed and time left, by tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segdl.progress.format import human_duration, human_rate, human_size, percent
from segdl.progress.meter import Meter


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_572_864, "1.5 MiB"),
        (1024**2 - 1, "1.0 MiB"),
        (2 * 1024**3, "2.0 GiB"),
        (3 * 1024**4, "3.0 TiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert human_size(count) == text


def test_rate() -> None:
    assert human_rate(12.3 * 1024**2) == "12.3 MiB/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0:00"),
        (0.4, "0:00"),
        (0.5, "0:01"),
        (42, "0:42"),
        (59.6, "1:00"),
        (3599, "59:59"),
        (3723, "1:02:03"),
        (359_999, "99:59:59"),
        (360_000, "4 days"),
        (10**9, "99+ days"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("done", "size", "whole"),
    [(0, 0, 100), (0, 10, 0), (999, 1000, 99), (1000, 1000, 100), (1001, 1000, 100), (-1, 9, 0)],
)
def test_percent(done: int, size: int, whole: int) -> None:
    assert percent(done, size) == whole


def test_unknown_until_something_was_seen() -> None:
    meter = Meter()
    assert meter.speed(0) is None
    meter.start(0, 0)
    meter.observe(100, 0.2)
    assert meter.speed(0.2) is None
    assert meter.seconds_left(100, 0.2) is None
    assert meter.seconds_left(0, 0.2) == 0


def test_held_bytes_are_no_speed() -> None:
    meter = Meter()
    meter.start(10**9, 0)
    meter.observe(10**9 + 1000, 1)
    assert meter.speed(1) == pytest.approx(1000)


def test_first_observation_without_a_start_is_no_speed() -> None:
    meter = Meter()
    meter.observe(10**9, 0)
    meter.observe(10**9 + 1000, 1)
    assert meter.speed(1) == pytest.approx(1000)


def test_restart_is_no_negative_speed() -> None:
    meter = Meter()
    meter.start(0, 0)
    meter.observe(1_000_000, 1)
    meter.observe(0, 2)
    meter.observe(500_000, 3)
    speed = meter.speed(3)
    assert speed is not None
    assert 0 < speed < 1_000_000


def test_recent_speed_counts_most() -> None:
    meter = Meter()
    meter.start(0, 0)
    done = 0
    for second in range(1, 61):
        done += 1000 if second <= 30 else 100
        meter.observe(done, second)
    assert meter.speed(60) == pytest.approx(100, rel=0.05)


def test_speed_sinks_while_nothing_comes() -> None:
    meter = Meter()
    meter.start(0, 0)
    meter.observe(10_000, 10)
    assert meter.speed(10) == pytest.approx(1000)
    later = [meter.speed(10 + seconds) or 0 for seconds in (1, 5, 20, 60)]
    assert later == sorted(later, reverse=True)
    assert later[-1] < 1
    assert meter.seconds_left(1000, 70) is None


def test_seconds_left() -> None:
    meter = Meter()
    meter.start(0, 0)
    meter.observe(2000, 2)
    assert meter.seconds_left(4000, 2) == pytest.approx(4)


@given(st.lists(st.tuples(st.integers(0, 10**12), st.floats(-1, 1000)), max_size=30))
def test_no_order_of_observations_gives_nonsense(steps: list[tuple[int, float]]) -> None:
    meter = Meter()
    now = 0.0
    for done, step in steps:
        now += step
        meter.observe(done, now)
        speed = meter.speed(now)
        assert speed is None or speed >= 0
        left = meter.seconds_left(100, now)
        assert left is None or left >= 0
