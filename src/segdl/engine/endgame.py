"""The last round trip of a download over a long path, in which nobody should wait for one more."""

from __future__ import annotations

from segdl.core.ramp_state import LONG_PATH
from segdl.engine.contact import Ranges
from segdl.engine.hedges import Hedges
from segdl.engine.job import Job
from segdl.engine.outcome import Opened
from segdl.engine.revalidation import Revalidation
from segdl.engine.run import Run
from segdl.engine.segment import Segment, Supply
from segdl.engine.site import Site
from segdl.engine.sites import Sites

# Seconds until an answer that is on its way is looked for again, and for how many round trips it
# is done so often.
_TICK = 0.003
_PATIENCE = 3.0


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
        self._began = self._until = run.clock()
        self._hedges = Hedges(job)
        self._revalidation = Revalidation(sites.origin, run.clock)

    @property
    def tick(self) -> float | None:
        """Seconds until `follow` should be called again; None: there is nothing to wait for."""
        return _TICK if self._waiting and self._run.clock() < self._until else None

    @property
    def _waiting(self) -> bool:
        return self._hedges.waiting or self._revalidation.waiting

    def follow(self, left: int | None, now: float) -> None:
        """Ask for what is worth it now, and take what has come.

        Args:
            left: bytes that are still to come; None where nobody knows.
            now: seconds.
        """
        site = self._sites.origin
        if left and site.gate.round_trip > LONG_PATH and self._is_only_waited_for(site):
            if not self._waiting:
                self._until = now + _PATIENCE * site.gate.round_trip
            at_work = [each for each in self._supply.live if each.wire is not None]
            rate = site.received / max(now - self._began, 1e-6)
            self._hedges.ask(at_work, site, rate, now)
            speed = sum(each.speed.rate or 0.0 for each in at_work)
            if speed:
                self._revalidation.ask(left / speed)
        self._hedges.look()
        self._revalidation.look()

    def _is_only_waited_for(self, site: Site) -> bool:
        """Tell whether all that is missing was asked for, of one server that serves ranges."""
        if self._sites.several or not self._supply.divisible or site.pin.ranges is not Ranges.WORK:
            return False
        return all(each.complete or each.wire is not None for each in self._supply.live)

    def take(self) -> tuple[Segment, Site, Opened] | None:
        """Return a segment that nobody is at work on any more, and what brings its rest."""
        return self._hedges.take()

    def confirms(self, ended: float) -> bool:
        """Tell whether it is known that the server had the same version still at the end.

        Args:
            ended: when everything was here, in seconds.
        """
        return not self._sites.several and self._revalidation.agrees(ended, self._run.sleep)

    def close(self) -> None:
        """Let go of every request."""
        self._hedges.close()
        self._revalidation.close()
