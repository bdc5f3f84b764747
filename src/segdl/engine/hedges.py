"""Requests at the end for bytes that are on their way already.

Where packets are lost, the last few connections of many each wait a round trip or more for one.
Others are idle then: what is missing is asked for once more over these, and whoever has it first
is right (hedged requests: Dean and Barroso, "The Tail at Scale", 2013).
"""

from __future__ import annotations

from collections.abc import Sequence
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


class _Hedge(NamedTuple):
    """A request for the rest of a segment, which counts at the door of its site.

    Attributes:
        site: where it went to.
        span: bytes of the remote file.
        asked: the request, and what came for it.
    """

    site: Site
    span: Span
    asked: Asked


class Hedges:
    """Asks for what is on its way. The coordinator's thread owns it, and closes it.

    Args:
        job: what the attempts share.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._under_way: dict[Segment, _Hedge] = {}
        self._here: dict[Segment, _Hedge] = {}
        # Each segment is asked for once more only, and none after an answer that is of no use.
        self._tried: set[Segment] = set()
        self._useless = False

    @property
    def waiting(self) -> bool:
        """Whether answers are on their way."""
        return bool(self._under_way)

    def ask(self, at_work: Sequence[Segment], site: Site, rate: float, now: float) -> None:
        """Ask for what is missing of the segments that would end last.

        Args:
            at_work: segments with a connection to the site.
            site: where they go to.
            rate: bytes a second that came from it so far.
            now: seconds.
        """
        round_trip = site.gate.round_trip
        running = [
            Running(each.position, each.stop, each.speed.rate if each.heard else None)
            for each in at_work
        ]
        for number in due(running, rate=rate, round_trip=round_trip):
            segment = at_work[number]
            # What was asked for just now is about to come.
            early = not segment.heard and now < segment.set_out_at + round_trip
            if early or segment in self._tried:
                continue
            if self._useless or not site.source.idle or not self._send(segment, site):
                return

    def _send(self, segment: Segment, site: Site) -> bool:
        if not site.gate.try_ask_again():
            return False
        condition = site.pin.version.strong_etag if segment.conditional else None
        span = self._job.selection.remote(Span(segment.position, segment.stop))
        asked = site.source.ask_ahead(span, if_range=condition, most=LARGEST)
        if asked is None:
            site.gate.closed(was_streaming=True)
            return False
        self._tried.add(segment)
        self._under_way[segment] = _Hedge(site, span, asked)
        return True

    def look(self) -> None:
        """Take what has come; end the attempts whose bytes are here by now."""
        for segment, hedge in list(self._under_way.items()):
            if not segment.complete and hedge.asked.gather():
                continue
            del self._under_way[segment]
            if segment.complete or not hedge.asked.whole:
                self._useless = self._useless or not segment.complete
                _let_go(hedge)
                continue
            self._here[segment] = hedge
            if segment.wire is not None and segment.dropped is None:
                segment.dropped = Drop.OVERTAKEN
                segment.wire.abort()

    def take(self) -> tuple[Segment, Site, Opened] | None:
        """Return a segment that nobody is at work on any more, and the answer to go on with."""
        for segment, hedge in list(self._here.items()):
            if segment.wire is not None:
                continue
            del self._here[segment]
            opened = None if segment.complete else self._opened(hedge)
            if opened is not None:
                return segment, hedge.site, opened
            self._useless = self._useless or not segment.complete
            _let_go(hedge)
        return None

    def _opened(self, hedge: _Hedge) -> Opened | None:
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

    def close(self) -> None:
        """Let go of what nobody took."""
        for hedge in [*self._under_way.values(), *self._here.values()]:
            _let_go(hedge)
        self._under_way.clear()
        self._here.clear()


def _let_go(hedge: _Hedge) -> None:
    hedge.asked.drop()
    hedge.site.gate.closed(was_streaming=True)
