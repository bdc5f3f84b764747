"""Whether an origin's link is full, as files that come and go show without a trial.

Where each connection is held down, more comes with each that begins and less with each that
ends. Where the same comes over more and over fewer, further ones gain nothing: they would take
from each other, and what is under way when a part is taken over comes twice.
"""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from segdl.core.speeds import Speeds

# Seconds: what came over shorter ones is a matter of gusts; a longer stretch is judged by its end.
_STRETCH = 0.3
_LATELY = 1.0
# Seconds after which it may be another link.
_LASTS = 5.0


class Stretch(NamedTuple):
    """A time with the same number of connections.

    Attributes:
        number: connections.
        speed: bytes a second towards its end.
        ended: seconds, when that was.
    """

    number: int
    speed: float
    ended: float


class Capacity(NamedTuple):
    """What an origin brought lately.

    Attributes:
        speeds: over all connections.
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
    number: int = 0
    since: float = 0.0
    before: tuple[Stretch, ...] = ()

    def note(self, now: float, received: int, number: int) -> Capacity:
        """Take note of the bytes that came so far, and of the connections at work by `now`."""
        before = self.before
        if number == self.number:
            since = self.since
        else:
            since = now
            if self.number and now - self.since >= _STRETCH:
                speed = self.speeds.mean(now - self.since)
                before = tuple(each for each in before if each.number != self.number)
                before += (Stretch(self.number, speed, now),)
        before = tuple(each for each in before if now < each.ended + _LASTS)
        return Capacity(self.speeds.note(now, received), number, since, before)

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
        here = Stretch(self.number, self.speeds.mean(now - self.since), now)
        return not any(_differ(each, here) for each in others)


def _differ(one: Stretch, other: Stretch) -> bool:
    """Tell whether it is nearer to as much from each connection than to as much from all."""
    fewer, more = sorted((one, other), key=lambda each: each.number)
    return more.speed > sqrt(more.number / max(1, fewer.number)) * fewer.speed
