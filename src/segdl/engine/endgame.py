"""The end of a download over a long path, where nobody should wait for one more round trip.

What is asked for here holds no place at the origin's door: it goes out only where there is room,
and what goes wrong with it says nothing of the download.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from segdl.core.outlook import Outlook, outlook
from segdl.core.ramp_state import LONG_PATH
from segdl.engine.contact import Ranges
from segdl.engine.hedges import Hedges
from segdl.engine.job import Job
from segdl.engine.outcome import Opened
from segdl.engine.revalidation import Revalidation
from segdl.engine.run import Run
from segdl.engine.segment import Segment
from segdl.engine.site import Site
from segdl.engine.sites import Sites
from segdl.engine.supply import Supply
from segdl.net.wire import Wire

# Round trips before the end from when on it is looked at closely: the speed so far, and what a
# round trip takes through a queue, tell but about when that is.
_NEAR = 8.0
# Seconds until an answer that is on its way is looked for again.
_TICK = 0.003


class Endgame:
    """Asks over idle connections. The coordinator's thread owns it, and closes it.

    Args:
        run: the surroundings.
        job: what the attempts share.
        sites: where the file can be had.
        supply: what is missing.
    """

    def __init__(self, run: Run, job: Job, sites: Sites, supply: Supply) -> None:
        self._run = run
        self._sites = sites
        self._supply = supply
        self._began = run.clock()
        self._received = sites.origin.received
        # Seconds of the shortest round trip of all connections that were seen at work.
        self._least = inf
        self._outlooks: dict[Wire, Outlook] = {}
        # Seconds until the server should be asked; None while nobody is to ask it.
        self._due: float | None = None
        self._hedges = Hedges(job)
        self._revalidation = Revalidation(sites.origin, run.clock)

    @property
    def tick(self) -> float | None:
        """Seconds until `follow` should be called again; None: there is nothing to wait for."""
        if self._hedges.under_way or self._revalidation.under_way:
            return _TICK
        return max(_TICK, self._due) if self._due is not None else None

    def follow(self, left: int | None, now: float) -> None:
        """Take what has come, and ask for what is worth it now.

        Args:
            left: bytes that are still to come; None where nobody knows.
            now: seconds.
        """
        self._hedges.look(self._supply.live, now)
        self._revalidation.look(now)
        self._due = None
        if left and self._is_only_waited_for():
            self._ask(left, now)

    def _ask(self, left: int, now: float) -> None:
        site = self._sites.origin
        at_work = [each for each in self._supply.live if each.wire is not None]
        rate = (site.received - self._received) / max(now - self._began, 1e-6)
        # The door's word is the time to an answer, which may be all the server's.
        if site.gate.round_trip <= LONG_PATH or left > _NEAR * rate * site.gate.round_trip:
            return
        missing = self._look_at_paths(at_work, now)
        if not LONG_PATH < self._least < inf:
            return
        room = self._room(at_work)
        if room > 0 and not self._revalidation.broke:
            self._hedges.ask(at_work, site, rate=rate, round_trip=self._least, most=room, now=now)
        # Those that wait for a lost packet may be as fast again as all of them were.
        speed = max(rate, sum(each.speed for each in self._outlooks.values()))
        if self._room(at_work) > 0 and speed and not self._hedges.useless:
            self._due = self._revalidation.ask(missing / speed, self._least)

    def _is_only_waited_for(self) -> bool:
        """Tell whether all that is missing was asked for, of one server that serves ranges."""
        serves = self._sites.origin.pin.ranges is Ranges.WORK
        if self._sites.several or not self._supply.divisible or not serves:
            return False
        return all(each.complete or each.wire is not None for each in self._supply.live)

    def _look_at_paths(self, at_work: Sequence[Segment], now: float) -> int:
        """Look at the connections, and return how many bytes are still to come over them."""
        before, self._outlooks, left = self._outlooks, {}, 0
        for each in at_work:
            wire, missing = each.wire, each.stop - each.position
            look = wire.arrived(now) if wire is not None else None
            if wire is not None and look is not None and look.least:
                self._least = min(self._least, look.least)
                self._outlooks[wire] = outlook(before.get(wire), look, missing)
                missing = self._outlooks[wire].left
            left += missing
        return left

    def _room(self, at_work: Sequence[Segment]) -> int:
        """Return how many requests may go out beside those that are under way."""
        site = self._sites.origin
        gate, ours = site.gate, self._hedges.under_way + self._revalidation.under_way
        if gate.crowded or not gate.may_ask_again:
            return 0
        of_the_file = min(self._run.transfer.most, site.allowed) - len(at_work)
        of_all = gate.limit - gate.streaming - gate.unanswered
        return min(of_the_file, of_all) - ours

    def take(self) -> tuple[Segment, Site, Opened] | None:
        """Return a segment that nobody is at work on any more, and what brings its rest."""
        return self._hedges.take(self._supply.live)

    def confirms(self, ended: float) -> bool:
        """Tell whether it is known that the server had the same version still at the end.

        Args:
            ended: when everything was here, in seconds.
        """
        if self._sites.several:
            return False
        # The last byte may have come from the nearest server of the name.
        least = min(self._least, self._hedges.least, self._sites.origin.gate.shortest)
        return self._revalidation.agrees(ended, least, self._run.sleep)

    def close(self) -> None:
        """Let go of every request."""
        self._hedges.close()
        self._revalidation.close()
