"""What :mod:`segdl.core.ramp` is told, and what it knows."""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import NamedTuple

from segdl.core.speeds import Speeds

# The speed of anything shorter is a matter of gusts, in seconds.
SHORT = 0.2
# A step of a quarter is judged by so many: whole ones, as servers that cap pace by seconds.
LONG = 2.0
# From this round trip on slow start takes longer than SHORT: one step less to climb.
LONG_PATH = 0.03
# So many are tried over any path; more only where these have proved to be much faster.
FEW = 4
LEAP = 8
# So many times as long as at its shortest is a round trip through a queue.
QUEUE = 1.25
# Seconds that a number is held before it is tested: first, and where it is `most`.
FIRST_TEST = 2.0
FIRST_CUT = 8.0


class Phase(Enum):
    """What the speed is looked at for."""

    LISTENING = "does one connection still speed up by itself?"
    WEIGHING = "has a lost packet slowed it down?"
    CLIMBING = "are many more much faster?"
    HOLDING = "is the number found still right?"
    PROBING = "does a small step pay?"


class Sample(NamedTuple):
    """What the coordinator sees.

    Attributes:
        now: seconds of a monotonic clock.
        received: bytes that came over the network so far, on all connections.
        streaming: connections whose bodies flow.
        asked: connections that are set up or wait for their answer.
        refusals: 429, 503, refused connects and resets so far.
        round_trip: from a request to its first byte, the median of the last five, in seconds;
            0 where it is not known. A queue that fills makes it longer, and is to.
        losses: lone packets so far that an empty path has lost (:mod:`segdl.core.arrivals`); None
            where the system does not tell.
        arrived: bytes that came so far as this is of interest, those behind a missing packet
            included; None where the system does not tell.
        swollen: how many times as long as at its shortest the round trip is now; None where
            the system does not tell.
        left: bytes that are still to come; None where nobody knows.
    """

    now: float
    received: int
    streaming: int
    asked: int = 0
    refusals: int = 0
    round_trip: float = 0.0
    losses: int | None = None
    arrived: int | None = None
    swollen: float | None = None
    left: int | None = None

    @property
    def queued(self) -> bool:
        """Whether a queue has grown: who has it grow fills the link, most likely."""
        return self.swollen is not None and self.swollen > QUEUE

    def trips(self, count: float, least: float = SHORT) -> float:
        """Return the seconds of `count` round trips, within what is remembered."""
        return min(max(least, count * self.round_trip), LONG / 2)


class Ramp(NamedTuple):
    """What is known of a host; speeds are bytes a second, times are seconds.

    Attributes:
        most: connections that are never exceeded.
        target: connections to have at work now.
        phase: see there.
        proven: connections that `before` is the speed of.
        before: the speed that a step is compared with.
        best: the best speed of the present connections.
        moved_at: when the target was changed.
        since: when that had come into effect; None until then.
        until: when a number that is held is tested.
        wait: how long it was held; longer after each test that changed nothing.
        down: whether the next small step goes down.
        limited: whether the host has refused more.
        refusals: as sampled.
        losses: as sampled, so far as they were weighed.
        heeded: whether there are many because of them: once, then speeds alone decide.
        speeds: what came lately.
        arrived: the same of what the kernel has.
        queued_at: when a queue was seen last.
    """

    most: int
    target: int = 1
    phase: Phase = Phase.LISTENING
    proven: int = 1
    before: float = 1.0
    best: float = 0.0
    moved_at: float = 0.0
    since: float | None = None
    until: float = 0.0
    wait: float = FIRST_TEST
    down: bool = False
    limited: bool = False
    refusals: int = 0
    losses: int = 0
    heeded: bool = False
    speeds: Speeds = Speeds(memory=LONG + SHORT)
    arrived: Speeds = Speeds(memory=LONG)
    queued_at: float = -inf

    @property
    def found(self) -> int | None:
        """How many the host is worth, to begin with next time; None while nothing is known."""
        unknown = self.phase in {Phase.LISTENING, Phase.WEIGHING}
        return None if unknown else self.proven

    @property
    def tries_first(self) -> bool:
        """Whether it is not known yet if more than one gain anything."""
        return self.phase is Phase.CLIMBING and self.proven == 1

    @property
    def curious(self) -> bool:
        """Whether lost packets could still tell something."""
        few = self.target <= FEW and self.target < self.most
        few = few or self.phase is Phase.WEIGHING
        return few and not self.heeded and not self.limited

    def fills(self, sample: Sample) -> bool:
        """Tell whether the link is full, as far as a queue shows that.

        One that overflows is empty for a while: the sender slows down for what was lost.
        """
        return sample.now < self.queued_at + LONG


def note(state: Ramp, sample: Sample) -> Ramp:
    """Remember what came; the same state where that is hardly any time ago."""
    speeds = state.speeds.note(sample.now, sample.received)
    if speeds is state.speeds:
        return state
    state = state._replace(speeds=speeds)
    if sample.queued:
        state = state._replace(queued_at=sample.now)
    if sample.arrived is not None:
        state = state._replace(arrived=state.arrived.note(sample.now, sample.arrived))
    return state


def leap(state: Ramp, sample: Sample, speed: float) -> Ramp:
    """Have eight times as many, at least: it is not the link that is full at `speed`."""
    return move(state, sample, LEAP * max(FEW, state.target), speed, Phase.CLIMBING)


def go_on(state: Ramp, sample: Sample, speed: float) -> Ramp:
    """Have many more: the present connections are worth it, and bring `speed`."""
    number = state.target
    if number >= state.most:
        return settle(state, sample, number, wait=FIRST_CUT)
    few = FEW if sample.round_trip > LONG_PATH and not state.fills(sample) else 2 * number
    return move(state, sample, few if number < FEW else LEAP * number, speed, Phase.CLIMBING)


def move(state: Ramp, sample: Sample, number: int, speed: float, phase: Phase) -> Ramp:
    """Try another number, to be compared with the `speed` of the present one."""
    return state._replace(
        phase=phase,
        target=min(state.most, number),
        proven=state.target,
        before=max(1.0, speed),
        best=0.0,
        moved_at=sample.now,
        since=None,
    )


def settle(
    state: Ramp, sample: Sample, number: int, *, wait: float = FIRST_TEST, down: bool = False
) -> Ramp:
    """Hold `number`, for `wait` seconds at least."""
    return state._replace(
        phase=Phase.HOLDING,
        target=number,
        proven=number,
        best=0.0,
        since=sample.now,
        until=sample.now + wait,
        wait=wait,
        down=down,
    )
