"""The planner: whatever is held, the segments are what is missing, and nothing else."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.plan import BLOCK, MIB, plan, segments_in_order
from segdl.core.spans import Span, gaps, union

PURE = settings(deadline=None, derandomize=True, max_examples=300)


def mib(*edges: float) -> list[Span]:
    """Segments between edges given in MiB."""
    places = [round(edge * MIB) for edge in edges]
    return [Span(a, b) for a, b in itertools.pairwise(places)]


@pytest.mark.parametrize(
    ("size", "connections", "expected"),
    [
        (0, 8, []),
        (1, 8, [Span(0, 1)]),
        (MIB, 8, mib(0, 1)),
        (MIB + 1, 8, [Span(0, MIB + 1)]),
        (2 * MIB - 1, 8, [Span(0, 2 * MIB - 1)]),
        (2 * MIB, 8, mib(0, 1, 2)),
        (8 * MIB, 8, mib(*range(9))),
        (8 * MIB, 1, mib(0, 8)),
        (8 * MIB, 3, mib(0, 3, 6, 8)),
        (8 * MIB, 100, mib(*range(9))),
        (16 * MIB, 8, mib(*range(0, 17, 2))),
        (100 * MIB, 4, mib(0, 25, 50, 75, 100)),
        (10 * MIB + 5, 2, [Span(0, 6 * MIB), Span(6 * MIB, 10 * MIB + 5)]),
        (1 << 60, 2, [Span(0, 1 << 59), Span(1 << 59, 1 << 60)]),
    ],
)
def test_a_new_file(size: int, connections: int, expected: list[Span]) -> None:
    assert plan(size, [], connections=connections) == expected


@pytest.mark.parametrize(
    ("size", "min_split", "connections", "expected"),
    [
        (64 * 1024, 16 * 1024, 8, [0, 16384, 32768, 49152, 65536]),
        (64 * 1024, 16 * 1024, 2, [0, 32768, 65536]),
        (10_000, 1, 2, [0, 8192, 10_000]),
        (10_000, 0, 2, [0, 8192, 10_000]),
        (8192, 0, 8, [0, 4096, 8192]),
        (8192, 4096, 8, [0, 4096, 8192]),
        (8191, 4096, 8, [0, 8191]),
        (4 * MIB, 2 * MIB, 8, [0, 2 * MIB, 4 * MIB]),
        (7 * MIB, 4 * MIB, 8, [0, 7 * MIB]),
        (8 * MIB, 3 * MIB, 8, [0, 4 * MIB, 8 * MIB]),
    ],
)
def test_min_split(size: int, min_split: int, connections: int, expected: list[int]) -> None:
    found = plan(size, [], connections=connections, min_split=min_split)
    assert found == [Span(a, b) for a, b in itertools.pairwise(expected)]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (mib(0, 8), []),
        (mib(0, 4), mib(4, 6, 8)),
        (mib(4, 8), mib(0, 2, 4)),
        (mib(2, 4), mib(0, 2) + mib(4, 6, 8)),
        ([Span(0, 5)], [Span(5, 5 * MIB), Span(5 * MIB, 8 * MIB)]),
        ([Span(3, 8 * MIB - 3)], [Span(0, 3), Span(8 * MIB - 3, 8 * MIB)]),
        (mib(0, 100), []),
        (mib(9, 100), mib(0, 4, 8)),
        (mib(0, 3) + mib(2, 6), mib(6, 7, 8)),
    ],
)
def test_what_is_held_is_not_planned(held: list[Span], expected: list[Span]) -> None:
    assert plan(8 * MIB, held, connections=2) == expected


def test_cuts_are_edges_even_where_they_are_not_aligned() -> None:
    found = plan(8 * MIB, mib(0, 1), connections=1, cuts=(0, MIB, 5, 3 * MIB + 7, 8 * MIB, 9 * MIB))
    assert found == [Span(MIB, 3 * MIB + 7), Span(3 * MIB + 7, 8 * MIB)]


def test_repeated_and_unordered_cuts_are_those_cuts() -> None:
    assert plan(100, [], connections=1, cuts=(70, 30, 70, 30)) == [
        Span(0, 30),
        Span(30, 70),
        Span(70, 100),
    ]


def missing_pieces(size: int, held: list[Span], cuts: list[int]) -> list[Span]:
    """The gaps, cut: written otherwise than the planner does."""
    found = []
    for gap in gaps(Span(0, size), held):
        edges = sorted({gap.start, gap.stop, *(c for c in cuts if gap.start < c < gap.stop)})
        found += [Span(a, b) for a, b in itertools.pairwise(edges)]
    return found


@st.composite
def situations(draw: st.DrawFn) -> tuple[int, list[Span], int, int, list[int]]:
    unit = draw(st.sampled_from([1, 512, BLOCK, 100_003, MIB]))
    size = draw(st.integers(0, 60)) * unit + draw(st.integers(0, 3))
    places = st.integers(0, size + 2 * unit)
    held = [Span(*sorted(pair)) for pair in draw(st.lists(st.tuples(places, places), max_size=4))]
    connections = draw(st.integers(1, 40))
    min_split = draw(
        st.sampled_from([0, 1, 1000, BLOCK, BLOCK + 1, 64 * 1024, MIB - 1, MIB, 3 * MIB // 2])
        | st.integers(1, 8 * MIB)
    )
    return size, held, connections, min_split, draw(st.lists(places, max_size=4))


@PURE
@given(situations())
def test_any_plan(situation: tuple[int, list[Span], int, int, list[int]]) -> None:
    size, held, connections, min_split, cuts = situation
    found = plan(size, held, connections=connections, min_split=min_split, cuts=cuts)
    pieces = missing_pieces(size, held, cuts)

    # It tiles what is missing: in order, disjoint, none empty, together the gaps.
    assert all(len(segment) for segment in found)
    assert all(a.stop <= b.start for a, b in itertools.pairwise(found))
    assert union(found) == gaps(Span(0, size), held)
    # None crosses a cut: each lies in one piece.
    homes = [next(p for p in pieces if p.start <= s.start and s.stop <= p.stop) for s in found]
    # Edges are aligned, but where a gap or a cut has them elsewhere.
    grain = MIB if min_split >= MIB else BLOCK
    for segment, home in zip(found, homes, strict=True):
        assert segment.start % grain == 0 or segment.start == home.start
        assert segment.stop % grain == 0 or segment.stop == home.stop
        # No sliver, but where all of the piece is one.
        assert len(segment) >= min_split or segment == home
    # Not more than wanted.
    assert len(found) <= connections + len(pieces)
    if len(pieces) == 1:
        assert len(found) <= connections


@PURE
@given(st.integers(1, 32), st.integers(3, 200), st.integers(0, MIB - 1), st.integers(0, 3 * MIB))
def test_a_large_file_gives_every_connection_about_the_same(
    connections: int, share: int, odd: int, start: int
) -> None:
    size = start + connections * share * MIB + odd
    found = plan(size, [Span(0, start)], connections=connections)
    assert len(found) == connections
    assert max(map(len, found)) - min(map(len, found)) <= 2 * MIB


@PURE
@given(situations())
def test_the_same_situation_gives_the_same_plan_in_any_order(
    situation: tuple[int, list[Span], int, int, list[int]],
) -> None:
    size, held, connections, min_split, cuts = situation
    found = plan(size, held, connections=connections, min_split=min_split, cuts=cuts)
    again = plan(
        size, held[::-1], connections=connections, min_split=min_split, cuts=cuts[::-1] + cuts
    )
    assert found == again
    # All of it fetched, nothing is left.
    assert not plan(size, [*held, *found], connections=connections, min_split=min_split)


@PURE
@given(st.integers(1, 256), st.integers(0, 1 << 45))
def test_in_order_every_connection_has_its_turn_in_each_round(connections: int, size: int) -> None:
    wanted = segments_in_order(connections, size)
    assert wanted % connections == 0
    rounds = wanted // connections
    assert 1 <= rounds <= 16
    if connections == 1 or size < 96 * MIB:
        assert rounds == 1
    else:
        # What is left for the end is the last round: it grows slower than the file.
        assert rounds == 16 or rounds**2 * 24 * MIB <= size < (rounds + 1) ** 2 * 24 * MIB
