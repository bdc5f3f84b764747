"""Mirrors that are being tried: what they send counts only when they have proved themselves."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, wait
from functools import partial

from segdl.core.mirrors import Outcome
from segdl.engine.aftermath import LiedError
from segdl.engine.job import Job
from segdl.engine.proof import NotTheSameError, OriginFailedError, prove
from segdl.engine.run import GRACE, Run
from segdl.engine.site import Pin, Site
from segdl.engine.sites import Sites
from segdl.errors import DiskError, IntegrityError, SegdlError
from segdl.net.failures import TransferError
from segdl.net.wire import Wire


class Trials:
    """Proofs in flight. The coordinator's thread owns it.

    Args:
        run: the surroundings.
        job: what is being fetched.
        sites: told how each trial ends.
    """

    def __init__(self, run: Run, job: Job, sites: Sites) -> None:
        self._run = run
        self._job = job
        self._sites = sites
        self._failures: Counter[Site] = Counter()
        self._postponed: set[Site] = set()
        self._at_work: dict[Future[Pin], tuple[Site, Wire, float]] = {}

    @property
    def running(self) -> int:
        """Trials in flight; each uses a connection."""
        return len(self._at_work)

    def start(self, mirror: Site, busy: int) -> bool:
        """Try a mirror whose gate was passed; tell whether a thread was free for that.

        Args:
            mirror: who is tried.
            busy: threads that are at work for the file.

        Raises:
            SegdlError: there are no threads.
        """
        wire = Wire()
        network = self._run.network
        limit = self._run.clock() + network.connect_timeout + network.stall_timeout
        self._sites.set_out(mirror)
        future: Future[Pin] | None = None
        try:
            future = self._run.pool.submit_beside(busy, partial(prove, self._job, mirror, wire))
        finally:
            if future is None:
                mirror.gate.closed(was_streaming=False)
                self._sites.came_back(mirror, None)
        if future is None:
            return False
        self._at_work[future] = (mirror, wire, limit)
        return True

    def take(self) -> None:
        """Handle those that are over, and end those that take too long.

        Raises:
            LiedError: one that an earlier run had bytes from holds another file.
            SegdlError: nobody is left who could go on.
            DiskError: the system opens no more connections.
        """
        now = self._run.clock()
        for future, (mirror, wire, limit) in list(self._at_work.items()):
            if future.done():
                del self._at_work[future]
                self._judge(mirror, future)
            elif now >= limit:
                wire.abort()

    def _judge(self, mirror: Site, future: Future[Pin]) -> None:
        mirror.gate.closed(was_streaming=False)
        try:
            self._sites.prove(mirror, future.result())
        except NotTheSameError as error:
            self._sites.came_back(mirror, None)
            if mirror.brought:
                raise LiedError([mirror], str(error)) from error
            why = f"it does not hold the same file: {error}"
            self._give_up(mirror, IntegrityError(f"{mirror.name}: {why}"))
        except OriginFailedError as error:
            # A server that takes so many requests and no more is no reason to lose a mirror. Where
            # nobody asks it any more there is nothing to wait for.
            if self._sites.asks(self._job.origin):
                self._postpone(mirror, error.failure)
            else:
                self._failed(mirror, error.failure)
        except TransferError as failure:
            self._failed(mirror, failure)

    def _postpone(self, mirror: Site, failure: TransferError) -> None:
        self._sites.came_back(mirror, Outcome.POSTPONED)
        if isinstance(failure.error, DiskError):
            raise failure.error from failure
        if mirror not in self._postponed:
            self._postponed.add(mirror)
            self._sites.tell_postponed(mirror, failure.error)

    def _failed(self, mirror: Site, failure: TransferError) -> None:
        outcome = None if failure.fatal else Outcome.FAILED
        self._sites.came_back(mirror, outcome, why=failure.error.message)
        if isinstance(failure.error, DiskError):
            raise failure.error from failure
        self._failures[mirror] += 1
        tried = self._failures[mirror] >= max(1, self._run.transfer.retries)
        if failure.fatal or tried:
            self._give_up(mirror, failure.error)
        elif self._failures[mirror] == 1 and self._sites.asks(mirror):
            self._sites.tell_failed(mirror, failure.error)

    def _give_up(self, mirror: Site, error: SegdlError) -> None:
        if not self._sites.drop(mirror, error.message):
            raise error

    def stop(self) -> None:
        """Abort all, and wait for them, as long as that is a matter of moments."""
        for _, wire, _ in self._at_work.values():
            wire.abort()
        wait(self._at_work, timeout=GRACE)
        for future, (mirror, _, _) in self._at_work.items():
            mirror.gate.closed(was_streaming=False)
            self._sites.came_back(mirror, None)
            future.cancel()
        self._at_work.clear()
