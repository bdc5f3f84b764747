"""A piece of the file that one connection fetches, and what may come of an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from segdl.core.spans import OPEN
from segdl.core.verdict import Changed, Fail, Refused, Retry, Unranged
from segdl.net.failures import TransferError
from segdl.net.wire import Wire
from segdl.progress.events import SegmentState


class Segment:
    """Bytes `[start, stop)` of the local file, written to the part that begins at `part`.

    The coordinator owns every field but `position`, which the thread that streams the
    segment writes and others read.

    Attributes:
        start: where the segment begins.
        stop: where it ends; OPEN where the file's length is not known.
        part: where its part file begins.
        position: where the next byte goes.
        tries: attempts in a row that brought nothing.
        ready_at: when it may be tried (again).
        wire: its connection while one is at work.
        began: `position` when the attempt started.
        seen_at: when `seen` was noted, to tell how fast it is.
        seen: `position` at that time.
        too_slow: it was dropped because it crawled.
    """

    __slots__ = (
        "began",
        "part",
        "position",
        "ready_at",
        "seen",
        "seen_at",
        "start",
        "stop",
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
        self.seen_at = 0.0
        self.seen = start
        self.too_slow = False

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
