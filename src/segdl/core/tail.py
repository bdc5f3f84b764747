"""Who helps whom at the end: an idle connection takes over from the one that ends last.

That costs no connection where nobody has asked yet for what is taken over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from segdl.core.median import median

MIB = 1024 * 1024
# Boundaries fall on a multiple of the coarsest that is at most an eighth of what moves.
_GRAINS = (MIB, 64 * 1024, 4096)
# What must be won, in seconds and as a share of what is left: another request is not free,
# for the server neither.
_WORTHWHILE = 0.1
_SHARE = 0.1
# The same where others are served beside it. Who fetches more at once is faster then at their
# cost, as far as they share a link; and what is under way on the old connection comes twice.
_WORTHWHILE_BESIDE = 3.0
# Of the seconds that another connection would take.
_FAR_SOONER = 0.5
# One request is for what takes so many seconds at least, and so many round trips: each costs one.
_LASTING = 0.5
_ROUND_TRIPS = 8.0
# What a connection may bring of which nothing is known, in bytes a second.
_UNKNOWN = 4.0 * MIB
# Which share of what is left is asked for: another one for each segment, at least and at most.
_LEAST_SHARE, _MOST_SHARE = 0.35, 0.55
_GOLDEN = 0.618034
# Setting up so many times takes a new connection to its pace: worth as much that comes twice.
_PACE = 4.0


class Running(NamedTuple):
    """A segment that a connection is at work on.

    Attributes:
        position: where its next byte goes.
        stop: where it ends.
        rate: bytes a second; None where it is not known yet.
    """

    position: int
    stop: int
    rate: float | None


@dataclass(frozen=True, slots=True)
class Split:
    """Segment number `index` is to end `at`, and another to begin there."""

    index: int
    at: int


def typical_rate(rates: Sequence[float | None]) -> float | None:
    """Return the median of the rates that are known, in bytes a second.

    Example:
        >>> typical_rate([None, 1.0, 9.0, 3.0]), typical_rate([None])
        (3.0, None)
    """
    return median([rate for rate in rates if rate is not None])


def take_over(
    running: Sequence[Running],
    *,
    rate: float | None,
    setup: float,
    least: int,
    newcomers: int = 1,
    beside: bool = False,
) -> Split | None:
    """Choose the segment that would end last, and where to cut it so that both end together.

    Args:
        running: segments with a connection.
        rate: bytes a second that the newcomer is expected to bring; None where nobody knows,
            which counts as fast as the one it helps.
        setup: seconds until its first byte.
        least: bytes; neither piece is smaller, but for what rounding takes off.
        newcomers: how many are about to ask, this one included: what all of them win counts,
            and it leaves the others theirs, so that nobody's request is cut again.
        beside: whether the server serves others of our files, too.

    Returns:
        None where nothing would be won by it.

    Example:
        >>> slow, fast = Running(0, 64 * MIB, 1e6), Running(100 * MIB, 104 * MIB, 4e6)
        >>> take_over([slow, fast], rate=1e6, setup=0.0, least=MIB)
        Split(index=0, at=33554432)
    """
    best: tuple[float, int] | None = None
    for index, each in enumerate(running):
        left = each.stop - each.position
        if left >= 2 * least:
            ends = left / _rate(each, rate)
            if best is None or ends > best[0]:
                best = ends, index
    if best is None:
        return None
    ends, index = best
    each = running[index]
    left = each.stop - each.position
    old = _rate(each, rate)
    new = max(old if rate is None else rate, 1.0)

    def ends_with(helpers: int) -> float:
        return (left + helpers * new * setup) / (old + helpers * new)

    known = rate is not None or each.rate is not None
    worthwhile = _WORTHWHILE_BESIDE if beside else _WORTHWHILE
    won = ends - ends_with(max(1, min(newcomers, left // max(1, least) - 1)))
    if known and won < max(worthwhile, _SHARE * ends):
        return None
    keep = min(max(int(old * ends_with(1)), least), left - least)
    if newcomers > 1:
        everything = sum(max(0, each.stop - each.position) for each in running)
        share = everything // (len(running) + newcomers)
        keep = max(keep, left - max(share, least))
    grain = next((g for g in _GRAINS if 8 * g <= left - keep), 1)
    at = -(-(each.position + keep) // grain) * grain
    return Split(index, at) if at < each.stop else None


def asked_at_once(start: int, left: int, *, rate: float | None, round_trip: float) -> int:
    """Return how many of the bytes that a segment lacks one request should ask for.

    About half of them, as long as that takes its time. A request cannot be taken back: what
    another connection takes over of it ends this one, which has found its pace. Servers that
    pace may have each answer begin faster, too. Equal segments are not cut alike: their
    connections would all ask again at the same moment, with nothing under way.

    Args:
        start: where the segment begins, in the file.
        left: bytes from the segment's position to its end.
        rate: bytes a second; None where nobody knows.
        round_trip: seconds from a request to its first byte; 0 where that is not known.

    Example:
        >>> asked_at_once(0, 20 * MIB, rate=None, round_trip=0.0) / MIB
        7.0
        >>> asked_at_once(0, 20 * MIB, rate=50.0 * MIB, round_trip=0.0) / MIB
        20.0
    """
    lasting = max(_LASTING, _ROUND_TRIPS * round_trip)
    if left // 2 < max(MIB, (_UNKNOWN if rate is None else rate) * lasting):
        return left
    place = start / MIB * _GOLDEN % 1.0
    return int(left * (_LEAST_SHARE + (_MOST_SHARE - _LEAST_SHARE) * place))


def overtakes(rate: float, at: int, ahead: Running, *, setup: float) -> bool:
    """Tell whether a connection that came to another's segment should go on through it.

    A connection that has found its pace is worth more than a new one: a path with lost
    packets or a full queue takes seconds to let another get there. What the other one
    brought comes again.

    Args:
        rate: bytes a second that the connection brings.
        at: where its next byte belongs; not behind `ahead.position`.
        ahead: the segment that follows; its rate is None where nobody is at work on it, or
            has just begun.
        setup: seconds until a new connection's first byte.

    Example:
        >>> overtakes(9e6, 4 * MIB, Running(5 * MIB, 20 * MIB, 1e6), setup=0.1)
        True
        >>> overtakes(9e6, 4 * MIB, Running(5 * MIB, 20 * MIB, 8e6), setup=0.1)
        False
    """
    if rate <= 0.0 or not 0 <= ahead.position - at <= _PACE * setup * rate:
        return False
    mine = (ahead.stop - at) / rate
    if ahead.rate is None:
        return mine < setup + (ahead.stop - ahead.position) / rate
    return mine < _FAR_SOONER * (ahead.stop - ahead.position) / max(ahead.rate, 1.0)


def _rate(each: Running, expected: float | None) -> float:
    # Without any measure, bytes stand for seconds.
    return max(each.rate if each.rate is not None else (expected or MIB), 1.0)
