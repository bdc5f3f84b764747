"""A piece of the file that one connection fetches, and what may come of an attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from segdl.core.pace import is_crawling
from segdl.core.spans import OPEN
from segdl.core.verdict import Changed, Fail, Refused, Retry, Unranged
from segdl.net.failures import TransferError
from segdl.net.wire import Wire
from segdl.options import NetworkOptions
from segdl.progress.events import SegmentState


class Segment:
    """Bytes `[start, stop)` of the local file, written to the part that begins at `part`.

    The coordinator owns every field but `position`, `received`, `heard` and `storing`,
    which the thread that streams the segment writes and others read.

    Attributes:
        start: where the segment begins.
        stop: where it ends; OPEN where the file's length is not known.
        part: where its part file begins.
        position: where the next byte goes.
        tries: attempts in a row that brought nothing.
        ready_at: when it may be tried (again).
        wire: its connection while one is at work.
        began: `position` when the attempt started.
        brought: bytes that the attempt before brought; 0 where there was none.
        received: bytes that came over the network, those that are only compared included.
        seen_at: when `seen` was noted, to tell how fast it is.
        seen: `received` at that time.
        moved_at: when `moved` was noted, to tell how long nothing has come.
        moved: `received` at that time.
        too_slow: it was dropped because it crawled.
        conditional: its request is sent with If-Range where there is a strong ETag.
        heard: the server has answered this attempt.
        storing: what came is being written: the network is not to blame for the wait.
    """

    __slots__ = (
        "began",
        "brought",
        "conditional",
        "heard",
        "moved",
        "moved_at",
        "part",
        "position",
        "ready_at",
        "received",
        "seen",
        "seen_at",
        "start",
        "stop",
        "storing",
        "too_slow",
        "tries",
        "wire",
    )

    def __init__(self, start: int, stop: int, part: int) -> None:
        self.start = start
        self.stop = stop
        self.part = part
        self.position = start
        self.tries = 0
        self.ready_at = 0.0
        self.wire: Wire | None = None
        self.began = start
        self.brought = 0
        self.received = 0
        self.seen_at = self.moved_at = 0.0
        self.seen = self.moved = 0
        self.too_slow = False
        self.heard = False
        self.conditional = True
        self.storing = False

    def set_out(self, wire: Wire, now: float) -> None:
        """Note that an attempt starts."""
        self.wire = wire
        self.brought = self.position - self.began
        self.began = self.position
        self.seen = self.moved = self.received
        self.seen_at = self.moved_at = now
        self.too_slow = self.heard = False

    @property
    def complete(self) -> bool:
        """Whether all its bytes are on disk."""
        return self.position >= self.stop

    def state(self) -> SegmentState:
        """Return what a view shows of it."""
        return SegmentState(
            self.start,
            None if self.stop == OPEN else self.stop,
            self.position - self.start,
            self.wire is not None,
        )


class Supply:
    """The segments to fetch: those at work or to come, and `behind` bytes that none brings."""

    def __init__(self, live: list[Segment], behind: int) -> None:
        self.live = live
        self.behind = behind

    def advance(self) -> bool:
        """Bring `live` up to date and tell whether no more segments will come."""
        return True


def crawling(segments: Sequence[Segment], now: float, network: NetworkOptions) -> list[Segment]:
    """Return those whose connections brought (next to) nothing for as long as is allowed.

    Called every now and then: how long nothing has come is as exact as that.
    """
    rates = {
        segment: (segment.received - segment.seen) / max(now - segment.seen_at, 1e-6)
        for segment in segments
        if segment.wire is not None
    }
    slow: list[Segment] = []
    for segment, rate in rates.items():
        patience = network.stall_timeout
        if not segment.heard:
            # The socket's own timeout comes first, but for a head that drips.
            patience += network.connect_timeout
        if segment.storing or (segment.wire is not None and segment.wire.resting):
            # A slow disk, a reader who takes their time, or a limit on the rate.
            segment.seen_at = segment.moved_at = now
        elif segment.received != segment.moved:
            segment.moved_at, segment.moved = now, segment.received
        elif now - segment.moved_at >= patience:
            slow.append(segment)
            continue
        if now - segment.seen_at >= patience:
            if is_crawling(rate, max(rates.values())):
                slow.append(segment)
            segment.seen_at, segment.seen = now, segment.received
    return slow


@dataclass(frozen=True, slots=True)
class Streamed:
    """The response was read as far as it was wanted.

    `end` is where the file ends, where only the end of the body could tell; `proved` is
    false where a broken connection would have looked the same.
    """

    end: int | None = None
    proved: bool = True


@dataclass(frozen=True, slots=True)
class Broken:
    """The request or its body failed."""

    failure: TransferError


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Bytes where two responses meet differ: they are of two versions."""

    at: int


@dataclass(frozen=True, slots=True)
class Crash:
    """Something that no retry mends: a full disk, a defect."""

    error: BaseException


Outcome: TypeAlias = (
    Streamed | Broken | Mismatch | Crash | Changed | Unranged | Refused | Retry | Fail
)
