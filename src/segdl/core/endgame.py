"""What is worth asking for when a download is nearly whole."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from segdl.core.tail import Running

# What is asked for twice, as a share of what comes in a round trip, and bytes of one answer.
_SHARE = 0.5
LARGEST = 256 * 1024
# Round trips that a segment is expected to take still: what ends sooner is not asked for.
_LATE = 0.5
# The same until everything is here: the last word comes with the last bytes then.
_SOON = 0.9
# From one such question to the next: the end may come later than it seemed.
_APART = 0.4


def due(running: Sequence[Running], *, rate: float, round_trip: float) -> list[int]:
    """Return the numbers of the segments to ask for once more, those that end last first.

    Args:
        running: segments with a connection; its rate is None where nothing has come yet.
        rate: bytes a second that all of them bring, by and large.
        round_trip: seconds.

    Returns:
        None of them, before what is left is a matter of a moment.

    Example:
        >>> fast, slow = Running(0, 20_000, 1e6), Running(50_000, 90_000, 1e5)
        >>> due([fast, slow], rate=4e6, round_trip=0.1)
        [1]
        >>> due([fast, slow], rate=1e6, round_trip=0.1)
        []
    """
    left = [each.stop - each.position for each in running]
    if sum(left) > _SHARE * rate * round_trip:
        return []
    ends = [
        (inf if each.rate is None else count / max(each.rate, 1.0), number)
        for number, (each, count) in enumerate(zip(running, left, strict=True))
        if 0 < count <= LARGEST
    ]
    return [
        number for seconds, number in sorted(ends, reverse=True) if seconds > _LATE * round_trip
    ]


def until_near(seconds: float, round_trip: float) -> float:
    """Return the seconds until an answer to what is asked would come when all is here.

    Args:
        seconds: until all is here.
        round_trip: seconds.

    Example:
        >>> until_near(2.0, 1.0), until_near(0.5, 1.0)
        (1.1, 0.0)
    """
    return max(0.0, seconds - _SOON * round_trip)


def until_again(since: float, round_trip: float) -> float:
    """Return the seconds until what was asked so many seconds ago is worth asking anew.

    Example:
        >>> until_again(0.0, 1.0), until_again(0.5, 1.0)
        (0.4, 0.0)
    """
    return max(0.0, _APART * round_trip - since)


def counts(asked: float, ended: float, least: float) -> bool:
    """Tell whether a question was answered after the last byte of a file had been read.

    The last byte was on its way to us, and the question on its way to the server: both together
    took a round trip at least.

    Args:
        asked: when, in seconds.
        ended: when the last byte was here.
        least: seconds of the shortest round trip.

    Example:
        >>> counts(9.93, 10.0, 0.08), counts(9.91, 10.0, 0.08)
        (True, False)
    """
    return asked >= ended - least
