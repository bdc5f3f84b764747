"""Half-open spans: union and gaps, by tables and by laws."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.spans import OPEN, Span, gaps, union

PURE = settings(deadline=None, derandomize=True, max_examples=150)
END = 40


spans = st.lists(
    st.tuples(st.integers(0, END), st.integers(0, END)).map(lambda pair: Span(*sorted(pair))),
    max_size=8,
)
a_span = st.tuples(st.integers(0, END), st.integers(0, END)).map(lambda pair: Span(*sorted(pair)))


def covered(given_spans: list[Span]) -> set[int]:
    return {at for one in given_spans for at in range(one.start, one.stop)}


def is_tidy(given_spans: list[Span]) -> bool:
    """In order, none empty, none touches the next."""
    return all(one.start < one.stop for one in given_spans) and all(
        left.stop < right.start for left, right in itertools.pairwise(given_spans)
    )


@pytest.mark.parametrize(
    ("start", "stop", "header"),
    [
        (0, 500, "bytes=0-499"),
        (0, 1, "bytes=0-0"),
        (500, 1000, "bytes=500-999"),
        (9500, OPEN, "bytes=9500-"),
        (0, OPEN, "bytes=0-"),
        (1 << 60, (1 << 60) + 1, "bytes=1152921504606846976-1152921504606846976"),
    ],
)
def test_the_header_that_asks_for_a_span(start: int, stop: int, header: str) -> None:
    assert Span(start, stop).header == header


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (-2, -1)])
def test_what_is_no_span(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="not a span"):
        Span(start, stop)


def test_length_and_order() -> None:
    assert len(Span(3, 3)) == 0
    assert len(Span(3, 10)) == 7
    assert sorted([Span(3, 4), Span(0, 9), Span(0, 2)]) == [Span(0, 2), Span(0, 9), Span(3, 4)]


@pytest.mark.parametrize(
    ("given_spans", "expected"),
    [
        ([], []),
        ([(4, 4)], []),
        ([(0, 4)], [(0, 4)]),
        ([(4, 8), (0, 4)], [(0, 8)]),
        ([(0, 4), (5, 8)], [(0, 4), (5, 8)]),
        ([(0, 9), (2, 3)], [(0, 9)]),
        ([(0, 4), (2, 9), (9, 10)], [(0, 10)]),
        ([(0, 4), (4, 4), (4, 5)], [(0, 5)]),
        ([(7, OPEN), (0, 3)], [(0, 3), (7, OPEN)]),
        ([(7, OPEN), (0, 8)], [(0, OPEN)]),
    ],
)
def test_union(given_spans: list[tuple[int, int]], expected: list[tuple[int, int]]) -> None:
    assert union(Span(*one) for one in given_spans) == [Span(*one) for one in expected]


@pytest.mark.parametrize(
    ("whole", "held", "expected"),
    [
        ((0, 10), [], [(0, 10)]),
        ((0, 0), [], []),
        ((5, 5), [(0, 9)], []),
        ((0, 10), [(0, 10)], []),
        ((0, 10), [(0, 99)], []),
        ((0, 10), [(0, 4)], [(4, 10)]),
        ((0, 10), [(4, 10)], [(0, 4)]),
        ((0, 10), [(4, 4)], [(0, 10)]),
        ((0, 10), [(2, 4), (6, 8)], [(0, 2), (4, 6), (8, 10)]),
        ((0, 10), [(2, 4), (4, 8)], [(0, 2), (8, 10)]),
        ((5, 10), [(0, 2), (12, 20)], [(5, 10)]),
        ((5, 10), [(0, 7)], [(7, 10)]),
        ((5, 10), [(10, 20)], [(5, 10)]),
        ((0, OPEN), [(0, 7)], [(7, OPEN)]),
        ((0, OPEN), [(7, OPEN)], [(0, 7)]),
    ],
)
def test_gaps(
    whole: tuple[int, int], held: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    found = gaps(Span(*whole), [Span(*one) for one in held])
    assert found == [Span(*one) for one in expected]


@PURE
@given(spans)
def test_union_has_the_same_bytes_and_is_tidy(some: list[Span]) -> None:
    joined = union(some)
    assert covered(joined) == covered(some)
    assert is_tidy(joined)


@PURE
@given(spans)
def test_union_does_not_care_for_order_or_repetition(some: list[Span]) -> None:
    joined = union(some)
    assert union(reversed(some)) == joined
    assert union(some + some) == joined
    assert union(joined) == joined


@PURE
@given(a_span, spans)
def test_gaps_are_the_rest_and_tidy(whole: Span, held: list[Span]) -> None:
    missing = gaps(whole, held)
    assert covered(missing) == covered([whole]) - covered(held)
    assert is_tidy(missing)


@PURE
@given(a_span, spans)
def test_gaps_of_gaps_are_what_is_held_and_filling_them_leaves_none(
    whole: Span, held: list[Span]
) -> None:
    missing = gaps(whole, held)
    assert covered(gaps(whole, missing)) == covered([whole]) & covered(held)
    assert gaps(whole, [*held, *missing]) == []
