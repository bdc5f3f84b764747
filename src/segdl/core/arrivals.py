"""Lost packets, as the receiver's own kernel shows them, and whether a full queue lost them.

A packet that is missing keeps all that follow it from the reader for a round trip: until it
is sent again. Packets that merely overtook each other are in order again long before. A link
that is full loses many at once, and after its queue has made the round trip longer; what is
lost at random is one packet or two, on a path whose queue is empty. Only that is counted
here. A queue too short to be noticed loses many at once as well.
"""

from __future__ import annotations

from typing import NamedTuple

# The round trip of an empty path strays by less, as a share; a full queue adds more.
_EMPTY = 1.2
# Of a round trip: nothing that is merely out of order stays so for as long.
_OVERTAKEN = 0.5
# Fewer packets behind a missing one say nothing.
_FEWEST = 3
# Of the packets behind the first that is missing: where more are missing the link is full.
_FULL = 0.1


class Look(NamedTuple):
    """What the kernel tells of a connection.

    Attributes:
        now: seconds of a monotonic clock.
        in_order: bytes that came, up to the first that is missing.
        segments: that came, in whatever order.
        strays: segments of these that came behind a missing one.
        size: bytes of a full segment.
        round_trip: seconds from an acknowledgement to what it made the other side send; 0
            where it is not known yet.
        least: seconds that a round trip took when the path was at its emptiest.
    """

    now: float
    in_order: int
    segments: int
    strays: int
    size: int
    round_trip: float
    least: float

    @property
    def arrived(self) -> int:
        """Bytes that came in whatever order, about: what came twice counts twice."""
        return self.segments * self.size

    @property
    def held(self) -> int:
        """Bytes behind a missing one, about: what came twice counts."""
        return max(0, self.arrived - self.in_order)

    @property
    def swollen(self) -> float:
        """How many times as long as on an empty path the round trip is; 1 while unknown."""
        return self.round_trip / self.least if self.round_trip and self.least else 1.0


class Gap(NamedTuple):
    """Packets are missing, and others that follow them have come.

    Attributes:
        strays: as counted before.
        most: bytes that were held at once.
        waited: seconds for which nothing came in order, at most.
        swollen: as looked when most was held.
        filled: missing packets that came meanwhile.
    """

    strays: int
    most: int = 0
    waited: float = 0.0
    swollen: float = 1.0
    filled: int = 0


class Arrivals(NamedTuple):
    """What is known of a connection after some looks.

    Attributes:
        first: bytes that had come at the first look, for another request maybe.
        last: the last look.
        reached: seconds when its bytes in order were first seen.
        floor: bytes that seem to be held where nothing is: they came twice.
        gap: what is missing at the moment.
        losses: gaps that one packet or two left, lost on an empty path.
    """

    first: int
    last: Look
    reached: float
    floor: int = 0
    gap: Gap | None = None
    losses: int = 0

    @property
    def came(self) -> int:
        """Bytes that came since the first look."""
        return self.last.arrived - self.first


def begun(look: Look) -> Arrivals:
    """Return what is known after the first look at a connection."""
    return Arrivals(look.arrived, look, look.now, look.held)


def looked(state: Arrivals, look: Look) -> Arrivals:
    """Return what is known after another look, which should follow by a quarter of a round trip.

    Example:
        >>> first = Look(now=0.0, in_order=10**5, segments=100, strays=0, size=1000,
        ...              round_trip=0.08, least=0.08)
        >>> gap = first._replace(now=0.03, segments=120, strays=20)
        >>> later = gap._replace(now=0.08, segments=130, strays=30)
        >>> whole = later._replace(now=0.11, in_order=131_000, segments=131)
        >>> looked(looked(looked(begun(first), gap), later), whole).losses
        1
    """
    last, gap = state.last, state.gap
    if look.now <= last.now:
        return state
    reached = state.reached if look.in_order == last.in_order else look.now
    held = look.held - state.floor
    if gap is None:
        if held >= _FEWEST * look.size and look.strays > last.strays:
            gap = Gap(last.strays, held, swollen=look.swollen)
        floor = min(state.floor, look.held)
        return state._replace(last=look, reached=reached, floor=floor, gap=gap)
    if 2 * held < gap.most:
        losses = state.losses + _is_loss(gap, last)
        return Arrivals(state.first, look, reached, look.held, None, losses)
    in_order = look.segments - last.segments - (look.strays - last.strays)
    gap = gap._replace(
        most=max(gap.most, held),
        waited=max(gap.waited, look.now - reached),
        swollen=look.swollen if held > gap.most else gap.swollen,
        filled=gap.filled + max(0, in_order),
    )
    return state._replace(last=look, reached=reached, gap=gap)


def _is_loss(gap: Gap, last: Look) -> bool:
    strays = last.strays - gap.strays
    return (
        strays >= _FEWEST
        and gap.waited >= _OVERTAKEN * last.least > 0
        and gap.swollen < _EMPTY
        and gap.filled <= _FULL * strays
    )
