"""Whether an origin's link is full, as files that come and go show without a trial.

Where each connection is held down, more comes with each that begins and less with each that
ends. Where the same comes over more and over fewer, further ones gain nothing: they would take
from each other, and what is under way when a part is taken over comes twice.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import NamedTuple

from segdl.core.speeds import Speeds

# Seconds: what came over shorter ones is a matter of gusts; a longer stretch is judged by its end.
_STRETCH = 0.3
_LATELY = 1.0
# Seconds after which it may be another link.
_LASTS = 5.0
# What differs by less is the same.
_SAME = 1.1


class Stretch(NamedTuple):
    """A time with the same number of connections.

    Attributes:
        number: connections.
        speed: bytes a second towards its end.
        ended: seconds, when that was.
        mixed: whether some of it came over connections that are not counted.
    """

    number: int
    speed: float
    ended: float
    mixed: bool = False


class Capacity(NamedTuple):
    """What an origin brought lately.

    Attributes:
        speeds: over all connections.
        number: connections of the present stretch.
        since: seconds, when that began.
        before: earlier ones, of different numbers, that were long enough.
        beside: bytes that came over others, which are not counted: of small files.
        mixed: seconds, when such came last.

    Example: four connections bring 100 MB/s, and so do the two that are left.

        >>> capacity = Capacity()
        >>> for tenth in range(20):
        ...     number = 4 if tenth < 10 else 2
        ...     capacity = capacity.note(tenth / 10, tenth * 10**7, number)
        >>> capacity.is_full
        True
    """

    speeds: Speeds = Speeds(memory=_LATELY)
    number: int = 0
    since: float = 0.0
    before: tuple[Stretch, ...] = ()
    beside: int = 0
    mixed: float = -inf

    def note(self, now: float, received: int, number: int, beside: int = 0) -> Capacity:
        """Take note of what came so far, and of the connections at work by `now`.

        Args:
            now: seconds.
            received: bytes.
            number: connections.
            beside: those of the bytes that came over others.
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
        mixed = now if beside > self.beside else self.mixed
        return Capacity(self.speeds.note(now, received), number, since, before, beside, mixed)

    def _stretch(self, now: float) -> Stretch:
        long = now - self.since
        mixed = now - self.mixed < min(long, _LATELY)
        return Stretch(self.number, self.speeds.mean(long), now, mixed)

    @property
    def is_full(self) -> bool:
        """Whether the number of connections was seen to make no difference, or soon may be.

        All that is remembered has to say so: a server may begin with more than it goes on with.
        """
        others = [each for each in self.before if each.number != self.number]
        now = self.speeds.counts[-1][0] if self.speeds.counts else self.since
        if not others or now - self.since < _STRETCH:
            # Who is left takes a moment to have the place of the others.
            return bool(others)
        here = self._stretch(now)
        return not any(_differ(each, here) for each in others)


def _differ(one: Stretch, other: Stretch) -> bool:
    """Tell whether it is nearer to as much from each connection than to as much from all."""
    if one.mixed or other.mixed:
        # Over how many it came, nobody knows: that it is the same is hardly a coincidence.
        return max(one.speed, other.speed) > _SAME * min(one.speed, other.speed)
    fewer, more = sorted((one, other), key=lambda each: each.number)
    return more.speed > sqrt(more.number / max(1, fewer.number)) * fewer.speed
