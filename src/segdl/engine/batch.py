"""Files that are at work at once: a thread for each, but for those that need none."""

from __future__ import annotations

import queue
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from segdl.core.median import median
from segdl.core.url import parse_source
from segdl.engine.ahead import Ahead, AskedFile, Took
from segdl.engine.gate import Gates, OpenGate
from segdl.engine.run import TICK, Run
from segdl.engine.threads import Threads
from segdl.errors import CancelledError, SegdlError
from segdl.net.asked import Asked, AskedTooMuchError, Prepared
from segdl.options import Request
from segdl.progress.events import Event, Failed, Progress
from segdl.results import DownloadResult

if TYPE_CHECKING:
    from segdl.engine.delegation import Delegation


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be had. `url` is without user, password and query."""

    url: str
    error: SegdlError = field(compare=False)


# Seconds after which a thread that was told to end is taken for one that nothing wakes.
_STUCK = 0.5

# Seconds that reading the list, or what is done with an outcome, may take where answers wait.
_BRISK = 0.05
# Seconds that files may wait here for the disk: threads can wait at once.
_QUICK = 0.0005
# So many files tell how long they usually do.
_LAST = 9
# So many files after which that is tried anew.
_TRY_ANEW = 64

Outcome: TypeAlias = DownloadResult | Failure
Fetch: TypeAlias = Callable[[Run, Request, int], DownloadResult]
Settle: TypeAlias = Callable[[Run, int, DownloadResult], DownloadResult]


def as_it_is(run: Run, number: int, result: DownloadResult) -> DownloadResult:  # noqa: ARG001
    """Return the result: nothing more is done for a file."""
    return result


class Batch:
    """Takes files on. One thread uses it.

    Args:
        run: the surroundings.
        fetch: downloads one file; called anew where it raised AskedTooMuchError.
        max_files: files at once.
        needs_thread: tells by its number whether nothing may be asked for a file ahead.
        settle: does here what is left to do for a file that another process downloaded.
    """

    def __init__(
        self,
        run: Run,
        fetch: Fetch,
        max_files: int,
        needs_thread: Callable[[int], bool] = lambda _: False,
        settle: Settle = as_it_is,
    ) -> None:
        self._run = run
        self._settle = settle
        self._needs_thread = needs_thread
        self._fetch = fetch
        self._pool = Threads(max_files, thread_name_prefix="segdl-file")
        self._threads: dict[Future[Outcome], int] = {}
        self._done: queue.Queue[Future[Outcome]] = queue.Queue()
        self._ahead = None if run.ahead is None else Ahead(run, run.ahead, max_files)
        # Their requests went through the run's gates.
        self._open_gates = Gates(1, time.monotonic, kind=OpenGate)
        self._delegation: Delegation | None = None
        if self._ahead is not None and run.helper is not None:
            from segdl.engine.delegation import Delegation

            self._delegation = Delegation(run, run.helper, self._ahead)
        self._waited: deque[float] = deque(maxlen=_LAST)
        self._away = 0.0
        self._left_alone = 0

    @property
    def at_work(self) -> int:
        """Files that were taken on and did not end."""
        beside = self._delegation.at_work if self._delegation else 0
        return len(self._threads) + (self._ahead.at_work if self._ahead else 0) + beside

    @property
    def is_stuck(self) -> bool:
        """Whether nothing is at work but threads that were told to end, and that nothing wakes."""
        return self.at_work <= self._run.lookout.stuck(_STUCK)

    def watch(self, other: socket.socket) -> None:
        """Have `next_outcome` return when there is news there, too."""
        assert self._ahead is not None
        self._ahead.watch(other)

    def was_away(self, seconds: float) -> None:
        """Note how long nobody looked whether answers came."""
        self._away = max(seconds, self._away / 2)

    def take(self, number: int, request: Request | SegdlError) -> bool:
        """Take a file on; tell whether that was done, or has to wait until another one ended."""
        if self._delegate(number, request):
            return True
        took = Took.NO
        brisk = self._ahead is not None and self._away < _BRISK
        if brisk and isinstance(request, Request) and not self._needs_thread(number):
            assert self._ahead is not None
            took = self._ahead.take(number, request)
        if took is Took.NO:
            self._begin(number, request)
        return took is not Took.LATER

    def _delegate(self, number: int, request: Request | SegdlError) -> bool:
        if self._delegation is None or isinstance(request, SegdlError):
            return False
        here = self.at_work - self._delegation.at_work
        return not self._needs_thread(number) and self._delegation.give(number, request, here)

    def next_outcome(self) -> tuple[int, Outcome] | None:
        """Return the number and the outcome of a file that ended; None where none did by now.

        It waits for a moment, unless nothing is at work.
        """
        ended = self._ended(0.0) or self._from_helper()
        if ended is not None or not self.at_work:
            return ended
        if not self._looks_ahead:
            return self._ended(TICK)
        assert self._ahead is not None
        if self._run.cancel.is_set() and self._ahead.at_work:
            given_up = self._ahead.give_up()
            return self._given_up(given_up.number, given_up.request)
        file = self._ahead.next(TICK)
        return None if file is None else self._go_on(file)

    def _ended(self, seconds: float) -> tuple[int, Outcome] | None:
        """Return what a thread made of a file; files that are quick do not go before it."""
        try:
            future = self._done.get(timeout=seconds)
        except queue.Empty:
            return None
        self._note(outcome := future.result())
        return self._threads.pop(future), outcome

    def _note(self, outcome: Outcome) -> None:
        if self._delegation is not None and not isinstance(outcome, Failure):
            self._delegation.note(outcome)

    @property
    def _looks_ahead(self) -> bool:
        """Whether there is more to wait for than threads."""
        return self.at_work > len(self._threads)

    def _from_helper(self) -> tuple[int, Outcome] | None:
        """Return a file that another process ended; go on with one that it gave back."""
        returned = self._delegation.next() if self._delegation else None
        if returned is None:
            return None
        request, (number, outcome, events) = returned
        for event in events:
            self._run.emit(event)
        if outcome is not None:
            return number, self._settled(number, request, outcome)
        if self._run.cancel.is_set():
            return self._given_up(number, request)
        self._begin(number, request)
        return None

    def _settled(self, number: int, request: Request, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Failure):
            return outcome
        try:
            return self._settle(self._run, number, outcome)
        except SegdlError as error:
            return failure_of(self._run, number, _public(request), error)

    def leave(self) -> None:
        """Cancel what is at work, and wait until it has ended."""
        if self.at_work:
            self._run.cancel.set()
        if self._delegation:
            self._delegation.leave()
        if self._ahead:
            self._ahead.close()
        while self._threads and len(self._threads) > self._run.lookout.stuck(_STUCK):
            over, _ = wait(self._threads, timeout=TICK)
            for future in over:
                del self._threads[future]
        self._pool.shutdown(wait=not self._threads, cancel_futures=True)

    def _begin(
        self, number: int, request: Request | SegdlError, asked: Asked | None = None
    ) -> None:
        """Give a file a thread, and the answer to its first request as far as that came."""
        run, prepared = self._run, None
        if asked is not None:
            prepared = Prepared(asked, run.transport)
            run = run._replace(transport=prepared)
        future = self._pool.submit(_one, run, request, self._fetch, number)
        self._threads[future] = number

        def over(future: Future[Outcome]) -> None:
            if prepared is not None:
                prepared.close()
            self._done.put(future)
            if self._ahead and self._looks_ahead:
                self._ahead.wake()

        future.add_done_callback(over)

    def _go_on(self, file: AskedFile) -> tuple[int, Outcome] | None:
        """Go on with a file whose answer is here, or is not waited for any longer."""
        asked = file.asked
        if asked.whole and self._is_quick():
            outcome = self._at_once(file)
            if outcome is not None:
                file.leave(0 if isinstance(outcome, Failure) else outcome.fetched)
                self._note(outcome)
                return file.number, outcome
        # Its steps go through the door themselves.
        file.leave()
        if asked.unanswered:
            asked.drop()
        self._begin(file.number, file.request, None if asked.unanswered else asked)
        return None

    def _at_once(self, file: AskedFile) -> Outcome | None:
        """Take the steps of a file that has nothing to wait for; None where it has."""
        events: list[Event] = []
        prepared = Prepared(file.asked, None)
        run = self._run._replace(
            transport=prepared,
            gates=self._open_gates,
            emit=events.append,
            one_answer=file.span,
            synced=self._waited.append,
        )
        try:
            outcome = _one(run, file.request, self._fetch, file.number)
        except AskedTooMuchError:
            return None
        for event in events:
            # It is through: nobody need see how far it was.
            if not isinstance(event, Progress):
                self._run.emit(event)
        return outcome

    def _is_quick(self) -> bool:
        """Tell whether files wait for nothing here, not even for the disk."""
        if (median(list(self._waited)) or 0.0) > _QUICK:
            self._left_alone += 1
            if self._left_alone < _TRY_ANEW:
                return False
        self._left_alone = 0
        return True

    def _given_up(self, number: int, request: Request) -> tuple[int, Outcome]:
        error = CancelledError("interrupted", hint="run the same command to go on")
        return number, failure_of(self._run, number, _public(request), error)


def _one(run: Run, request: Request | SegdlError, fetch: Fetch, number: int) -> Outcome:
    if isinstance(request, SegdlError):
        return failure_of(run, number, "", request)
    try:
        return fetch(run, request, number)
    except SegdlError as error:
        return failure_of(run, number, _public(request), error)


def failure_of(run: Run, number: int, url: str, error: SegdlError) -> Failure:
    """Tell that a file could not be had, and return that as its outcome."""
    run.emit(Failed(number, url, error.exit_code, type(error).__name__, error.message, error.hint))
    return Failure(url, error)


def _public(request: Request) -> str:
    try:
        return parse_source(request.url).public
    except SegdlError:
        return ""
