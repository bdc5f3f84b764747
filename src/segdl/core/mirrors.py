"""What is known of each mirror of a file: how fast it is, whether it is to be trusted.

A mirror is measured by what its connections bring together. What one more of them would
bring is guessed from that: where the connections of a mirror bring as much each as one did
alone, its link has room; where they bring less, they share it, and one more gains little.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from segdl.core.mirrorurl import LAST_PRIORITY
from segdl.core.pace import backoff

# More connections than there ever are.
NO_LIMIT = 1 << 16

# How far back the mean of a rate reaches, and from when on it is believed, in seconds.
_MEMORY = 2.0
BELIEVED = 2.0
# One that failed its trial is left alone so long, in seconds, while another one delivers.
_RETRIAL = 10.0


class State(Enum):
    """What is known of a mirror's file."""

    UNTRIED = "untried"
    PROVED = "proved"
    DROPPED = "dropped"


# So many in a row end a mirror while another one delivers.
_MOST_FAILURES = {State.UNTRIED: 2, State.PROVED: 3, State.DROPPED: 0}


class Outcome(Enum):
    """What became of a request to a mirror.

    Attributes:
        PROVED: it was shown to hold the same file.
        BROUGHT: it brought bytes that count.
        FAILED: something passing: no connection, a reset, a stall, 5xx.
        REFUSED: 429 or 503.
        DENIED: it says no for good: 404 and the like.
        LIED: it holds another file, or sent other bytes.
        POSTPONED: who it was to be held against did not answer: nothing was learned of it.
    """

    PROVED = "proved"
    BROUGHT = "brought"
    FAILED = "failed"
    REFUSED = "refused"
    DENIED = "denied"
    LIED = "lied"
    POSTPONED = "postponed"


class Mirror(NamedTuple):
    """What is known of one mirror now; times are seconds of one monotonic clock.

    Attributes:
        priority: 1 is to be asked first.
        state: see there; one that is untried and has a connection is on trial.
        most: connections that it takes now. Who minds the limits of its origin sets it: to 0
            while it asks to wait.
        connections: at work now.
        rate: bytes a second that they bring together; None where none was measured yet.
        single: bytes a second that one connection brings that its siblings do not hold up,
            as far as was seen.
        evidence: seconds of measuring that `rate` rests on.
        failures: in a row.
        ready_at: it is not asked earlier.
    """

    priority: int = LAST_PRIORITY
    state: State = State.UNTRIED
    most: int = NO_LIMIT
    connections: int = 0
    rate: float | None = None
    single: float = 0.0
    evidence: float = 0.0
    failures: int = 0
    ready_at: float = 0.0


def opened(mirror: Mirror) -> Mirror:
    """Count a connection more; until it is measured it brings what was expected of it.

    Example:
        >>> opened(Mirror(rate=0.0, single=200.0)).rate
        200.0
    """
    if mirror.rate is None:
        return mirror._replace(connections=mirror.connections + 1)
    return mirror._replace(
        connections=mirror.connections + 1,
        rate=mirror.rate + expected(mirror),
        evidence=min(mirror.evidence, 1.0),
    )


def closed(mirror: Mirror) -> Mirror:
    """Count a connection less.

    Example:
        >>> closed(Mirror(connections=4, rate=800.0, single=200.0)).rate
        600.0
    """
    left = mirror.connections - 1
    rate = None if mirror.rate is None else mirror.rate * left / mirror.connections
    evidence = min(mirror.evidence, 1.0)
    return mirror._replace(connections=left, rate=rate, evidence=evidence)


def measured(mirror: Mirror, received: int, seconds: float) -> Mirror:
    """Take into account what the mirror's connections brought together.

    Args:
        mirror: has a connection at work.
        received: bytes, in the last `seconds`.
        seconds: since it was measured last, or since its first connection set out; more
            than 0.

    Example:
        >>> mirror = measured(measured(Mirror(connections=1), 0, 0.5), 1000, 0.5)
        >>> mirror.rate, mirror.single
        (2000.0, 2000.0)
    """
    before = mirror.rate or 0.0
    # The silence before the first byte tells how far it is, not how fast.
    known = mirror.evidence if before else 0.0
    rate = before + (received / seconds - before) * seconds / (min(known, _MEMORY) + seconds)
    evidence = (known if received else mirror.evidence) + seconds
    single = rate / mirror.connections
    if mirror.connections > 1 and mirror.single:
        single = max(single, mirror.single) if evidence >= BELIEVED else mirror.single
    return mirror._replace(rate=rate, single=single, evidence=evidence)


def each(mirror: Mirror) -> float:
    """Return the bytes a second that each of its connections brings, or one would alone."""
    if mirror.connections and mirror.rate is not None:
        return mirror.rate / mirror.connections
    return mirror.single


def expected(mirror: Mirror) -> float:
    """Return the bytes a second that one more connection would add; 0 where nothing tells.

    Example:
        >>> expected(Mirror(connections=4, rate=400.0, single=100.0))
        100.0
        >>> expected(Mirror(connections=4, rate=100.0, single=100.0))
        6.25
    """
    if not mirror.single:
        return 0.0
    return each(mirror) * min(1.0, each(mirror) / mirror.single)


def after(
    mirrors: Sequence[Mirror], index: int, outcome: Outcome, now: float, *, wait: float = 0.0
) -> Mirror:
    """Return the mirror at `index` after what became of a request to it.

    A connection that is over is `closed` before. What passes does not end a mirror unless
    another one delivers meanwhile: where all fail, the trouble is more likely on this side.
    Failures that come together are one.

    Args:
        mirrors: all there are.
        index: of the one that was asked.
        outcome: what became of it.
        now: seconds.
        wait: seconds that it asks to wait.

    Example:
        >>> after([Mirror()], 0, Outcome.LIED, 0.0).state.value
        'dropped'
    """
    mirror = mirrors[index]
    match outcome:
        case Outcome.DENIED | Outcome.LIED:
            return mirror._replace(state=State.DROPPED)
        case Outcome.PROVED if mirror.state is State.UNTRIED:
            return mirror._replace(state=State.PROVED, failures=0)
        case Outcome.PROVED | Outcome.BROUGHT:
            return mirror._replace(failures=0)
        case Outcome.POSTPONED:
            return mirror._replace(ready_at=max(mirror.ready_at, now + _RETRIAL))
        case Outcome.REFUSED if mirror.connections:
            # It is at its limit, which is no failure; `most` heeds it.
            return mirror
    together = bool(mirror.failures) and now < mirror.ready_at
    failures = mirror.failures + (not together)
    pause = max(wait, backoff(failures, 0.5))
    state = mirror.state
    if _delivers(mirrors, index):
        if state is State.UNTRIED:
            pause = max(pause, _RETRIAL)
        if failures >= _MOST_FAILURES[state]:
            state = State.DROPPED
    ready_at = max(mirror.ready_at, now + pause)
    return mirror._replace(state=state, failures=failures, ready_at=ready_at)


def _delivers(mirrors: Sequence[Mirror], but: int) -> bool:
    return any(
        mirror.state is State.PROVED and mirror.connections and not mirror.failures
        for index, mirror in enumerate(mirrors)
        if index != but
    )
