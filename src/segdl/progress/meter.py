"""How fast bytes come in, smoothed, from what was done at which time."""

from __future__ import annotations

import math

# Below this much observed time, in seconds, a speed would be a guess.
_WARM_UP = 0.5


class Meter:
    """A speed that remembers the last few seconds best.

    It keeps bytes and seconds as sums that fade at the same pace; their quotient
    is the mean of all there is at the start, and of about `memory` seconds later.
    Times are seconds of any monotonic clock.

    Example:
        >>> meter = Meter()
        >>> meter.start(done=5_000_000, now=0.0)
        >>> meter.observe(done=5_002_000, now=2.0)
        >>> meter.speed(now=2.0)
        1000.0
        >>> meter.seconds_left(remaining=4_000, now=2.0)
        4.0
    """

    def __init__(self, memory: float = 4.0) -> None:
        self._memory = memory
        self._done: int | None = None
        self._now = 0.0
        self._bytes = 0.0
        self._seconds = 0.0

    def start(self, done: int, now: float) -> None:
        """Forget everything; the `done` bytes so far did not come in this time."""
        self._done, self._now = done, now
        self._bytes = self._seconds = 0.0

    def observe(self, done: int, now: float) -> None:
        """Note that `done` bytes are there. Fewer than before is a restart, not a speed."""
        if self._done is None:
            self.start(done, now)
            return
        self._bytes, self._seconds = self._faded(now)
        self._bytes += max(0, done - self._done)
        self._done, self._now = done, max(now, self._now)

    def speed(self, now: float) -> float | None:
        """Return bytes a second; it sinks while nothing comes in. ``None``: too early to tell."""
        count, seconds = self._faded(now)
        return count / seconds if seconds >= _WARM_UP else None

    def seconds_left(self, remaining: int, now: float) -> float | None:
        """Return how long `remaining` bytes take at this speed; ``None`` where nobody can tell."""
        if remaining <= 0:
            return 0.0
        speed = self.speed(now)
        # Less than a byte a second is a standstill that has not faded out yet.
        return remaining / speed if speed is not None and speed >= 1 else None

    def _faded(self, now: float) -> tuple[float, float]:
        """Return bytes and seconds as they weigh at `now`."""
        if self._done is None:
            return 0.0, 0.0
        step = max(0.0, now - self._now)
        fade = math.exp(-step / self._memory)
        return self._bytes * fade, self._seconds * fade + step
