"""How fast something moves: a moving average that forgets in about a second."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

# Seconds in which what was measured loses about two thirds of its weight.
_MEMORY = 1.0
_SHORTEST = 0.05


@dataclass(frozen=True, slots=True)
class Speed:
    """What is known of a flow of bytes.

    Attributes:
        began: when the first of its bytes was waited for, in seconds.
        at: when it was looked at last, in seconds.
        received: bytes by then.
        rate: bytes a second; None before the first bytes were measured.
    """

    began: float
    at: float
    received: int
    rate: float | None = None


def flowing(now: float, received: int) -> Speed:
    """Return what is known at the beginning: nothing."""
    return Speed(now, now, received)


def measured(speed: Speed, now: float, received: int) -> Speed:
    """Return what is known after another look; one that follows too soon changes nothing.

    Args:
        speed: what was known.
        now: seconds.
        received: bytes so far.

    Example:
        >>> measured(flowing(0.0, 0), 0.5, 1000).rate
        2000.0
        >>> 1000 < measured(measured(flowing(0.0, 0), 0.5, 1000), 1.5, 1000).rate
        False
    """
    passed = now - speed.at
    if passed < _SHORTEST:
        return speed
    rate = (received - speed.received) / passed
    if speed.rate is not None:
        rate = speed.rate + (1.0 - exp(-passed / _MEMORY)) * (rate - speed.rate)
    elif received == speed.received:
        # Nothing has come yet: how fast it will be is still open.
        return speed
    return Speed(speed.began, now, received, rate)
