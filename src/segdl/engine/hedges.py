"""Requests at the end for bytes that are on their way already.

Where packets are lost, the last few connections of many each wait a round trip or more for one.
Others are idle then: what is missing is asked for once more over these, and whoever has it first
is right (hedged requests: Dean and Barroso, "The Tail at Scale", 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

from segdl.core.endgame import LARGEST, due
from segdl.core.spans import Span
from segdl.core.tail import Running
from segdl.core.verdict import Accept, judge
from segdl.engine.job import Job
from segdl.engine.outcome import Opened
from segdl.engine.segment import Drop, Segment
from segdl.engine.site import Site
from segdl.net.asked import Asked
from segdl.net.failures import TransferError
from segdl.net.wire import Wire

# Round trips in which something comes, as long as nothing was lost.
_STILL = 0.5
# Round trips until an answer is waited for no longer.
_PATIENCE = 10.0


class _Hedge(NamedTuple):
    """A request for the rest of a segment.

    Attributes:
        site: where it went to.
        start: where in the local file it begins.
        span: bytes of the remote file.
        asked: the request, and what came for it.
        until: when it is waited for no longer, in seconds.
    """

    site: Site
    start: int
    span: Span
    asked: Asked
    until: float


class Hedges:
    """Asks for what is on its way. The coordinator's thread owns it, and closes it.

    Args:
        job: what the attempts share.

    Attributes:
        useless: whether an answer was of no use: then nothing more is asked for.
        least: seconds of the shortest round trip of the connections that had bytes first.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._asked: dict[Segment, _Hedge] = {}
        self._here: dict[Segment, _Hedge] = {}
        # Each segment is asked for once more only.
        self._tried: set[Segment] = set()
        self.useless = False
        self.least = inf

    @property
    def under_way(self) -> int:
        """Requests whose answers are on their way."""
        return len(self._asked)

    def ask(
        self,
        at_work: Sequence[Segment],
        site: Site,
        *,
        rate: float,
        round_trip: float,
        most: int,
        now: float,
    ) -> None:
        """Ask for what is missing of the segments that would end last.

        Args:
            at_work: segments with a connection to the site.
            site: where they go to.
            rate: bytes a second that came from it so far.
            round_trip: seconds.
            most: requests that may go out.
            now: seconds.
        """
        # Their threads go on meanwhile: each place is looked at once.
        running = [
            Running(
                each.position, each.stop, each.speed.rate if _flows(each, now, round_trip) else None
            )
            for each in at_work
        ]
        for number in due(running, rate=rate, round_trip=round_trip):
            segment = at_work[number]
            # What was asked for just now is about to come.
            early = not segment.heard and now < segment.set_out_at + round_trip
            if early or segment in self._tried:
                continue
            if self.useless or most <= 0 or not site.source.idle:
                return
            span = Span(running[number].position, running[number].stop)
            if not self._send(segment, site, span, now + _PATIENCE * round_trip):
                return
            most -= 1

    def _send(self, segment: Segment, site: Site, span: Span, until: float) -> bool:
        condition = site.pin.version.strong_etag if segment.conditional else None
        remote = self._job.selection.remote(span)
        asked = site.source.ask_ahead(remote, if_range=condition, most=LARGEST)
        if asked is None:
            return False
        self._tried.add(segment)
        self._asked[segment] = _Hedge(site, span.start, remote, asked, until)
        return True

    def look(self, live: Sequence[Segment], now: float) -> None:
        """Take what has come; end the attempts whose bytes are here by now.

        Args:
            live: the segments of the download: others may be in the place of one by now.
            now: seconds.
        """
        for segment, hedge in list(self._asked.items()):
            wanted = segment in live and not segment.complete
            if wanted and now < hedge.until and hedge.asked.gather():
                continue
            del self._asked[segment]
            if not (wanted and hedge.asked.whole):
                self.useless = self.useless or wanted
                hedge.asked.drop()
                continue
            self._here[segment] = hedge
            self.least = min(self.least, hedge.asked.least or 0.0)
            if segment.wire is not None and segment.dropped is None:
                segment.dropped = Drop.OVERTAKEN
                segment.wire.abort()

    def take(self, live: Sequence[Segment]) -> tuple[Segment, Site, Opened] | None:
        """Return a segment that nobody is at work on any more, and the answer to go on with.

        Whoever goes on with it has it leave the door.

        Args:
            live: the segments of the download.
        """
        for segment, hedge in list(self._here.items()):
            if segment.wire is not None:
                continue
            del self._here[segment]
            missing = segment in live and hedge.start <= segment.position < segment.stop
            opened = _opened(hedge) if missing else None
            if opened is not None and hedge.site.gate.try_ask_again():
                return segment, hedge.site, opened
            self.useless = self.useless or (missing and opened is None)
        return None

    def close(self) -> None:
        """Let go of what nobody took."""
        for hedge in [*self._asked.values(), *self._here.values()]:
            hedge.asked.drop()
        self._asked.clear()
        self._here.clear()


def _flows(segment: Segment, now: float, round_trip: float) -> bool:
    """Tell whether its connection brings bytes, as far as is known: it may wait for a lost one."""
    return segment.heard and now < segment.moved_at + _STILL * round_trip


def _opened(hedge: _Hedge) -> Opened | None:
    """Return the answer; None where it is not what was asked for."""
    try:
        exchange = hedge.asked.exchange(Wire())
    except TransferError:
        return None
    version = hedge.site.pin.version
    verdict = judge(hedge.span, exchange.head, version, str(exchange.location))
    if isinstance(verdict, Accept):
        return exchange, verdict
    exchange.close()
    return None
