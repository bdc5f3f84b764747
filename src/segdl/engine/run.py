"""What all files of one run share, and the one way to wait in it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from segdl.core import pace
from segdl.core.spans import Span
from segdl.engine.gate import Gates
from segdl.engine.lookout import Lookout
from segdl.engine.once import Once
from segdl.engine.shelf import Shelf
from segdl.engine.threads import Threads
from segdl.errors import CancelledError
from segdl.net.asked import AskedTooMuchError, Sender
from segdl.net.exchange import Exchange
from segdl.net.transport import Transport
from segdl.net.wire import Wire
from segdl.options import NetworkOptions, TransferOptions
from segdl.progress.events import Event

if TYPE_CHECKING:
    from segdl.engine.helper import Helper

T = TypeVar("T")

# How late a stop that was asked for is noticed, in seconds.
TICK = 0.1
# How long threads that were told to stop get before they are left to themselves.
GRACE = 1.0


def _backoff(attempt: int) -> float:
    return pace.backoff(attempt, random.random())  # noqa: S311 - spreads retries, no secret


class Run(NamedTuple):
    """The surroundings of every download in a run.

    Attributes:
        network: how to reach servers.
        transfer: how to fetch and keep files.
        transport: the connections.
        gates: how many requests each origin gets.
        pool: where requests of all files run: a thread for each connection there may be.
        lookout: ends waits of threads that wait for the network themselves.
        emit: takes events, one at a time.
        cancel: set from any thread to end the run.
        once: what is said once.
        shelf: texts that several files ask for.
        ahead: sends requests before a thread takes their files on, where that can be.
        helper: another process that small files can be given to; None where there is none.
        synced: takes the seconds for which a small file waited for the disk.
        one_answer: what the only answer was asked for, where a file that takes another one, or
            takes its time, is put off; else None.
        puts_off: whether a file ends with PutOffError where its server asks to come back later,
            at the first contact and before anything came; else it waits.
        own_threads: whether each file has a thread that may be left behind in such a wait.
        meanwhile: as :attr:`segdl.net.wire.Wire.meanwhile`.
        clock: monotonic seconds.
        backoff: seconds to wait before try N, from 1, that follows a failure.
    """

    network: NetworkOptions
    transfer: TransferOptions
    transport: Sender
    gates: Gates
    pool: Threads
    lookout: Lookout
    emit: Callable[[Event], None]
    cancel: threading.Event
    once: Once
    shelf: Shelf
    ahead: Transport | None = None
    helper: Helper | None = None
    synced: Callable[[float], object] = lambda _: None
    one_answer: Span | None = None
    puts_off: bool = False
    own_threads: bool = False
    meanwhile: Callable[[], object] = lambda: None
    clock: Callable[[], float] = time.monotonic
    backoff: Callable[[int], float] = _backoff

    def check_cancelled(self) -> None:
        """Raise CancelledError where the run is to end."""
        if self.cancel.is_set():
            raise CancelledError("interrupted", hint="run the same command to go on")

    def go_on(self) -> None:
        """Raise AskedTooMuchError where a file that takes more than one answer is put off."""
        if self.one_answer is not None:
            raise AskedTooMuchError

    def rest(self, changed: threading.Condition) -> None:
        """Wait for a change or a moment, or raise CancelledError where the run is to end."""
        changed.wait(TICK)
        self.check_cancelled()

    def sleep(self, seconds: float) -> None:
        """Wait, or raise CancelledError as soon as the run is to end."""
        self.cancel.wait(seconds)
        self.check_cancelled()

    def call(self, work: Callable[[Wire], Exchange], limit: float) -> Exchange:
        """Run `work` and wait for the response.

        It runs in another thread where this one must not get stuck: nothing ends the look-up
        of a name.

        Args:
            work: sends one request over the wire that it gets.
            limit: seconds after which the wire is aborted.

        Raises:
            CancelledError: the run is to end; the wire is aborted.
        """
        wire = Wire()
        if self.one_answer is not None:
            # It is here: there is nothing to wait for.
            return work(wire)
        wire.meanwhile = self.meanwhile
        if self.own_threads:
            try:
                with self.lookout.over(wire.abort, limit, excused=lambda: wire.resting):
                    return work(wire)
            except BaseException:
                self.check_cancelled()
                raise
        future: Future[Exchange] = self.pool.submit(work, wire)
        try:
            return self.wait_for(future, wire.abort, limit, excused=lambda: wire.resting)
        except BaseException:
            future.add_done_callback(_close)
            raise

    def wait_for(
        self,
        future: Future[T],
        abort: Callable[[], None],
        limit: float,
        excused: Callable[[], bool] = lambda: False,
    ) -> T:
        """Wait for what a thread does.

        Args:
            future: what is waited for.
            abort: makes it end soon; called where nobody waits any more.
            limit: seconds after which it is called while the wait goes on.
            excused: tells whether it waits of our own accord: `limit` begins anew then.

        Raises:
            CancelledError: the run is to end.
        """
        ends = self.clock() + limit
        try:
            while True:
                try:
                    return future.result(timeout=TICK)
                except FutureTimeout:
                    # In 3.11 and later the work's own TimeoutError looks the same.
                    if future.done():
                        return future.result()
                    self.check_cancelled()
                    if excused():
                        ends = self.clock() + limit
                    if self.clock() >= ends:
                        abort()
        except BaseException:
            abort()
            raise


def _close(future: Future[Exchange]) -> None:
    """Close a response that came when nobody waited for it any more."""
    if not future.cancelled() and future.exception() is None:
        future.result().close()
