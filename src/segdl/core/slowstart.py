"""The first round trips of a connection over a long path.

A sender begins with ten packets, and may send twice as many in each round trip that follows
(slow start: RFC 5681, 3.1; RFC 6928). Until the link is full, other connections are in nobody's
way there.
"""

from __future__ import annotations

from math import log2

# Bytes of the first round trip: ten full packets of an Ethernet path.
_FIRST = 10 * 1448
# Of what is left: so much goes to one other connection, within bounds, in bytes. It comes twice
# where the server had all of it on its way already: a little is to be won, and little to be lost.
_SHARE = 64
_SMALLEST, _LARGEST = 16 * 1024, 384 * 1024
# Connections beside the first one: none, one and all, where so much is left. All together they
# are as many as browsers open to a host.
_SOME, _MANY = 8 * _SMALLEST, _SHARE * _SMALLEST
_MOST = 5
# Where parts may share blocks of a file system with the file that they are joined to.
GRAIN = 4096


def seconds(count: int, round_trip: float) -> float:
    """Return how long it takes from a request until `count` bytes are here, in slow start.

    Example:
        >>> round(seconds(14_480, 0.1), 3), round(seconds(1_000_000, 0.1), 3)
        (0.2, 0.713)
    """
    return round_trip * (1 + log2(1 + count / _FIRST))


def pieces(left: int) -> tuple[int, int]:
    """Return how many connections to have beside the first one in slow start, each for what.

    Args:
        left: bytes that are still to come.

    Returns:
        How many, and how many bytes each of them is for.

    Example:
        >>> pieces(20 * 2**20), pieces(2**20), pieces(100_000)
        ((5, 327680), (5, 16384), (0, 16384))
    """
    size = min(_LARGEST, max(_SMALLEST, left // _SHARE)) // GRAIN * GRAIN
    number = 0 if left < _SOME else 1 if left < _MANY else _MOST
    return number, size
