"""The attempts of a file that threads are at work on."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from concurrent.futures import Future, wait
from functools import partial

from segdl.core.spans import OPEN
from segdl.engine.attempt import attempt
from segdl.engine.job import Job
from segdl.engine.outcome import Crash, Opened, Outcome
from segdl.engine.run import GRACE, Run
from segdl.engine.segment import Segment
from segdl.engine.site import Site
from segdl.engine.sites import Sites
from segdl.net.wire import Wire
from segdl.progress.events import Note


class Attempts:
    """Gives attempts to threads, and takes what comes of them. The coordinator's thread owns it.

    Args:
        run: has the threads.
        job: what the attempts share.
        sites: where the file can be had.
        number: the file's, for events.

    Attributes:
        most: connections that there are threads for; OPEN until the system gave no more.
    """

    def __init__(self, run: Run, job: Job, sites: Sites, number: int) -> None:
        self._run = run
        self._job = job
        self._sites = sites
        self._number = number
        self.most = OPEN
        self._inbox: queue.Queue[tuple[Segment, Outcome]] = queue.Queue()
        self._futures: dict[Future[None], tuple[Segment, Site, Opened | None]] = {}

    def start(self, segment: Segment, site: Site, opened: Opened | None, *, busy: int) -> bool:
        """Begin with a segment that has set out; tell whether a thread was free for it.

        Args:
            segment: it has its wire.
            site: whose gate was passed.
            opened: a response that is there already.
            busy: threads that are at work for the file.

        Raises:
            SegdlError: there are no threads.
        """
        self._futures = {each: of for each, of in self._futures.items() if not each.done()}
        assert segment.wire is not None
        work = partial(self._work, segment, site, segment.wire, opened)
        future: Future[None] | None = None
        try:
            future = self._run.pool.submit_beside(busy, work)
        finally:
            if future is None:
                # It is as if it had not been tried.
                segment.wire = None
                self._sites.came_back(site, None)
                _let_go(site, opened)
        if future is not None:
            self._futures[future] = segment, site, opened
        return future is not None

    def do_with_fewer(self, connections: int, busy: int) -> None:
        """Have no more than so many connections, as no thread was free for another one."""
        if self.most == OPEN:
            text = f"the system gives no more threads: going on with {busy}"
            self._run.emit(Note(self._number, text))
        self.most = min(self.most, connections)

    def take(self, seconds: float) -> Iterator[tuple[Segment, Outcome]]:
        """Wait so long for an outcome, and yield all that are there."""
        try:
            yield self._inbox.get(timeout=seconds)
            while True:
                yield self._inbox.get_nowait()
        except queue.Empty:
            pass

    def stop(self) -> None:
        """Wait for those whose wires were aborted, as long as that is a matter of moments."""
        for future, (segment, site, opened) in self._futures.items():
            # It waits for a thread still: nothing will be told of it.
            if future.cancel():
                segment.wire = None
                _let_go(site, opened)
        wait([each for each in self._futures if not each.cancelled()], timeout=GRACE)

    def _work(self, segment: Segment, site: Site, wire: Wire, opened: Opened | None) -> None:
        try:
            outcome = attempt(self._job, site, segment, wire, opened=opened)
        except BaseException as error:  # noqa: BLE001 - handed to the coordinator, who raises it
            outcome = Crash(error)
        self._inbox.put((segment, outcome))


def _let_go(site: Site, opened: Opened | None) -> None:
    """Give back what an attempt that never began had claimed."""
    if opened is not None:
        opened[0].close()
    site.gate.closed(was_streaming=opened is not None)
