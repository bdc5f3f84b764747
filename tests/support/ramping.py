"""Downloads over simulated links, led by `-j auto` or with a fixed number of connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import median

from segdl.core.admission import answered, asked, closed, may_ask, opening, refused
from segdl.core.arrivals import Arrivals, begun, looked
from segdl.core.ramp import Ramp, Sample, ramp_sample, ramp_start
from segdl.core.ramp_state import LONG_PATH
from support.links import Connection, Link, Network


@dataclass(slots=True)
class Download:
    """What became of one.

    Attributes:
        seconds: how long it took, or had taken when time was up.
        received: bytes.
        most: connections that were open at once.
        requests: that were sent, for the first time on a connection.
        refusals: that the server gave.
        targets: what was decided, and when.
        ramp: the last state; None for a fixed number.
    """

    seconds: float = 0.0
    received: float = 0.0
    most: int = 0
    requests: int = 0
    refusals: int = 0
    targets: list[tuple[float, int]] = field(default_factory=list)
    ramp: Ramp | None = None

    @property
    def target(self) -> int:
        """How many connections were wanted at the end."""
        return self.targets[-1][1]

    def reached(self, number: int) -> float:
        """Return when as many were first wanted."""
        return min(when for when, target in self.targets if target >= number)


def download(
    link: Link,
    size: float,
    seed: int,
    *,
    most: int = 32,
    fixed: int | None = None,
    known: int | None = None,
    later: Sequence[tuple[float, Link]] = (),
    time_up: float = 200.0,
    told: bool = True,
) -> Download:
    """Fetch `size` bytes as the engine does, and as the gate of a host lets it.

    Args:
        link: what it goes over.
        size: bytes; the end of the last connections takes no time.
        seed: of all that is random.
        most: connections that are never exceeded.
        fixed: connections without a ramp.
        known: what was found for this host before.
        later: links that take the place of `link`, and from when on.
        time_up: seconds.
        told: whether the client's system tells what it makes of packets.
    """
    net, random = Network(link, Random(seed)), Random(seed + 1000)
    gate = opening(fixed or most)
    state: Ramp | None = None
    done = Download()
    changes = list(later)
    answers: list[float] = []
    arrivals: dict[Connection, Arrivals] = {}
    target, next_sample = 1, 0.0
    while net.received < size and net.now < time_up:
        if changes and net.now >= changes[0][0]:
            net.link = changes.pop(0)[1]
        while len(net.connections) > target:
            gate = closed(gate, was_streaming=net.close_youngest().accepted_at is not None)
        while len(net.connections) < target and may_ask(gate, net.now):
            gate = asked(gate)
            net.open()
            done.requests += 1
        done.most = max(done.most, len(net.connections))
        accepted, refusals = net.step()
        for each in accepted:
            gate = answered(gate, net.now)
            answers = [*answers, each.trip][-5:]
        for _ in range(refusals):
            gate = refused(gate, net.now, None, 0.5)
            done.refusals += 1
        if not answers:
            # The file was not heard of yet.
            continue
        if fixed:
            target = fixed
        elif net.now >= next_sample:
            state = state or ramp_start(most, known)
            curious = told and state.curious and median(answers) > LONG_PATH
            if curious:
                _look(net, arrivals)
            haste = curious and state.found is None
            next_sample = net.now + (0.02 if haste else random.uniform(0.05, 0.1))
            seen = arrivals.values()
            sample = Sample(
                now=net.now,
                received=int(net.received),
                streaming=net.streaming,
                asked=len(net.connections) - net.streaming,
                refusals=done.refusals,
                round_trip=median(answers),
                losses=sum(each.losses for each in seen) if seen else None,
                arrived=sum(each.came for each in seen) if seen else None,
                swollen=median(each.last.swollen for each in seen) if seen else None,
            )
            state = ramp_sample(state, sample)
            target = state.target
        if not done.targets or done.targets[-1][1] != target:
            done.targets.append((net.now, target))
    done.seconds, done.received, done.ramp = net.now, net.received, state
    return done


def _look(net: Network, arrivals: dict[Connection, Arrivals]) -> None:
    for each in net.connections:
        if each.accepted_at is not None:
            look = net.look(each)
            known = arrivals.get(each)
            arrivals[each] = begun(look) if known is None else looked(known, look)
