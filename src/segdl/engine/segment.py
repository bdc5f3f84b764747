"""A piece of the file that one connection fetches."""

from __future__ import annotations

from enum import Enum

from segdl.core.spans import OPEN
from segdl.core.speed import Speed, flowing, flowing_on
from segdl.engine.site import Site
from segdl.net.wire import Wire
from segdl.progress.events import SegmentState


class Drop(Enum):
    """Why the coordinator ended an attempt; the value is what a user reads."""

    CRAWLING = "the connection hardly moved"
    LAGGING = "far slower than the others"
    UNANSWERED = "no answer, while others have nothing left to do"
    MISPLACED = "another mirror is faster"
    OVERTAKEN = "another connection has come to its place"
    SURPLUS = "fewer connections do as well"


class Segment:
    """Bytes `[start, stop)` of the local file, written to the part that begins at `part`.

    The coordinator owns every field but `position`, `received`, `spent`, `heard` and `storing`,
    which the thread that streams the segment writes and others read.

    Attributes:
        start: where the segment begins.
        stop: where it ends; OPEN where the file's length is not known.
        until: where what is asked for now ends: there, or before it.
        part: where its part file begins.
        position: where the next byte goes.
        tries: attempts in a row that brought nothing.
        ready_at: when it may be tried (again).
        wire: its connection while one is at work.
        site: where it goes to, or went to last.
        began: `position` when the attempt started.
        brought: bytes that the attempt before brought; 0 where there was none.
        received: bytes that came over the network, those that are only compared included.
        spent: seconds of a core that threads took to bring `received`, and to write it.
        counted: `received` as far as the site's total has it.
        seen_at: when `seen` was noted, to tell how fast it is.
        seen: `received` at that time.
        moved_at: when `moved` was noted, to tell how long nothing has come.
        moved: `received` at that time.
        moves: how often something new was found to have come since `set_out_at`.
        set_out_at: when the attempt started.
        heard_at: when its server was first seen to have answered, or the attempt took over a
            response that came already; None before.
        speed: how fast the attempt brings bytes.
        dropped: why the coordinator ended the attempt, if it did.
        lagged: attempts in a row that were dropped because they lagged.
        conditional: its request is sent with If-Range where there is a strong ETag.
        goes_on: the attempt before brought what it asked for and left its connection to be
            used again, and more is missing.
        again: the attempt goes on so.
        beside: when the attempt started, its server sent other segments of the file.
        denied: how many it sent when it said no to this one; 0 where it did not.
        heard: the server has answered this attempt.
        storing: what came is being written: the network is not to blame for the wait.
    """

    __slots__ = (
        "again",
        "began",
        "beside",
        "brought",
        "conditional",
        "counted",
        "denied",
        "dropped",
        "goes_on",
        "heard",
        "heard_at",
        "lagged",
        "moved",
        "moved_at",
        "moves",
        "part",
        "position",
        "ready_at",
        "received",
        "seen",
        "seen_at",
        "set_out_at",
        "site",
        "speed",
        "spent",
        "start",
        "stop",
        "storing",
        "tries",
        "until",
        "wire",
    )

    def __init__(self, start: int, stop: int, part: int) -> None:
        self.start = start
        self.stop = self.until = stop
        self.part = part
        self.position = start
        self.tries = 0
        self.ready_at = 0.0
        self.wire: Wire | None = None
        self.site: Site | None = None
        self.began = start
        self.brought = 0
        self.received = self.counted = 0
        self.spent = 0.0
        self.set_out_at = self.seen_at = self.moved_at = 0.0
        self.heard_at: float | None = None
        self.seen = self.moved = self.moves = 0
        self.speed: Speed = flowing(0.0, 0)
        self.dropped: Drop | None = None
        self.lagged = 0
        self.goes_on = self.again = self.beside = False
        self.denied = 0
        self.heard = False
        self.conditional = True
        self.storing = False

    def set_out(
        self,
        wire: Wire,
        site: Site,
        now: float,
        speed: Speed | None = None,
        *,
        again: bool = False,
        beside: bool = False,
        heard: bool = False,
    ) -> None:
        """Note that an attempt starts.

        Args:
            wire: what it can be aborted by.
            site: where it goes to.
            now: seconds.
            speed: what its connection had for another segment; None for a new one.
            again: see there.
            beside: see there.
            heard: see there: it begins with an answer.
        """
        self.wire = wire
        self.site = site
        self.brought = self.position - self.began
        self.began = self.position
        self.seen = self.moved = self.received
        self.set_out_at = self.seen_at = self.moved_at = now
        self.moves = 0
        received = self.received
        if not again:
            self.speed = flowing_on(speed, now, received) if speed else flowing(now, received)
        # Its pace is counted anew, too.
        self.heard_at = now if speed else None
        self.again, self.beside, self.denied = again, beside, 0
        self.dropped = None
        self.goes_on, self.heard = False, heard

    def goes_on_at(self, site: Site) -> bool:
        """Whether an attempt there would go on with the connection of the one before."""
        return self.goes_on and self.site is site

    @property
    def complete(self) -> bool:
        """Whether all its bytes are on disk."""
        return self.position >= self.stop

    @property
    def untouched(self) -> bool:
        """Whether nobody brings it, and nothing of it is here."""
        return self.wire is None and self.position == self.start

    @property
    def new(self) -> bool:
        """Whether nobody has begun it, and nothing of it is here."""
        return self.site is None and self.untouched

    @property
    def done(self) -> int:
        """Its bytes on disk; what it wrote before its rest was taken over does not count twice."""
        return min(self.position, self.stop) - self.start

    def rate(self, now: float) -> float:
        """Return the bytes a second that its attempt has brought, the wait for them included."""
        return (self.position - self.began) / max(now - self.set_out_at, 1e-6)

    def state(self) -> SegmentState:
        """Return what a view shows of it."""
        return SegmentState(
            self.start,
            None if self.stop == OPEN else self.stop,
            self.done,
            self.wire is not None,
        )
