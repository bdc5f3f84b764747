"""Ends waits of threads that wait for the network themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from segdl.core.limits import no_more_threads
from segdl.starting import starts


class _Wait:
    """A wait that somebody looks after; `ended_at` is when it was told to end."""

    __slots__ = ("abort", "ended_at", "ends", "excused", "limit")

    def __init__(
        self, abort: Callable[[], None], limit: float, ends: float, excused: Callable[[], bool]
    ) -> None:
        self.abort = abort
        self.limit = limit
        self.ends = ends
        self.excused = excused
        self.ended_at: float | None = None


class Lookout:
    """Aborts waits that take too long, and all of them once the run is to end.

    A thread that a file has to itself need not hand each wait to another one and look after
    it: that costs more than a small file does. Its own thread is started by the first wait,
    and ends with `close`. `_lock` owns every field but those that are given.

    Args:
        cancelled: tells whether the run is to end.
        clock: monotonic seconds.
        tick: seconds between two looks.
    """

    def __init__(
        self, cancelled: Callable[[], bool], clock: Callable[[], float], tick: float
    ) -> None:
        self._cancelled = cancelled
        self._clock = clock
        self._tick = tick
        self._lock = threading.Lock()
        self._waits: set[_Wait] = set()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(
        self,
        abort: Callable[[], None],
        limit: float,
        excused: Callable[[], bool] = lambda: False,
    ) -> Iterator[None]:
        """Look after what is done within.

        Args:
            abort: ends it; called from another thread, again and again.
            limit: seconds that it may take.
            excused: tells whether it waits of our own accord: `limit` begins anew then.

        Raises:
            SegdlError: its thread cannot be started: nothing is done within.
        """
        wait = _Wait(abort, limit, self._clock() + limit, excused)
        with self._lock:
            if self._thread is None:
                self._thread = self._start()
            self._waits.add(wait)
        try:
            yield
        finally:
            with self._lock:
                self._waits.discard(wait)

    def stuck(self, seconds: float) -> int:
        """Return how many waits go on for `seconds` since they were told to end.

        Nothing ends the look-up of a name, for one.
        """
        now = self._clock()
        with self._lock:
            ended = [wait.ended_at for wait in self._waits if wait.ended_at is not None]
        return sum(now - at >= seconds for at in ended)

    def _start(self) -> threading.Thread:
        thread = threading.Thread(target=self._look, name="segdl-lookout", daemon=True)
        if not starts(thread):
            raise no_more_threads()
        return thread

    def _look(self) -> None:
        while not self._closing.wait(self._tick):
            with self._lock:
                waits = list(self._waits)
            now, cancelled = self._clock(), self._cancelled()
            for wait in waits:
                if wait.excused():
                    wait.ends = now + wait.limit
                if cancelled or now >= wait.ends:
                    wait.abort()
                    wait.ended_at = wait.ended_at or now

    def close(self) -> None:
        """End its thread."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()
