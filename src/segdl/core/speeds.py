"""What came over the network lately, and how fast."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

# Counts that are closer in time tell nothing new, in seconds.
GAP = 0.04


class Speeds(NamedTuple):
    """Counts of bytes over the last seconds, `memory` of them.

    Attributes:
        memory: seconds.
        counts: when, and how many bytes had come by then; neither ever falls.
    """

    memory: float
    counts: tuple[tuple[float, int], ...] = ()

    def note(self, now: float, received: int) -> Speeds:
        """Take a count; one that is out of order, or too close to the last, changes nothing."""
        if not self.counts:
            return self._replace(counts=((now, received),))
        last, before = self.counts[-1]
        if now < last + GAP:
            return self
        counts = (*self.counts, (now, max(received, before)))
        # With the last one before what is remembered: the mean reaches back to it.
        old = sum(after <= now - self.memory for _, (after, _) in pairwise(counts))
        return self._replace(counts=counts[old:])

    @property
    def age(self) -> float:
        """Seconds that are remembered."""
        known = self.counts[-1][0] - self.counts[0][0] if self.counts else 0.0
        return min(known, self.memory)

    def mean(self, seconds: float) -> float:
        """Return the bytes a second of the last `seconds`, or of as many as are remembered.

        Example:
            >>> speeds = Speeds(memory=2.0).note(0.0, 0).note(1.0, 100).note(2.0, 400)
            >>> speeds.mean(1.0), speeds.mean(1.5), speeds.mean(9.0)
            (300.0, 233.33333333333334, 200.0)
        """
        seconds = min(seconds, self.age)
        if seconds <= 0:
            return 0.0
        now, received = self.counts[-1]
        return (received - self._at(now - seconds)) / seconds

    def _at(self, when: float) -> float:
        for (early, some), (late, more) in pairwise(self.counts):
            if when <= late:
                # Divided first: at `late` it is `more` exactly, and never beyond.
                return some + (more - some) * (max(0.0, when - early) / (late - early))
        return self.counts[-1][1]
