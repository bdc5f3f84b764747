"""What the kernel tells of the connections to an origin, added up."""

from __future__ import annotations

from collections.abc import Sequence

from segdl.core.arrivals import Arrivals, begun, looked
from segdl.core.median import median
from segdl.engine.segment import Segment
from segdl.net.wire import Wire


class Arriving:
    """Looks at connections. The coordinator's thread owns it.

    Attributes:
        told: whether the system tells anything.
    """

    def __init__(self) -> None:
        self.told = False
        self._present: dict[Wire, Arrivals] = {}
        # Of connections that have ended.
        self._losses = self._came = 0

    def look(self, segments: Sequence[Segment], now: float) -> None:
        """Look at the connections of segments, and forget those that are not among them.

        Args:
            segments: that are being fetched from one origin.
            now: seconds.
        """
        at_work = {each.wire for each in segments if each.wire is not None and each.heard}
        for wire in at_work:
            look = wire.arrived(now)
            if look is not None:
                self.told = True
                known = self._present.get(wire)
                self._present[wire] = begun(look) if known is None else looked(known, look)
        for wire in self._present.keys() - at_work:
            ended = self._present.pop(wire)
            self._losses += ended.losses
            self._came += ended.came

    @property
    def losses(self) -> int | None:
        """Packets that an empty path has lost; None where the system does not tell."""
        present = sum(each.losses for each in self._present.values())
        return self._losses + present if self.told else None

    @property
    def came(self) -> int | None:
        """Bytes that came in whatever order; None where the system does not tell."""
        present = sum(each.came for each in self._present.values())
        return self._came + present if self.told else None

    @property
    def swollen(self) -> float | None:
        """How many times as long as at its shortest the round trip is; None: nobody knows."""
        return median([each.last.swollen for each in self._present.values()])
