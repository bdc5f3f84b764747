"""One file that workers fetch: what is to be asked next, after what came of the last order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from functools import partial

from segdl.core.causes import cause_of
from segdl.core.cutting import is_large
from segdl.core.mirrorneed import Need
from segdl.core.pace import LONGEST_WAIT
from segdl.core.url import parse_url
from segdl.core.verdict import may_pass
from segdl.engine.contact import asks_too_long
from segdl.errors import (
    ChecksumMismatchError,
    NetworkError,
    RemoteChangedError,
    SegdlError,
    ServerError,
)
from segdl.mirror.aside import kept_as
from segdl.mirror.engines.asking import Asking, Terms
from segdl.mirror.engines.large import DiffersError, LargeFile
from segdl.mirror.engines.orders import (
    Brought,
    Differs,
    Failed,
    Filled,
    Hashed,
    Large,
    Order,
    Over,
    Piece,
    Seen,
    Told,
    Unfit,
    Whole,
)
from segdl.mirror.engines.receiving import receive, receive_pieced, set_brought_aside
from segdl.mirror.work import Job
from segdl.progress.events import Event, Note, Progress, Restarted, Retrying
from segdl.results import DownloadResult
from segdl.store.faults import shown
from segdl.store.target import Target

_MOST_RESTARTS = 3
# So many workers may be lost with one file before it is taken for the reason.
_MOST_LOSSES = 20
_MOST_UNFIT = 5
# Seconds that it takes to have a worker get nothing more.
_DISMISSAL = 1.0


class Parcel:
    """A file on its way. The driver's thread owns it.

    Args:
        terms: what all files have in common.
        job: the file.
        number: its number, for events.

    Attributes:
        ready: orders that may go out.
        delayed: orders that may not before so many seconds.
        errand: what is to be done here, in another thread, before it goes on.
        outcome: what came of it, once that is known.
    """

    def __init__(self, terms: Terms, job: Job, number: int) -> None:
        self._terms = terms
        self._asking = Asking(terms, job, number)
        self._began = terms.run.clock()
        self.job = job
        self.number = number
        self.host = job.row.host
        self.path = terms.directory / job.row.path
        self.ready: deque[Order] = deque()
        self.delayed: list[tuple[float, Order]] = []
        self.errand: Callable[[], DownloadResult | None] | None = None
        self.outcome: DownloadResult | SegdlError | None = None
        self._large: LargeFile | None = None
        self._tries: dict[int, int] = {}
        self._requests = self._restarts = self._losses = self._unfit = 0
        left = os.path.isdir(Target(self.path).workplace)
        if job.row.need is Need.READ or job.twins or left:
            self.errand = self._at_hand
        else:
            self._begin()

    def _at_hand(self) -> DownloadResult | None:
        """Do without workers, if that can be done; what a local run began is ended here, too."""
        work, run = self._terms.work, self._terms.run
        result = work.at_hand(run, self.job)
        if result is None and os.path.isdir(Target(self.path).workplace):
            result = work.fetch(run, self.job, self.number)
        return None if result is None else work.ended(run, self.job, result)

    def errand_done(self, result: DownloadResult | SegdlError | None) -> None:
        """Take what came of the errand."""
        self.errand = None
        if result is None:
            self._begin()
        else:
            self.end(result)

    def end(self, outcome: DownloadResult | SegdlError) -> None:
        """Ask for nothing more; what is there stays."""
        self.outcome = outcome
        self.ready.clear()
        self.delayed.clear()
        if self._large is not None:
            self._large.pieced.close()

    def _begin(self) -> None:
        listed = self.job.row.listed.size
        if listed is not None and is_large(listed, self._terms.least):
            self.ready.append(self._asking.to_look())
        else:
            self.ready.append(self._asking.for_whole())

    def hear(self, order: Order, done: int) -> None:
        """Take note of how far an order is, in bytes."""
        if isinstance(order, Piece) and self._large is not None:
            self._large.hear(order, done)
        elif isinstance(order, Whole):
            self._emit(Progress(self.number, done, self.job.row.listed.size, ()))

    def take(self, order: Order, told: Told) -> None:
        """Take what came of an order."""
        try:
            self._take(order, told)
            if self._large is not None and self._large.hexdigests is not None:
                self._name(self._large, self._large.hexdigests)
        except DiffersError as error:
            self._begin_anew(str(error))
        except SegdlError as error:
            self.end(error)

    def _take(self, order: Order, told: Told) -> None:
        self._requests += getattr(told, "requests", 0)
        match told:
            case Brought():
                self._requests += told.result.requests
                self.errand = partial(receive, self._terms, self.job, told)
            case Large():
                self.ready.append(self._asking.to_look())
            case Seen() if self._large is not None:
                self._large.confirm(told)
            case Seen():
                self._begin_large(told)
            case Filled() if self._large is not None:
                self._large.filled(order, told)
            case Hashed() if self._large is not None:
                self._large.hexdigests = told.hexdigests
            case Differs() if self._large is not None and self._large.wants(order):
                self._begin_anew(told.why)
            case Failed():
                self._failed(order, told)
            case Unfit():
                self._unfit += 1
                if self._unfit > _MOST_UNFIT:
                    raise NetworkError(f"worker {told.worker} cannot work: {told.why}")
                self._again(order, _DISMISSAL)
            case Over():
                self._lost(order, "it was done before, or is over")
            case _:
                # Of a version that is given up.
                pass

    # -- large files --

    def _begin_large(self, seen: Seen) -> None:
        size = seen.version.size
        if not seen.ranged or size is None or not is_large(size, self._terms.least):
            self.ready.append(self._asking.for_whole(however_large=True))
            return
        # A server that does not tell two versions apart tells no difference where they meet.
        salt = "" if seen.version.proves else "+" * self._restarts
        self._large = LargeFile(
            self._terms, self._asking, self.job, self.number, seen, salt, self._put
        )
        self._large.begin()

    def _begin_anew(self, why: str) -> None:
        """Begin again with what the server has now."""
        large, self._large = self._large, None
        self.ready.clear()
        self.delayed.clear()
        self._restarts += 1
        try:
            if large is not None:
                large.pieced.forget()
            if self._restarts > _MOST_RESTARTS:
                raise RemoteChangedError(
                    f"{shown(self.path)}: the remote file keeps changing ({why})",
                    hint="try again when it is at rest",
                )
        except SegdlError as error:
            self.end(error)
            return
        self._emit(Restarted(self.number, f"the remote file changed ({why})"))
        self.ready.append(self._asking.to_look())

    def _name(self, large: LargeFile, hexdigests: dict[str, str]) -> None:
        result = DownloadResult(
            path=self.path,
            url=parse_url(self.job.request.url).public,
            size=large.pieced.size,
            fetched=large.fetched,
            seconds=self._terms.run.clock() - self._began,
            status="complete",
            requests=self._requests,
            version=large.pieced.version,
        )
        self.errand = partial(
            receive_pieced, self._terms, self.job, large.pieced, large.claims, hexdigests, result
        )

    # -- what goes wrong --

    def _failed(self, order: Order, failed: Failed) -> None:
        """Try again, or end.

        Raises:
            SegdlError: it is not tried again.
        """
        error = failed.error
        if isinstance(error, ChecksumMismatchError) and failed.left is not None:
            held = set_brought_aside(self._terms, self.job, failed.left)
            error.hint = error.hint if held is None else kept_as(held)
        key = 0
        if isinstance(order, Piece):
            if self._large is None or not self._large.wants(order):
                return
            key = order.span.stop
        passing = isinstance(error, NetworkError) or (
            isinstance(error, ServerError) and may_pass(error.status)
        )
        tries = self._tries[key] = 1 if failed.progressed else self._tries.get(key, 0) + 1
        if failed.pause is not None and failed.pause > LONGEST_WAIT:
            raise asks_too_long(error, failed.pause)
        if not passing:
            raise error
        if tries >= max(1, self._terms.run.transfer.retries):
            error.hint = error.hint or "run the same command to go on"
            raise error
        delay = failed.pause or (0.0 if failed.progressed else self._terms.run.backoff(tries))
        self._try_again(order, failed, delay, tries)

    def _try_again(self, order: Order, failed: Failed, delay: float, tries: int) -> None:
        start = order.span.start if isinstance(order, Piece) else 0
        retries, error = self._terms.run.transfer.retries, failed.error
        self._emit(
            Retrying(self.number, start, tries, retries, delay, error.message, cause_of(error))
        )
        if isinstance(order, Piece):
            assert self._large is not None
            self._large.ask_for_rest(order, failed.filled, delay)
        elif isinstance(order, Whole):
            again = self._asking.for_whole(left=failed.left, however_large=order.most is None)
            self._put(again, delay)
        else:
            self._put(order, delay)

    def lost(self, order: Order) -> None:
        """Take note that a worker was lost with an order, or is taken for lost."""
        try:
            self._lost(order, "its worker was lost")
        except SegdlError as error:
            self.end(error)

    def _lost(self, order: Order, why: str) -> None:
        self._losses += 1
        if self._losses > _MOST_LOSSES:
            raise NetworkError(
                f"{shown(self.path)}: its workers are lost again and again",
                hint="see what ends them: memory for one",
            )
        self._emit(Note(self.number, f"asking again: {why}"))
        self._again(order)

    def _again(self, order: Order, delay: float = 0.0) -> None:
        """Give an order anew, as if nothing were known of the first one."""
        if isinstance(order, Piece):
            if self._large is not None and self._large.wants(order):
                self._large.ask_for_rest(order, None, delay)
        elif isinstance(order, Whole):
            again = self._asking.for_whole(however_large=order.most is None, anyway=True)
            self._put(again, delay)
        else:
            self._put(order, delay)

    def _put(self, order: Order, delay: float) -> None:
        if delay > 0:
            self.delayed.append((delay, order))
        else:
            self.ready.append(order)

    def _emit(self, event: Event) -> None:
        self._terms.run.emit(event)
