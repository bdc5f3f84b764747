"""The coordinator of one version of one file: who fetches what, and when to stop.

One thread runs it and owns every segment; others carry out one attempt each.
"""

from __future__ import annotations

from math import inf

from segdl.core.mirrorchoice import WANTED
from segdl.core.ramp_state import LONG_PATH
from segdl.core.spans import OPEN, Span
from segdl.core.speed import Speed
from segdl.core.tail import asked_at_once
from segdl.engine.aftermath import Aftermath
from segdl.engine.attempts import Attempts
from segdl.engine.contact import Ranges
from segdl.engine.crew import Crew
from segdl.engine.endgame import Endgame
from segdl.engine.job import Job
from segdl.engine.outcome import Opened, Outcome, Streamed
from segdl.engine.outset import Outset
from segdl.engine.pause import Pause
from segdl.engine.relay import Relay, close
from segdl.engine.run import Run
from segdl.engine.segment import Drop, Segment
from segdl.engine.site import Site
from segdl.engine.sites import Sites
from segdl.engine.supply import Supply
from segdl.engine.trials import Trials
from segdl.engine.watch import Watch
from segdl.net.wire import Wire
from segdl.progress.events import Note, Progress

# Seconds for which one connection asks at once, where more were planned.
_AT_ONCE = 2.0


