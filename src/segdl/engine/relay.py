"""Responses that go on behind the segment they were asked for, into the one that follows.

A segment may be cut while its response is on the way. When that has come to the cut, its
connection is at full pace, and the one that took the rest over may be not.
"""

from __future__ import annotations

from typing import NamedTuple

from segdl.core.speed import Speed
from segdl.core.tail import Running, overtakes
from segdl.engine.outcome import Rest
from segdl.engine.segment import Drop, Segment
from segdl.engine.site import Site
from segdl.engine.supply import Supply


class Baton(NamedTuple):
    """What is handed on: a response, where it comes from, and how fast it was."""

    site: Site
    rest: Rest
    speed: Speed


class Relay:
    """Hands responses on. The coordinator's thread owns it, and closes it."""

    def __init__(self) -> None:
        self._waiting: dict[Segment, Baton] = {}

    @property
    def waiting(self) -> int:
        """Responses that nobody reads at the moment; each is a connection."""
        return len(self._waiting)

    def offer(self, done: Segment, rest: Rest, supply: Supply, setup: float) -> None:
        """Keep a response for the segment that it goes on into, or close it.

        Args:
            done: the segment that it was cut for, and has brought.
            rest: the response.
            supply: the segments of the download.
            setup: seconds until a new connection's first byte.
        """
        assert done.site is not None
        behind = (each for each in supply.live if each.start >= done.stop and not each.complete)
        ahead = min(behind, key=lambda each: each.start, default=None)
        if ahead is None or ahead in self._waiting or not _worthwhile(done, rest, ahead, setup):
            close(done.site, rest)
            return
        if ahead.wire is not None and ahead.dropped is None:
            ahead.dropped = Drop.OVERTAKEN
            ahead.wire.abort()
        if not ahead.heard and ahead.start <= rest.at == done.position:
            # It may be connecting, which takes its time to end.
            ahead = supply.go_on_in(done, ahead, rest.at)
        done.site.held += 1
        self._waiting[ahead] = Baton(done.site, rest, done.speed)

    def take(self) -> tuple[Segment, Baton] | None:
        """Return a segment that nobody is at work on any more, and what to go on with."""
        for segment, baton in self._waiting.items():
            if segment.wire is None:
                del self._waiting[segment]
                baton.site.held -= 1
                if segment.complete or baton.rest.at > segment.position:
                    close(baton.site, baton.rest)
                    return self.take()
                return segment, baton
        return None

    def close(self) -> None:
        """Close what nobody took."""
        while self._waiting:
            _, baton = self._waiting.popitem()
            baton.site.held -= 1
            close(baton.site, baton.rest)


def _worthwhile(done: Segment, rest: Rest, ahead: Segment, setup: float) -> bool:
    if done.speed.rate is None or ahead.position >= rest.stop:
        return False
    at_work = ahead.wire is not None
    running = Running(ahead.position, ahead.stop, ahead.speed.rate if at_work else None)
    return overtakes(done.speed.rate, rest.at, running, setup=setup)


def close(site: Site, rest: Rest) -> None:
    """Close a response that nobody goes on with."""
    rest.exchange.close()
    site.gate.closed(was_streaming=True)
