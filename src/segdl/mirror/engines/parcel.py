"""One file that workers fetch: what is to be asked next, after what came of the last order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from functools import partial

from segdl.core.causes import cause_of
from segdl.core.checksum import Claim
from segdl.core.cutting import is_large
from segdl.core.hashing import can_hash
from segdl.core.identity import Match, compare
from segdl.core.mirrorneed import Need
from segdl.core.pace import LONGEST_WAIT
from segdl.core.spans import Span
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
from segdl.mirror.engines.asking import Asking, Terms
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
from segdl.mirror.engines.pieced import Pieced
from segdl.mirror.engines.receiving import receive, receive_pieced, set_brought_aside
from segdl.mirror.work import Job
from segdl.options import NetworkOptions
from segdl.progress.events import Event, Note, Progress, Restarted, Retrying, SegmentState, Started
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
        network: how to reach its servers.

    Attributes:
        ready: orders that may go out.
        delayed: orders that may not before so many seconds.
        errand: what is to be done here, in another thread, before it goes on.
        outcome: what came of it, once that is known.
    """

    def __init__(self, terms: Terms, job: Job, number: int, network: NetworkOptions) -> None:
        self._terms = terms
        self._asking = Asking(terms, job, number, network)
        self._began = terms.run.clock()
        self.job = job
        self.number = number
        self.host = job.row.host
        self.path = terms.directory / job.row.path
        self.ready: deque[Order] = deque()
        self.delayed: list[tuple[float, Order]] = []
        self.errand: Callable[[], DownloadResult | None] | None = None
        self.outcome: DownloadResult | SegdlError | None = None
        self._pieced: Pieced | None = None
        self._url = 0
        self._claims: tuple[Claim, ...] = ()
        self._confirming = False
        self._salt = ""
        self._out: dict[int, tuple[Span, int]] = {}
        self._tries: dict[int, int] = {}
        self._requests = self._fetched = self._restarts = self._losses = self._unfit = 0
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
        if self._pieced is not None:
            self._pieced.close()

    def _begin(self) -> None:
        listed = self.job.row.listed.size
        if listed is not None and is_large(listed, self._terms.least):
            self.ready.append(self._asking.to_look())
        else:
            self.ready.append(self._asking.for_whole())

    def hear(self, order: Order, done: int) -> None:
        """Take note of how far an order is, in bytes."""
        if self._pieced is not None and isinstance(order, Piece):
            self._out[order.span.start] = (order.span, done)
            self._tell_progress()
        elif isinstance(order, Whole):
            self._emit(Progress(self.number, done, self.job.row.listed.size, ()))

    def take(self, order: Order, told: Told) -> None:
        """Take what came of an order."""
        match told:
            case Brought():
                self._requests += told.result.requests
                self.errand = partial(receive, self._terms, self.job, told)
            case Large():
                self._requests += told.requests
                self.ready.append(self._asking.to_look())
            case Seen():
                self._requests += told.requests
                self._seen(told)
            case Filled():
                self._requests += told.requests
                self._filled(told)
            case Hashed():
                self._ready_to_name(told.hexdigests)
            case Differs():
                self._requests += told.requests
                self._differs(told.why)
            case Failed():
                self._requests += told.requests
                self._failed(order, told)
            case Unfit():
                self._unfit += 1
                if self._unfit > _MOST_UNFIT:
                    self.end(NetworkError(f"worker {told.worker} cannot work: {told.why}"))
                else:
                    self._again(order, _DISMISSAL)
            case Over():
                self._lost(order, "it was done before, or is over")

    # -- large files --

    def _seen(self, seen: Seen) -> None:
        version = seen.version
        if self._pieced is not None:
            self._confirmed(seen)
            return
        size = version.size
        if not seen.ranged or size is None or not is_large(size, self._terms.least):
            self.ready.append(self._asking.for_whole(however_large=True))
            return
        self._url = seen.url
        told = version.digest
        listed = self.job.request.expected.claim
        claims = [listed, told if told and can_hash(told.checksum.algorithm) else None]
        self._claims = tuple(claim for claim in claims if claim is not None)
        try:
            self._pieced = Pieced(
                self._terms.folder, self.job.row.path, version, self._terms.least, self._salt
            )
        except SegdlError as error:
            self.end(error)
            return
        held, url = self._pieced.count, parse_url(self.job.request.url).public
        self._emit(Started(self.number, url, str(self.path), size, held, 1))
        for span in self._pieced.missing():
            self._ask_for(span)
        self._is_all_there()

    def _ask_for(self, span: Span, delay: float = 0.0) -> None:
        assert self._pieced is not None
        pieced = self._pieced
        order = self._asking.for_piece(pieced.place, pieced.version, self._url, span)
        self._out[span.start] = (span, 0)
        self._put(order, delay)

    def _filled(self, filled: Filled) -> None:
        if self._pieced is None or self._out.pop(filled.span.start, None) is None:
            # Of a version that is given up.
            return
        self._note(filled.span, filled.before)
        if self.outcome is None:
            self._is_all_there()

    def _note(self, span: Span, before: tuple[tuple[int, bytes], ...] = ()) -> None:
        assert self._pieced is not None
        self._fetched += len(span)
        try:
            self._pieced.note(span, before)
        except SegdlError as error:
            self.end(error)
        self._tell_progress()

    def _is_all_there(self) -> None:
        """Look once more at what the server has, once all pieces are there."""
        assert self._pieced is not None
        if self._pieced.missing() or self._out:
            return
        try:
            at = self._pieced.first_mismatch()
        except SegdlError as error:
            self.end(error)
            return
        if at is not None:
            self._salt += "+"
            self._differs(f"bytes at {at} differ between two answers")
        elif self._fetched and self._pieced.version.proves:
            self._confirming = True
            self.ready.append(self._asking.to_look())
        else:
            self._hash()

    def _confirmed(self, seen: Seen) -> None:
        assert self._pieced is not None
        pinned, version = self._pieced.version, seen.version
        self._confirming = False
        if pinned.etag is None:
            version = version.without_etag()
        if compare(pinned, version) is Match.SAME or seen.url != self._url:
            self._hash()
        else:
            self._differs("it is another now")

    def _hash(self) -> None:
        assert self._pieced is not None
        algorithms = {claim.checksum.algorithm for claim in self._claims}
        if self._terms.sums:
            algorithms.add("sha256")
        if algorithms:
            pieced = self._pieced
            order = self._asking.to_hash(pieced.place, pieced.size, frozenset(algorithms))
            self.ready.append(order)
        else:
            self._ready_to_name({})

    def _ready_to_name(self, hexdigests: dict[str, str]) -> None:
        assert self._pieced is not None
        result = DownloadResult(
            path=self.path,
            url=parse_url(self.job.request.url).public,
            size=self._pieced.size,
            fetched=self._fetched,
            seconds=self._terms.run.clock() - self._began,
            status="complete",
            requests=self._requests,
            version=self._pieced.version,
        )
        self.errand = partial(
            receive_pieced, self._terms, self.job, self._pieced, self._claims, hexdigests, result
        )

    # -- what goes wrong --

    def _differs(self, why: str) -> None:
        """Begin anew with what the server has now."""
        if self._pieced is None:
            return
        self._restarts += 1
        pieced, self._pieced = self._pieced, None
        self._out.clear()
        self.ready.clear()
        self.delayed.clear()
        try:
            pieced.forget()
        except SegdlError as error:
            self.end(error)
            return
        if self._restarts > _MOST_RESTARTS:
            self.end(
                RemoteChangedError(
                    f"{shown(self.path)}: the remote file keeps changing ({why})",
                    hint="try again when it is at rest",
                )
            )
            return
        self._emit(Restarted(self.number, f"the remote file changed ({why})"))
        self.ready.append(self._asking.to_look())

    def _failed(self, order: Order, failed: Failed) -> None:
        error = failed.error
        if isinstance(error, ChecksumMismatchError) and failed.left is not None:
            try:
                set_brought_aside(self._terms, self.job, failed.left)
            except SegdlError as trouble:
                error = trouble
        key, progressed = 0, failed.left is not None
        rest: Span | None = None
        if isinstance(order, Piece):
            if order.span.start not in self._out:
                return
            key, progressed = order.span.stop, failed.filled is not None
            at = failed.filled.stop if failed.filled is not None else order.span.start
            rest = Span(at, order.span.stop)
        passing = isinstance(error, NetworkError) or (
            isinstance(error, ServerError) and may_pass(error.status)
        )
        tries = self._tries[key] = 1 if progressed else self._tries.get(key, 0) + 1
        retries = max(1, self._terms.run.transfer.retries)
        if failed.pause is not None and failed.pause > LONGEST_WAIT:
            self.end(asks_too_long(error, failed.pause))
        elif not passing or tries >= retries:
            if passing:
                error.hint = error.hint or "run the same command to go on"
            self.end(error)
        else:
            delay = failed.pause or (0.0 if progressed else self._terms.run.backoff(tries))
            self._retry(order, failed, rest, delay, tries)

    def _retry(
        self, order: Order, failed: Failed, rest: Span | None, delay: float, tries: int
    ) -> None:
        retries = self._terms.run.transfer.retries
        start = rest.start if rest is not None else 0
        reason = failed.error.message
        cause = cause_of(failed.error)
        self._emit(Retrying(self.number, start, tries, retries, delay, reason, cause))
        if isinstance(order, Piece):
            assert rest is not None
            del self._out[order.span.start]
            if failed.filled is not None:
                self._note(failed.filled)
            if self.outcome is None:
                self._ask_for(rest, delay)
        elif isinstance(order, Whole):
            again = self._asking.for_whole(left=failed.left, however_large=order.most is None)
            self._put(again, delay)
        else:
            self._put(order, delay)

    def lost(self, order: Order) -> None:
        """Take note that a worker was lost with an order, or is taken for lost."""
        self._lost(order, "its worker was lost")

    def _lost(self, order: Order, why: str) -> None:
        self._losses += 1
        if self._losses > _MOST_LOSSES:
            error = NetworkError(
                f"{shown(self.path)}: its workers are lost again and again",
                hint="see what ends them: memory for one",
            )
            self.end(error)
            return
        self._emit(Note(self.number, f"asking again: {why}"))
        self._again(order)

    def _again(self, order: Order, delay: float = 0.0) -> None:
        """Give an order anew, as if nothing were known of the first one."""
        if isinstance(order, Piece):
            if order.span.start in self._out:
                self._ask_for(order.span, delay)
        elif isinstance(order, Whole):
            self._put(self._asking.for_whole(however_large=order.most is None), delay)
        else:
            self._put(order, delay)

    # -- words --

    def _put(self, order: Order, delay: float) -> None:
        if delay > 0:
            self.delayed.append((delay, order))
        else:
            self.ready.append(order)

    def _emit(self, event: Event) -> None:
        self._terms.run.emit(event)

    def _tell_progress(self) -> None:
        if self._pieced is None:
            return
        held = [SegmentState(s.start, s.stop, len(s), active=False) for s in self._pieced.held]
        out = [
            SegmentState(span.start, span.stop, done, active=True)
            for span, done in self._out.values()
        ]
        done = sum(each.done for each in (*held, *out))
        states = tuple(sorted((*held, *out), key=lambda each: each.start))
        self._emit(Progress(self.number, done, self._pieced.size, states))
