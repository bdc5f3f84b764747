"""The planner: what is missing, cut into one segment for each connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isqrt

from segdl.core.spans import Span, gaps

MIB = 1024 * 1024
BLOCK = 4096
# One round trip more a connection costs about as much time as hashing this.
_HASHED_MEANWHILE = 24 * MIB
_MOST_ROUNDS = 16


def plan(
    size: int,
    held: Iterable[Span],
    *,
    connections: int,
    min_split: int = MIB,
    cuts: Sequence[int] = (),
) -> list[Span]:
    """Cut what `held` leaves of `[0, size)` into segments, in file order.

    Segments are about equal, none that could be joined to its neighbour is shorter than
    `min_split`, and boundaries fall on multiples of 1 MiB (of 4 KiB where `min_split` is
    smaller than that), so that file systems which share extents can join parts without
    copying. A segment never crosses a place in `cuts`.

    Args:
        size: bytes of the local file.
        held: what is on disk.
        connections: how many segments are wanted; gaps may make them more.
        min_split: bytes.
        cuts: places that no segment may cross.

    Example:
        >>> plan(4 * MIB, [Span(0, MIB)], connections=2)
        [Span(start=1048576, stop=3145728), Span(start=3145728, stop=4194304)]
    """
    missing = [piece for gap in gaps(Span(0, size), held) for piece in _cut(gap, sorted(set(cuts)))]
    wanted = sum(map(len, missing))
    if not wanted:
        return []
    min_split = max(min_split, 1)
    grain = MIB if min_split >= MIB else BLOCK
    share = max(-(-wanted // connections), min_split)
    return [segment for gap in missing for segment in _split(gap, share, min_split, grain)]


def segments_in_order(connections: int, size: int) -> int:
    """Return how many segments to cut where bytes are hashed, in file order, as they come.

    One segment a connection would leave all but the first to the end: they are whole at
    about the same time. With N rounds of shorter ones the N-th part is left. Each round
    costs a round trip, so their number grows with the square root of the size.

    Example:
        >>> [segments_in_order(8, mib * MIB) for mib in (10, 100, 1024, 10240)]
        [8, 16, 48, 128]
    """
    if connections == 1:
        return 1
    return connections * max(1, min(_MOST_ROUNDS, isqrt(size // _HASHED_MEANWHILE)))


def _cut(gap: Span, cuts: Sequence[int]) -> list[Span]:
    edges = [gap.start, *(cut for cut in cuts if gap.start < cut < gap.stop), gap.stop]
    return [Span(start, stop) for start, stop in pairwise(edges)]


def _split(gap: Span, share: int, min_split: int, grain: int) -> list[Span]:
    """Cut one gap into pieces of about `share` bytes at multiples of `grain`."""
    count = max(1, min(-(-len(gap) // share), len(gap) // min_split))
    edges = [gap.start]
    for index in range(1, count):
        edge = -(-(gap.start + len(gap) * index // count) // grain) * grain
        if edge - edges[-1] >= min_split and gap.stop - edge >= min_split:
            edges.append(edge)
    edges.append(gap.stop)
    return [Span(start, stop) for start, stop in pairwise(edges)]
