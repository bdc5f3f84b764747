"""How much a connection has still to bring and how fast it is, by what the kernel tells.

Who reads from it sees it come in lumps: of a chunk, or of all that waited for one lost packet.
"""

from __future__ import annotations

from typing import NamedTuple

from segdl.core.arrivals import Look

# Round trips over which it is looked back, and the least of one in which a speed shows.
_LATELY = 2.0
_LEAST = 0.5


class Outlook(NamedTuple):
    """What is known of a connection after some looks.

    Attributes:
        looks: those of the last round trips, the oldest first; at least one.
        end: where what it is to bring ends, as `in_order` of a look counts.
    """

    looks: tuple[Look, ...]
    end: int

    @property
    def left(self) -> int:
        """Bytes that are still to come, about."""
        last = self.looks[-1]
        # What came twice seems to be held for good.
        held = last.held - min(look.held for look in self.looks)
        return max(0, self.end - last.in_order - held)

    @property
    def speed(self) -> float:
        """Bytes a second that came lately, in whatever order; 0 where that is not known yet."""
        first, last = self.looks[0], self.looks[-1]
        seconds = last.now - first.now
        known = seconds > 0 and seconds >= _LEAST * last.least
        return (last.arrived - first.arrived) / seconds if known else 0.0


def outlook(known: Outlook | None, look: Look, missing: int) -> Outlook:
    """Return what is known after another look.

    Args:
        known: what was known of the connection; None at the first look.
        look: at it.
        missing: bytes that were not read yet, or a little before the look.

    Example:
        >>> first = Look(now=0.0, in_order=10**6, segments=1000, strays=0, size=1000,
        ...              round_trip=0.08, least=0.08)
        >>> later = first._replace(now=0.1, in_order=1_100_000, segments=1200, strays=100)
        >>> seen = outlook(outlook(None, first, 500_000), later, 450_000)
        >>> seen.left, round(seen.speed)
        (300000, 2000000)
    """
    end = look.in_order + missing
    if known is None:
        return Outlook((look,), end)
    since = look.now - _LATELY * max(look.round_trip, look.least)
    looks = tuple(each for each in known.looks if each.now >= since)
    # What is here and was not read yet looks as if it were missing.
    return Outlook((*looks, look), min(known.end, end))