class Fetching:
    """Fetches the segments of one version of a file.

    Args:
        run: the surroundings.
        job: what the attempts share.
        sites: where it can be had.
        supply: what is missing.
        number: the file's, for events.

    Attributes:
        confirmed: whether the server was found to have the same version still at the end.
    """

    def __init__(self, run: Run, job: Job, sites: Sites, supply: Supply, *, number: int) -> None:
        self._run = run
        self._job = job
        self._sites = sites
        self._supply = supply
        self._number = number
        self._attempts = Attempts(run, job, sites, number)
        self._trials = Trials(run, job, sites)
        self._aftermath = Aftermath(run, sites, number)
        self._watch = Watch(run.network)
        size = self._size if supply.divisible else None
        missing = 0 if size is None else size - supply.done
        self._crew = Crew(run.transfer, job.origin.gate, missing, self._note)
        self._outset = Outset(run, sites, supply)
        self._relay = Relay()
        self._endgame = Endgame(run, job, sites, supply)
        self._pause = Pause(run, sites, number)
        self.confirmed = False

    def fetch(self, opened: Opened | None) -> None:
        """Return when every segment is complete.

        Args:
            opened: a response that brings the beginning of the first segment.

        Raises:
            ChangedError: see there; the parts are as they were.
            UnrangedError: see there.
            LiedError: see there; nobody writes any more what it names.
            SegdlError: it cannot be done; the parts are kept.
        """
        try:
            if opened is not None:
                self._aftermath.halves = opened[0].lasts
                self._start(self._supply.live[0], self._sites.origin, opened)
            while not (self._supply.advance() and self._is_done()):
                self._launch()
                if not self._at_work():
                    self._pause.tell(self._aftermath.refusal)
                # What ended just now has been followed by what comes next.
                self._watch_over()
                self._report()
                for segment, outcome in self._attempts.take(self._patience()):
                    self._handle(segment, outcome)
                if self._supply.fleeting:
                    self._compare_seams()
                self._trials.take()
                self._run.check_cancelled()
            ended = self._run.clock()
            self._compare_seams()
            self.confirmed = self._endgame.confirms(ended)
        finally:
            self._crew.leave()
            self._stop()
            self._report()

    def tell_unproved(self) -> None:
        """Say so where the end of the file was not told from a connection that broke."""
        if not self._aftermath.proved:
            self._note(
                "the server did not tell the file's length: a cut would look the same as its end"
            )

    def _note(self, text: str) -> None:
        self._run.emit(Note(self._number, text))

    def _is_done(self) -> bool:
        # A response that brought the last byte may still turn out to bring too many.
        return all(segment.complete and segment.wire is None for segment in self._supply.live)

    def _launch(self) -> None:
        """Start what is ready, as far as the threads go and the origins' gates let it."""
        while handed_on := self._relay.take():
            ahead, baton = handed_on
            self._start(ahead, baton.site, baton.rest.opened, baton.speed)
        while overtaken := self._endgame.take():
            self._start(*overtaken)
        for piece in self._outset.cut(self._run.clock()) if self._crew.listens else ():
            self._start(piece, self._sites.origin, None)
        if self._crew.does_with_one and not self._sites.several:
            rate = self._supply.rate(self._run.clock())
            self._supply.join(rate * _AT_ONCE, self._job.selection.cuts)
        while (at_work := self._at_work()) < self._wanted():
            only_idle = at_work >= self._crew.wanted
            site = self._sites.choose(self._left(), only_idle=only_idle)
            if site is None:
                return
            segment, split = self._supply.next_ready(self._run.clock()), None
            if segment is None:
                split = self._help_wanted(site, at_work)
            goes_on = segment is not None and segment.goes_on_at(site) and self._aftermath.halves
            claim = site.gate.try_go_on if goes_on else site.gate.try_ask
            if not (segment or split) or not claim():
                return
            if not self._sites.is_proved(site):
                if not self._trials.start(site, self._busy()):
                    self._do_with_fewer()
            elif segment is not None:
                self._start(segment, site, None)
            elif split is not None:
                self._start(self._supply.split(*split), site, None)

    def _left(self) -> int:
        return sum(segment.stop - segment.position for segment in self._supply.live)

    def _help_wanted(self, site: Site, at_work: int) -> tuple[Segment, int] | None:
        live = self._supply.live
        # Where some wait for another try, the server has trouble enough.
        waiting = any(not each.complete and each.wire is None for each in live)
        if waiting or not self._supply.divisible:
            return None
        newcomers = 1
        if site.gate.round_trip > LONG_PATH:
            # Each that is cut again is another to set up. Who refuses more gets no more.
            newcomers = min(self._wanted(), site.gate.limit) - at_work
        least, rate = self._run.transfer.min_split, site.idle_pace or self._sites.rate_of(site)
        now = self._run.clock()
        beside = site.gate.streaming > at_work
        # One that waits for a request needs no more than that.
        setup = (site.gate.round_trip or None) if site.source.idle else None
        return self._watch.help_wanted(
            live, least, rate, newcomers, now=now, setup=setup, beside=beside
        )

    def _at_work(self) -> int:
        connected = sum(segment.wire is not None for segment in self._supply.live)
        return connected + self._relay.waiting + self._trials.running

    def _wanted(self) -> int:
        """Return how many connections to have at work now; each mirror is worth one."""
        mirrors = min(self._sites.alive, WANTED, self._run.transfer.most)
        return min(max(self._crew.wanted, mirrors), self._attempts.most)

    def _busy(self) -> int:
        """Return how many threads are at work for this file."""
        return self._at_work() - self._relay.waiting

    def _do_with_fewer(self) -> None:
        self._attempts.do_with_fewer(self._at_work(), self._busy())

    def _start(
        self, segment: Segment, site: Site, opened: Opened | None, speed: Speed | None = None
    ) -> None:
        busy, now = self._busy(), self._run.clock()
        self._supply.place(segment)
        self._job.share_chunks(max(self._wanted(), busy + 1))
        again = segment.goes_on_at(site)
        rate = segment.rate(now) if again else site.idle_pace
        segment.until = segment.stop if opened else self._until(segment, site, rate)
        # Another one is asked instead where there are several.
        beside = not self._sites.several and self._supply.sent > 0
        segment.set_out(
            Wire(), site, now, speed, again=again, beside=beside, heard=opened is not None
        )
        self._sites.set_out(site)
        segment.conditional = self._aftermath.conditional
        if not self._attempts.start(segment, site, opened, busy=busy):
            self._do_with_fewer()

    def _until(self, segment: Segment, site: Site, rate: float | None) -> int:
        """Return up to where to ask: others may take over what is not asked for yet."""
        left = sum(not each.complete for each in self._supply.live)
        # With more segments than connections nobody takes anything over for now. Mirrors are
        # measured by what comes without a break.
        shared = self._supply.divisible and left <= self._wanted() > 1 and not self._sites.several
        if not (shared and self._aftermath.halves) or site.pin.ranges is not Ranges.WORK:
            return segment.stop
        missing, round_trip = segment.stop - segment.position, site.gate.round_trip
        return segment.position + asked_at_once(
            segment.start, missing, rate=rate, round_trip=round_trip
        )

    def _patience(self) -> float:
        """Return how long nothing needs to be done unless an outcome comes, in seconds."""
        now = self._run.clock()
        waits = [segment.ready_at - now for segment in self._supply.live if segment.wire is None]
        tick = min(self._crew.tick, self._endgame.tick or inf)
        return max(0.001, min([tick, *(wait for wait in waits if wait > 0)]))

    def _handle(self, segment: Segment, outcome: Outcome) -> None:
        wire, segment.wire, site = segment.wire, None, segment.site
        assert site is not None
        if isinstance(outcome, Streamed) and outcome.rest is not None:
            self._relay.offer(segment, outcome.rest, self._supply, self._watch.setup)
        if isinstance(outcome, Streamed) and segment.complete:
            site.pace = segment.speed.pace or site.pace
        if segment.position > segment.began:
            site.brought.append(Span(segment.began, segment.position))
        if wire is not None and wire.aborted and segment.dropped is None:
            # Ended by `_stop`: what came of it is of no interest any more.
            return
        self._aftermath.take(segment, site, outcome, self._supply.live)

    def _watch_over(self) -> None:
        now = self._run.clock()
        self._watch.measure(self._supply.live, now)
        # Where the server says no to another one, the silent ones are all that there are.
        able = self._supply.divisible and not any(each.denied for each in self._supply.live)
        idle = able and self._at_work() < self._wanted()
        self._watch.drop_slow(self._supply.live, now, idle=idle)
        left = None if (size := self._size) is None else size - self._supply.done
        self._crew.follow(self._supply.live, self._outset.apart, self._sites.received, left, now)
        self._crew.send_home(self._supply.live, self._at_work() - self._wanted(), now)
        self._endgame.follow(left, now)
        misplaced = self._sites.look(self._supply.live, now)
        # One beyond the number that pays could go to nobody but an idle mirror.
        free = self._at_work() <= self._crew.wanted
        if free and misplaced is not None and misplaced.wire and misplaced.dropped is None:
            misplaced.dropped = Drop.MISPLACED
            misplaced.wire.abort()

    @property
    def _size(self) -> int | None:
        size = self._job.selection.size
        return None if size == OPEN else size

    def _compare_seams(self) -> None:
        disagreement = self._job.seams.first_mismatch(self._job.parts)
        if disagreement is not None:
            self._aftermath.disagree(disagreement.at, disagreement.site, self._supply.live)

    def _report(self) -> None:
        segments = tuple(segment.state() for segment in self._supply.live)
        self._run.emit(Progress(self._number, self._supply.done, self._size, segments))

    def _stop(self) -> None:
        """Abort what is in flight and wait for it, as long as that is a matter of moments.

        A thread that is stuck in connecting may stay behind: its wire is aborted, so it
        ends before it would touch a part.
        """
        for segment in self._supply.live:
            if segment.wire is not None:
                segment.wire.abort()
        self._trials.stop()
        self._attempts.stop()
        for segment in self._supply.live:
            if segment.site is not None and segment.wire is not None:
                # What it wrote until now came from there, whatever becomes of the rest.
                segment.site.brought.append(Span(segment.began, segment.position))
        self._relay.close()
        self._endgame.close()
        for segment, outcome in self._attempts.take(0.0):
            segment.wire = None
            if isinstance(outcome, Streamed) and outcome.rest is not None:
                assert segment.site is not None
                close(segment.site, outcome.rest)
        self._sites.all_came_back()
