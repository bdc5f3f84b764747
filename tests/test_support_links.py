"""The simulated links do what real ones do, or what they lead to would be worth nothing."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean, median

import pytest

from support.links import MIB, Link
from support.ramping import download

LOSSY = Link(rate=25e6, round_trip=0.08, loss=0.005)
CLEAN = Link(rate=12.5e6, round_trip=0.08)


def seconds(link: Link, connections: int, mib: float = 20, seeds: int = 5) -> float:
    """The median of some downloads."""
    return median(
        download(link, mib * MIB, seed, fixed=connections).seconds for seed in range(seeds)
    )


@pytest.mark.parametrize(
    ("connections", "measured", "within"),
    [(4, 8.9, 0.5), (8, 3.5, 0.5), (16, 1.65, 0.25), (32, 1.32, 0.15)],
)
def test_a_lossy_long_path_takes_what_a_real_one_took(
    connections: int, measured: float, within: float
) -> None:
    assert seconds(LOSSY, connections, seeds=9) == pytest.approx(measured, rel=within)


@pytest.mark.parametrize(("connections", "measured"), [(1, 2.33), (4, 2.17), (32, 2.07)])
def test_a_clean_long_path_takes_what_a_real_one_took(connections: int, measured: float) -> None:
    assert seconds(CLEAN, connections) == pytest.approx(measured, rel=0.1)


def test_one_connection_carries_three_tenths_of_a_megabyte_over_the_lossy_one() -> None:
    rates = [
        done.received / done.seconds
        for seed in range(4)
        if (done := download(LOSSY, 99 * MIB, seed, fixed=1, time_up=60.0))
    ]
    assert 0.25e6 < mean(rates) < 0.45e6


def test_a_small_queue_costs_speed_and_a_cap_holds() -> None:
    assert seconds(replace(CLEAN, queue=50e3), 1, 100) > 1.05 * seconds(CLEAN, 1, 100)
    assert seconds(Link(cap=2 * MIB), 4, 40) == pytest.approx(5.0, rel=0.02)
    assert seconds(Link(rate=4 * MIB, cap=2 * MIB), 8, 40) == pytest.approx(10.0, rel=0.02)
    assert seconds(Link(cap=2 * MIB, gusts=True), 4, 40) == pytest.approx(4.0, rel=0.02)


def test_a_limit_refuses_what_is_beyond() -> None:
    done = download(Link(cap=2 * MIB, allowed=3), 12 * MIB, 1, fixed=8)
    assert done.refusals >= 5
    assert done.seconds == pytest.approx(2.0, rel=0.05)


def test_a_seed_makes_it_the_same_again() -> None:
    link = replace(LOSSY, noise=0.3, pauses=0.5)
    assert download(link, 5 * MIB, 7) == download(link, 5 * MIB, 7)
    assert download(link, 5 * MIB, 7) != download(link, 5 * MIB, 8)
