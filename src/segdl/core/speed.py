"""How fast a connection moves: at the moment, and over seconds."""

from __future__ import annotations

from typing import NamedTuple

from segdl.core.speeds import Speeds

_MEMORY = 0.5
# Servers that cap a connection pace it by whole seconds: between two of their lumps it stands
# still. Whether one is slow shows over several.
_STEADY = 3.0
_STEADY_GAP = 0.25


class Speed(NamedTuple):
    """What is known of a flow of bytes.

    Attributes:
        began: when the first of its bytes was waited for, in seconds.
        counts: what came in the last half second.
        steady: what came in the last seconds.
        rate: bytes a second; None before the first bytes were measured.
        before: its rate before `counts` begins; None where there was none.
    """

    began: float
    counts: Speeds
    steady: Speeds
    rate: float | None = None
    before: float | None = None

    @property
    def pace(self) -> float:
        """Bytes a second over the last seconds, or over as many as there were; 0 before."""
        return self.steady.mean(_STEADY)


def flowing(now: float, received: int) -> Speed:
    """Return what is known at the beginning: nothing."""
    return Speed(now, Speeds(_MEMORY).note(now, received), Speeds(_STEADY).note(now, received))


def flowing_on(speed: Speed, now: float, received: int) -> Speed:
    """Return what is known of a flow whose bytes are counted anew."""
    anew = flowing(now, received)
    return speed._replace(counts=anew.counts, steady=anew.steady, before=speed.rate)


def answered(speed: Speed, now: float, received: int) -> Speed:
    """Return what is known once the server has answered: only from then on it can bring bytes.

    Example:
        >>> late = answered(flowing(0.0, 0), 9.0, 0)
        >>> measured(late, 10.0, 1000).pace
        1000.0
    """
    return speed._replace(steady=Speeds(_STEADY).note(now, received))


def measured(speed: Speed, now: float, received: int) -> Speed:
    """Return what is known after another look; one that follows too soon changes nothing.

    Args:
        speed: what was known.
        now: seconds.
        received: bytes so far.

    Example:
        >>> measured(flowing(0.0, 0), 0.5, 1000).rate
        2000.0
        >>> measured(measured(flowing(0.0, 0), 0.5, 1000), 1.5, 1000).rate
        0.0
    """
    counts = speed.counts.note(now, received)
    if counts is speed.counts:
        return speed
    rate, age = counts.mean(_MEMORY), counts.age
    if now >= speed.steady.counts[-1][0] + _STEADY_GAP:
        speed = speed._replace(steady=speed.steady.note(now, received))
    if speed.rate is None and not rate:
        # Nothing has come yet: how fast it will be is still open.
        return speed._replace(counts=Speeds(_MEMORY).note(now, received))
    if speed.before is not None and age < _MEMORY:
        rate = (rate * age + speed.before * (_MEMORY - age)) / _MEMORY
    return speed._replace(counts=counts, rate=rate)
