"""Which mirror gets the next connection, and which one should give one up.

A connection goes to where it is expected to add most. The first connection of a mirror puts
another link to use, so an idle mirror that is nearly as good goes before one that is busy.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from segdl.core.mirrors import BELIEVED, Mirror, State, each, expected

# An untried mirror gets this many bytes at first.
TRIAL = 1024 * 1024
# No more mirrors than these are used, not counting those that are far slower than another.
WANTED = 8
# Trials are for downloads that last: seconds at the present rate, bytes where none is known.
_TRIAL_SECONDS = 3.0
_TRIAL_BYTES = 8 * TRIAL
# At once, where no mirror is proved that takes more. Where one is: less than half of all.
_MOST_TRIALS = 3
# Each connection so many times slower than another mirror's: far slower.
_FAR = 10.0
# A connection moves to another mirror only where that gains so many times what it costs; the
# first connection of a mirror counts so many times.
_GAIN = 2.0
# What is hoped for and not yet seen counts so much of it where another mirror is idle.
_HOPE = 0.25
# A connection that brought nothing at all is given so many seconds.
_SILENCE = 4.0


def choose(
    mirrors: Sequence[Mirror], now: float, remaining: int, *, least: float = 0.0
) -> int | None:
    """Choose the mirror that the next connection goes to; None where none should be asked now.

    Where the one chosen is untried it gets `TRIAL` bytes at most, none of which count before
    it is shown to hold the same file.

    Args:
        mirrors: all there are, at least one.
        now: seconds.
        remaining: bytes of the file that are still to come.
        least: bytes a second; for a piece that another connection is bringing at this rate
            already, so that one that is expected to be slower does not take it over.

    Example:
        >>> fast = Mirror(state=State.PROVED, connections=1, rate=500.0, single=500.0)
        >>> slow = Mirror(state=State.PROVED, connections=1, rate=100.0, single=100.0)
        >>> choose([slow, fast], 0.0, 10**9), choose([slow], 0.0, 10**9, least=200.0)
        (1, None)
    """
    open_now = [
        index
        for index, mirror in enumerate(mirrors)
        if mirror.state is not State.DROPPED
        and now >= mirror.ready_at
        and mirror.connections < mirror.most
    ]
    proved = [index for index in open_now if mirrors[index].state is State.PROVED]
    # One on trial gets no second connection.
    untried = [
        index
        for index in open_now
        if mirrors[index].state is State.UNTRIED and not mirrors[index].connections
    ]
    first = min(untried, key=lambda index: mirrors[index].priority, default=None)
    if first is not None and not least and _may_try(mirrors, remaining, beside=bool(proved)):
        return first
    fastest = max((each(mirrors[index]) for index in proved), default=0.0)
    near = [
        index
        for index in proved
        if not _is_far_slower(mirrors[index], fastest)
        and (not least or expected(mirrors[index]) > least)
    ]
    return max(near, key=lambda index: _merit(mirrors[index]), default=None)


def better(mirrors: Sequence[Mirror], index: int, now: float) -> int | None:
    """Return the mirror that should take over a connection of the one at `index`.

    None where it should stay where it is: both must have been measured for some seconds, and
    the gain be worth the request.

    Args:
        mirrors: all there are.
        index: of one with a connection at work.
        now: seconds.

    Example:
        >>> fast = Mirror(state=State.PROVED, rate=0.0, single=500.0)
        >>> dead = Mirror(state=State.PROVED, connections=1, rate=0.0, evidence=4.0)
        >>> better([dead, fast], 0, 0.0)
        1
    """
    mirror = mirrors[index]
    if mirror.evidence < (BELIEVED if mirror.rate else _SILENCE):
        return None
    others = [
        other._replace(most=0)
        if number == index or (other.connections and other.evidence < BELIEVED)
        else other
        for number, other in enumerate(mirrors)
    ]
    lost = max(expected(mirror), 1.0)
    target = choose(others, now, 0, least=lost * _GAIN)
    if target is None and mirror.connections > 1:
        idle = [other._replace(most=0) if other.connections else other for other in others]
        target = choose(idle, now, 0, least=lost)
    return target


def _may_try(mirrors: Sequence[Mirror], remaining: int, *, beside: bool) -> bool:
    """Tell whether a mirror should be tried, `beside` others that would take the connection."""
    trials = sum(mirror.connections for mirror in mirrors if mirror.state is State.UNTRIED)
    if not beside:
        return trials < _MOST_TRIALS
    proved = [mirror for mirror in mirrors if mirror.state is State.PROVED]
    fastest = max(map(each, proved))
    used = sum(not _is_far_slower(mirror, fastest) for mirror in proved)
    working = trials + sum(mirror.connections for mirror in proved)
    rate = sum(mirror.rate or 0.0 for mirror in mirrors)
    return (
        used + trials < WANTED
        and remaining >= (rate * _TRIAL_SECONDS or _TRIAL_BYTES)
        and (not trials or 2 * trials < working)
    )


def _is_far_slower(mirror: Mirror, fastest: float) -> bool:
    known = mirror.evidence >= BELIEVED or not mirror.connections
    return known and mirror.rate is not None and each(mirror) * _FAR < fastest


def _merit(mirror: Mirror) -> tuple[float, int, int]:
    gain = expected(mirror)
    if not mirror.connections:
        gain = inf if mirror.rate is None else gain * _GAIN
    elif mirror.evidence < BELIEVED:
        gain *= _HOPE
    return gain, -mirror.connections, -mirror.priority
