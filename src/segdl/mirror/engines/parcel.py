"""One file that workers fetch: what is to be asked next, after what came of the last order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable

from segdl.core.causes import cause_of
from segdl.core.identity import Version
from segdl.core.pace import LONGEST_WAIT
from segdl.core.spans import Span
from segdl.core.url import parse_url
from segdl.core.verdict import may_pass
from segdl.engine.contact import asks_too_long
from segdl.errors import NetworkError, RemoteChangedError, SegdlError, ServerError
from segdl.mirror.engines.answers import Differs, Failed, Filled, Large, Over, Seen, Told, Unfit
from segdl.mirror.engines.asking import Asking, Terms
from segdl.mirror.engines.large import DiffersError, LargeFile, Pieces
from segdl.mirror.engines.orders import Order, Slice
from segdl.mirror.job import Job
from segdl.progress.events import Event, Note, Progress, Restarted, Retrying
from segdl.results import DownloadResult, Status

_MOST_RESTARTS = 3
# So many workers may be lost with one file before it is taken for the reason.
_MOST_LOSSES = 20
_MOST_UNFIT = 5
# Seconds that it takes to have a worker get nothing more.
_DISMISSAL = 1.0


class Parcel(ABC):
    """A file on its way. The driver's thread owns it.

    Args:
        terms: what all files have in common.
        job: the file.
        number: its number, for events.
        name: what messages call where it goes.

    Attributes:
        ready: orders that may go out.
        delayed: orders that may not before so many seconds.
        errand: what is to be done here, in another thread, before it goes on.
        outcome: what came of it, once that is known.
    """

    def __init__(self, terms: Terms, job: Job, number: int, name: str) -> None:
        self._terms = terms
        self._asking = Asking(terms, job, number)
        self._began = terms.run.clock()
        self.job = job
        self.number = number
        self.host = job.row.host
        self.name = name
        self.ready: deque[Order] = deque()
        self.delayed: list[tuple[float, Order]] = []
        self.errand: Callable[[], DownloadResult | None] | None = None
        self.outcome: DownloadResult | SegdlError | None = None
        self._large: LargeFile | None = None
        self._tries: dict[int, int] = {}
        self._requests = self._restarts = self._losses = self._unfit = 0

    # -- what depends on where it goes --

    @abstractmethod
    def _begin(self) -> None:
        """Give the first order."""

    @abstractmethod
    def _begin_large(self, seen: Seen) -> None:
        """Go on with what a server has of a file that may be too large for one order."""

    @abstractmethod
    def _brought(self, order: Order, told: Told) -> None:
        """Take an answer that there is for this kind of place only."""

    @abstractmethod
    def _all_is_there(self, large: LargeFile) -> None:
        """Go on where every piece is there, of one version."""

    @abstractmethod
    def _again_whole(self, order: Order, failed: Failed | None) -> Order:
        """Return an order to take the place of one for all of a file, or for none of its bytes."""

    @abstractmethod
    def _give_up_pieces(self, large: LargeFile) -> None:
        """Forget the pieces of a version that is given up.

        Raises:
            DiskError: it cannot be done.
        """

    def dress(self, order: Order) -> Order:
        """Return an order as it goes out: with what is made for the moment.

        Raises:
            SegdlError: that cannot be made.
        """
        return order

    # -- what the carrier asks --

    def errand_done(self, result: DownloadResult | SegdlError | None) -> None:
        """Take what came of the errand."""
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

    def hear(self, order: Order, done: int) -> None:
        """Take note of how far an order is, in bytes."""
        if isinstance(order, Slice):
            if self._large is not None:
                self._large.hear(order, done)
        elif self._large is None:
            self._emit(Progress(self.number, done, self.job.row.listed.size, ()))

    def take(self, order: Order, told: Told) -> None:
        """Take what came of an order."""
        self._carefully(lambda: self._take(order, told))

    def lost(self, order: Order) -> None:
        """Take note that a worker was lost with an order, or is taken for lost."""
        self._carefully(lambda: self._lost(order, "its worker was lost"))

    def _carefully(self, step: Callable[[], None]) -> None:
        """Take a step; end, or begin anew, where it says so."""
        try:
            step()
            if self._large is not None and self._large.is_whole():
                self._all_is_there(self._large)
        except DiffersError as error:
            self._begin_anew(str(error))
        except SegdlError as error:
            self.end(error)

    def _go_on_in_pieces(
        self, seen: Seen, pieces: Pieces, ask: Callable[[Span, int], Slice]
    ) -> None:
        """Ask for what is missing of a version.

        Args:
            seen: what its server has.
            pieces: what is there.
            ask: makes an order for bytes, from one of the file's URLs.
        """
        self._large = LargeFile(
            self._terms.run,
            self._asking,
            self.job,
            self.number,
            self.name,
            seen,
            pieces,
            wanted=frozenset({"sha256"} if self._terms.sums else ()),
            ask=ask,
            put=self._put,
        )
        self._large.begin()

    def _result(
        self, version: Version, fetched: int, status: Status = "complete"
    ) -> DownloadResult:
        """Return how a file was brought, by all of its orders; what has it is not said yet."""
        return DownloadResult(
            path=None,
            url=parse_url(self.job.request.url).public,
            size=version.size or 0,
            fetched=fetched,
            seconds=self._terms.run.clock() - self._began,
            status=status,
            requests=self._requests,
            version=version,
        )

    def _take(self, order: Order, told: Told) -> None:
        self._requests += getattr(told, "requests", 0)
        match told:
            case Large():
                self.ready.append(self._asking.to_look())
            case Seen() if self._large is not None:
                self._large.confirm(told)
            case Seen():
                self._begin_large(told)
            case Filled() | Differs() | Failed() if not self._is_wanted(order):
                # Of a version that is given up.
                pass
            case Filled():
                assert self._large is not None
                self._large.filled(order, told)
            case Differs():
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
                self._brought(order, told)

    def _is_wanted(self, order: Order) -> bool:
        if not isinstance(order, Slice):
            return True
        return self._large is not None and self._large.wants(order)

    def _begin_anew(self, why: str) -> None:
        """Begin again with what the server has now."""
        large, self._large = self._large, None
        self.ready.clear()
        self.delayed.clear()
        self._restarts += 1
        try:
            if large is not None:
                self._give_up_pieces(large)
            if self._restarts > _MOST_RESTARTS:
                raise RemoteChangedError(
                    f"{self.name}: the remote file keeps changing ({why})",
                    hint="try again when it is at rest",
                )
        except SegdlError as error:
            self.end(error)
            return
        self._emit(Restarted(self.number, f"the remote file changed ({why})"))
        if self.errand is None:
            self.ready.append(self._asking.to_look())

    # -- what goes wrong --

    def _failed(self, order: Order, failed: Failed) -> None:
        """Try again, or end.

        Raises:
            SegdlError: it is not tried again.
        """
        error, key = failed.error, 0
        if isinstance(order, Slice):
            key = order.span.stop
        passing = isinstance(error, NetworkError) or (
            isinstance(error, ServerError) and may_pass(error.status)
        )
        if failed.fatal is not None:
            passing = not failed.fatal
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
        start = order.span.start if isinstance(order, Slice) else 0
        retries, error = self._terms.run.transfer.retries, failed.error
        self._emit(
            Retrying(self.number, start, tries, retries, delay, error.message, cause_of(error))
        )
        if isinstance(order, Slice):
            assert self._large is not None
            self._large.ask_for_rest(order, failed.filled, delay)
        else:
            self._put(self._again_whole(order, failed), delay)

    def _lost(self, order: Order, why: str) -> None:
        self._losses += 1
        if self._losses > _MOST_LOSSES:
            raise NetworkError(
                f"{self.name}: its workers are lost again and again",
                hint="see what ends them: memory for one",
            )
        self._emit(Note(self.number, f"asking again: {why}"))
        self._again(order)

    def _again(self, order: Order, delay: float = 0.0) -> None:
        """Give an order anew, as if nothing were known of the first one."""
        if not isinstance(order, Slice):
            self._put(self._again_whole(order, None), delay)
        elif self._large is not None and self._large.wants(order):
            self._large.ask_for_rest(order, None, delay)

    def _put(self, order: Order, delay: float) -> None:
        if delay > 0:
            self.delayed.append((delay, order))
        else:
            self.ready.append(order)

    def _emit(self, event: Event) -> None:
        self._terms.run.emit(event)
