"""``--range``: what is asked, and where its bytes are; compared with slices of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segdl.core.plan import plan
from segdl.core.selection import RangeSpec, Selection, parse_range, select, whole
from segdl.core.spans import Span
from segdl.errors import ServerError, UsageError

PURE = settings(deadline=None, derandomize=True, max_examples=200)
DATA = bytes(range(100))

Piece = tuple[int | None, int | None]


def sliced(data: bytes, pieces: tuple[Piece, ...]) -> bytes:
    """What RFC 9110 14.1.2 means, said with slices."""
    found = b""
    for first, last in pieces:
        if first is None:
            found += data[max(0, len(data) - (last or 0)) :]
        elif last is None:
            found += data[first:]
        else:
            found += data[first : last + 1]
    return found


def taken(data: bytes, selection: Selection) -> bytes:
    return b"".join(data[piece.start : piece.stop] for piece in selection.pieces)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("0-499", [(0, 499)]),
        ("500-", [(500, None)]),
        ("-500", [(None, 500)]),
        ("0-0,-1", [(0, 0), (None, 1)]),
        ("500-600,601-999", [(500, 600), (601, 999)]),
        ("bytes=0-499", [(0, 499)]),
        ("  bytes=0-0 , 2-3 ", [(0, 0), (2, 3)]),
        ("5-9,0-4", [(5, 9), (0, 4)]),
        ("0-9,5-14", [(0, 9), (5, 14)]),
        ("007-8", [(7, 8)]),
        ("-0", [(None, 0)]),
        ("0-1152921504606846975", [(0, (1 << 60) - 1)]),
    ],
)
def test_ranges_that_are_understood(text: str, pieces: list[Piece]) -> None:
    assert parse_range(text) == RangeSpec(tuple(pieces))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "--1",
        "5",
        "a-b",
        "1-2-3",
        "0-1,",
        ",0-1",
        "0-1,,2-3",
        "0-1;2-3",
        "1 - 2",
        "+1-2",
        "0x1-2",
        "٣-٤",
        "1-²",
        "bits=0-1",
        "bytes=bytes=0-1",
        "0-" + "9" * 5000,
        "5-4",
        "0-1,9-8",
    ],
)
def test_ranges_that_are_not(text: str) -> None:
    with pytest.raises(UsageError, match="range"):
        parse_range(text)


@pytest.mark.parametrize("text", ["0-499", "500-", "-500", "0-0,-1", "500-600,601-999,-3"])
def test_a_range_is_written_as_it_is_read(text: str) -> None:
    assert str(parse_range(text)) == text


@PURE
@given(st.text())
def test_any_text_is_a_range_or_a_usage_error(text: str) -> None:
    try:
        spec = parse_range(text)
    except UsageError:
        return
    assert parse_range(str(spec)) == spec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0-49", DATA[:50]),
        ("10-19", DATA[10:20]),
        ("0-0", DATA[:1]),
        ("99-99", DATA[99:]),
        ("-10", DATA[90:]),
        ("-1", DATA[99:]),
        ("90-", DATA[90:]),
        ("0-", DATA),
        ("-100", DATA),
        ("-101", DATA),
        ("-99999", DATA),
        ("0-99", DATA),
        ("0-100", DATA),
        ("90-99999", DATA[90:]),
        ("0-0,-1", DATA[:1] + DATA[99:]),
        ("10-19,20-29", DATA[10:30]),
        ("20-29,10-19", DATA[20:30] + DATA[10:20]),
        ("0-9,5-14", DATA[:10] + DATA[5:15]),
        ("5-9,5-9", DATA[5:10] * 2),
        ("100-,0-1", DATA[:2]),
        ("200-300,-2,100-100", DATA[98:]),
        ("-0,3-3", DATA[3:4]),
        ("-100,0-", DATA * 2),
    ],
)
def test_the_bytes_of_a_range(text: str, expected: bytes) -> None:
    spec = parse_range(text)
    selection = select(spec, len(DATA))
    assert taken(DATA, selection) == expected == sliced(DATA, spec.pieces)
    assert selection.size == len(expected)


@pytest.mark.parametrize(
    ("text", "size"), [("100-", 100), ("100-200,300-", 100), ("-0", 100), ("0-", 0), ("-5", 0)]
)
def test_a_range_without_a_byte_in_the_file(text: str, size: int) -> None:
    with pytest.raises(ServerError, match=f"no byte in a file of {size} bytes") as caught:
        select(parse_range(text), size)
    assert caught.value.status == 416
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("size", [0, 1, 100, 1 << 60])
def test_without_a_range_it_is_the_whole_file(size: int) -> None:
    selection = select(None, size)
    assert selection == whole(size) == Selection((Span(0, size),))
    assert selection.size == size
    assert selection.cuts == (0, size)


def test_cuts_are_where_pieces_meet() -> None:
    assert select(parse_range("0-9,50-54,-1"), 100).cuts == (0, 10, 15, 16)


@pytest.mark.parametrize(
    ("pieces", "asked", "expected"),
    [
        ([(0, 10)], (3, 5), (3, 5)),
        ([(0, 10)], (10, 10), (10, 10)),
        ([(0, 0)], (0, 0), (0, 0)),
        ([(500, 600), (0, 10)], (0, 100), (500, 600)),
        ([(500, 600), (0, 10)], (99, 100), (599, 600)),
        ([(500, 600), (0, 10)], (100, 110), (0, 10)),
        ([(500, 600), (0, 10)], (110, 110), (10, 10)),
        ([(5, 8), (7, 9), (5, 8)], (5, 8), (5, 8)),
        ([(5, 8), (7, 9), (5, 8)], (3, 5), (7, 9)),
        ([(5, 8), (20, 20)], (3, 3), (8, 8)),
    ],
)
def test_where_local_bytes_are_in_the_remote_file(
    pieces: list[tuple[int, int]], asked: tuple[int, int], expected: tuple[int, int]
) -> None:
    selection = Selection(tuple(Span(*piece) for piece in pieces))
    assert selection.remote(Span(*asked)) == Span(*expected)


@pytest.mark.parametrize("asked", [(0, 101), (99, 101), (100, 111), (110, 111), (111, 112)])
def test_a_span_over_the_end_of_a_piece_is_refused(asked: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="crosses"):
        Selection((Span(500, 600), Span(0, 10))).remote(Span(*asked))


bounds = st.integers(0, 130)
pieces_asked = st.lists(
    st.one_of(
        st.tuples(bounds, bounds).map(lambda pair: (min(pair), max(pair))),
        st.tuples(bounds, st.none()),
        st.tuples(st.none(), bounds),
    ),
    min_size=1,
    max_size=6,
).map(tuple)
sizes = st.integers(0, 120)


@PURE
@given(pieces_asked, sizes)
def test_any_range_is_what_slicing_gives(pieces: tuple[Piece, ...], size: int) -> None:
    data = bytes(range(size))
    expected = sliced(data, pieces)
    spec = parse_range(str(RangeSpec(pieces)))
    assert spec.pieces == pieces
    if not expected:
        with pytest.raises(ServerError):
            select(spec, size)
        return
    selection = select(spec, size)
    assert taken(data, selection) == expected
    assert all(len(piece) for piece in selection.pieces)


@PURE
@given(
    pieces_asked,
    st.integers(1, 120),
    st.integers(1, 9),
    st.integers(1, 20),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=4),
)
def test_segments_fetched_where_remote_says_make_the_local_file(
    pieces: tuple[Piece, ...],
    size: int,
    connections: int,
    min_split: int,
    held_pairs: list[tuple[int, int]],
) -> None:
    data = bytes(range(size))
    expected = sliced(data, pieces)
    if not expected:
        return
    selection = select(RangeSpec(pieces), size)
    held = [Span(*sorted(pair)) for pair in held_pairs]
    local = bytearray(b"\xff" * selection.size)
    for one in held:
        local[one.start : min(one.stop, len(local))] = expected[one.start : one.stop]
    for segment in plan(
        selection.size,
        held,
        connections=connections,
        min_split=min_split,
        cuts=selection.cuts,
    ):
        there = selection.remote(segment)
        assert len(there) == len(segment)
        local[segment.start : segment.stop] = data[there.start : there.stop]
    assert bytes(local) == expected


@PURE
@given(pieces_asked, st.integers(1, 120))
def test_every_single_byte_is_where_remote_says(pieces: tuple[Piece, ...], size: int) -> None:
    data = bytes(range(size))
    expected = sliced(data, pieces)
    if not expected:
        return
    selection = select(RangeSpec(pieces), size)
    found = [selection.remote(Span(at, at + 1)).start for at in range(selection.size)]
    assert bytes(data[at] for at in found) == expected
