"""The places that a file can be had from: who is asked next, and who is not asked any more."""

from __future__ import annotations

from collections.abc import Sequence

from segdl.core.identity import Version
from segdl.core.mirrorchoice import better, choose
from segdl.core.mirrors import (
    NO_LIMIT,
    Mirror,
    Outcome,
    State,
    after,
    closed,
    expected,
    measured,
    opened,
)
from segdl.core.spans import Span
from segdl.core.url import parse_url
from segdl.engine.contact import Ranges
from segdl.engine.run import Run
from segdl.engine.segment import Segment
from segdl.engine.site import Pin, Site
from segdl.engine.task import Task
from segdl.errors import SegdlError
from segdl.net.source import Source
from segdl.progress.events import Note

# Seconds between two looks at how fast each of them is.
_LOOK = 0.5


def sites_of(task: Task, pin: Pin) -> Sites:
    """Return the places that a file may be had from; mirrors only where ranges can be asked for."""
    unknown = Pin(Version(size=pin.version.size), Ranges.WORK)
    usable = task.mirrors if pin.ranges is Ranges.WORK and pin.version.size else ()
    most = {parse_url(url).url: most for url, most in task.request.most_per_url}

    def site(source: Source, pin: Pin) -> Site:
        asked = source.asked
        gate = task.run.gates.of(asked.origin)
        return Site(source=source, gate=gate, pin=pin, most=most.get(asked.url, NO_LIMIT))

    mirrors = [site(source, unknown) for source in usable]
    return Sites(task.run, task.number, site(task.source, pin), mirrors)


