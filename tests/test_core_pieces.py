"""Digests of pieces: which lie in what is held, which are wrong, what to fetch again."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.pieces import Pieces, covers, piece_span, spans_of, whole_pieces, wrong_pieces
from segdl.core.spans import Span, gaps, union

PURE = settings(deadline=None, derandomize=True, max_examples=200)


def of(size: int, length: int) -> Pieces:
    return Pieces("md5", length, tuple(f"{n:032x}" for n in range(-(-size // length))))


sizes = st.tuples(st.integers(1, 120), st.integers(1, 40))
some_spans = st.lists(
    st.tuples(st.integers(0, 120), st.integers(0, 120)).map(lambda pair: Span(*sorted(pair))),
    max_size=6,
)


@pytest.mark.parametrize("length", [0, -1])
def test_a_piece_has_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="no"):
        Pieces("md5", length, ())


@pytest.mark.parametrize(
    ("size", "held", "whole"),
    [
        (25, [], []),
        (25, [(0, 25)], [0, 1, 2]),
        (25, [(0, 10)], [0]),
        (25, [(0, 9)], []),
        (25, [(1, 10)], []),
        (25, [(0, 19)], [0]),
        (25, [(20, 25)], [2]),
        (25, [(20, 24)], []),
        (25, [(21, 25)], []),
        (25, [(0, 5), (5, 10)], [0]),
        (25, [(5, 15), (12, 20), (0, 3)], [1]),
        (25, [(0, 1000)], [0, 1, 2]),
        (25, [(5, 5)], []),
        (20, [(10, 20)], [1]),
        (1, [(0, 1)], [0]),
        (25, [(30, 40)], []),
    ],
)
def test_whole_pieces(size: int, held: list[tuple[int, int]], whole: list[int]) -> None:
    assert whole_pieces(of(size, 10), size, [Span(*one) for one in held]) == whole


def test_what_was_not_looked_at_is_not_wrong() -> None:
    three = Pieces("md5", 10, ("a", "b", "c"))
    assert wrong_pieces(three, {}) == []
    assert wrong_pieces(three, {1: "b"}) == []
    assert wrong_pieces(three, {2: "b", 1: "b", 0: "c"}) == [0, 2]


@PURE
@given(sizes)
def test_pieces_tile_the_file(case: tuple[int, int]) -> None:
    size, length = case
    pieces = of(size, length)
    assert covers(pieces, size)
    spans = [piece_span(pieces, index, size) for index in range(len(pieces.hexdigests))]
    assert spans[0].start == 0
    assert spans[-1].stop == size
    assert all(left.stop == right.start for left, right in pairwise(spans))
    assert all(len(span) == length for span in spans[:-1])
    assert 1 <= len(spans[-1]) <= length
    assert spans_of(pieces, range(len(spans)), size) == [Span(0, size)]


@PURE
@given(sizes, some_spans)
def test_a_piece_is_whole_where_nothing_of_it_is_missing(
    case: tuple[int, int], held: list[Span]
) -> None:
    size, length = case
    pieces = of(size, length)
    whole = whole_pieces(pieces, size, held)
    for index in range(len(pieces.hexdigests)):
        missing = gaps(piece_span(pieces, index, size), held)
        assert (index in whole) is (not missing)
    assert whole == sorted(set(whole))


@PURE
@given(st.integers(1, 300), st.integers(1, 50), st.data())
def test_what_is_fetched_again_is_all_that_is_wrong(
    size: int, length: int, data: st.DataObject
) -> None:
    right = Random(size).randbytes(size)
    pieces = Pieces(
        "sha1",
        length,
        tuple(hashlib.sha1(right[at : at + length]).hexdigest() for at in range(0, size, length)),
    )
    held = bytearray(right)
    wrong = data.draw(st.sets(st.integers(0, size - 1), max_size=4))
    for at in wrong:
        held[at] ^= 0xFF
    found = {
        index: hashlib.sha1(held[span.start : span.stop]).hexdigest()
        for index in range(len(pieces.hexdigests))
        for span in [piece_span(pieces, index, size)]
    }
    again = spans_of(pieces, wrong_pieces(pieces, found), size)
    assert again == union(again)
    for span in again:
        held[span.start : span.stop] = right[span.start : span.stop]
    assert held == right
    assert {at // length for at in wrong} == {
        at // length for span in again for at in range(span.start, span.stop)
    }
