"""Digests of pieces: which are wrong, and what to fetch again."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.pieces import PieceHasher, Pieces, covers, piece_span, wrong_pieces

PURE = settings(deadline=None, derandomize=True, max_examples=200)


def of(size: int, length: int) -> Pieces:
    return Pieces("md5", length, tuple(f"{n:032x}" for n in range(-(-size // length))))


sizes = st.tuples(st.integers(1, 120), st.integers(1, 40))


@pytest.mark.parametrize("length", [0, -1])
def test_a_piece_has_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="no"):
        Pieces("md5", length, ())


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
    hasher = PieceHasher(pieces)
    at = 0
    while at < size:
        step = data.draw(st.integers(1, size))
        hasher.update(bytes(held[at : at + step]))
        at += step
    found = hasher.finish()
    assert len(found) == len(pieces.hexdigests)
    again = [piece_span(pieces, index, size) for index in wrong_pieces(pieces, found)]
    for span in again:
        held[span.start : span.stop] = right[span.start : span.stop]
    assert held == right
    assert {at // length for at in wrong} == {span.start // length for span in again}