class Sites:
    """The origin and the mirrors of one file. The coordinator's thread owns it.

    Args:
        run: the surroundings.
        number: the file's, for events.
        origin: whose word counts where two disagree.
        mirrors: claimed to hold the same file, the preferred ones first.
    """

    def __init__(self, run: Run, number: int, origin: Site, mirrors: Sequence[Site]) -> None:
        self._run = run
        self._number = number
        self.origin = origin
        self._sites = [origin, *mirrors]
        self._known = [Mirror(priority=place + 1) for place in range(len(self._sites))]
        self._known[0] = self._known[0]._replace(state=State.PROVED)
        self._looked_at = run.clock()
        self._received = [0] * len(self._sites)

    def start_over(self, pin: Pin) -> None:
        """Another version is fetched from now on: mirrors have to prove that they have it."""
        self.origin.pin = pin
        for index, site in enumerate(self._sites):
            site.brought.clear()
            if site is not self.origin and self._known[index].state is State.PROVED:
                self._known[index] = self._known[index]._replace(state=State.UNTRIED)

    def credit(self, url: str, spans: Sequence[Span]) -> None:
        """Note that an earlier run had `spans` from a mirror, where `url` is one of them.

        Args:
            url: without user, password and query.
            spans: of the local file.
        """
        for site in self._sites[1:]:
            if site.source.asked.public == url:
                site.brought.extend(spans)

    @property
    def all(self) -> Sequence[Site]:
        """The origin, and then the mirrors, also those that are not asked any more."""
        return self._sites

    @property
    def received(self) -> int:
        """Bytes that came from all of them."""
        return sum(site.received for site in self._sites)

    @property
    def alive(self) -> int:
        """How many may be asked."""
        return sum(each.state is not State.DROPPED for each in self._known)

    @property
    def several(self) -> bool:
        """Whether there is a choice."""
        return self.alive > 1

    def asks(self, site: Site) -> bool:
        """Whether it may be asked."""
        return self._known[self._sites.index(site)].state is not State.DROPPED

    def is_proved(self, site: Site) -> bool:
        """Whether its bytes count."""
        return self._known[self._sites.index(site)].state is State.PROVED

    def choose(self, remaining: int, *, only_idle: bool = False) -> Site | None:
        """Return whom to ask next; None where nobody should be asked now.

        Args:
            remaining: bytes that are still to come.
            only_idle: somebody who is not being asked anything.
        """
        alive = [
            site
            for site, known in zip(self._sites, self._known, strict=True)
            if known.state is not State.DROPPED
        ]
        if len(alive) == 1 and self.is_proved(alive[0]):
            full = self._known[self._sites.index(alive[0])].connections >= alive[0].allowed
            return None if only_idle or full else alive[0]
        known = self._as_allowed()
        if only_idle:
            known = [each._replace(most=0) if each.connections else each for each in known]
        chosen = choose(known, self._run.clock(), remaining)
        return None if chosen is None else self._sites[chosen]

    def rate_of(self, site: Site) -> float | None:
        """Return the bytes a second that one more connection to it would add, if that is known."""
        return expected(self._known[self._sites.index(site)]) or None

    def _as_allowed(self) -> list[Mirror]:
        """Return what is known, with the connections that gates and lists let through."""
        return [
            known._replace(most=min(known.connections + site.gate.may_ask, site.allowed))
            for site, known in zip(self._sites, self._known, strict=True)
        ]

    def pause(self) -> float:
        """Return the seconds until any of them may be asked."""
        return min(
            site.gate.pause()
            for site, known in zip(self._sites, self._known, strict=True)
            if known.state is not State.DROPPED
        )

    def prove(self, site: Site, pin: Pin) -> None:
        """Its bytes count from now on; each response must be of `pin`."""
        site.pin = pin
        self.came_back(site, Outcome.PROVED)

    def set_out(self, site: Site) -> None:
        """A request to it goes out."""
        index = self._sites.index(site)
        self._known[index] = opened(self._known[index])

    def all_came_back(self) -> None:
        """Every request is over, whatever became of it."""
        for index in range(len(self._known)):
            while self._known[index].connections:
                self._known[index] = closed(self._known[index])

    def came_back(
        self, site: Site, outcome: Outcome | None, *, wait: float = 0.0, why: str = ""
    ) -> None:
        """Take into account what became of a request; None says nothing of the site.

        Args:
            site: which was asked.
            outcome: see there.
            wait: seconds that it asks to wait.
            why: what is said where it is not asked any more for that.
        """
        index = self._sites.index(site)
        was = self._known[index].state
        self._known[index] = closed(self._known[index])
        if outcome is not None and was is not State.DROPPED:
            now = self._run.clock()
            state = after(self._known, index, outcome, now, wait=wait)
            if state.state is State.DROPPED and not self._others(index):
                state = state._replace(state=was)
            elif state.state is State.DROPPED:
                self._tell(site, why.removeprefix(f"{site.name}: ") or outcome.value)
            self._known[index] = state

    def drop(self, site: Site, why: str) -> bool:
        """Ask it no more; return whether there is another one that can go on."""
        index = self._sites.index(site)
        if not self._others(index):
            return False
        if self._known[index].state is not State.DROPPED:
            self._known[index] = self._known[index]._replace(state=State.DROPPED)
            self._tell(site, why.removeprefix(f"{site.name}: "))
        return True

    def tell_failed(self, site: Site, error: SegdlError) -> None:
        """Say that a mirror could not be tried, which it is again later."""
        why = error.message.removeprefix(f"{site.name}: ")
        self._run.emit(Note(self._number, f"{site.host} is left alone for a while: {why}"))

    def tell_postponed(self, site: Site, error: SegdlError) -> None:
        """Say that a mirror cannot be tried yet, for what the origin did."""
        self._run.emit(
            Note(self._number, f"{site.host} cannot be held against the file yet: {error.message}")
        )

    def _others(self, index: int) -> bool:
        return any(
            known.state is not State.DROPPED
            for place, known in enumerate(self._known)
            if place != index
        )

    def _tell(self, site: Site, why: str) -> None:
        self._run.emit(Note(self._number, f"{site.host} is not asked any more: {why}"))

    def look(self, segments: Sequence[Segment], now: float) -> Segment | None:
        """Measure each of them; return a segment that should go on elsewhere, if one should.

        Args:
            segments: those of the download.
            now: seconds.
        """
        passed = now - self._looked_at
        if len(self._sites) == 1 or passed < _LOOK:
            return None
        self._looked_at = now
        for index, (site, known) in enumerate(zip(self._sites, self._known, strict=True)):
            count = site.received - self._received[index]
            self._received[index] = site.received
            if known.connections and known.state is State.PROVED:
                self._known[index] = measured(known, count, passed)
        return self._misplaced(segments, now)

    def _misplaced(self, segments: Sequence[Segment], now: float) -> Segment | None:
        known = self._as_allowed()
        for index, site in enumerate(self._sites):
            at_work = [each for each in segments if each.site is site and each.wire is not None]
            if at_work and better(known, index, now) is not None:
                return max(at_work, key=lambda each: each.stop - each.position)
        return None

    def accused(self, at: int, site: Site, segments: Sequence[Segment]) -> list[Site]:
        """Return the mirrors that may have lied, where bytes at `at` differ from those of `site`.

        Args:
            at: place in the local file.
            site: who sent the bytes that were compared with those on disk.
            segments: those of the download.
        """
        senders = [each for each in self._sites if _holds(self.brought(each, segments), at)]
        return [each for each in self._sites[1:] if each is site or each in senders[:1]]

    def to_ask_for(self, span: Span) -> list[Site]:
        """Return whom to ask again for bytes that are wrong: who did not bring them goes first.

        Those that are not asked any more are among them: they may have been right.
        """
        return sorted(self._sites, key=lambda site: _brought(site, span))

    def bringer(self, span: Span) -> Site | None:
        """Return who alone brought bytes of `span` in this run; None where that is not known."""
        found = [site for site in self._sites if _brought(site, span)]
        return found[0] if len(found) == 1 else None

    def brought(self, site: Site, segments: Sequence[Segment]) -> list[Span]:
        """Return the bytes of this run that came from a site."""
        running = [
            Span(each.began, each.position)
            for each in segments
            if each.site is site and each.position > each.began
        ]
        return site.brought + running


def _brought(site: Site, span: Span) -> bool:
    return any(s.start < span.stop and span.start < s.stop for s in site.brought)


def _holds(spans: Sequence[Span], at: int) -> bool:
    return any(span.start <= at < span.stop for span in spans)
