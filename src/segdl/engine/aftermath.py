"""What follows from what came of an attempt: go on, try again, or end with an error."""

from __future__ import annotations

from math import inf

from segdl.core import mirrors
from segdl.core.causes import cause_of
from segdl.core.pace import LONGEST_WAIT
from segdl.core.verdict import Changed, Denied, Fail, Refused, Retry, Unranged
from segdl.engine.busy import tell_busy
from segdl.engine.contact import asks_too_long
from segdl.engine.outcome import Broken, Crash, Mismatch, Outcome, Streamed, TakenBack
from segdl.engine.run import TICK, Run
from segdl.engine.segment import Drop, Segment
from segdl.engine.site import Site
from segdl.engine.sites import Sites
from segdl.errors import NetworkError, SegdlError, ServerError, Trouble
from segdl.net.failures import TransferError
from segdl.progress.events import Note, Retrying

_MOST_UNRANGED = 3
# Requests one after the other that are denied though nothing comes any more.
_MOST_DENIED = 3
_SOME_BYTES = 4096


class ChangedError(Exception):
    """The remote file may be another now; `proved` where bytes differ."""

    def __init__(self, why: str, *, proved: bool) -> None:
        super().__init__(why)
        self.why = why
        self.proved = proved


class UnrangedError(Exception):
    """The server stopped answering ranges as it should."""


class LiedError(Exception):
    """Mirrors sent bytes that are not the file's: what they brought must go."""

    def __init__(self, mirrors: list[Site], why: str) -> None:
        super().__init__(why)
        self.mirrors = mirrors


