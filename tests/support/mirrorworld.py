"""A world of mirrors without sockets: links that are shared, servers that stall, refuse and lie.

The downloader in it is as simple as can be: equal segments, and an idle connection takes
over from the one that would end last. What it asks of whom is up to `segdl.core.mirrorchoice`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random

from segdl.core.mirrorchoice import TRIAL, better, choose
from segdl.core.mirrors import Mirror, Outcome, State, after, closed, measured, opened

MIB = 1024 * 1024
TICK = 0.1
SETUP = 0.1
LEAST_PIECE = 64 * 1024
NEVER = float("inf")


@dataclass(frozen=True, kw_only=True)
class Server:
    """One mirror; rates in bytes a second.

    `link` is shared by its connections, each of which gets `each` at most. It takes `most`
    connections, sends nothing more from the second `stalls_at` on, fails every request from
    `dies_at` on until `lives_at`, and `lies` about its file.
    """

    link: float = NEVER
    each: float = NEVER
    most: int = 1 << 16
    stalls_at: float = NEVER
    dies_at: float = NEVER
    lives_at: float = NEVER
    lies: bool = False
    denies: bool = False

    def is_dead(self, now: float) -> bool:
        return self.dies_at <= now < self.lives_at


@dataclass
class Piece:
    """Bytes from `at` to `stop`."""

    at: float
    stop: float


@dataclass(eq=False)
class Connection:
    server: int
    piece: Piece
    speaks_at: float
    rate: float = 0.0
    heard_at: float = 0.0


@dataclass
class World:
    """Downloads `size` bytes from `servers` with `slots` connections."""

    size: int
    servers: list[Server]
    slots: int = 8
    silence: float = 5.0
    client: float = NEVER
    noise: float = 0.0

    def __post_init__(self) -> None:
        self.random = Random(len(self.servers))
        self.now = 0.0
        self.mirrors = [Mirror(priority=index + 1) for index in range(len(self.servers))]
        self.brought = [0.0] * len(self.servers)
        self.asked = [0] * len(self.servers)
        self.refusals = 0
        self.moves = 0
        self.left = float(self.size)
        share = self.size / self.slots
        self.free = deque(Piece(index * share, (index + 1) * share) for index in range(self.slots))
        self.live: list[Connection] = []

    def run(self, limit: float = 3600.0) -> float:
        """Return the seconds it took."""
        while self.left > 0.5:
            assert self.now < limit, "it does not end"
            self._launch()
            self._flow()
            self._drop_silent()
            self._move()
            self.now += TICK
        return self.now

    def _launch(self) -> None:
        while len(self.live) < self.slots and (self._take_free() or self._take_over()):
            pass

    def _take_free(self) -> bool:
        if not self.free:
            return False
        index = choose(self.mirrors, self.now, int(self.left))
        if index is None:
            return False
        piece = self.free.popleft()
        if self.mirrors[index].state is State.UNTRIED and piece.stop - piece.at > TRIAL:
            self.free.appendleft(Piece(piece.at + TRIAL, piece.stop))
            piece = Piece(piece.at, piece.at + TRIAL)
        return self._open(index, piece)

    def _take_over(self) -> bool:
        """Take a share of the piece that would end last, such that both end together."""
        behind = [
            one
            for one in self.live
            if self.now - one.speaks_at > 1 and one.piece.stop > one.piece.at
        ]
        last = max(
            behind, key=lambda one: (one.piece.stop - one.piece.at) / (one.rate + 1), default=None
        )
        if last is None:
            return False
        index = choose(self.mirrors, self.now, int(self.left), least=max(last.rate / 2, 1.0))
        if index is None:
            return False
        mine = self.mirrors[index].single or 1.0
        left = last.piece.stop - last.piece.at
        cut = last.piece.stop - left * mine / (mine + last.rate)
        if last.piece.stop - cut < LEAST_PIECE or left / (last.rate + 1) < 2 * SETUP:
            return False
        piece = Piece(cut, last.piece.stop)
        last.piece.stop = cut
        return self._open(index, piece)

    def _open(self, index: int, piece: Piece) -> bool:
        server = self.servers[index]
        self.asked[index] += 1
        if server.is_dead(self.now) or server.denies:
            self.free.appendleft(piece)
            outcome = Outcome.DENIED if server.denies else Outcome.FAILED
            self.mirrors[index] = after(self.mirrors, index, outcome, self.now)
            return True
        at_work = self.mirrors[index].connections
        if at_work >= server.most:
            self.refusals += 1
            self.free.appendleft(piece)
            self.mirrors[index] = after(self.mirrors, index, Outcome.REFUSED, self.now)._replace(
                most=at_work
            )
            return True
        self.mirrors[index] = opened(self.mirrors[index])
        self.live.append(Connection(index, piece, self.now + SETUP, heard_at=self.now + SETUP))
        return True

    def _flow(self) -> None:
        received = [0.0] * len(self.servers)
        for one in list(self.live):
            server = self.servers[one.server]
            if self.now < one.speaks_at or server.stalls_at <= self.now:
                one.rate *= 0.9
                continue
            if server.is_dead(self.now):
                self._close(one, Outcome.FAILED)
                continue
            if self.mirrors[one.server].state is State.UNTRIED:
                verdict = Outcome.LIED if server.lies else Outcome.PROVED
                if server.lies:
                    self._close(one, verdict)
                    continue
                self.mirrors[one.server] = after(self.mirrors, one.server, verdict, self.now)
            siblings = sum(other.server == one.server for other in self.live)
            rate = min(server.each, server.link / siblings, self.client / len(self.live))
            rate *= 1 + self.noise * self.random.uniform(-1, 1)
            amount = min(rate * TICK, one.piece.stop - one.piece.at)
            one.rate += (rate - one.rate) * 0.3
            one.heard_at = self.now
            one.piece.at += amount
            received[one.server] += amount
            self.left -= amount
        for index, mirror in enumerate(self.mirrors):
            if mirror.connections:
                self.brought[index] += received[index]
                self.mirrors[index] = measured(mirror, int(received[index]), TICK)
        for one in list(self.live):
            if one.piece.at >= one.piece.stop - 0.01:
                self._close(one, Outcome.BROUGHT)

    def _drop_silent(self) -> None:
        for one in list(self.live):
            if self.now - one.heard_at > self.silence:
                self._close(one, Outcome.FAILED)

    def _move(self) -> None:
        for index, mirror in enumerate(self.mirrors):
            mine = [one for one in self.live if one.server == index]
            if mine and mirror.connections:
                target = better(self.mirrors, index, self.now)
                if target is not None:
                    slowest = min(mine, key=lambda one: one.rate)
                    self.moves += 1
                    silent = self.now - slowest.heard_at > 2
                    self._close(slowest, Outcome.FAILED if silent else Outcome.BROUGHT)
                    self._open(target, self.free.popleft())

    def _close(self, one: Connection, outcome: Outcome) -> None:
        self.live.remove(one)
        self.mirrors[one.server] = closed(self.mirrors[one.server])
        self.mirrors[one.server] = after(self.mirrors, one.server, outcome, self.now)
        if one.piece.stop - one.piece.at > 0.01:
            self.free.appendleft(one.piece)
