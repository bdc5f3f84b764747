"""Many files in one run, fetched by workers: the driver's side.

It takes the place of `segdl.engine.many`. One thread owns all that is known; workers, threads
for what is done here, and the engine's own threads put what they have into one inbox.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from segdl.core.url import parse_url
from segdl.engine.batch import Outcome, failure_of
from segdl.engine.ending import tell_finished
from segdl.engine.run import TICK
from segdl.errors import CancelledError, SegdlError
from segdl.mirror.engines.asking import Terms
from segdl.mirror.engines.depot import Depot
from segdl.mirror.engines.dispatch import Back, Dispatch, Errand, Item
from segdl.mirror.engines.parcel import Parcel
from segdl.mirror.job import Job
from segdl.options import Request
from segdl.results import DownloadResult

# Threads for what is done at the driver: names, digests of what is here, programs.
_HANDS = 8


class Carrier:
    """Has files fetched by an engine. The driver's thread owns it.

    Args:
        terms: what all files have in common.
        depot: takes in what workers bring.
        dispatch: has the workers.
        inbox: takes what comes back to `dispatch`, and what workers tell meanwhile.
    """

    def __init__(
        self, terms: Terms, depot: Depot, dispatch: Dispatch, inbox: queue.Queue[Item]
    ) -> None:
        self._terms = terms
        self._depot = depot
        self._run = terms.run
        self._inbox = inbox
        self._dispatch = dispatch
        self._parcels: dict[int, Parcel] = {}
        self._errands: set[int] = set()
        # Files of which something is known that the others need not wait for.
        self._over: list[Parcel] = []
        self._hands: ThreadPoolExecutor | None = None

    def carry(
        self,
        requests: Iterator[Request | None],
        jobs: Mapping[int, Job],
        max_files: int,
        first: int,
    ) -> Generator[tuple[int, Outcome], None, None]:
        """Fetch each request, `max_files` at once; yield its number and outcome as it ends.

        As `download_all`, which says more. A run that is cancelled yields what was at work.

        Args:
            requests: what is wanted; None says that there is nothing yet.
            jobs: the files by number; each is there once its request is.
            max_files: files at once.
            first: the first one's number.

        Raises:
            NetworkError: all workers are gone for good.
            Exception: a defect.
        """
        number, ended, cancel = first - 1, False, self._run.cancel
        self._hands = ThreadPoolExecutor(_HANDS, thread_name_prefix="segdl-hand")
        try:
            while True:
                while len(self._parcels) < max_files and not ended and not cancel.is_set():
                    try:
                        request = next(requests)
                    except StopIteration:
                        ended = True
                        break
                    if request is None:
                        break
                    number += 1
                    parcel = self._depot.parcel(self._terms, jobs[number], number)
                    self._parcels[number] = parcel
                    self._settle([parcel])
                if cancel.is_set():
                    self._cancel()
                yield from self._outcomes()
                if not self._parcels and (ended or cancel.is_set()):
                    return
                if self._parcels:
                    self._settle(self._dispatch.hand_over())
                    self._take()
        finally:
            if self._parcels:
                cancel.set()
            self._dispatch.forget()
            self._hands.shutdown(cancel_futures=True)
            for parcel in self._parcels.values():
                parcel.end(CancelledError("interrupted"))

    def _settle(self, parcels: Iterable[Parcel]) -> None:
        """See to what files want next."""
        for parcel in parcels:
            if parcel.outcome is not None:
                self._over.append(parcel)
            elif parcel.errand is not None:
                errand, parcel.errand = parcel.errand, None
                self._do(parcel.number, errand)
            else:
                self._dispatch.add(parcel)

    def _do(self, number: int, errand: Callable[[], DownloadResult | None]) -> None:
        """Have something done here for a file, in another thread."""
        assert self._hands is not None
        self._errands.add(number)
        future = self._hands.submit(errand)
        future.add_done_callback(lambda done: self._inbox.put(Errand(number, done)))

    def _outcomes(self) -> Iterator[tuple[int, Outcome]]:
        """Yield what became of the files that are over."""
        over, self._over = self._over, []
        for parcel in over:
            if self._parcels.pop(parcel.number, None) is None:
                continue
            outcome = parcel.outcome
            assert outcome is not None
            if isinstance(outcome, SegdlError):
                url = parse_url(parcel.job.request.url).public
                yield parcel.number, failure_of(self._run, parcel.number, url, outcome)
                continue
            tell_finished(self._run, parcel.number, outcome)
            yield parcel.number, outcome

    def _take(self) -> None:
        """Wait a tick for something to come in, then take all that is there."""
        try:
            item = self._inbox.get(timeout=TICK)
            while True:
                if isinstance(item, Back):
                    self._settle(self._dispatch.came_back(item))
                elif isinstance(item, Errand):
                    self._errand_done(item)
                else:
                    self._dispatch.hear(item)
                item = self._inbox.get_nowait()
        except queue.Empty:
            pass
        self._settle(self._dispatch.look_after())

    def _errand_done(self, done: Errand) -> None:
        self._errands.discard(done.number)
        parcel = self._parcels.get(done.number)
        if parcel is None:
            return
        try:
            result: DownloadResult | SegdlError | None = done.future.result()
        except SegdlError as error:
            result = error
        parcel.errand_done(result)
        self._settle([parcel])

    def _cancel(self) -> None:
        """End what is at work; what is done here comes to its end by itself."""
        self._dispatch.forget()
        error = CancelledError("interrupted", hint="run the same command to go on")
        for parcel in self._parcels.values():
            if parcel.number not in self._errands and parcel.outcome is None:
                parcel.end(error)
                self._over.append(parcel)
