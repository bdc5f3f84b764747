"""The end of a file, brought by others while the first connection finds its pace.

Over a long path that takes many round trips, in which the link has room. What they leave idle is
there when the server is asked, at the end, whether it has the same version still.
"""

from __future__ import annotations

from collections.abc import Iterator

from segdl.core.ramp_state import LONG_PATH
from segdl.core.slowstart import GRAIN, pieces
from segdl.engine.contact import Ranges
from segdl.engine.run import Run
from segdl.engine.segment import Segment
from segdl.engine.sites import Sites
from segdl.engine.supply import Supply


class Outset:
    """Cuts pieces off the end, once. The coordinator's thread owns it.

    Args:
        run: the surroundings.
        sites: where the file can be had.
        supply: what is missing.

    Attributes:
        apart: the pieces: how fast they come says nothing of how many connections pay.
    """

    def __init__(self, run: Run, sites: Sites, supply: Supply) -> None:
        self._sites = sites
        self._supply = supply
        # Within a limit on the rate nobody finds a pace of its own.
        self._most = 0 if run.network.limit_rate else run.transfer.most - 1
        self._over = False
        self.apart: set[Segment] = set()

    def cut(self, now: float) -> Iterator[Segment]:
        """Yield pieces that may be asked for beside the one connection that was answered.

        What the server does not take beside it goes back to it, as its answer brings that anyway.
        What it does not bring next is yielded once more, when the server takes another request.

        Args:
            now: seconds.
        """
        yield from self._left_over(now)
        first = self._first()
        if first is None or not self._is_far(first, now):
            return
        site, last = self._sites.origin, self._supply.live[-1]
        number, size = pieces(last.stop - last.position)
        for _ in range(min(number, self._most, site.allowed - 1)):
            if not site.gate.try_ask():
                return
            piece = self._supply.split(last, (last.stop - size) // GRAIN * GRAIN)
            self.apart.add(piece)
            yield piece

    def _left_over(self, now: float) -> Iterator[Segment]:
        self.apart = {each for each in self.apart if not self._supply.rejoin(each)}
        for each in self.apart.intersection(self._supply.live):
            missing = each.untouched and not each.complete
            waits = missing and each.ready_at <= now and not each.denied
            if waits and self._sites.origin.gate.try_ask():
                yield each

    def _first(self) -> Segment | None:
        """Return the one segment at work, as soon as it is answered and others can help it."""
        if self._over:
            return None
        at_work = [each for each in self._supply.live if each.wire is not None]
        serves = self._sites.origin.pin.ranges is Ranges.WORK
        alone = len(at_work) == 1 and serves and self._supply.divisible
        self._over = self._sites.several or (bool(at_work) and not alone)
        return at_work[0] if alone and not self._over and at_work[0].heard else None

    def _is_far(self, first: Segment, now: float) -> bool:
        look = first.wire.arrived(now) if first.wire is not None else None
        # Its thread may have yet to begin.
        self._over = look is not None
        return look is not None and look.least > LONG_PATH
