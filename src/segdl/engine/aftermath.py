"""What follows from what came of an attempt: go on, try again, or end with an error."""

from __future__ import annotations

from segdl.core.verdict import Changed, Fail, Refused, Retry, Unranged
from segdl.engine.job import Job
from segdl.engine.run import Run
from segdl.engine.segment import Broken, Crash, Drop, Mismatch, Outcome, Segment, Streamed
from segdl.errors import NetworkError, SegdlError
from segdl.net.failures import TransferError
from segdl.progress.events import Note, Retrying

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


class Aftermath:
    """Decides for one version of one file. The coordinator's thread owns it.

    Args:
        run: the surroundings.
        job: what the attempts share.
        number: the file's, for events.

    Attributes:
        conditional: whether If-Range is sent: some servers drop Range when it is.
        refusal: the last one, for when nothing else goes on.
        proved: whether the end of the file was told from a connection that broke.
    """

    def __init__(self, run: Run, job: Job, number: int) -> None:
        self._run = run
        self._job = job
        self._number = number
        self._unranged = 0
        self._told_limit = False
        self.conditional = True
        self.refusal: Refused | None = None
        self.proved = True

    def take(self, segment: Segment, outcome: Outcome) -> None:
        """Bring `segment` into the state that it is to go on from.

        Raises:
            ChangedError: see there.
            UnrangedError: see there.
            SegdlError: it cannot be done.
        """
        progressed = segment.position > segment.began and segment.dropped is not Drop.CRAWLING
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
        if segment.dropped is not None:
            error = NetworkError(f"{self._job.source.asked}: {segment.dropped.value}")
        if segment.dropped is Drop.LAGGING:
            segment.lagged += 1
            self._go_on(segment, error, 0.0)
        elif progressed:
            # Cut after some KiB: ask for the rest at once. After less, not that fast.
            brought = segment.position - segment.began
            self._go_on(segment, error, 0.0 if brought >= _SOME_BYTES else self._run.backoff(1))
        else:
            self._try_again(segment, error)

    def _refused(self, segment: Segment, refusal: Refused) -> None:
        # The gate knows when it may be asked again.
        self.refusal = refusal
        if self._job.gate.streaming:
            self._tell_limit()
            return
        segment.tries += 1
        self._give_up_after_retries(segment, refusal.error)

    def _answered_otherwise(self, segment: Segment, why: str) -> None:
        if segment.conditional and self._job.pin.version.strong_etag:
            self.conditional = False
        else:
            self._unranged += 1
            if self._unranged >= _MOST_UNRANGED:
                raise UnrangedError(why)
        self._try_again(segment, NetworkError(f"{self._job.source.asked}: {why}"))

    def _try_again(self, segment: Segment, error: SegdlError) -> None:
        segment.tries += 1
        self._give_up_after_retries(segment, error)
        self._go_on(segment, error, self._run.backoff(segment.tries))

    def _give_up_after_retries(self, segment: Segment, error: SegdlError) -> None:
        if segment.tries >= max(1, self._run.transfer.retries):
            error.hint = error.hint or "run the same command to go on"
            raise error

    def _go_on(self, segment: Segment, error: SegdlError, delay: float) -> None:
        segment.ready_at = self._run.clock() + delay
        what = error.message.removeprefix(f"{self._job.source.asked}: ")
        retries = self._run.transfer.retries
        self._run.emit(Retrying(self._number, segment.start, segment.tries, retries, delay, what))

    def _tell_limit(self) -> None:
        if not self._told_limit:
            self._told_limit = True
            limit = self._job.gate.limit
            text = f"the server takes no more connections: going on with {limit}"
            self._run.emit(Note(self._number, text))
