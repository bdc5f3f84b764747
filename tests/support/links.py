"""Simulated links: what the connections of a download do to each other, in steps of 10 ms.

A connection is a congestion window, as CUBIC keeps it: slow start from ten segments, a cut
to seven tenths at a loss, growth by time and by round trips after it. What comes behind a
lost segment reaches the reader round trips late and all at once, as a socket delivers it.
All connections share a rate behind one queue. Compared with real ones (CUBIC, two TUN
devices, 100 and 200 Mbit/s, 80 ms): times for 20 MiB agree within a tenth without loss,
and within a third with 0.5 % of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from segdl.core.arrivals import Look

STEP = 0.01
SEGMENT = 1448
MIB = 1024 * 1024
NEVER = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What lies between a client and a server.

    Attributes:
        rate: bytes a second that all connections share.
        round_trip: seconds; 0 for a path within the machine, where nothing is ever lost.
        loss: share of the segments that get lost.
        queue: bytes that wait before `rate`; None for as many as it carries in a round trip.
        cap: bytes a second of each connection.
        gusts: the server sends what `cap` allows for a second at that second's beginning,
            as nginx does.
        allowed: connections that the server takes; it refuses more.
        noise: how far `rate` and `cap` stray up and down, as a share.
        calm: seconds for which they stay where they strayed to.
        pauses: times a second, on average, that nothing comes at all.
        pause: seconds that it lasts.
        piece: bytes that one request brings; the next is sent when they are there.
        stubborn: the server does not slow down for what is lost at random, as BBR does not.
        reordering: share of the segments that are overtaken by others.
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
    piece: float = NEVER
    stubborn: bool = False
    reordering: float = 0.0


@dataclass(slots=True, eq=False)
class Connection:
    """One connection; it streams from `answer_at` on, which is a `trip` after its request."""

    answer_at: float
    trip: float
    streaming: bool = False
    accepted_at: float | None = None
    window: float = 10.0
    threshold: float = NEVER
    peak: float = 0.0
    cut_at: float = 0.0
    deaf_until: float = 0.0
    held: float = 0.0
    sent: float = 0.0
    left: float = NEVER
    strays: float = 0.0

    def lose(self, now: float, trip: float, *, lost: float, again: bool) -> None:
        """Send less, and keep what comes from the reader until the gap is filled."""
        if now < self.deaf_until:
            return
        # The more of a window is lost, the more round trips it takes to fill the gaps.
        self.deaf_until = now + trip * (1 + min(2.0, 4 * lost / self.window))
        self.peak = self.window
        self.window = max(2.0, self.window * 0.7)
        self.threshold = self.window
        if again:
            # The repair got lost too: the sender's clock has to run out, and it starts anew.
            self.deaf_until += max(0.2, 2 * trip)
            self.window = 2.0
        self.cut_at = self.deaf_until

    def wait_for_repair(self, now: float, trip: float) -> None:
        """Keep what comes from the reader until the gap is filled, and send on as before."""
        self.deaf_until = max(self.deaf_until, now + trip)

    def grow(self, now: float, segments: float, trip: float) -> None:
        """Let the window grow by what was acknowledged."""
        if now < self.deaf_until and self.cut_at:
            return
        if self.window < self.threshold:
            # Twice the window after a round trip: exp(ln 2).
            self.window += 0.693 * segments
            return
        elapsed = now - self.cut_at
        turn = (self.peak * 0.3 / 0.4) ** (1 / 3)
        cubic = 0.4 * (elapsed - turn) ** 3 + self.peak
        reno = self.peak * 0.7 + 0.53 * elapsed / trip
        self.window = min(max(self.window, cubic, reno), self.window + segments / 2)


@dataclass(slots=True)
class Network:
    """Connections over a link; `step` moves time."""

    link: Link
    random: Random
    now: float = 0.0
    waiting: float = 0.0
    received: float = 0.0
    connections: list[Connection] = field(default_factory=list)
    stray: float = 1.0
    stray_until: float = 0.0
    quiet_until: float = 0.0

    @property
    def streaming(self) -> int:
        """Connections whose bodies flow."""
        return sum(each.streaming for each in self.connections)

    @property
    def _trip(self) -> float:
        """Seconds of a round trip, the queue as it is."""
        return self.link.round_trip + self.waiting / self.link.rate

    def look(self, each: Connection) -> Look:
        """Return what the client's kernel tells of a connection, as Linux does."""
        return Look(
            now=self.now,
            in_order=int(each.sent - each.held),
            segments=int(each.sent / SEGMENT),
            strays=int(each.strays),
            size=SEGMENT,
            round_trip=self._trip,
            least=self.link.round_trip,
        )

    def open(self) -> None:
        """Ask for a connection: one round trip to connect, one to be answered."""
        lag = 2 * self._trip + self.random.uniform(0.001, 0.004)
        self.connections.append(Connection(self.now + lag, self._trip, left=self.link.piece))

    def close_youngest(self) -> Connection:
        """Close the connection that was opened last."""
        return self.connections.pop()

    def step(self) -> tuple[list[Connection], int]:
        """Move time by STEP; return who was accepted, and how many were refused."""
        self.now += STEP
        accepted, refused = self._answer()
        self._weather()
        if self.now >= self.quiet_until:
            self._carry([each for each in self.connections if each.streaming])
        return accepted, refused

    def _answer(self) -> tuple[list[Connection], int]:
        due = [c for c in self.connections if not c.streaming and self.now >= c.answer_at]
        taken = sum(each.accepted_at is not None for each in self.connections)
        accepted = []
        for each in due:
            if each.accepted_at is None and taken >= self.link.allowed:
                self.connections.remove(each)
                continue
            if each.accepted_at is None:
                each.accepted_at = self.now
                accepted.append(each)
                taken += 1
            each.streaming = True
        return accepted, sum(each.accepted_at is None for each in due)

    def _weather(self) -> None:
        link = self.link
        if self.now >= self.stray_until:
            self.stray = 1 + self.random.uniform(-link.noise, link.noise)
            self.stray_until = self.now + link.calm
        if self.now >= self.quiet_until and self.random.random() < link.pauses * STEP:
            self.quiet_until = self.now + link.pause

    def _carry(self, streams: list[Connection]) -> None:
        """Let every stream send, share the rate, and see what gets lost."""
        link = self.link
        trip = max(STEP, self._trip)
        room = link.rate * max(STEP, link.round_trip) if link.queue is None else link.queue
        wants = [self._wants(each, trip) for each in streams]
        offered = sum(wants)
        through = min(offered + self.waiting, link.rate * self.stray * STEP)
        dropped = max(0.0, offered + self.waiting - through - room) if link.round_trip else 0.0
        self.waiting = offered + self.waiting - through - dropped if link.round_trip else 0.0
        for each, want in zip(streams, wants, strict=True):
            share = want / offered if offered else 0.0
            self._deliver(each, through * share, trip)
            self._lose(each, through * share / SEGMENT, dropped * share / SEGMENT, trip)

    def _wants(self, each: Connection, trip: float) -> float:
        window = each.window * SEGMENT * STEP / trip
        if self.link.gusts:
            seconds = int(self.now) - int(each.accepted_at or self.now) + 1
            return max(0.0, self.link.cap * seconds - each.sent)
        if not self.link.round_trip:
            window = self.link.rate * STEP
        return min(window, self.link.cap * self.stray * STEP)

    def _deliver(self, each: Connection, size: float, trip: float) -> None:
        each.sent += size
        each.held += size
        each.left -= size
        each.strays += size / SEGMENT * (self.now < each.deaf_until or self.link.reordering)
        if self.now >= each.deaf_until:
            self.received += each.held
            each.held = 0.0
        if each.left <= 0:
            each.left = self.link.piece
            each.streaming = False
            each.answer_at = self.now + self._trip
        if each.window * SEGMENT / trip < 1.2 * self.link.cap:
            each.grow(self.now, size / SEGMENT, trip)

    def _lose(self, each: Connection, sent: float, dropped: float, trip: float) -> None:
        fine = (1 - self.link.loss) ** sent * 0.2**dropped
        if self.random.random() >= fine:
            if self.link.stubborn and self.random.random() >= 1 - 0.2**dropped:
                each.wait_for_repair(self.now, trip)
                return
            again = self.random.random() < self.link.loss
            each.lose(self.now, trip, lost=dropped, again=again)
