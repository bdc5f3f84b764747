"""Simulated links, and downloads over them: what `-j auto` meets, in steps of 10 ms.

A connection is a congestion window, as CUBIC keeps it: slow start from ten segments, a cut
to seven tenths by a loss, growth by time and by round trips after it. Data behind a lost
segment reaches the reader one round trip late and all at once, as a socket delivers it.
All connections share a rate behind one queue.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from segdl.core.admission import answered, asked, closed, may_ask, opening, refused

STEP = 0.01
SEGMENT = 1448
MIB = 1024 * 1024
NEVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What lies between a client and a server.

    Attributes:
        rate: bytes a second that all connections share.
        round_trip: seconds.
        loss: share of the segments that get lost.
        queue: bytes that wait before `rate`; None for what `rate` carries in a round trip.
        cap: bytes a second of each connection.
        gusts: the server sends what `cap` allows for a second at the second's beginning, as
            nginx does.
        allowed: connections that the server takes; it refuses more.
        noise: how far `rate` and `cap` stray up and down, as a share.
        calm: seconds for which noise stays as it is.
        pauses: pauses a second, on average, in which nothing comes at all.
        pause: seconds that one lasts.
    """

    rate: float = 2e9
    round_trip: float = 0.0
    loss: float = 0.0
    queue: float | None = None
    cap: float = NEVER
    gusts: bool = False
    allowed: int = 1000
    noise: float = 0.0
    calm: float = 0.05
    pauses: float = 0.0
    pause: float = 0.2

    @property
    def room(self) -> float:
        """Bytes that wait before a segment is dropped."""
        return self.rate * max(self.round_trip, STEP) if self.queue is None else self.queue


@dataclass(slots=True, eq=False)
class Connection:
    """One connection: asked at `since`, answered at `answer_at`."""

    since: float
    answer_at: float
    trip: float
    streaming: bool = False
    window: float = 10.0
    threshold: float = NEVER
    peak: float = 0.0
    cut_at: float = 0.0
    deaf_until: float = 0.0
    held: float = 0.0
    sent: float = 0.0

    def lose(self, now: float, round_trip: float, *, lost: float, again: bool) -> None:
        """Halve, nearly, and keep what comes from the reader until the gap is filled."""
        if now < self.deaf_until:
            return
        # The more of a window is lost, the more round trips it takes to fill the gaps.
        trips = 1 + min(2.0, 4 * lost / max(1.0, self.window))
        self.deaf_until = now + trips * round_trip
        if again:
            # The repair got lost too: the sender's clock must run out.
            self.deaf_until += max(0.2, 2 * round_trip)
            self.window = 2.0
        self.peak = self.window
        self.window = max(2.0, self.window * 0.7)
        self.threshold = self.window
        self.cut_at = self.deaf_until

    def grow(self, now: float, segments: float, round_trip: float) -> None:
        """Let the window grow by what was acknowledged."""
        if now < self.deaf_until:
            return
        if self.window < self.threshold:
            # Twice the window after a round trip: exp(ln 2).
            self.window += 0.693 * segments
            return
        elapsed = now - self.cut_at
        turn = (self.peak * 0.3 / 0.4) ** (1 / 3)
        cubic = 0.4 * (elapsed - turn) ** 3 + self.peak
        reno = self.peak * 0.7 + 0.53 * elapsed / round_trip
        self.window = min(max(self.window, cubic, reno), self.window + segments / 2)


@dataclass(slots=True)
class Network:
    """Connections over a link; time moves by `step`."""

    link: Link
    random: Random
    now: float = 0.0
    waiting: float = 0.0
    received: float = 0.0
    refused: int = 0
    connections: list[Connection] = field(default_factory=list)
    stray: float = 1.0
    stray_until: float = 0.0
    quiet_until: float = 0.0

    def open(self, trips: float = 2.0) -> Connection:
        """Ask for a connection: one round trip to connect, one to be answered."""
        trip = self.link.round_trip + self.waiting / self.link.rate
        lag = trips * trip + self.random.uniform(0.001, 0.004)
        connection = Connection(self.now, self.now + lag, trip)
        self.connections.append(connection)
        return connection

    def close(self, connection: Connection) -> None:
        self.connections.remove(connection)

    @property
    def streaming(self) -> int:
        return sum(connection.streaming for connection in self.connections)

    def step(self) -> list[Connection]:
        """Move time by STEP; return those that were refused."""
        self.now += STEP
        refusals = self._answer()
        self._weather()
        if self.now >= self.quiet_until:
            self._carry([each for each in self.connections if each.streaming])
        return refusals

    def _answer(self) -> list[Connection]:
        due = [c for c in self.connections if not c.streaming and self.now >= c.answer_at]
        refusals = []
        for connection in due:
            if self.streaming < self.link.allowed:
                connection.streaming = True
                connection.since = self.now
            else:
                refusals.append(connection)
                self.connections.remove(connection)
                self.refused += 1
        return refusals

    def _weather(self) -> None:
        link = self.link
        if link.noise and self.now >= self.stray_until:
            self.stray = 1 + self.random.uniform(-link.noise, link.noise)
            self.stray_until = self.now + link.calm
        if (
            link.pauses
            and self.now >= self.quiet_until
            and self.random.random() < (link.pauses * STEP)
        ):
            self.quiet_until = self.now + link.pause

    def _carry(self, streams: list[Connection]) -> None:
        """Let every stream send, share the rate, and see what gets lost."""
        link = self.link
        capacity = link.rate * self.stray * STEP
        trip = max(link.round_trip, STEP) + self.waiting / link.rate
        wants = [self._wants(each, trip) for each in streams]
        offered = sum(wants)
        through = min(offered + self.waiting, capacity)
        dropped = max(0.0, offered + self.waiting - through - link.room)
        self.waiting += offered - through - dropped
        for each, want in zip(streams, wants, strict=True):
            share = want / offered if offered else 0.0
            self._deliver(each, through * share, trip)
            self._lose(each, through * share, dropped * share, trip)

    def _wants(self, each: Connection, trip: float) -> float:
        window = each.window * SEGMENT * STEP / trip
        cap = self.link.cap * self.stray
        if self.link.gusts:
            allowance = self.link.cap * (int(self.now) - int(each.since) + 1) - each.sent
            return min(max(0.0, allowance), max(window, 4 * MIB))
        return min(window, cap * STEP)

    def _deliver(self, each: Connection, size: float, trip: float) -> None:
        each.sent += size
        each.held += size
        if self.now >= each.deaf_until:
            self.received += each.held
            each.held = 0.0
        limited = each.window * SEGMENT / trip > 1.2 * self.link.cap
        if not limited:
            each.grow(self.now, size / SEGMENT, trip)

    def _lose(self, each: Connection, size: float, dropped: float, trip: float) -> None:
        segments, lost = size / SEGMENT, dropped / SEGMENT
        fine = (1 - self.link.loss) ** segments * (0.2**lost if lost else 1.0)
        if self.random.random() >= fine:
            again = self.random.random() < self.link.loss
            each.lose(self.now, trip, lost=lost, again=again)
