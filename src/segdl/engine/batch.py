"""Files that are at work at once: a thread for each, but for those that need none."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass, field
from typing import TypeAlias

from segdl.core.median import median
from segdl.core.url import parse_source
from segdl.engine.ahead import Ahead, AskedFile, Took
from segdl.engine.gate import Gates, OpenGate
from segdl.engine.run import TICK, Run
from segdl.engine.threads import Threads
from segdl.errors import CancelledError, SegdlError
from segdl.net.asked import Asked, AskedTooMuchError, Prepared
from segdl.options import Request
from segdl.progress.events import Event, Failed
from segdl.results import DownloadResult


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


class Batch:
    """Takes files on. One thread uses it.

    Args:
        run: the surroundings.
        fetch: downloads one file; called anew where it raised AskedTooMuchError.
        max_files: files at once.
        needs_thread: tells by its number whether nothing may be asked for a file ahead.
    """

    def __init__(
        self, run: Run, fetch: Fetch, max_files: int, needs_thread: Callable[[int], bool]
    ) -> None:
        self._run = run
        self._needs_thread = needs_thread
        self._fetch = fetch
        self._pool = Threads(max_files, thread_name_prefix="segdl-file")
        self._threads: dict[Future[Outcome], int] = {}
        self._done: queue.Queue[Future[Outcome]] = queue.Queue()
        self._ahead = None if run.ahead is None else Ahead(run, run.ahead, max_files)
        # Their requests went through the run's gates.
        self._open_gates = Gates(1, time.monotonic, kind=OpenGate)
        self._waited: deque[float] = deque(maxlen=_LAST)
        self._away = 0.0
        self._left_alone = 0

    @property
    def at_work(self) -> int:
        """Files that were taken on and did not end."""
        return len(self._threads) + (self._ahead.at_work if self._ahead else 0)

    @property
    def is_stuck(self) -> bool:
        """Whether nothing is at work but threads that were told to end, and that nothing wakes."""
        return self.at_work <= self._run.lookout.stuck(_STUCK)

    def was_away(self, seconds: float) -> None:
        """Note how long nobody looked whether answers came."""
        self._away = max(seconds, self._away / 2)

    def take(self, number: int, request: Request | SegdlError) -> bool:
        """Take a file on; tell whether that was done, or has to wait until another one ended."""
        took = Took.NO
        brisk = self._ahead is not None and self._away < _BRISK
        if brisk and isinstance(request, Request) and not self._needs_thread(number):
            assert self._ahead is not None
            took = self._ahead.take(number, request)
        if took is Took.NO:
            self._begin(number, request)
        return took is not Took.LATER

    def next_outcome(self) -> tuple[int, Outcome] | None:
        """Return the number and the outcome of a file that ended; None where none did by now.

        It waits for a moment, unless nothing is at work.
        """
        ended = self._ended(0.0)
        if ended is not None or not self.at_work:
            return ended
        if not (self._ahead and self._ahead.at_work):
            return self._ended(TICK)
        if self._run.cancel.is_set():
            return self._given_up(self._ahead.give_up())
        file = self._ahead.next(TICK)
        return None if file is None else self._go_on(file)

    def _ended(self, seconds: float) -> tuple[int, Outcome] | None:
        """Return what a thread made of a file; files that are quick do not go before it."""
        try:
            future = self._done.get(timeout=seconds)
        except queue.Empty:
            return None
        return self._threads.pop(future), future.result()

    def leave(self) -> None:
        """Cancel what is at work, and wait until it has ended."""
        if self.at_work:
            self._run.cancel.set()
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
            if self._ahead and self._ahead.at_work:
                self._ahead.wake()

        future.add_done_callback(over)

    def _go_on(self, file: AskedFile) -> tuple[int, Outcome] | None:
        """Go on with a file whose answer is here, or is not waited for any longer."""
        asked = file.asked
        if asked.whole and self._is_quick():
            outcome = self._at_once(file)
            if outcome is not None:
                file.leave()
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
            one_answer=True,
            synced=self._waited.append,
        )
        try:
            outcome = _one(run, file.request, self._fetch, file.number)
        except AskedTooMuchError:
            return None
        for event in events:
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

    def _given_up(self, file: AskedFile) -> tuple[int, Outcome]:
        error = CancelledError("interrupted", hint="run the same command to go on")
        return file.number, failure_of(self._run, file.number, _public(file.request), error)


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