class Aftermath:
    """Decides for one version of one file. The coordinator's thread owns it.

    Args:
        run: the surroundings.
        sites: where it can be had.
        number: the file's, for events.

    Attributes:
        conditional: whether If-Range is sent: some servers drop Range when it is.
        halves: whether a request may leave something for another one over the same connection:
            until the server closes one, or answers such a request otherwise.
        refusal: the last one, for when nothing else goes on.
        proved: whether the end of the file was told from a connection that broke.
    """

    def __init__(self, run: Run, sites: Sites, number: int) -> None:
        self._run = run
        self._sites = sites
        self._number = number
        self._unranged = 0
        self._unranged_at = -inf
        self._in_vain = 0
        self._told_limit = self._denies = False
        self.conditional = self.halves = True
        self.refusal: Refused | None = None
        self.proved = True

    def take(self, segment: Segment, site: Site, outcome: Outcome, others: list[Segment]) -> None:
        """Bring `segment` into the state that it is to go on from.

        Args:
            segment: whose attempt is over.
            site: which was asked.
            outcome: what came of it.
            others: every segment of the download.

        Raises:
            ChangedError: see there.
            UnrangedError: see there.
            LiedError: see there.
            SegdlError: it cannot be done.
        """
        progressed = segment.position > segment.began and segment.dropped is not Drop.CRAWLING
        if progressed:
            segment.tries = 0
            self._unranged = self._in_vain = 0
        self._sites.came_back(site, _said(outcome, segment), wait=_wait(outcome))
        if segment.again and _says_no_to_more(outcome, segment, others):
            self.halves = False
        match outcome:
            case Streamed(end=end, proved=proved, lasts=lasts):
                self._streamed(segment, site, end, progressed=progressed)
                self.proved = self.proved and proved
                if not segment.complete:
                    segment.goes_on = lasts
                    self.halves = self.halves and lasts
            case Broken(failure=TransferError(fatal=False)) if segment.complete:
                # What broke was behind its last byte.
                pass
            case Broken(failure=failure):
                self._broken(segment, site, failure, progressed=progressed)
            case Refused():
                self._refused(segment, site, outcome)
            case Retry(error=error):
                self._try_again(segment, site, error)
            case Fail(error=error):
                self._failed(segment, site, error, others)
            case Denied(error=error):
                self._denied(segment, others, error)
            case Unranged(why=why):
                self._answered_otherwise(segment, site, why)
            case Changed(why=why):
                self._changed(site, why)
            case Mismatch(at=at):
                self.disagree(at, site, others)
            case TakenBack():
                segment.ready_at = self._run.clock()
            case Crash(error=error):
                raise error

    def disagree(self, at: int, site: Site, segments: list[Segment]) -> None:
        """Find out whose bytes are wrong where two differ.

        Raises:
            LiedError: mirrors are to blame.
            ChangedError: the origin itself says two things.
        """
        accused = self._sites.accused(at, site, segments)
        if accused:
            raise LiedError(accused, f"bytes at {at} differ")
        raise ChangedError(f"bytes at {at} differ from those fetched before", proved=True)

    def _changed(self, site: Site, why: str) -> None:
        if site is self._sites.origin:
            raise ChangedError(why, proved=False)
        raise LiedError([site], "bytes at 0 differ")

    def _streamed(self, segment: Segment, site: Site, end: int | None, *, progressed: bool) -> None:
        if end is not None:
            segment.stop = end
        elif not segment.complete and progressed:
            if segment.position - segment.began < _SOME_BYTES:
                segment.ready_at = self._run.clock() + self._run.backoff(1)
        elif not segment.complete:
            error = NetworkError(f"{site.name}: empty answers", trouble="closed")
            self._try_again(segment, site, error)

    def _broken(
        self, segment: Segment, site: Site, failure: TransferError, *, progressed: bool
    ) -> None:
        error = failure.error
        if failure.fatal:
            self._give_up(segment, site, error)
            return
        if segment.dropped in {Drop.OVERTAKEN, Drop.SURPLUS}:
            # Nothing went wrong.
            segment.ready_at = self._run.clock()
            return
        if segment.dropped is not None:
            why = segment.dropped.value
            trouble: Trouble = "silent" if segment.dropped is Drop.CRAWLING else "slow"
            error = NetworkError(f"{site.name}: {why}", trouble=trouble)
        if segment.dropped in {Drop.LAGGING, Drop.UNANSWERED, Drop.MISPLACED}:
            segment.lagged += segment.dropped is not Drop.MISPLACED
            self._go_on(segment, site, error, 0.0)
        elif progressed:
            # Cut after some KiB: ask for the rest at once. After less, not that fast.
            brought = segment.position - segment.began
            self._go_on(
                segment, site, error, 0.0 if brought >= _SOME_BYTES else self._run.backoff(1)
            )
        else:
            self._try_again(segment, site, error)

    def _refused(self, segment: Segment, site: Site, refusal: Refused) -> None:
        # The gate knows when it may be asked again.
        self.refusal = refusal
        tell_busy(self._run, self._number, refusal, site.gate)
        if segment.again:
            # It took as many before: to have fewer would not help.
            segment.ready_at = self._run.clock() + self._run.backoff(2)
            return
        if site.gate.streaming:
            self._tell_limit(site)
            return
        if refusal.by is not None and refusal.after is not None:
            # That is the gate of who led there.
            if refusal.after > LONGEST_WAIT:
                self._give_up(segment, site, asks_too_long(refusal.error, refusal.after))
                return
            segment.ready_at = self._run.clock() + refusal.after
        segment.tries += 1
        self._give_up_after_retries(segment, site, refusal.error)

    def _failed(
        self, segment: Segment, site: Site, error: SegdlError, others: list[Segment]
    ) -> None:
        self._in_vain += 1
        if not self._denies or self._in_vain >= _MOST_DENIED:
            self._give_up(segment, site, error)
            return
        # For the server the one before may not have been over yet: nobody asks for a while.
        self._try_again(segment, site, error)
        for each in others:
            each.ready_at = max(each.ready_at, segment.ready_at)

    def _denied(self, segment: Segment, others: list[Segment], error: ServerError) -> None:
        """Have it wait until fewer come: what they bring may be all that is to be had."""
        segment.denied = max(1, sum(each.heard and each.wire is not None for each in others))
        segment.ready_at = self._run.clock()
        if not self._denies:
            self._denies = True
            said = f"the server answers {error.status} to one more request"
            self._run.emit(Note(self._number, f"{said}: going on with {segment.denied}"))

    def _answered_otherwise(self, segment: Segment, site: Site, why: str) -> None:
        if segment.conditional and site.pin.version.strong_etag:
            self.conditional = False
        else:
            if segment.set_out_at > self._unranged_at:
                # Those that were under way together are one.
                self._unranged += 1
                self._unranged_at = self._run.clock()
            # That others go on meanwhile says nothing of what this one is answered.
            if max(self._unranged, segment.tries + 1) >= _MOST_UNRANGED:
                if self._sites.drop(site, why):
                    return
                raise UnrangedError(why)
        self._try_again(segment, site, NetworkError(f"{site.name}: {why}", trouble="answer"))

    def _try_again(self, segment: Segment, site: Site, error: SegdlError) -> None:
        segment.tries += 1
        self._give_up_after_retries(segment, site, error)
        self._go_on(segment, site, error, self._run.backoff(segment.tries))

    def _give_up_after_retries(self, segment: Segment, site: Site, error: SegdlError) -> None:
        if segment.tries >= max(1, self._run.transfer.retries):
            error.hint = error.hint or "run the same command to go on"
            self._give_up(segment, site, error)

    def _give_up(self, segment: Segment, site: Site, error: SegdlError) -> None:
        """Go on without the site where there is another one, else end."""
        if not self._sites.drop(site, error.message):
            raise error
        segment.tries = 0
        segment.ready_at = self._run.clock()

    def _go_on(self, segment: Segment, site: Site, error: SegdlError, delay: float) -> None:
        # Another site need not wait for what this one has.
        segment.ready_at = self._run.clock() + (0.0 if self._sites.several else delay)
        what = error.message.removeprefix(f"{site.name}: ")
        retries = self._run.transfer.retries
        self._run.emit(
            Retrying(
                self._number, segment.start, segment.tries, retries, delay, what, cause_of(error)
            )
        )

    def _tell_limit(self, site: Site) -> None:
        if not self._told_limit:
            self._told_limit = True
            limit = site.gate.limit
            text = f"the server takes no more connections: going on with {limit}"
            self._run.emit(Note(self._number, text))


def _says_no_to_more(outcome: Outcome, segment: Segment, others: list[Segment]) -> bool:
    """Tell whether another request over a connection was not welcome.

    Between two requests its place may go to a newcomer, which is answered about when the
    second one is refused, or will be. A server that says when to come again means everybody.
    """
    if isinstance(outcome, Refused) and outcome.after is None:
        lately = segment.set_out_at - TICK
        return not any(
            each.heard_at is None or each.heard_at >= lately
            for each in others
            if each.wire is not None and each.site is segment.site and not each.again
        )
    return isinstance(outcome, Refused | Unranged | Retry | Fail | Denied)


def _said(outcome: Outcome, segment: Segment) -> mirrors.Outcome | None:
    """Return what an outcome says of the site; None where it says nothing."""
    if segment.dropped is Drop.CRAWLING:
        return mirrors.Outcome.FAILED
    if segment.position > segment.began or isinstance(outcome, Streamed):
        return mirrors.Outcome.BROUGHT
    if segment.dropped is not None:
        return None
    if isinstance(outcome, Refused):
        return mirrors.Outcome.REFUSED
    return mirrors.Outcome.FAILED if isinstance(outcome, Broken | Retry) else None


def _wait(outcome: Outcome) -> float:
    return (outcome.after or 0.0) if isinstance(outcome, Refused) else 0.0
