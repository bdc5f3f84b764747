"""How many connections a file gets at the moment."""

from __future__ import annotations

from collections.abc import Sequence

from segdl.core.ramp import Sample, ramp_sample, ramp_start
from segdl.core.ramp_state import LONG_PATH
from segdl.engine.arriving import Arriving
from segdl.engine.gate import Gate
from segdl.engine.segment import Drop, Segment
from segdl.options import TransferOptions

# Seconds that connections beyond what is wanted are kept: they may be wanted again, or end.
_PATIENCE = 3.0


class Crew:
    """Follows what more connections bring. The coordinator's thread owns it.

    Args:
        transfer: says whether the number is given or to be found.
        gate: the origin's door; it remembers what was found for the next file.
    """

    def __init__(self, transfer: TransferOptions, gate: Gate) -> None:
        self._most = transfer.most
        self._gate = gate
        self._ramp = ramp_start(transfer.most, gate.found) if transfer.adaptive else None
        self._enough_at = 0.0
        self._arriving = Arriving()

    @property
    def wanted(self) -> int:
        """Connections to have at work now."""
        if self._ramp is None:
            return self._most
        return 1 if self._gate.crowded else self._ramp.target

    @property
    def hurries(self) -> bool:
        """Whether what comes next may decide: it is to be followed closely."""
        return self._curious and self._ramp is not None and self._ramp.found is None

    @property
    def _curious(self) -> bool:
        # Over a short path speeds tell as soon.
        curious = self._ramp is not None and self._ramp.curious
        return curious and self._gate.round_trip > LONG_PATH

    def follow(
        self, segments: Sequence[Segment], received: int, left: int | None, now: float
    ) -> None:
        """Take note of what came in, and decide anew.

        Args:
            segments: those of the download.
            received: bytes that came over the network so far.
            left: bytes of the file that are still to come; None where nobody knows.
            now: seconds.
        """
        if self._ramp is None:
            return
        at_work = [segment for segment in segments if segment.wire is not None]
        if self._curious:
            here = [each for each in at_work if each.site and each.site.gate is self._gate]
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
        self._ramp = ramp_sample(self._ramp, sample)
        if self._ramp.found is not None:
            self._gate.found = self._ramp.found

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
