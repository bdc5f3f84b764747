"""When to try again, and when a connection is too slow to keep."""

from __future__ import annotations

BASE_DELAY = 0.5
LONGEST_DELAY = 30.0
LONGEST_WAIT = 600.0
# Seconds that a connection has to show what it can do, before it is compared with others.
PATIENCE = 3.0
# So many times slower than the others is far slower.
_FAR = 5.0
_DEAD_RATE = 16.0
_SLOW_RATE = 1024.0


def backoff(attempt: int, jitter: float) -> float:
    """Return the seconds to wait before try `attempt` (from 1) that follows a failure.

    Doubles from half a second up to 30 s; `jitter` in `[0, 1)` spreads clients that failed
    together over the upper half.

    Example:
        >>> [backoff(n, 0.0) for n in (1, 2, 3)], backoff(40, 0.0)
        ([0.25, 0.5, 1.0], 15.0)
    """
    full = min(LONGEST_DELAY, BASE_DELAY * 2.0 ** min(attempt - 1, 16))
    return float(full * (0.5 + jitter / 2))


def is_crawling(rate: float, fastest: float) -> bool:
    """Tell whether a connection that brings `rate` bytes a second should be dropped.

    A drip of single bytes keeps every socket timeout from firing. A slow line must not be
    taken for one, so below 1 KiB/s it counts how the fastest sibling does.

    Example:
        >>> is_crawling(1, 1), is_crawling(500, 900), is_crawling(500, 1e6)
        (True, False, True)
    """
    return rate < _DEAD_RATE or (rate < _SLOW_RATE and fastest > 64 * rate)


class Drip:
    """Watches one connection for a crawl: each byte of one comes before any timeout ends.

    Args:
        window: seconds of waiting after which it shows.

    Attributes:
        crawls: whether the connection should be dropped.

    Example:
        >>> drip = Drip(10.0)
        >>> drip.took(1, after=9.0)
        >>> drip.took(1, after=2.0)
        >>> drip.crawls
        True
    """

    def __init__(self, window: float) -> None:
        self.crawls = False
        self._window = window
        self._waited = 0.0
        self._came = 0

    def took(self, came: int, *, after: float) -> None:
        """Note that bytes came after so many seconds of waiting for them."""
        self._came += came
        self._waited += after
        if self._waited > self._window:
            rate = self._came / self._waited
            self.crawls = is_crawling(rate, rate)
            self._came, self._waited = 0, 0.0


def is_lagging(
    rate: float,
    usual: float,
    left: int,
    *,
    age: float,
    silent: float,
    again: int,
    patience: float = PATIENCE,
) -> bool:
    """Tell whether a connection does so badly that a new one should take its place.

    A new connection is not free, and may do no better: each one that is dropped for this
    makes the next one's patience twice as long.

    Args:
        rate: bytes a second that it brings.
        usual: bytes a second that the others bring.
        left: bytes that it still has to bring.
        age: seconds since its server answered.
        silent: seconds since it brought anything.
        again: how many connections in a row were dropped for this before it.
        patience: seconds.

    Example:
        >>> is_lagging(0, 1e6, 10**7, age=4, silent=4, again=0)
        True
        >>> is_lagging(1e5, 1e6, 10**7, age=4, silent=0, again=0)
        True
        >>> is_lagging(1e5, 1e6, 10**7, age=4, silent=0, again=1)
        False
        >>> is_lagging(5e5, 1e6, 10**7, age=4, silent=0, again=0)
        False
    """
    patience *= 2.0 ** min(again, 8)
    if age < patience or usual <= 0.0:
        return False
    needs_long = left > patience * max(rate, 1.0)
    return silent >= patience or (rate * _FAR < usual and needs_long)
