"""Segments that are cut, placed in parts, and put together again."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import pytest

from segdl.core.spans import OPEN
from segdl.engine.segment import Segment
from segdl.engine.supply import Supply
from segdl.net.wire import Wire

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024 * 1024


# -- where their bytes go --


def test_a_segment_goes_on_in_the_part_that_ends_where_it_begins() -> None:
    supply = Supply(
        [Segment(0, 10, 0), Segment(10, 20, 10), Segment(20, 30, 20)], 0, divisible=True
    )
    first, second, third = supply.live
    supply.place(second)
    assert second.part == 10
    first.position = 10
    supply.place(second)
    assert second.part == 0
    second.position = 20
    supply.place(third)
    assert third.part == 0


def test_it_does_not_where_somebody_may_write_there_or_wrote_more_or_it_is_begun() -> None:
    supply = Supply([Segment(0, 10, 0), Segment(10, 20, 10)], 0, divisible=True)
    before, segment = supply.live
    before.position = 10
    before.wire = Wire()
    supply.place(segment)
    assert segment.part == 10
    before.wire, before.position = None, 11
    supply.place(segment)
    assert segment.part == 10
    before.position, segment.position = 10, 11
    supply.place(segment)
    assert segment.part == 10
    elsewhere = Segment(10, 20, 5)
    supply.live[1] = elsewhere
    supply.place(elsewhere)
    assert elsewhere.part == 5


def test_it_does_not_where_each_has_a_part_of_its_own() -> None:
    supply = Supply([Segment(0, 10, 0), Segment(10, 20, 10)], 0)
    supply.live[0].position = 10
    supply.place(supply.live[1])
    assert supply.live[1].part == 10


def cut_in_three() -> tuple[Supply, Segment, Segment, Segment]:
    """Return what is cut twice while its whole is on the way, and its segments."""
    supply = Supply([Segment(0, 30 * MIB, 0)], 0, divisible=True)
    (first,) = supply.live
    first.wire = Wire()
    last = supply.split(first, 20 * MIB)
    return supply, first, supply.split(first, 10 * MIB), last


def test_what_nobody_brings_goes_back_to_whom_it_was_cut_from() -> None:
    supply, first, middle, last = cut_in_three()
    # The one between is in the way.
    assert not supply.rejoin(last)
    assert supply.rejoin(middle)
    assert supply.live == [first, last]
    assert supply.rejoin(last)
    assert supply.live == [first]
    assert first.stop == 30 * MIB
    assert not supply.rejoin(last)


def test_it_does_not_where_somebody_is_at_work_or_was_or_the_answer_ends_before() -> None:
    supply, first, middle, _ = cut_in_three()
    middle.wire = Wire()
    assert not supply.rejoin(middle)
    middle.wire, middle.position = None, 10 * MIB + 1
    assert not supply.rejoin(middle)
    middle.position = 10 * MIB
    first.until = 15 * MIB
    assert not supply.rejoin(middle)
    first.until = 30 * MIB
    # A thread may be at the cut before it sees that it is none any more.
    first.position = 10 * MIB - 1000
    assert not supply.rejoin(middle)
    first.position, first.wire = 0, None
    assert not supply.rejoin(middle)
    assert first.stop == 10 * MIB


# -- what one connection brings --


def spans(supply: Supply) -> list[tuple[int, int, int]]:
    return [(each.start, each.stop, each.part) for each in supply.live]


def in_four(*, divisible: bool = True) -> Supply:
    live = [Segment(at, at + 10, at) for at in (0, 10, 20, 30)]
    return Supply(live, 0, divisible=divisible)


def test_what_nobody_has_begun_is_one() -> None:
    supply = in_four()
    first = supply.live[0]
    supply.join(inf, ())
    assert spans(supply) == [(0, 40, 0)]
    assert supply.live == [first]
    supply = in_four()
    supply.live[-1].stop = OPEN
    supply.join(inf, ())
    assert spans(supply) == [(0, OPEN, 0)]


@pytest.mark.parametrize(
    ("most", "ends"), [(0, [10, 20, 30, 40]), (20, [20, 40]), (35, [30, 40]), (40, [40])]
)
def test_what_is_joined_is_no_longer_than_that(most: int, ends: list[int]) -> None:
    supply = in_four()
    for _ in range(2):
        supply.join(most, ())
        assert [each.stop for each in supply.live] == ends


def begun(segment: Segment) -> None:
    segment.site = object()  # type: ignore[assignment]


def connected(segment: Segment) -> None:
    segment.wire = Wire()


def partly_here(segment: Segment) -> None:
    segment.position += 1


def in_another_part(segment: Segment) -> None:
    segment.part -= 5


@pytest.mark.parametrize("how", [begun, connected, partly_here])
def test_what_somebody_has_begun_stays_as_it_is(how: Callable[[Segment], None]) -> None:
    supply = in_four()
    how(supply.live[0])
    supply.join(inf, ())
    assert spans(supply) == [(0, 10, 0), (10, 40, 10)]
    supply = in_four()
    how(supply.live[1])
    supply.join(inf, ())
    assert spans(supply) == [(0, 10, 0), (10, 20, 10), (20, 40, 20)]


def test_where_bytes_are_here_between_them_or_before_them_they_stay_apart() -> None:
    supply = in_four()
    supply.live[1].stop = 15
    supply.join(inf, ())
    assert spans(supply) == [(0, 15, 0), (20, 40, 20)]
    supply = in_four()
    in_another_part(supply.live[2])
    supply.join(inf, ())
    assert spans(supply) == [(0, 20, 0), (20, 40, 15)]


def test_the_rate_is_that_of_the_fastest_attempt_and_no_buffer_s() -> None:
    supply = in_four()
    assert supply.rate(5.0) == 0.0
    first, second = supply.live[:2]
    for segment, since in ((first, 1.0), (second, 4.0)):
        begun(segment)
        segment.set_out_at = since
    first.position, second.position = 8, 20
    assert supply.rate(5.0) == 10.0
    assert supply.rate(4.01) == pytest.approx(100.0)
    assert supply.rate(29.0) == 0.4


def test_no_segment_crosses_a_cut_or_is_joined_where_none_may_be_cut() -> None:
    supply = in_four()
    supply.join(inf, (0, 20, 40))
    assert spans(supply) == [(0, 20, 0), (20, 40, 20)]
    supply = in_four(divisible=False)
    supply.join(inf, ())
    assert len(supply.live) == 4
