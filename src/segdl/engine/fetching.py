"""The coordinator of one version of one file: who fetches what, and when to stop.

One thread runs it and owns every segment; workers carry out one attempt each and put
what came of it into the inbox.
"""

from __future__ import annotations

import queue
from concurrent.futures import Future, ThreadPoolExecutor, wait

from segdl.core.pace import LONGEST_WAIT
from segdl.core.spans import OPEN
from segdl.core.verdict import Changed, Fail, Refused, Retry, Unranged
from segdl.engine.attempt import Opened, attempt
from segdl.engine.contact import asks_too_long
from segdl.engine.job import Job
from segdl.engine.run import GRACE, TICK, Run
from segdl.engine.segment import (
    Broken,
    Crash,
    Mismatch,
    Outcome,
    Segment,
    Streamed,
    Supply,
    crawling,
)
from segdl.errors import NetworkError, SegdlError, ServerError
from segdl.net.failures import TransferError
from segdl.net.wire import Wire
from segdl.progress.events import Note, Progress, Retrying, Waiting

_MOST_UNRANGED = 3
_SOME_BYTES = 4096


class ChangedError(Exception):
    """The remote file may be another now; `proved` where bytes differ."""

    def __init__(self, why: str, *, proved: bool) -> None:
        super().__init__(why)
        self.why = why
        self.proved = proved


class UnrangedError(Exception):
    """The server stopped answering ranges as it should."""


