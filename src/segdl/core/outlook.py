"""How much a connection has still to bring and how fast it is, by what the kernel tells.

Who reads from it sees it come in lumps: of a chunk, or of all that waited for one lost packet.
"""

from __future__ import annotations

from typing import NamedTuple

from segdl.core.arrivals import Look

# Round trips over which it is looked back, and the least of one in which a speed shows.
_LATELY = 2.0
_LEAST = 0.5


class Seen(NamedTuple):
    """A look at a connection, and where what it is to bring seemed to end.

    Attributes:
        look: what the kernel told.
        end: as its bytes in order are counted. What is here and was not read yet looks as if it
            were missing, so this is too far then; and what TLS adds is not in it.
    """

    look: Look
    end: int


class Outlook(NamedTuple):
    """What is known of a connection after some looks.

    Attributes:
        seen: in the last round trips, and once before; the oldest first, at least one.
    """

    seen: tuple[Seen, ...]

    @property
    def left(self) -> int:
        """Bytes that are still to come, about."""
        last = self.seen[-1].look
        # What came twice seems to be held for good.
        held = last.held - min(look.held for look, _ in self.seen)
        return max(0, min(end for _, end in self.seen) - last.in_order - held)

    @property
    def speed(self) -> float:
        """Bytes a second that came lately, in whatever order; 0 where that is not known yet."""
        first, last = self.seen[0].look, self.seen[-1].look
        seconds = last.now - first.now
        known = seconds > 0 and seconds >= _LEAST * last.least
        return max(0, last.arrived - first.arrived) / seconds if known else 0.0


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
    before = () if known is None else known.seen
    since = look.now - _LATELY * max(look.round_trip, look.least)
    old = sum(each.look.now < since for each in before)
    return Outlook((*before[max(0, old - 1) :], Seen(look, look.in_order + missing)))
