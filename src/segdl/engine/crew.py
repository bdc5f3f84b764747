"""How many connections a file gets at the moment."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence

from segdl.core.cpubound import WORTHWHILE, Work, is_cpu_bound, served_at_once
from segdl.core.ramp import Phase, Ramp, Sample, ramp_aside, ramp_sample, ramp_start
from segdl.core.ramp_state import LONG_PATH
from segdl.engine.arriving import Arriving
from segdl.engine.gate import Gate
from segdl.engine.run import TICK
from segdl.engine.segment import Drop, Segment
from segdl.options import TransferOptions

# Seconds that connections beyond what is wanted are kept: they may be wanted again, or end.
_PATIENCE = 3.0
# Seconds between two samples of the total speed, where the number of connections follows it.
_SAMPLE = 0.05
# The same while a lost packet may decide: each is missed for a round trip, of 40 ms and more.
_LOOK = 0.02
# The same while the first connection is alone, and others wait.
_GLANCE = 0.0025
# Seconds that a file tries no second connection on a link that seems full: that others which come
# and go bring little may be due to them.
_HELD = 5.0
# Seconds after which a first trial has brought more than it costs, about.
_PAYS_AFTER = 3.0


class Crew:
    """Follows what more connections bring. The coordinator's thread owns it.

    Args:
        transfer: says whether the number is given or to be found.
        gate: the origin's door; it remembers what was found for the next file.
        missing: bytes that are to be fetched; 0 where nobody knows.
        tell: told once where there are fewer than were asked for.
    """

    def __init__(
        self, transfer: TransferOptions, gate: Gate, missing: int, tell: Callable[[str], None]
    ) -> None:
        self._tell = tell
        self._most = transfer.most
        self._gate = gate
        self._ramp = self._begin(gate.found) if transfer.adaptive else None
        self._room = served_at_once(_cores())
        # A number that is to be found begins with one anyway.
        useful = self._ramp is None or (self._room == 1 and self._ramp.found is None)
        self._alone = missing >= WORTHWHILE and self._room < self._most and useful
        self._began: float | None = None
        self._before = Work()
        self._enough_at = 0.0
        # Until when a link that seems full keeps it from a first trial; None before that did.
        self._held_until: float | None = None
        # Whether others waited for its host while it was at work.
        self._was_crowded = False
        self._arriving = Arriving()
        # Those by which it is found how many pay: what newcomers bring says nothing of that.
        self._listened: set[Segment] = set()

    def _begin(self, number: int | None) -> Ramp:
        # What the origin refused to others before is no answer to this one.
        return ramp_start(self._most, number)._replace(refusals=self._gate.refusals)

    def leave(self) -> None:
        """End: nothing more is asked of it, and the others are those that are left."""
        self._gate.among.leave(self)

    @property
    def wanted(self) -> int:
        """Connections to have at work now."""
        if self._alone:
            return 1
        if self._ramp is None:
            return self._most
        return 1 if self._gate.crowded else self._ramp.target

    @property
    def listens(self) -> bool:
        """Whether one connection is listened to, as nobody knows yet how many pay."""
        if self._ramp is None or self._alone or self._gate.crowded:
            return False
        return self._ramp.phase is Phase.LISTENING

    @property
    def does_with_one(self) -> bool:
        """Whether one connection is known to bring the file, for now at least."""
        if self._ramp is None or self._alone:
            return False
        return self._gate.crowded or self._ramp.found == self._ramp.target == 1

    @property
    def tick(self) -> float:
        """Seconds until `follow` should be called again."""
        if self._alone:
            return _GLANCE
        if self._ramp is None:
            return TICK
        return _LOOK if self._curious and self._ramp.found is None else _SAMPLE

    @property
    def _curious(self) -> bool:
        # Over a short path speeds tell as soon.
        curious = self._ramp is not None and self._ramp.curious
        return curious and self._gate.round_trip > LONG_PATH

    def follow(
        self,
        segments: Sequence[Segment],
        apart: Collection[Segment],
        received: int,
        left: int | None,
        now: float,
    ) -> None:
        """Take note of what came in, and decide anew.

        Args:
            segments: those of the download.
            apart: those of them that are there for a moment, beside the one to listen to.
            received: bytes that came over the network so far.
            left: bytes of the file that are still to come; None where nobody knows.
            now: seconds.
        """
        if self._alone:
            self._judge(segments, now)
        if self._ramp is None:
            return
        at_work = [segment for segment in segments if segment.wire is not None]
        if self._curious:
            here = [each for each in at_work if each.site and each.site.gate is self._gate]
            if self._ramp.phase is Phase.LISTENING and self._listened.isdisjoint(here):
                self._listened = {each for each in here if each not in apart}
            if self._ramp.found is None:
                here = [each for each in here if each in self._listened]
            self._arriving.look(here, now)
        # Between two requests it has its place at the server still.
        streaming = sum(each.heard or each.again for each in at_work)
        sample = Sample(
            now=now,
            received=received,
            streaming=streaming,
            asked=len(at_work) - streaming,
            refusals=self._gate.refusals,
            round_trip=self._gate.round_trip,
            losses=self._arriving.losses,
            arrived=self._arriving.came,
            swollen=self._arriving.swollen,
            left=left,
        )
        full = self._is_full(at_work, received, streaming, now)
        untried = self._ramp.phase is Phase.LISTENING
        self._was_crowded = self._was_crowded or self._gate.crowded
        if self._gate.crowded or (untried and self._is_put_off(left, now, full=full)):
            self._ramp = ramp_aside(self._ramp, sample)
            return
        self._ramp = ramp_sample(self._ramp, sample)
        if self._ramp.found is not None and not self._ramp.tries_first:
            self._gate.found = self._ramp.found

    def _is_put_off(self, left: int | None, now: float, *, full: bool) -> bool:
        """Tell whether it is not to try a second connection yet, on a link that may seem full."""
        return (full and self._is_held_back(now)) or self._is_nearly_over(left)

    def _is_held_back(self, now: float) -> bool:
        """Tell whether a link that seems full still keeps it from trying a second connection."""
        if self._held_until is None:
            self._held_until = now + _HELD
        return now < self._held_until

    def _is_nearly_over(self, left: int | None) -> bool:
        """Tell whether it was one of many, of which too little is left to try others for it."""
        if left is None or self._ramp is None or not self._was_crowded:
            return False
        return left < _PAYS_AFTER * self._ramp.speeds.mean(_PAYS_AFTER)

    def _is_full(
        self, at_work: Sequence[Segment], received: int, streaming: int, now: float
    ) -> bool:
        """Tell whether a link nearby was seen to bring no more over more connections.

        Over a long path trials are few, and what is gained early counts for more.
        """
        elsewhere = any(each.site and each.site.gate is not self._gate for each in at_work)
        if elsewhere or self._gate.shortest > LONG_PATH:
            self._gate.among.leave(self)
            return False
        return self._gate.among.tell(self, received, streaming, now)

    def _judge(self, segments: Sequence[Segment], now: float) -> None:
        """See whether the first connection alone takes what cores there are for so many."""
        if self._began is None:
            self._began = now
        received = sum(segment.received for segment in segments)
        spent = sum(segment.spent for segment in segments)
        work = Work(now - self._began, received, spent)
        bound = is_cpu_bound(self._before, work)
        if bound is None and work.tells(self._before):
            self._before = work
        self._alone = bound is None
        if not bound:
            return
        if self._ramp is None:
            number = f"going on with {self._room}, and with more where they pay"
            self._tell(f"one connection keeps a core busy: {number}")
        # Small steps show whether more would do better all the same.
        self._ramp = self._begin(self._room)

    def send_home(self, segments: Sequence[Segment], surplus: int, now: float) -> None:
        """End the youngest connections where fewer have been wanted for a while.

        Args:
            segments: those of the download.
            surplus: connections beyond what is wanted; none where it is not positive.
            now: seconds.
        """
        if self._ramp is None or surplus <= 0:
            self._enough_at = now
            return
        if now < self._enough_at + _PATIENCE:
            return
        able = [each for each in segments if each.wire is not None and each.dropped is None]
        able.sort(key=lambda each: each.speed.began, reverse=True)
        for segment in able[:surplus]:
            if segment.wire is not None:
                segment.dropped = Drop.SURPLUS
                segment.wire.abort()


def _cores() -> int:
    """Return how many this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