class Fetching:
    """Fetches the segments of one version of a file.

    Args:
        run: the surroundings.
        job: what the attempts share.
        supply: what is missing.
        number: the file's, for events.
        pool: where attempts run; as many threads as connections.

    Attributes:
        proved: whether the end of the file was told from a connection that broke.
    """

    def __init__(
        self,
        run: Run,
        job: Job,
        supply: Supply,
        *,
        number: int,
        pool: ThreadPoolExecutor,
    ) -> None:
        self._run = run
        self._job = job
        self._supply = supply
        self._number = number
        self._pool = pool
        self._inbox: queue.SimpleQueue[tuple[Segment, Outcome]] = queue.SimpleQueue()
        self._futures: set[Future[None]] = set()
        self._unranged = 0
        # Whether If-Range is sent: some servers drop Range when they are.
        self._conditional = True
        self._refusal: Refused | None = None
        self._told_limit = False
        self._told_wait = 0.0
        self.proved = True

    def fetch(self, opened: Opened | None) -> None:
        """Return when every segment is complete.

        Args:
            opened: a response that brings the beginning of the first segment.

        Raises:
            ChangedError: see there; the parts are as they were.
            UnrangedError: see there.
            SegdlError: it cannot be done; the parts are kept.
        """
        try:
            if opened is not None:
                self._start(self._supply.live[0], opened)
            while not (self._supply.advance() and self._is_done()):
                self._launch()
                self._heed_gate()
                self._take_outcomes()
                self._run.check_cancelled()
                self._drop_crawlers()
                self._report()
        finally:
            self._stop()
            self._report()

    def _is_done(self) -> bool:
        # A response that brought the last byte may still turn out to bring too many.
        return all(segment.complete and segment.wire is None for segment in self._supply.live)

    def _launch(self) -> None:
        """Start what is ready, as far as the threads go and the origin's gate lets it."""
        now = self._run.clock()
        free = self._run.transfer.connections - self._at_work()
        for segment in self._supply.live:
            if segment.complete or segment.wire is not None or segment.ready_at > now:
                continue
            if free <= 0 or not self._job.gate.try_ask():
                return
            self._start(segment, None)
            free -= 1

    def _at_work(self) -> int:
        return sum(segment.wire is not None for segment in self._supply.live)

    def _heed_gate(self) -> None:
        """Name a wait that keeps everything, or end where nobody would wait so long."""
        pause = self._job.gate.pause()
        if not pause or self._at_work():
            return
        refusal = self._refusal
        if pause > LONGEST_WAIT:
            other = ServerError(f"{self._job.source.asked}: not asked again")
            raise asks_too_long(refusal.error if refusal else other, pause)
        until = self._run.clock() + pause
        if until > self._told_wait + 0.5:
            self._told_wait = until
            unasked = refusal is not None and refusal.after is None
            reason = refusal.error.message if refusal and unasked else "server asks to wait"
            self._run.emit(Waiting(self._number, pause, reason))

    def _start(self, segment: Segment, opened: Opened | None) -> None:
        wire = Wire()
        segment.set_out(wire, self._run.clock())
        segment.conditional = self._conditional
        self._futures = {future for future in self._futures if not future.done()}
        self._futures.add(self._pool.submit(self._work, segment, wire, opened))

    def _work(self, segment: Segment, wire: Wire, opened: Opened | None) -> None:
        try:
            outcome = attempt(self._job, segment, wire, opened=opened)
        except BaseException as error:  # noqa: BLE001 - handed to the coordinator, who raises it
            outcome = Crash(error)
        self._inbox.put((segment, outcome))

    def _take_outcomes(self) -> None:
        """Wait a tick for an outcome, then handle all that are there."""
        try:
            segment, outcome = self._inbox.get(timeout=self._patience())
            while True:
                self._handle(segment, outcome)
                segment, outcome = self._inbox.get_nowait()
        except queue.Empty:
            pass

    def _patience(self) -> float:
        """Return how long nothing needs to be done unless an outcome comes, in seconds."""
        now = self._run.clock()
        waits = [segment.ready_at - now for segment in self._supply.live if segment.wire is None]
        return max(0.001, min([TICK, *(wait for wait in waits if wait > 0)]))

    def _handle(self, segment: Segment, outcome: Outcome) -> None:
        wire, segment.wire = segment.wire, None
        if wire is not None and wire.aborted and not segment.too_slow:
            # Ended by `_stop`: what came of it is of no interest any more.
            return
        progressed = segment.position > segment.began and not segment.too_slow
        if progressed:
            segment.tries = 0
            self._unranged = 0
        match outcome:
            case Streamed(end=end, proved=proved):
                self._streamed(segment, end, progressed=progressed)
                self.proved = self.proved and proved
            case Broken(failure=TransferError(fatal=False)) if segment.complete:
                # What broke was behind its last byte.
                pass
            case Broken(failure=failure):
                self._broken(segment, failure, progressed=progressed)
            case Refused():
                self._refused(segment, outcome)
            case Retry(error=error):
                self._try_again(segment, error)
            case Fail(error=error):
                raise error
            case Unranged(why=why):
                self._answered_otherwise(segment, why)
            case Changed(why=why):
                raise ChangedError(why, proved=False)
            case Mismatch(at=at):
                raise ChangedError(f"bytes at {at} differ from those fetched before", proved=True)
            case Crash(error=error):
                raise error

    def _streamed(self, segment: Segment, end: int | None, *, progressed: bool) -> None:
        if end is not None:
            segment.stop = end
        elif not segment.complete and progressed:
            if segment.position - segment.began < _SOME_BYTES:
                segment.ready_at = self._run.clock() + self._run.backoff(1)
        elif not segment.complete:
            self._try_again(segment, NetworkError(f"{self._job.source.asked}: empty answers"))

    def _broken(self, segment: Segment, failure: TransferError, *, progressed: bool) -> None:
        if failure.fatal:
            raise failure.error
        error = failure.error
        if segment.too_slow:
            error = NetworkError(f"{self._job.source.asked}: the connection hardly moved")
        if progressed:
            # Cut after some KiB: ask for the rest at once. After less, not that fast.
            brought = segment.position - segment.began
            delay = 0.0 if brought >= _SOME_BYTES else self._run.backoff(1)
            segment.ready_at = self._run.clock() + delay
            self._emit_retry(segment, error, delay)
        else:
            self._try_again(segment, error)

    def _refused(self, segment: Segment, refusal: Refused) -> None:
        # The gate knows when it may be asked again.
        self._refusal = refusal
        if self._job.gate.streaming:
            self._tell_limit()
            return
        segment.tries += 1
        self._give_up_after_retries(segment, refusal.error)

    def _answered_otherwise(self, segment: Segment, why: str) -> None:
        if segment.conditional and self._job.pin.version.strong_etag:
            self._conditional = False
        else:
            self._unranged += 1
            if self._unranged >= _MOST_UNRANGED:
                raise UnrangedError(why)
        self._try_again(segment, NetworkError(f"{self._job.source.asked}: {why}"))

    def _try_again(self, segment: Segment, error: SegdlError) -> None:
        segment.tries += 1
        self._give_up_after_retries(segment, error)
        delay = self._run.backoff(segment.tries)
        segment.ready_at = self._run.clock() + delay
        self._emit_retry(segment, error, delay)

    def _give_up_after_retries(self, segment: Segment, error: SegdlError) -> None:
        if segment.tries >= max(1, self._run.transfer.retries):
            error.hint = error.hint or "run the same command to go on"
            raise error

    def _emit_retry(self, segment: Segment, error: SegdlError, delay: float) -> None:
        what = error.message.removeprefix(f"{self._job.source.asked}: ")
        retries = self._run.transfer.retries
        self._run.emit(Retrying(self._number, segment.start, segment.tries, retries, delay, what))

    def _tell_limit(self) -> None:
        if not self._told_limit:
            self._told_limit = True
            limit = self._job.gate.limit
            text = f"the server takes no more connections: going on with {limit}"
            self._run.emit(Note(self._number, text))

    def _drop_crawlers(self) -> None:
        """Abort connections that drip; a socket's timeout never fires for them."""
        for segment in crawling(self._supply.live, self._run.clock(), self._run.network):
            if segment.wire is not None:
                segment.too_slow = True
                segment.wire.abort()

    def _report(self) -> None:
        live = self._supply.live
        done = self._supply.behind + sum(segment.position - segment.start for segment in live)
        size = self._job.selection.size
        segments = tuple(segment.state() for segment in live)
        self._run.emit(Progress(self._number, done, None if size == OPEN else size, segments))

    def _stop(self) -> None:
        """Abort what is in flight and wait for it, as long as that is a matter of moments.

        A thread that is stuck in connecting may stay behind: its wire is aborted, so it
        ends before it would touch a part.
        """
        for segment in self._supply.live:
            if segment.wire is not None:
                segment.wire.abort()
        wait(self._futures, timeout=GRACE)
