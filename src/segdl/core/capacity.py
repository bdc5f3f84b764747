"""Whether an origin's link is full, as files that come and go show without a trial.

Where each connection is held down, more comes with each that begins and less with each that
ends. Where the same comes over more and over fewer, further ones gain nothing: they would take
from each other, and what is under way when a part is taken over comes twice.

What small files bring beside them is part of the whole: the large ones have it when those are
through.
"""

from __future__ import annotations

from math import log
from typing import NamedTuple

from segdl.core.speeds import Speeds

# Seconds: what came over shorter ones is a matter of gusts; a longer stretch is judged by its end.
_STRETCH = 0.3
_LATELY = 1.0
# Seconds after which it may be another link.
_LASTS = 5.0
# By so much, as the logarithm of a ratio, speeds differ for no reason.
_NOISE = 0.02


class Stretch(NamedTuple):
    """A time with the same number of connections.

    Attributes:
        number: connections.
        speed: bytes a second over them, towards its end.
        ended: seconds, when that was.
        beside: bytes a second over others, which are not counted: of small files.
    """

    number: int
    speed: float
    ended: float
    beside: float = 0.0

    @property
    def total(self) -> float:
        """Bytes a second over all."""
        return max(1.0, self.speed + self.beside)

    @property
    def each(self) -> float:
        """Bytes a second over each that is counted."""
        return max(1.0, self.speed) / max(1, self.number)


class Capacity(NamedTuple):
    """What an origin brought lately.

    Attributes:
        speeds: over the connections that are counted.
        others: over those of small files, of which nobody knows how many there are.
        number: connections of the present stretch.
        since: seconds, when that began.
        before: earlier ones, of different numbers, that were long enough.

    Example: four connections bring 100 MB/s, and so do the two that are left.

        >>> capacity = Capacity()
        >>> for tenth in range(20):
        ...     number = 4 if tenth < 10 else 2
        ...     capacity = capacity.note(tenth / 10, tenth * 10**7, number)
        >>> capacity.is_full
        True
    """

    speeds: Speeds = Speeds(memory=_LATELY)
    others: Speeds = Speeds(memory=_LATELY)
    number: int = 0
    since: float = 0.0
    before: tuple[Stretch, ...] = ()

    def note(self, now: float, received: int, number: int, beside: int = 0) -> Capacity:
        """Take note of what came so far, and of the connections at work by `now`.

        Args:
            now: seconds.
            received: bytes, over the connections that are counted.
            number: these.
            beside: bytes that came for small files.
        """
        before = self.before
        if number == self.number:
            since = self.since
        else:
            since = now
            if self.number and now - self.since >= _STRETCH:
                before = tuple(each for each in before if each.number != self.number)
                before += (self._stretch(now),)
        before = tuple(each for each in before if now < each.ended + _LASTS)
        speeds, others = self.speeds.note(now, received), self.others.note(now, beside)
        return Capacity(speeds, others, number, since, before)

    def _stretch(self, now: float) -> Stretch:
        long = now - self.since
        return Stretch(self.number, self.speeds.mean(long), now, self.others.mean(long))

    @property
    def is_full(self) -> bool:
        """Whether the number of connections was seen to make no difference, or soon may be.

        All that is remembered has to say so: a server may begin with more than it goes on with.
        """
        before = [each for each in self.before if each.number != self.number]
        now = self.speeds.counts[-1][0] if self.speeds.counts else self.since
        if not before or now - self.since < _STRETCH:
            # Who is left takes a moment to have the place of the others.
            return bool(before)
        here = self._stretch(now)
        return all(_is_same(each, here) for each in before)


def _is_same(one: Stretch, other: Stretch) -> bool:
    """Tell whether it is nearer to as much from all than to as much from each connection.

    Where each brings as much, small files may have had the place of what is more now.
    """
    of_all, of_each = log(one.total / other.total), log(one.each / other.each)
    return abs(of_all) + _NOISE < abs(of_each)
