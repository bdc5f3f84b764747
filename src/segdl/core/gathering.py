"""How many bytes of a connection are worth waiting for, before its thread is woken."""

from __future__ import annotations

import math
from typing import NamedTuple

# Seconds in which bytes may gather: nobody sees that they come later by so much.
MOMENT = 0.015
# Bytes: more at once saves nothing any more, and with fewer it is not worth the asking.
_MOST = 256 * 1024
_LEAST = 48 * 1024
# Seconds in which a connection finds its speed, and others learn from each packet how full the
# path is: a queue that begins to grow is not seen where bytes come by the hundred thousand.
_SETTLING = 2.0
# Seconds over which the rate is averaged.
_MEMORY = 0.05
# Seconds that are too short to tell a rate from.
_INSTANT = 1e-6


class Pace(NamedTuple):
    """How the bytes of a connection come.

    Attributes:
        since: when the first were waited for, in seconds.
        at: when some were taken last, in seconds.
        rate: bytes a second.
        last: bytes that were taken last.
    """

    since: float
    at: float
    rate: float = 0.0
    last: int = 0


def took(pace: Pace, now: float, count: int) -> Pace:
    """Return the pace after `count` bytes were taken.

    Example:
        >>> took(Pace(since=1.0, at=1.0), 1.5, 1_000_000).rate
        2000000.0
    """
    span = now - pace.at
    if span < _INSTANT:
        return Pace(pace.since, now, pace.rate, count)
    share = -math.expm1(-span / _MEMORY) if span < _MEMORY else 1.0
    rate = pace.rate + (count / span - pace.rate) * share
    return Pace(pace.since, now, rate, count)


def worth_waiting_for(pace: Pace, most: int) -> int:
    """Return how many bytes to wait for before any are taken; 1 is as they come.

    Args:
        pace: how they come.
        most: bytes that will be taken at once.

    Example:
        >>> worth_waiting_for(Pace(since=0.0, at=5.0, rate=10e6, last=65536), 1 << 20)
        150000
    """
    if pace.at < pace.since + _SETTLING:
        return 1
    wanted = int(min(pace.rate * MOMENT, _MOST, most))
    # Where that many were there the last time, as many may be there now.
    return 1 if wanted < _LEAST or pace.last >= wanted else wanted
